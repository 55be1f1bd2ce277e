"""VQ-I2I on the Train page: from two folders to a translator on Anime-ify that takes a style picture."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.jobs.schema import SUCCEEDED
from engine.translation.catalogue import translator
from engine.vqi2i import config
from engine.vqi2i.plan import newest_runs
from engine.vqi2i.request import TrainVqi2i
from tests.pages.helpers import button, texts

TINY = replace(config.PRESETS["small"], steps=2, batch_size=1, side=36, crop=32, discriminator_width=4)


@pytest.fixture
def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Four pictures of each kind, and a preset that ends within a second."""
    for place, name in enumerate(("towns", "prints")):
        (tmp_path / name).mkdir()
        for seed in range(4):
            pixels = np.random.default_rng(9 * place + seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((64, 64)).save(tmp_path / name / f"{seed}.png")
    monkeypatch.setitem(config.PRESETS, "small", TINY)
    return tmp_path / "towns", tmp_path / "prints"


def text_of(page) -> str:
    return "\n".join(texts(part) for part in (page.markdown, page.caption, page.warning)).replace("\\", "")


def test_from_two_folders_to_a_translator_that_takes_a_style(open_page, studio, kinds, work) -> None:
    page = open_page("train")
    for name, folder in zip(("photo_pictures", "style_pictures"), (kinds[0], kinds[0]), strict=True):
        page.query_params[name] = str(folder)
    page.segmented_control(key="what").set_value("vqi2i").run()
    assert "must show different kinds of pictures" in text_of(page)
    assert button(page, "Train").disabled

    page.query_params["style_pictures"] = str(kinds[1])
    page.segmented_control(key="vqi2i_preset").set_value("default").run()
    assert "have 569,531,910 parameters and need a GPU; this studio has none" in text_of(page)
    assert button(page, "Train").disabled

    page.segmented_control(key="vqi2i_preset").set_value("small").run()
    assert "need a GPU" not in text_of(page)
    button(page, "Train").click().run()
    assert not page.exception
    (job,) = studio.jobs()
    assert isinstance(job.request, TrainVqi2i)
    work()
    done = studio.job(job.id)
    assert (done.state, done.step, done.steps) == (SUCCEEDED, 2, 2), done.error
    (info,) = newest_runs(studio.settings, 2)
    assert (info.plan.config, info.step, info.translators) == (TINY, 2, ("my-styles",))
    assert [path.name for path in info.sheets] == ["samples.png"]

    page.run()
    assert not page.exception
    assert "Finished after 2 steps" in text_of(page)
    found = translator(studio.settings, "my-styles")
    assert (found.title, found.takes_style, found.problem) == ("In the style of a picture (my-styles)", True, "")
    again = studio.submit(TrainVqi2i(run=info.run, name="my-styles"))  # as after a crash at its end
    work()
    assert studio.job(again.id).state == SUCCEEDED
    assert newest_runs(studio.settings, 2)[0].translators == ("my-styles",)
