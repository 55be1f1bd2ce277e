"""A home that the version before made opens, and everything in it is there."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import StudioBusy, StudioError
from engine.jobs.schema import CANCELLED, DRAW, FAILED, QUEUED, SUCCEEDED
from engine.locks import supervisor_lock, worker_at_work
from engine.lora import evaluations, preparing
from engine.lora.requests import TrainLora
from engine.lora.runs.listing import newest_runs
from engine.lora.runs.versions import versions_of
from engine.settings import PROJECT, Settings
from engine.studio import Studio
from engine.worker import Worker, device_work
from gallery.metadata import read_recipe

BEFORE = PROJECT / "tests" / "data" / "home-0.1.0" / "home"
HURTING = 'quotes " and \\ and <b>, 龍と少女 🐉'
TITLES = [
    "a castle on a mountain at sunset",
    HURTING,
    "first line\nNegative prompt: inside the prompt\nlast line",
    "a red castle",
    "a red castle",
    "beach 0.png",
    "beach 1.png",
]
WITHOUT_A_PROMPT = {"beach 0.png", "beach 1.png"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BEFORE, tmp_path / "home"))


@pytest.fixture
def opened(home: Path, tiny_weights: Path) -> Iterator[Studio]:
    studio = Studio(Settings(home=home, weights_dir=tiny_weights, device="cpu"))
    yield studio
    studio.database.dispose()


def everything(studio: Studio):
    """Also what is in the trash, oldest first."""
    images = [*studio.gallery.page().images, *studio.gallery.page(trash=True).images]
    return sorted(images, key=lambda image: image.id)


def test_it_is_not_brought_to_this_version_while_an_earlier_studio_is_at_work(home: Path, tiny_weights: Path):
    settings = Settings(home=home, weights_dir=tiny_weights, device="cpu", drain_seconds=-5.0)
    before = (home / "studio.sqlite3").read_bytes()
    with worker_at_work(home), pytest.raises(StudioBusy, match=f"process {os.getpid()}.*brought to this version"):
        Studio(settings)
    with supervisor_lock(home), pytest.raises(StudioBusy, match=r"is running.*brought to this version"):
        Studio(settings)
    assert (home / "studio.sqlite3").read_bytes() == before
    Studio(settings).database.dispose()


def test_every_picture_is_there_with_its_title_recipe_and_bytes(opened):
    found = everything(opened)

    assert [image.title for image in found] == TITLES
    for image in found:
        data = opened.gallery.png(image.id)  # its checksum was that of the row
        assert data == (BEFORE / "images" / image.id[-2:].lower() / f"{image.id}.png").read_bytes()
        assert read_recipe(data) == read_recipe(opened.gallery.jpg(image.id)) == image.recipe
        assert opened.gallery.thumbnail(image.id)
    assert [image.negative_prompt for image in found] == ["people"] * 3 + [""] * 4


def test_pictures_are_found_and_come_out_of_the_trash(opened):
    assert [image.title for image in opened.gallery.page(search="龍と少女").images] == [HURTING]
    assert len(opened.gallery.page(search="beach").images) == 2
    (deleted,) = opened.gallery.page(trash=True).images
    opened.gallery.restore([deleted.id])

    assert opened.gallery.count() == len(TITLES)
    assert deleted.id in [image.id for image in opened.gallery.page(search=deleted.title.split()[0]).images]


def test_the_recipes_can_be_asked_for_again(opened):
    for image in everything(opened):
        request = opened.kinds.read(image.kind, image.recipe.request)
        assert request.to_dict() | image.recipe.request == request.to_dict()  # later fields are as they were without
        assert opened.kinds.describe(image.recipe).title == image.title
        assert image.recipe.prompt == ("" if image.title in WITHOUT_A_PROMPT else image.title)


def test_every_job_reads_and_the_waiting_one_is_drawn(opened):
    jobs = {opened.title(job): job for job in opened.jobs()}
    states = {title: job.state for title, job in jobs.items()}

    assert all(job.request is not None for job in jobs.values())
    assert states["Training castles"] == states["Evaluating castles"] == SUCCEEDED
    assert states["Comparing checkpoints of castles"] == states["Promoting step-000002 of castles"] == SUCCEEDED
    assert states["2 photos: beach 0.png, beach 1.png"] == SUCCEEDED
    assert (states["a failing one"], states["cancelled"], states["Training paused"]) == (FAILED, CANCELLED, CANCELLED)
    assert (states["still waiting"], states["Downloading sd21"]) == (QUEUED, QUEUED)

    worker = Worker(opened.settings, opened.database)
    _, handlers = device_work(opened.settings, worker.queue, opened.database)
    assert worker.run_one(DRAW, handlers)
    (drawn,) = opened.gallery.of_job(jobs["still waiting"].id)
    assert drawn.title == "still waiting"


def test_trainings_evaluations_and_models_are_found(opened):
    paused, castles = newest_runs(opened.settings.runs_dir, 10)
    assert (paused.name, paused.done, paused.finished) == ("paused", 0, False)
    assert (castles.name, castles.lora, castles.finished, castles.done) == ("castles", "castles", True, 4)
    assert [line.step for line in castles.progress] == [0, 1, 2, 3, 4]
    run = opened.settings.runs_dir / castles.run
    assert len(versions_of(run)) == 1
    assert preparing.plan_of(opened.settings, castles.run).trigger_words == ("castlestyle",)

    assert [lora.name for lora in opened.loras() if not lora.problem] == ["castles", "ink", "snow"]
    (report,) = evaluations.evaluations_of(opened.settings, "castles")
    (grid,) = evaluations.grids_of(opened.settings, castles.run)
    assert report.report["headline"]
    assert len(grid.report["cells"]) == 3
    assert evaluations.subjects(opened.settings, opened.loras())["castles"].run == castles.run
    assert "is not there any more" in opened.model("mine").problem


def test_a_paused_training_can_be_asked_for(opened):
    paused, _ = newest_runs(opened.settings.runs_dir, 10)
    job = opened.submit(TrainLora(run=paused.run, name=paused.name))
    assert opened.job(job.id).state == QUEUED
    with pytest.raises(StudioError, match="being trained already"):
        opened.submit(TrainLora(run=paused.run, name=paused.name))


def test_the_database_is_copied_before_it_is_changed(opened, home):
    (copy,) = (home / "backups").iterdir()

    assert copy.name.endswith("-0001.sqlite3")
    with closing(sqlite3.connect(copy)) as old:
        assert len(old.execute("SELECT prompt FROM images").fetchall()) == len(TITLES)


def test_the_files_alone_give_the_same_gallery(opened, home, tiny_weights):
    before = [(image.id, image.title, image.negative_prompt, image.recipe) for image in everything(opened)]
    opened.database.dispose()
    for path in home.glob("studio.sqlite3*"):
        path.unlink()
    studio = Studio(Settings(home=home, weights_dir=tiny_weights, device="cpu"))

    assert studio.gallery.rebuild(settle_seconds=0) == len(TITLES)
    assert [(image.id, image.title, image.negative_prompt, image.recipe) for image in everything(studio)] == before
    report = studio.gallery.sweep(settle_seconds=0)
    assert (report.missing, report.orphans, report.wrong_size, report.index_rebuilt) == ((), (), (), False)
    studio.database.dispose()


def test_its_paths_are_of_the_place_that_its_readme_names():
    for path in BEFORE.rglob("*.json"):
        text = path.read_text()
        assert text.count('"path": "/') == text.count('"path": "/home-of-before/'), path
