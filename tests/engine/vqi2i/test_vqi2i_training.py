"""The studio's own training of VQ-I2I at test size, and what Anime-ify makes with it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from engine.errors import InvalidRequest, ModelUnavailable
from engine.images import from_png
from engine.jobs.schema import SUCCEEDED
from engine.prepared import prepared
from engine.studio import Studio
from engine.training.config import configured
from engine.training.curves import read_curves
from engine.training.parallel import Ranks
from engine.training.unpaired import Data, Folders, prepare
from engine.translation.catalogue import own_folder, read_sidecar, translator
from engine.translation.request import Translate
from engine.translation.vqi2i.networks import build
from engine.vqi2i import run, trainer
from engine.vqi2i.config import DEFAULT, PRESETS
from engine.vqi2i.objective import A, B, Discriminators, discriminator_losses, draw_both, model_losses
from engine.vqi2i.plan import Plan, read_plan, write_plan
from engine.vqi2i.request import TrainVqi2i

TINY = replace(PRESETS["small"], steps=2, batch_size=1, side=36, crop=32, discriminator_width=4, average=0.5)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    root = tmp_path_factory.mktemp("kinds")
    for name, tint in (("photos", (1, 0.4, 0.3)), ("styles", (0.3, 0.4, 1))):
        (root / name).mkdir()
        for seed in range(4):
            shades = np.random.default_rng(seed + len(name)).integers(60, 220, (5, 5, 1)) * np.array(tint)
            Image.fromarray(shades.astype(np.uint8)).resize((64, 64)).save(root / name / f"{seed}.png")
    return Folders(root / "photos", root / "styles")


@pytest.fixture(scope="module")
def data(folders: Folders) -> Data:
    return prepare(folders, TINY).data


@pytest.fixture(scope="module")
def trained(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    trainer.run(Ranks(), TINY, folder, data, "")
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("preset", "changes", "said"),
    [
        ("huge", {}, "must be one of default, small; got 'huge'"),
        ("small", {"style": float("nan")}, "style must be 0 or more; got nan"),
        ("small", {"crop": 40}, "crop must be a multiple of 16 from 32 on; got 40"),
        ("small", {"stile": 1}, "got stile. Correct the names"),
        ("small", {"steps": "many"}, "got steps 'many'. Correct them"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(preset: str, changes: dict, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        configured(PRESETS, preset, changes)
    assert said in str(caught.value)


def test_the_published_size_asks_for_a_gpu_before_pictures_are_read(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ModelUnavailable, match=r"these sizes have 569,531,910 .* Use a GPU"):
        run.start(Folders(tmp_path, tmp_path), tmp_path / "run", DEFAULT, 1)


def test_losses_are_what_they_are_called() -> None:
    torch.manual_seed(0)
    config = replace(TINY, style=2.0, content=3.0)
    model, discriminators = build(torch.device("cpu"), **config.sizes).eval(), Discriminators(config)
    a, b = (torch.rand(1, 3, 32, 32) * 2 - 1 for _ in range(2))
    drawn = draw_both(model, a, b)
    parts = model_losses(model, discriminators, config, (a, b), drawn)
    assert set(parts) == {"reconstruction", "codebook", "gan", "style", "content"}
    again = F.l1_loss(model(a, A)[0], a) + F.l1_loss(model(b, B)[0], b)
    torch.testing.assert_close(parts["reconstruction"], 10 * again / 2)
    crossed = model.decode_b(model.encode_content(a)[1], model.encode_style(b, B))
    torch.testing.assert_close(drawn.crossed[1], crossed)
    of_a = F.l1_loss(model.encode_style(drawn.crossed[0], A), model.encode_style(a, A))
    of_b = F.l1_loss(model.encode_style(crossed, B), model.encode_style(b, B))
    torch.testing.assert_close(parts["style"], of_a + of_b)
    told = discriminator_losses(discriminators, (a, b), drawn)
    sum(told.values()).backward()
    assert all(parameter.grad is None for parameter in model.parameters())
    assert 1 <= drawn.perplexity <= 32


def test_a_run_tells_its_numbers_and_shows_what_it_draws(trained: Path) -> None:
    assert [step for step, _ in read_curves(trained)["held_out/again_a"]] == [2]
    with Image.open(trained / "samples.png") as sheet:
        assert sheet.size == (96, 64)


def test_anime_ify_draws_a_photo_in_the_style_of_a_picture(
    trained: Path, folders: Folders, studio: Studio, work: Callable[[], None]
) -> None:
    stored = run.export(trained, own_folder(studio.settings), "towns", "Towns", "MIT")
    assert read_sidecar(stored).architecture == "vqi2i"
    info = translator(studio.settings, "towns")
    assert (info.takes_style, info.problem) == (True, "")

    paths = (folders.x / "0.png", folders.y / "0.png", folders.y / "1.png")
    photo, one, other = (studio.add_photo(path.read_bytes(), path.name) for path in paths)
    with pytest.raises(InvalidRequest, match=r"Towns takes its style from a picture. Choose one"):
        studio.submit(Translate(photos=(photo,), translator="towns"))
    pictures = []
    for style in (one, other):
        job = studio.submit(Translate(photos=(photo,), translator="towns", style=style))
        work()
        assert studio.job(job.id).state == SUCCEEDED
        (record,) = studio.gallery.of_job(job.id)
        parents = [(parent["role"], parent["photo"]) for parent in record.recipe.parents]
        assert parents == [("photo", photo.id), ("style", style.id)]
        pictures.append(from_png(studio.gallery.png(record.id)))
    assert pictures[0].shape == (1, 3, 64, 64)
    assert not torch.equal(*pictures)

    sidecar = stored.with_suffix(".json")  # of a run on a GPU, copied here
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | {"settings": {}, "title": "Large"}))
    job = studio.submit(Translate(photos=(photo,), translator="towns", style=one))
    work()
    if not torch.cuda.is_available():
        assert "these sizes have 569,531,910" in (studio.job(job.id).error or "")


def test_jobs_are_admitted_only_where_they_can_be_done(studio: Studio, folders: Folders) -> None:
    with pytest.raises(InvalidRequest, match="must be prepared first; there is none named 'nothing'"):
        studio.submit(TrainVqi2i(run="nothing", name="nothing"))
    plan = Plan(name="towns", photos=folders.x, styles=folders.y, config=DEFAULT)
    write_plan(prepared(studio.settings.home, studio.settings.runs_dir / "large"), plan, created_at=5.0)
    with pytest.raises(InvalidRequest, match=r"569,531,910 parameters and need a GPU; this studio has none. Take the"):
        studio.submit(TrainVqi2i(run="large", name="towns"))
    place = studio.settings.runs_dir / "small"
    write_plan(prepared(studio.settings.home, place), replace(plan, config=TINY), created_at=5.0)
    studio.submit(TrainVqi2i(run="small", name="towns"))
    assert read_plan(place) == replace(plan, config=TINY)
    with pytest.raises(InvalidRequest, match="towns is being trained already"):
        studio.submit(TrainVqi2i(run="small", name="towns"))
    for name, said in (("../up", "name"), ("a" * 49, "name")):
        with pytest.raises(InvalidRequest, match=said):
            replace(plan, name=name)
    with pytest.raises(InvalidRequest, match=r"A run's name has 1 to 100 .* got '\.\./up'"):
        TrainVqi2i(run="../up", name="towns")
