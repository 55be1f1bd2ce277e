"""The commands for checkpoints; what they do is tested where it is done."""

import json
import math
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.cli.checkpoints import say_grid
from engine.errors import InvalidRequest, NotFound
from engine.lora.evaluation.grid_figures import loss_change
from engine.lora.evaluation.grid_report import Cell, Grid, write_grid
from engine.opinions.studies import Studies
from engine.opinions.study import BEST
from engine.settings import Settings
from engine.studio import Studio
from tests.captioned import copy_training

runner = CliRunner()


@pytest.fixture
def run(studio: Studio, trained: Path) -> str:
    """A finished training of a LoRA named castles."""
    return copy_training(trained, studio)


@pytest.fixture(autouse=True)
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.to_environment().items():
        if name.startswith("STUDIO_"):
            monkeypatch.setenv(name, value)


def called(*arguments: object) -> str:
    return runner.invoke(cli, list(map(str, arguments)), catch_exceptions=False).stdout


def test_a_grid_of_all_checkpoints(run: str, worker_beside: None) -> None:
    grid = json.loads(called("lora-grid", "castles", "--weight", 1, "--captions", 1, "--steps", 1, "--json"))
    assert [(cell["checkpoint"], cell["weight"]) for cell in grid["cells"]] == [
        ("", 0),
        ("step-000002", 1),
        ("step-000004", 1),
    ]
    assert (Path(grid["folder"]) / "grid-1.png").exists()


def test_checkpoints_are_drawn_to_be_judged_by_eye_and_the_results_wait_for_the_end(
    run: str, studio: Studio, worker_beside: None
) -> None:
    told = called("lora-by-eye", "castles", "--prompt", "a castle", "--rounds", "best", "--steps", 1)
    studies = Studies(studio.settings.home)
    (study,) = studies.all()
    assert told == f"{study.id}  1 question; judge it on the Studies page, under castles by eye.\n"
    assert called("study", "results", study.id).splitlines() == [
        "castles by eye: 0 of 1 questions answered",
        "Blind until every question is answered, or the study is closed.",
    ]
    me = studies.join(study)
    chosen = study.methods[-1]
    studies.answer(study, me.id, 0, {BEST: chosen}, 5.0)
    said = called("study", "results", study.id)
    assert f"{chosen:24} chosen in 1 of 1" in said
    assert len(said.splitlines()) == 2 + len(study.methods)  # with the title and the verdict


def test_of_many_checkpoints_the_last_are_taken(run: str, studio: Studio) -> None:
    folder = studio.settings.runs_dir / run / "checkpoints"
    tensors = load_file(folder / "last.safetensors")
    for step in range(6, 40, 2):
        save_file(tensors, folder / f"step-{step:06}.safetensors", {"step": str(step)})
    with pytest.raises(InvalidRequest) as refused:
        called("lora-grid", "castles", "--captions", 99)
    assert [problem.field for problem in refused.value.problems] == ["captions"]


def test_a_figure_that_is_no_number_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change = loss_change([math.nan, 1.0], [1.0, 1.0])
    cells = (Cell("", "without", 0, 0.0, ()), Cell("last", "step 4", 4, 0.5, (), (change,)))
    write_grid(Grid("run", "castles", "Mini", (0.0, 0.5), (), cells, 0, "The model alone is best.", ()), tmp_path)
    say_grid(tmp_path, as_json=False)
    assert "step 4, weight 0.5: The held-out loss cannot be told from no change" in capsys.readouterr().out


def test_wrong_orders_are_refused(run: str) -> None:
    with pytest.raises(NotFound, match=f"'other' was not. Runs are: {run}"):
        called("lora-grid", "other")
    with pytest.raises(NotFound, match="no checkpoint 'step-9'; there are: step-000002, step-000004"):
        called("lora-grid", run, "--checkpoint", "step-9")
    with pytest.raises(InvalidRequest, match="Weight must be a number from -2 to 2; got 9"):
        called("promote-lora", "castles", "last", "--weight", 9)
