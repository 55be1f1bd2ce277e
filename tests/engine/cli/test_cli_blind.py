"""compare-blind: from a folder of photos to counted wins."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.errors import InvalidRequest, NotFound, StudioError
from engine.opinions.studies import Studies
from engine.settings import Settings

runner = CliRunner()


def called(settings: Settings, *arguments: object) -> str:
    result = runner.invoke(
        cli, ["compare-blind", *map(str, arguments), "--home", str(settings.home)], catch_exceptions=False
    )
    return result.stdout


def test_photos_are_compared_and_wins_counted(settings: Settings, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for seed in range(2):
        pixels = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((96, 64)).save(photos / f"{seed}.jpg")
    asked = (photos, "--translators", "painter, classical", "--out", out, "--study", "Which one?")
    said = called(settings, *asked)
    key = json.loads((tmp_path / "out-key.json").read_text())
    names = set(key["photos"][0]["letters"].values())
    assert names == {"photo", "painter", "classical"}
    assert len(set((out / "01").glob("?.png"))) == 3
    (study,) = Studies(settings.home).all()
    assert (study.kind, study.methods, study.contents) == ("pairs", ("classical", "painter"), ("01", "02"))
    assert set(study.originals) == {"01", "02"}
    assert study.id in said
    called(settings, *asked[:-2])  # goes on with its own seed, and finds all done

    letter = next(letter for letter, name in key["photos"][0]["letters"].items() if name == "painter")
    (out / "answers.csv").write_text(f"photo,ranking,faults,reason\n1,{letter},,clean\n")
    counted = json.loads(called(settings, "--read", tmp_path / "out-key.json", out / "answers.csv", "--json"))
    assert counted["first"] == {"classical": 0, "painter": 1}
    assert "| painter | 1 | 0 | 1 of 1 |  | none |" in called(
        settings, "--read", tmp_path / "out-key.json", out / "answers.csv"
    )


def test_what_is_missing_is_said_before_anything_is_made(settings: Settings, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    out = tmp_path / "out"
    wrong: list[tuple[type[StudioError], str, tuple[object, ...]]] = [
        (NotFound, "--out FOLDER", ()),
        (NotFound, "must be among", (tmp_path, "--translators", "painter,nobody", "--out", out)),
        (InvalidRequest, "--style FILE", (tmp_path, "--translators", "painter,neural-style", "--out", out)),
        (InvalidRequest, "8192", (tmp_path, "--long-side", 5, "--out", out)),
        (InvalidRequest, "got 1", (tmp_path, "--translators", "painter", "--out", out)),
        (StudioError, "title", (tmp_path, "--translators", "painter,classical", "--out", out, "--study", " ")),
    ]
    for error, match, arguments in wrong:
        with pytest.raises(error, match=match):
            called(settings, *arguments)
    assert not out.exists()
    assert not (tmp_path / "out-key.json").exists()
