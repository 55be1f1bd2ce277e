"""CycleGAN's training as a job: prepared, trained, paused, gone on with, and installed on Anime-ify."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.cyclegan.config import Config
from engine.cyclegan.plan import Plan, choose_names, newest_runs, read_plan, run_info, write_plan
from engine.cyclegan.request import TrainCycleGan
from engine.errors import InvalidRequest, NotFound
from engine.jobs.schema import CANCELLED, FAILED, SUCCEEDED
from engine.prepared import prepared
from engine.studio import Studio
from engine.translation.catalogue import own_folder, translators

TINY = Config(
    epochs=1, decay_epochs=0, steps_per_epoch=2, side=36, crop=32, width=2, blocks=1, discriminator_width=2, pool=2
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("kinds")
    for place, name in enumerate(("photos", "anime")):
        (root / name).mkdir()
        for seed in range(4):
            pixels = np.random.default_rng(10 * place + seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((64, 64)).save(root / name / f"{seed}.png")
    return root / "photos", root / "anime"


def plan_of(folders: tuple[Path, Path], name: str = "town") -> Plan:
    return Plan(name=name, x=folders[0], y=folders[1], x_name="photo", y_name="anime", config=TINY, licence="MIT")


def asked(studio: Studio, plan: Plan, run: str) -> str:
    place = studio.settings.runs_dir / run
    write_plan(prepared(studio.settings.home, place), plan, created_at=5.0)
    return studio.submit(TrainCycleGan(run=run, name=plan.name)).id


def test_a_job_ends_with_two_translators(studio: Studio, folders: tuple[Path, Path], work: Callable[[], None]) -> None:
    job = asked(studio, plan_of(folders), "town-1")
    with pytest.raises(InvalidRequest, match="town is being trained already"):
        studio.submit(TrainCycleGan(run="town-1", name="town"))
    work()
    done = studio.job(job)
    assert (done.state, done.step, done.steps) == (SUCCEEDED, 2, 2)
    (info,) = newest_runs(studio.settings, 5)
    assert info.translators == ("town-there", "town-back")
    assert [path.name for path in info.sheets] == ["there.png", "back.png"]
    assert info.step == 2
    titles = {each.name: (each.title, each.problem) for each in translators(studio.settings)}
    assert titles["town-there"] == ("photo to anime (town)", "")
    assert titles["town-back"] == ("anime to photo (town)", "")

    second = asked(studio, plan_of(folders), "town-2")
    work()
    assert studio.job(second).state == SUCCEEDED
    assert run_info(studio.settings.runs_dir / "town-2").translators == ("town-2-there", "town-2-back")
    again = studio.submit(TrainCycleGan(run="town-2", name="town"))  # as after a crash at its end
    work()
    assert studio.job(again.id).state == SUCCEEDED
    assert len(list(own_folder(studio.settings).glob("*.safetensors"))) == 4


def test_what_cannot_be_trained_on_fails_in_words(
    studio: Studio, folders: tuple[Path, Path], work: Callable[[], None]
) -> None:
    with pytest.raises(InvalidRequest, match="must be prepared first; there is none named 'nothing'"):
        studio.submit(TrainCycleGan(run="nothing", name="nothing"))
    job = asked(studio, replace(plan_of(folders), y=folders[0]), "same")
    work()
    assert studio.job(job).state == FAILED
    assert "must show different kinds of pictures" in (studio.job(job).error or "")
    job = asked(studio, plan_of(folders), "cancelled")
    studio.cancel(job)
    work()
    assert studio.job(job).state == CANCELLED


def test_records_are_read_with_care(folders: tuple[Path, Path], tmp_path: Path) -> None:
    plan = plan_of(folders)
    write_plan(tmp_path, plan, 7.0)
    assert read_plan(tmp_path) == plan
    record = json.loads((tmp_path / "cyclegan.json").read_text())
    for damage, said in (
        ({"x": None}, "damaged"),
        ({"config": []}, "damaged"),
        ({"config": {"crop": 7}}, "crop must be"),
        ({"name": "../a"}, "name"),
    ):
        (tmp_path / "cyclegan.json").write_text(json.dumps(record | damage))
        with pytest.raises((NotFound, InvalidRequest), match=said):
            read_plan(tmp_path)
    (tmp_path / "outcome.json").write_text('{"translators": 3}')
    assert choose_names(tmp_path, "a", tmp_path) == ("a-there", "a-back")
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert choose_names(tmp_path / "one", "b", tmp_path) == ("b-there", "b-back")  # its files are not written yet
    assert choose_names(tmp_path / "two", "b", tmp_path) == ("b-2-there", "b-2-back")
    assert choose_names(tmp_path / "one", "b", tmp_path) == ("b-there", "b-back")
    with pytest.raises(InvalidRequest) as caught:
        replace(plan, name="a b", x_name=" ", licence="")
    assert [problem.field for problem in caught.value.problems] == ["name", "licence", "x_name"]


def test_the_commands_train_measure_and_export(folders: tuple[Path, Path], tmp_path: Path) -> None:
    settings = {name: getattr(TINY, name) for name in ("side", "crop", "width", "blocks", "discriminator_width")}
    (tmp_path / "tiny.json").write_text(json.dumps(settings | {"steps_per_epoch": 2, "pool": 1}))

    def called(*arguments: object) -> str:
        words = [*map(str, arguments), "--home", str(tmp_path / "home")]
        return CliRunner().invoke(cli, words, catch_exceptions=False).stdout

    said = called(
        "train-cyclegan", *folders, "--config", tmp_path / "tiny.json", "--epochs", 1, "--loss", "log", "--processes", 1
    )
    assert "photos: 4 pictures are few" in said
    found = json.loads(called("evaluate-cyclegan", *folders, "--json").splitlines()[-1])
    assert found["held_out/cycle_x"] > 0
    assert {row["direction"] for row in found["distances"]} == {"there", "back"}
    assert len(list((tmp_path / "home" / "cyclegan" / "evaluation" / "translated_there").iterdir())) == 2
    said = called("export-cyclegan", "mine", "--there", "Photo to anime", "--licence", "MIT")
    assert said.count("was written") == 2
    with pytest.raises(InvalidRequest, match="'mine-there' is taken"):
        called("export-cyclegan", "mine")
