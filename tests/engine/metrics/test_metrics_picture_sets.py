"""Pictures from folders, files and tensors: in order, of one size, problems in words."""

import pytest
import torch
from PIL import Image

from engine.errors import ImageShapeError, NotFound, UnsafeFile
from engine.images import to_pil
from engine.metrics.picture_sets import fitted, picture_set


def colour(value, height=8, width=8):
    return torch.full((3, height, width), value)


def save(folder, **values):
    folder.mkdir(exist_ok=True)
    for name, value in values.items():
        to_pil(colour(value)[None])[0].save(folder / f"{name}.png")


def joined(pictures, size=(8, 8), crop=False):
    return torch.cat(list(pictures.batches(size, 2, crop)))[:, 0, 0, 0].tolist()


def test_a_folder_is_read_by_name_and_a_list_in_its_order(tmp_path):
    save(tmp_path, b=1.0, a=-1.0, c=0.2)
    (tmp_path / "notes.txt").write_text("no picture")
    folder = picture_set(tmp_path)
    assert folder.names == ("a.png", "b.png", "c.png")
    assert joined(folder) == pytest.approx([-1, 1, 0.2], abs=1e-6)
    files = picture_set([tmp_path / "c.png", tmp_path / "a.png"])
    assert joined(files) == pytest.approx([0.2, -1], abs=1e-6)
    assert joined(picture_set([colour(0.5), colour(-0.5)])) == [0.5, -0.5]


def test_held_out_pictures_are_cut_and_drawn_ones_must_fit():
    pictures = picture_set([colour(0.5), colour(-0.5, 32, 16)])
    assert joined(pictures, crop=True) == pytest.approx([0.5, -0.5], abs=1e-5)
    with pytest.raises(ImageShapeError, match=r"must have one size, 8x8; number 2 has 16x32\. Draw them with the same"):
        joined(pictures)


def test_the_middle_is_kept_in_proportion():
    picture = torch.cat([colour(1.0, 16, 4), colour(-0.5, 16, 16), colour(1.0, 16, 4)], dim=2)
    torch.testing.assert_close(fitted(picture, 8, 8), colour(-0.5))
    assert fitted(picture, 10, 30).shape == (3, 10, 30)
    checkers = torch.tensor([[-1.0, 1], [1, -1]]).repeat(3, 8, 8)
    assert fitted(checkers, 5, 7).abs().max() <= 1


def test_a_photo_is_turned_as_its_camera_says(tmp_path):
    photo = Image.new("RGB", (8, 16))
    exif = photo.getexif()
    exif[0x0112] = 6  # turned by 90 degrees
    photo.save(tmp_path / "photo.jpg", exif=exif)
    assert picture_set(tmp_path).read(0).shape == (3, 8, 16)


def test_problems_are_told_in_words(tmp_path):
    with pytest.raises(NotFound, match="Pictures are read from a folder"):
        picture_set(tmp_path / "none")
    with pytest.raises(NotFound, match=r"must hold .png, .jpg"):
        picture_set(tmp_path)
    with pytest.raises(NotFound, match="There is no picture"):
        picture_set([tmp_path / "lost.png"]).read(0)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    with pytest.raises(UnsafeFile, match=r"broken.png cannot be read as a picture: .*Leave it out"):
        picture_set(tmp_path).read(0)
    with pytest.raises(ValueError, match=r"must lie in \[-1, 1\]"):
        picture_set([colour(3.0)]).read(0)
    with pytest.raises(ValueError, match=r"must be \(3, H, W\); got \(1, 3, 8, 8\)"):
        picture_set([colour(0.0)[None]]).read(0)
