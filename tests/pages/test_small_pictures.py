"""A picture that was replaced in its place is shown as it is now."""

from pathlib import Path

import pytest
from PIL import Image

from engine.datasets.augment import Augmentation
from engine.datasets.pictures import facts_of
from pages.parts.small_pictures import small_picture
from pages.train.augmentation import _examples
from pages.train.caption_table import _thumbnail


def examples(path: Path) -> bytes:
    return _examples(path, facts_of(path).sha256, Augmentation(64))[0]


def thumbnail(path: Path) -> str:
    return _thumbnail(path, facts_of(path).sha256)


@pytest.mark.parametrize("shown", [small_picture, examples, thumbnail])
def test_a_replaced_picture_is_shown_anew(shown, tmp_path):
    path = tmp_path / "picture.png"
    Image.new("RGB", (96, 96), "navy").save(path)
    before = shown(path)
    assert shown(path) == before
    Image.new("RGB", (128, 96), "orange").save(path)
    assert shown(path) != before
