"""The ablation: four configurations that differ in what they are named after, and one report about them."""

import csv
import json
import math
from dataclasses import asdict
from pathlib import Path

import pytest
from PIL import Image

from engine.errors import NotFound
from engine.nijigan.ablation import COLUMNS, REPORT, SHEET, TABLE, TITLES, ablate, table, variants
from engine.nijigan.config import CPU, T4
from engine.nijigan.run import Folders, configured
from engine.training.loop import step_of
from tests.engine.comparing.pictures import save_pairs, save_pictures
from tests.engine.nijigan.test_nijigan_run import CHANGES


def test_the_variants_differ_in_what_they_are_named_after() -> None:
    for base in (T4, CPU):
        found = variants(base)
        full = asdict(found["full"])
        assert full["weights"] == asdict(base.weights) | {"perceptual": 0.1}
        assert full["architecture"]["bottleneck"] == "ode"
        for name, weight in (("perceptual-0.15", 0.15), ("perceptual-0", 0.0)):
            assert asdict(found[name]) == full | {"weights": full["weights"] | {"perceptual": weight}}
        resnet = {"bottleneck": "resnet", "blocks": 9, "width": base.architecture.width}
        straight = {"weights": full["weights"] | {"bend": 0.0}}  # there is no ODE to straighten
        assert asdict(found["resnet"]) == full | straight | {"architecture": resnet}


def test_four_trainings_make_one_report(tmp_path: Path) -> None:
    pairs = save_pairs(tmp_path / "pairs", range(2))
    photos, styles = save_pictures(tmp_path / "photos", range(4, 6)), save_pictures(tmp_path / "styles", range(8, 10))
    folders = Folders(pairs, photos, (styles,), pairs)
    weights = {"weights": {"gan": 0.5, "perceptual": 0, "hdce": 0, "relation": 0, "style_nce": 0}}
    config = configured("cpu", {**CHANGES, **weights, "steps_per_epoch": 1, "unpaired_every": 2})
    said: list[str] = []
    values = ablate(folders, tmp_path / "out", config, 1, said.append)

    assert [row["name"] for row in values["rows"]] == ["photos", *TITLES]
    assert (values["n"], values["m"], values["steps"]) == (2, 2, 1)
    own, *rest = values["rows"]
    assert own["edges"] == pytest.approx(1)
    assert own["content"] == 0
    assert all(row["edges"] < 1 and row["content"] > 0 and math.isfinite(row["mse"]) for row in rest)
    assert json.loads((tmp_path / "out" / REPORT).read_text()) == values
    with (tmp_path / "out" / TABLE).open() as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["photos", *TITLES]
    with Image.open(tmp_path / "out" / SHEET) as sheet:
        assert sheet.width > sheet.height  # five columns, two rows
    assert set(COLUMNS.values()) <= set(table(values).splitlines()[0].strip("| ").split(" | "))
    assert said[0] == "VGG loss 0.15: step 0 of 1"

    assert [step_of(tmp_path / "out" / name) for name in TITLES] == [1] * 4
    with pytest.raises(NotFound, match="nowhere"):
        ablate(Folders(tmp_path / "nowhere", photos, (styles,), pairs), tmp_path / "more", config, 1, said.append)
