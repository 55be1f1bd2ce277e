"""The commands for photos."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.cli.photos import _about, style_values
from engine.errors import InvalidRequest, NotFound, StudioError
from engine.settings import Settings
from engine.studio import Studio
from engine.translation.networks.generator import Architecture, Generator

runner = CliRunner()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "view.jpg"
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((70, 50)).save(path)
    return path


def called(settings: Settings, *arguments: object) -> str:
    result = runner.invoke(cli, [*map(str, arguments), "--home", str(settings.home)], catch_exceptions=False)
    return result.stdout


def test_translators_are_listed_with_their_licences(settings: Settings) -> None:
    listed = [json.loads(line) for line in called(settings, "translators", "--json").splitlines()]
    assert {"classical", "neural-style"} <= {info["name"] for info in listed}
    assert all(info["licence"] and info["does"] for info in listed)
    assert [info["name"] for info in listed[:2]] == ["painter", "classical"]
    assert listed[1]["takes"] == {"seconds": 1.4, "measured_here": False}
    said = called(settings, "translators")
    assert "shapes stay. About 1 s for a photo of 1024 × 768 on two CPU cores." in said
    assert "step by step. About 25 s for a photo of 1024 × 768 on two CPU cores." in said


def test_a_published_generator_is_imported_by_name(settings: Settings, tmp_path: Path) -> None:
    model = Generator(Architecture(width=4, blocks=2))
    torch.save(model.state_dict(), tmp_path / "Mine.pth")
    said = called(settings, "import-translator", tmp_path / "Mine.pth", "--licence", "CC0")
    assert said.startswith("mine: ")
    assert "nijigan. Licence: CC0" in said
    assert "mine" in called(settings, "translators")


def test_of_a_training_with_two_directions_one_is_imported(settings: Settings, tmp_path: Path) -> None:
    state = Generator(Architecture(width=4, blocks=2)).state_dict()
    other = {key: value + 1 for key, value in state.items()}
    torch.save({"netG_A2B": state, "netG_B2A": other}, tmp_path / "Two ways (1).pth.tar")
    with pytest.raises(InvalidRequest, match="--generator netG_A2B"):
        called(settings, "import-translator", tmp_path / "Two ways (1).pth.tar")
    said = called(settings, "import-translator", tmp_path / "Two ways (1).pth.tar", "--generator", "netG_B2A")
    assert said.startswith("two-ways-1: ")
    assert "Taken from Two ways (1).pth.tar (netG_B2A); width 4, blocks 2" in said


def test_photos_without_a_file_are_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There must be a photo"):
        called(settings, "animeify", tmp_path)


def test_a_command_bears_in_mind_what_the_machine_can(studio: Studio, photo: Path) -> None:
    assert style_values(studio, "neural-style", None, None) == {"style_steps": 25, "long_side": 256}
    assert style_values(studio, "neural-style", 150, 512) == {"style_steps": 150, "long_side": 512}
    assert style_values(studio, "classical", None, None) == {"style_steps": 150, "long_side": None}
    kept = [studio.add_photo(photo.read_bytes(), photo.name)] * 300
    options = {"long_side": None, "style_steps": 150, "solver": None, "solver_steps": 1}
    assert _about(studio, "classical", kept, options) == "About 60 s for these 300 photos on two CPU cores."
    assert _about(studio, "no such", kept, options) == ""


def test_a_photo_is_translated_and_copied(settings: Settings, photo: Path, tmp_path: Path, worker_beside: None) -> None:
    (tmp_path / "notes.txt").write_text("words")
    out = tmp_path / "out"
    with pytest.raises(StudioError, match="1 of 2 files could not be used as photos"):
        called(settings, "animeify", photo, tmp_path / "notes.txt", "--model", "classical", "--out", out)
    (copy,) = out.iterdir()
    with Image.open(copy) as image:
        assert image.size == (70, 50)
        assert "studio_recipe" in image.info


def test_the_painter_takes_its_options(settings: Settings, photo: Path) -> None:
    for words, message in (
        (("--mood", "dawn"), "Mood must be one of clear day, golden hour, painted night; got 'dawn'"),
        (("--light", "1.5"), r"Light must be a number from 0 to 1; got 1\.5"),
        (("--model", "classical", "--line", "1"), "Classical does not paint"),
    ):
        with pytest.raises(InvalidRequest, match=message):
            called(settings, "animeify", photo, *words)


def test_neural_style_takes_every_option(settings: Settings, photo: Path) -> None:
    """Refused by one rule each, before any work."""
    style = ("--style", photo, "--style", photo)
    for words, message in (
        (("--start", "end"), "Start must be one of photo, noise, style; got 'end'"),
        (("--seed", "-3"), "Noise seed must be"),
        (("--content-layers", "relu9_9"), "got 'relu9_9'"),
        (("--style-layers", "relu1_1:-1"), r"got -1\.0 for relu1_1"),
        (("--variation", "none"), "Variation must be one of squared, absolute"),
        (("--optimizer", "SGD"), "Optimizer must be one of L-BFGS, Adam"),
        (("--style-weight", "1001"), r"Style weight must be a number from 0 to 1000; got 1001\.0"),
        (("--share", "1"), "one for each of 2 style pictures; got 1"),
    ):
        with pytest.raises(InvalidRequest, match=message):
            called(settings, "neural-style", photo, *style, *words)


def test_a_share_needs_another_run(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"A share is of a mean with --mix RUN; got 0\.25 and no other run"):
        runner.invoke(
            cli, ["export-nijigan", str(tmp_path), str(tmp_path / "out"), "--share", "0.25"], catch_exceptions=False
        )
