"""Checkpoints at several weights: figures that agree with the training's own, and a grid that can be stopped."""

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from engine.device import choose
from engine.errors import Cancelled, InvalidRequest, NotFound
from engine.lora.evaluation.grid import draw_grid
from engine.lora.requests import LoraGrid, lora_grid
from engine.lora.runs.checkpoints import checkpoints_named, checkpoints_of
from engine.lora.runs.held_out import prepare
from engine.lora.runs.plan import RunPlan
from engine.lora.runs.progress import read_progress
from engine.lora.training.run import start
from tests.captioned import QUICK
from tests.engine.lora.lora_runs import save_pictures, tiny_model
from tests.tiny import save_tiny_pipeline, tiny_info

REQUEST = LoraGrid(
    run="run",
    name="blobs",
    evaluation="first",
    checkpoints=("step-000002", "last"),
    weights=(0.0, 0.5, 1.0),
    num_inference_steps=1,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_tiny_pipeline(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return save_pictures(tmp_path_factory.mktemp("pictures"), 8)


@pytest.fixture(scope="module")
def run(model, pictures, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    plan = RunPlan(name="blobs", model=tiny_info(model), config=QUICK, pictures=pictures[:4], held_out=pictures[4:])
    start(folder, plan, device=choose("cpu"))
    return folder


@pytest.fixture(scope="module")
def drawn(model, pictures, run, tmp_path_factory):
    """A finished grid and its folder."""
    folder = tmp_path_factory.mktemp("evaluations") / "first"
    prepare(folder, pictures[4:])
    return draw_grid(folder, run, tiny_model(model), REQUEST), folder


def test_each_step_is_one_checkpoint(run):
    assert {path.stem for path in (run / "checkpoints").glob("*.safetensors")} >= {"step-000002", "step-000004", "last"}
    kept = checkpoints_of(run)
    assert [(each.name, each.step) for each in kept] == [("step-000002", 2), ("step-000004", 4)]
    measured = {line.step: line.held_out for line in read_progress(run) if line.held_out is not None}
    lowest = min(measured, key=lambda step: measured[step])
    assert [each.step for each in kept if each.best] == [lowest] * (lowest > 0)
    assert checkpoints_named(run, ["last", "step-000002", "step-000004"]) == kept
    with pytest.raises(NotFound, match=r"no checkpoint 'step-9'; there are: step-000002, step-000004\."):
        checkpoints_named(run, ["step-9"])


def test_at_full_weight_the_loss_is_what_the_training_measured(run, drawn):
    grid, _ = drawn
    measured = {line.step: line.held_out for line in read_progress(run)}
    for cell in grid.cells[1:]:
        loss = cell.changes[0]
        assert loss.base.value == pytest.approx(measured[0], rel=1e-5)
        assert loss.base.n == 4
        assert (loss.tuned.value == pytest.approx(measured[cell.step], rel=1e-5)) == (cell.weight == 1)


def test_every_cell_is_measured_and_the_lowest_loss_is_named(drawn):
    grid, _ = drawn
    assert grid.weights == (0, 0.5, 1)
    assert [(cell.step, cell.weight) for cell in grid.cells] == [(0, 0), (2, 0.5), (2, 1), (4, 0.5), (4, 1)]
    assert {change.base.name for cell in grid.cells for change in cell.changes} == {
        "held-out loss",
        "MMD in VGG19 features",
    }
    losses = [grid.cells[1].changes[0].base.value, *(cell.changes[0].tuned.value for cell in grid.cells[1:])]
    assert losses[grid.best] == min(losses)
    assert "held-out loss" in grid.headline
    assert "lowest of 4 was chosen on the same pictures" in grid.notes[0]


def test_the_report_is_on_paper(drawn):
    grid, folder = drawn
    report = json.loads((folder / "grid.json").read_text())
    assert report["headline"] == grid.headline
    assert all((folder / picture).exists() for cell in report["cells"] for picture in cell["pictures"])
    with (folder / "grid.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * len(grid.cells)
    with Image.open(folder / "grid-4.png") as sheet:
        assert sheet.width > sheet.height  # three columns, two rows
    assert not (folder / "grid-5.png").exists()


def test_a_stopped_grid_goes_on_to_the_same_pictures(model, pictures, run, drawn, tmp_path):
    prepare(tmp_path, pictures[4:])
    stages: list[str] = []

    def report(stage: str, step: int, steps: int) -> None:
        stages.append(stage)
        assert 0 <= step <= steps == 5 * (1 + 4)

    with pytest.raises(Cancelled):
        draw_grid(tmp_path, run, tiny_model(model), REQUEST, report=report, should_stop=lambda: len(stages) > 12)
    assert not (tmp_path / "grid.json").exists()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").rglob("*") if path.is_file()}
    assert len([path for path in kept if path.suffix == ".png"]) >= 7

    again = draw_grid(tmp_path, run, tiny_model(model), REQUEST)
    assert all(path.stat().st_mtime_ns == moment for path, moment in kept.items())
    whole, folder = drawn
    assert again == whole
    assert all((tmp_path / name).read_bytes() == (folder / name).read_bytes() for name in whole.cells[-1].pictures)


def test_few_captions_have_no_distance_and_a_harmful_weight_is_not_recommended(model, pictures, run, tmp_path):
    prepare(tmp_path, pictures[4:])
    request = LoraGrid(
        run="run",
        name="blobs",
        evaluation="e",
        checkpoints=("last",),
        weights=(-2.0,),
        captions=1,
        num_inference_steps=1,
    )
    grid = draw_grid(tmp_path, run, tiny_model(model), request)
    assert [change.base.name for change in grid.cells[1].changes] == ["held-out loss"]
    assert grid.best == 0
    assert grid.headline.startswith("No checkpoint lowers the held-out loss")
    assert "needs 4 drawn captions or more; got 1" in " ".join(grid.notes)


def test_the_request_travels_as_json_and_breaks_no_rule():
    assert lora_grid(json.loads(json.dumps(REQUEST.to_dict()))) == REQUEST
    with pytest.raises(InvalidRequest, match=r"A grid needs 1 to 8 weights other than 0, each once; got none\."):
        LoraGrid(run="r", name="x", evaluation="e", checkpoints=("last",), weights=(0.0,))
    with pytest.raises(InvalidRequest, match=r"1 to 16 checkpoints, each once; got none(.|\n)*Weight must be a number"):
        LoraGrid(run="r", name="x", evaluation="e", checkpoints=(), weights=(3.0,))
