"""CycleGAN on the Train page: from two folders to two translators on Anime-ify."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cyclegan import config
from engine.cyclegan.plan import newest_runs
from engine.cyclegan.request import TrainCycleGan
from engine.jobs.schema import SUCCEEDED
from tests.pages.helpers import button, jumps, texts

TINY = config.Config(
    epochs=2, decay_epochs=1, steps_per_epoch=1, side=36, crop=32, width=2, blocks=1, discriminator_width=2, pool=1
)


@pytest.fixture
def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Four pictures of each kind, and a preset that ends within seconds."""
    for place, name in enumerate(("towns", "seas")):
        (tmp_path / name / "deeper").mkdir(parents=True)
        for seed in range(4):
            pixels = np.random.default_rng(9 * place + seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((64, 64)).save(tmp_path / name / "deeper" / f"{seed}.png")
    monkeypatch.setitem(config.PRESETS, "cpu", TINY)
    return tmp_path / "towns", tmp_path / "seas"


def text_of(page) -> str:
    return "\n".join(texts(part) for part in (page.markdown, page.caption)).replace("\\", "")


def test_from_two_folders_to_two_translators(open_page, studio, kinds, work) -> None:
    page = open_page("train")
    page.segmented_control(key="what").set_value("cyclegan").run()
    assert "nothing in them has to belong together" in text_of(page)
    assert "Nothing was trained yet" in text_of(page)

    for place, folder in zip("xy", (kinds[0], kinds[0]), strict=True):
        page.query_params[f"{place}_pictures"] = str(folder)
    page.run()
    assert "must show different kinds of pictures" in text_of(page)
    assert button(page, "Train").disabled

    page.query_params["y_pictures"] = str(kinds[1])
    page.text_input(key="kind_x").set_value("town")
    page.text_input(key="kind_y").set_value("sea").run()
    assert "4 pictures and 4; a tenth is held out" in text_of(page)
    page.number_input(key="epochs_cpu").set_value(0).run()
    assert jumps(page) == ["epochs_"]
    page.number_input(key="epochs_cpu").set_value(-5).run()
    assert "decay" not in texts(page.error)  # no field of the form
    page.number_input(key="epochs_cpu").set_value(TINY.epochs).run()
    button(page, "Train").click().run()
    assert not page.exception

    (job,) = studio.jobs()
    assert isinstance(job.request, TrainCycleGan)
    work()
    assert studio.job(job.id).state == SUCCEEDED
    (info,) = newest_runs(studio.settings, 2)
    assert info.plan.config == TINY
    page.run()
    assert "Finished: town to sea, and back." in text_of(page)
    assert {"mine-there", "mine-back"} <= {each.name for each in studio.translators() if not each.problem}
    assert not page.exception


@pytest.mark.parametrize("family", ["beta-vae", "gan"])
def test_the_settings_of_other_networks_are_corrected_where_they_stand(open_page, kinds, family) -> None:
    page = open_page("train")
    page.query_params["dataset"] = str(kinds[0] / "none")
    page.segmented_control(key="what").set_value(family).run()
    assert jumps(page) == ["way"]
    page.number_input(key=f"steps_{family.lower()}_explore").set_value(0).run()
    assert jumps(page) == ["steps_"]
