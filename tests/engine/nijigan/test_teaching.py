"""Pairs from a teacher: made once, whole or not at all."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import InvalidRequest, NotFound
from engine.nijigan.teaching import teach
from engine.settings import Settings


def test_pairs_are_made_once_by_the_teacher_that_is_named(settings: Settings, tmp_path: Path) -> None:
    photos, pairs = tmp_path / "photos", tmp_path / "pairs"
    photos.mkdir()
    with pytest.raises(NotFound):
        teach(settings, photos, pairs, "painter")
    assert not pairs.exists()
    for seed in range(2):
        pixels = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((96, 64)).save(photos / f"{seed}.png")
    (tmp_path / ".pairs.tmp" / "X_p").mkdir(parents=True, exist_ok=True)  # of a run that was killed
    (tmp_path / ".pairs.tmp" / "X_p" / "old.png").touch()

    assert teach(settings, photos, pairs, "painter")
    made = sorted(str(path.relative_to(pairs)) for path in pairs.rglob("*.png"))
    assert made == ["X_p/0.png", "X_p/1.png", "Y_p/0.png", "Y_p/1.png"]
    before, after = (np.asarray(Image.open(pairs / side / "0.png")) for side in ("X_p", "Y_p"))
    assert before.shape == after.shape
    assert (before != after).any()
    assert json.loads((pairs / "teacher.json").read_text())["teacher"] == "painter"

    (photos / "2.png").write_bytes((photos / "0.png").read_bytes())
    assert not teach(settings, photos, pairs, "painter")
    assert len(list(pairs.rglob("*.png"))) == 4
    with pytest.raises(InvalidRequest, match="another teacher"):
        teach(settings, photos, pairs, "classical")
    with pytest.raises(InvalidRequest, match="new or empty"):
        teach(settings, photos, photos, "painter")
    with pytest.raises(NotFound, match="takes one"):
        teach(settings, photos, tmp_path / "other", "neural-style")
