"""The commands that train: what they write goes into the studio's folder, wherever that is."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.errors import NotFound
from engine.settings import Settings
from engine.translation.networks.generator import Architecture, Generator

TINY = {
    "epochs": 1,
    "steps_per_epoch": 1,
    "side": 70,
    "crop": 64,
    "patches": 16,
    "weights": {"perceptual": 0},
    "architecture": {"width": 4, "blocks": 2},
    "solvers": [{"method": "euler", "steps": 1}],
    "discriminator_width": 4,
}


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """STUDIO_HOME; the working folder is another one, in which nothing may appear."""
    for name, value in settings.to_environment().items():
        if name.startswith("STUDIO_"):
            monkeypatch.setenv(name, value)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return settings.home


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    for folder in ("X_p", "Y_p"):
        (tmp_path / "pairs" / folder).mkdir(parents=True)
        for seed in range(2):
            pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((110, 82)).save(tmp_path / "pairs" / folder / f"{seed}.png")
    return tmp_path / "pairs"


def called(*arguments: object) -> str:
    return CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False).stdout


def test_nijigan_is_trained_in_the_studios_folder(home: Path, pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.json").write_text(json.dumps(TINY))
    folders = ["--pairs", pairs, "--photos", pairs / "X_p", "--styles", pairs / "Y_p", "--held-out", pairs]
    called("train-nijigan", *folders, "--config", tmp_path / "tiny.json", "--processes", 1)

    assert (home / "nijigan" / "checkpoint.pt").exists()
    called(
        "train-nijigan", *folders, "--config", tmp_path / "tiny.json", "--processes", 1, "--home", tmp_path / "other"
    )
    assert (tmp_path / "other" / "nijigan" / "checkpoint.pt").exists()
    assert not list(Path.cwd().iterdir())


def test_pairs_are_compared_in_the_studios_folder(home: Path, pairs: Path, tmp_path: Path) -> None:
    torch.save(Generator(Architecture(width=4, blocks=2)).state_dict(), tmp_path / "mine.pth")
    called("import-translator", tmp_path / "mine.pth")

    assert str(home / "evaluation" / "pairs") in called("evaluate-pairs", "mine", pairs, "--side", 64)
    assert (home / "evaluation" / "pairs" / "pairs.json").exists()
    assert not list(Path.cwd().iterdir())


def test_the_small_model_is_trained_in_the_studios_folder(home: Path) -> None:
    with pytest.raises(NotFound, match="what the stage denoiser makes") as caught:
        called("train-mini", "export")

    assert str(home / "training" / "denoiser") in str(caught.value)
