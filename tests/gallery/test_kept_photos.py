"""Photos are kept once, whole, and found by what is in them."""

from pathlib import Path

import pytest

from gallery.errors import ImageDamaged, ImageMissing
from gallery.files import ImageFiles
from gallery.photos import Photos


def test_the_same_photo_is_kept_once(tmp_path: Path) -> None:
    photos = Photos(ImageFiles(tmp_path))
    first, again, other = photos.keep(b"one"), photos.keep(b"one"), photos.keep(b"two")
    assert first == again != other
    assert photos.png(first) == b"one"
    assert len(list(photos.folder.rglob("*.png"))) == 2


def test_photos_are_found_by_the_beginning_of_their_id(tmp_path: Path) -> None:
    photos = Photos(ImageFiles(tmp_path))
    photo_id = photos.keep(b"one", "müll & co.jpg")
    assert photos.find(photo_id[:16]) == (photo_id, "müll & co.jpg")
    assert photos.find("0" * 16) is None
    assert photos.find("../../etc") is None
    assert photos.find(photo_id[:4]) is None


def test_a_changed_or_missing_photo_is_said(tmp_path: Path) -> None:
    photos = Photos(ImageFiles(tmp_path))
    photo_id = photos.keep(b"one")
    photos.path(photo_id).write_bytes(b"two")
    with pytest.raises(ImageDamaged, match="has changed since it was kept"):
        photos.png(photo_id)
    photos.keep(b"one")
    photos.path(photo_id).unlink()
    with pytest.raises(ImageMissing, match="cannot be read: No such file"):
        photos.png(photo_id)


@pytest.mark.parametrize("wrong", ["", "abc", "../../etc/passwd", "Z" * 64])
def test_only_ids_lead_to_files(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ImageMissing, match="must be 64 hexadecimal characters"):
        Photos(ImageFiles(tmp_path)).path(wrong)
