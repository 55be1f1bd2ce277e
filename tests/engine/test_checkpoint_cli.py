"""The commands for checkpoints; what they do is tested where it is done."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.errors import InvalidRequest, NotFound
from engine.settings import Settings
from engine.studio import Studio
from tests.captioned import copy_training, save_captioned, trained_home

runner = CliRunner()


@pytest.fixture
def run(studio: Studio, tmp_path: Path, tiny_weights: Path) -> str:
    """A finished training of a LoRA named castles."""
    home = trained_home(tmp_path / "trained", tiny_weights, save_captioned(tmp_path / "pictures"))
    return copy_training(home, studio)


@pytest.fixture(autouse=True)
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.to_environment().items():
        if name.startswith("STUDIO_"):
            monkeypatch.setenv(name, value)


def called(*arguments: object) -> str:
    return runner.invoke(cli, list(map(str, arguments)), catch_exceptions=False).stdout


def test_a_grid_of_all_checkpoints(run: str) -> None:
    """Starts a real worker."""
    grid = json.loads(called("lora-grid", "castles", "--weight", 1, "--captions", 1, "--steps", 1, "--json"))
    assert [(cell["checkpoint"], cell["weight"]) for cell in grid["cells"]] == [
        ("", 0),
        ("step-000002", 1),
        ("step-000004", 1),
    ]
    assert (Path(grid["folder"]) / "grid-1.png").exists()


def test_wrong_orders_are_refused(run: str) -> None:
    with pytest.raises(NotFound, match=f"'other' was not. Runs are: {run}"):
        called("lora-grid", "other")
    with pytest.raises(NotFound, match="no checkpoint 'step-9'; there are: step-000002, step-000004"):
        called("lora-grid", run, "--checkpoint", "step-9")
    with pytest.raises(InvalidRequest, match="Weight must be a number from -2 to 2; got 9"):
        called("promote-lora", "castles", "last", "--weight", 9)
