"""The judge of translators: the photos themselves keep everything, and flattening them shows in the figures."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.nn import functional as F

from engine.errors import NotFound
from engine.translation.evaluation import Translation, evaluate, picture, table


def folder(path: Path, seeds: range, noise: float) -> Path:
    path.mkdir()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        shapes = Image.fromarray(rng.integers(0, 256, (3, 4, 3), dtype=np.uint8)).resize((128, 96))
        grain = rng.normal(0, noise, (96, 128, 3))
        Image.fromarray((np.asarray(shapes) + grain).clip(0, 255).astype(np.uint8)).save(path / f"{seed}.png")
    return path


def test_figures_say_what_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.translation.evaluation.SIDE", 96)
    photos = folder(tmp_path / "photos", range(3), noise=60)
    illustrations = folder(tmp_path / "illustrations", range(10, 14), noise=0)
    same = Translation("same", lambda photo: photo)
    calm = Translation(
        "calm", lambda photo: F.avg_pool2d(F.pad(photo, (3, 3, 3, 3), mode="reflect"), 7, 1), exact=lambda photo: photo
    )
    found = evaluate(photos, illustrations, [same, calm], tmp_path / "out")

    assert found["same"] == found["photos"]
    assert found["same"].solver is None
    assert 5 < (found["calm"].solver or 0) < 40
    assert found["same"].content == 0
    assert found["same"].edges == pytest.approx(1)
    assert found["calm"].flat > found["same"].flat
    assert found["calm"].frechet < found["same"].frechet
    assert (found["calm"].edges or 0) < 1
    assert found["illustrations"].edges is None
    json.loads((tmp_path / "out" / "figures.json").read_text(), parse_constant=pytest.fail)
    assert (found["calm"].content or 0) > 0
    assert json.loads((tmp_path / "out" / "figures.json").read_text())["calm"]["flat"] == found["calm"].flat
    assert (tmp_path / "out" / "calm.jpg").exists()
    assert table(found).count("\n") == 5


def test_pictures_are_cut_to_what_generators_take(tmp_path: Path) -> None:
    Image.new("RGB", (500, 411)).save(tmp_path / "a.png")
    assert picture(tmp_path / "a.png").shape == (1, 3, 384, 448)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match="holds none"):
        evaluate(tmp_path / "empty", tmp_path, [], tmp_path / "out")
