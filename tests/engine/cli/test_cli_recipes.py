"""The recipe command, as a user runs it."""

import json
import shutil
from pathlib import Path

from engine.__main__ import main

REAL = Path(__file__).parents[2] / "data" / "recipes"


def test_recipes_are_printed_one_object_a_line_and_what_cannot_be_read_is_said(tmp_path, capsys):
    for name in ("sd-metadata__forge-neo.png", "sd-metadata__empty.jpg"):
        shutil.copy(REAL / name, tmp_path)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (tmp_path / "readme.txt").write_text("no picture")
    assert main(["recipe", "--json", str(tmp_path)]) == 1
    said = capsys.readouterr()
    broken, empty, neo = map(json.loads, said.out.splitlines())
    assert (broken["tool"], empty["tool"], neo["tool"]) == (None, None, "Forge Neo")
    assert "damaged" in broken["error"]
    assert neo["file"] == str(tmp_path / "sd-metadata__forge-neo.png")
    assert (neo["seed"], neo["width"], neo["loras"]) == (4179307297, 1024, [])
    assert said.err.splitlines()[-1] == "1 file of 3 could not be read as pictures."


def test_recipes_are_printed_in_words(capsys):
    assert main(["recipe", str(REAL / "sd-metadata__easy-reforge.png"), str(REAL / "sd-metadata__empty.jpg")]) == 0
    said = capsys.readouterr().out
    for words in ("reForge", "seed: 2582194946", "LoRAs: NoobV065sHyperDmd 1 (45b5bd0819cf)", "no recipe"):
        assert words in said


def test_a_folder_without_pictures_is_said(tmp_path, capsys):
    assert main(["recipe", str(tmp_path)]) == 1
    assert "holds none" in capsys.readouterr().err
