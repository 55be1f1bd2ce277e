"""What the doctor finds, one fault at a time, in a set that is healthy otherwise."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from engine.datasets.buckets import bucket_shapes, buckets_of, square_loss
from engine.datasets.doctor import CheckUp, examine, rough_token_count
from engine.datasets.findings import Finding, Severity
from engine.datasets.pictures import CaptionedPicture


def found(checkup: CheckUp, code: str) -> Finding:
    """The only finding of that code."""
    (finding,) = [finding for finding in checkup.findings if finding.code == code]
    return finding


def test_a_healthy_set_has_only_its_shape_told(captioned, tmp_path):
    checkup = examine(tmp_path, captioned(10), resolution=64)
    assert [finding.code for finding in checkup.findings] == ["square_crop"]
    assert checkup.findings[0].severity == Severity.NOTE
    assert checkup.findings[0].message.startswith("A centred square leaves out 25% of a picture on average")
    assert not checkup.blocks


@pytest.mark.parametrize(("count", "code", "blocks"), [(0, "too_few", True), (1, "too_few", True), (2, "few", False)])
def test_few_pictures(captioned, tmp_path, count, code, blocks):
    checkup = examine(tmp_path, captioned(count), resolution=64)
    assert str(count) in found(checkup, code).message
    assert checkup.blocks is blocks


def test_held_out_pictures_do_not_count_as_training(captioned, tmp_path):
    pictures = captioned(11)
    checkup = examine(tmp_path, pictures[:1], resolution=64, held_out=pictures[1:])
    assert "there is 1" in found(checkup, "too_few").message


def test_missing_captions_block_and_equal_ones_are_told(captioned, tmp_path):
    pictures = captioned(10)
    pictures[3:5] = [replace(picture, caption="  ") for picture in pictures[3:5]]
    pictures[6:8] = [
        replace(picture, caption=text) for picture, text in zip(pictures[6:8], ("Sea", "sea"), strict=True)
    ]
    checkup = examine(tmp_path, pictures, resolution=64)
    assert checkup.blocks
    assert checkup.findings[0].code == "missing_caption"
    assert checkup.findings[0].files == ("03.png", "04.png")
    assert "2 pictures without: 03.png, 04.png" in checkup.findings[0].message
    assert "06.png = 07.png" in found(checkup, "same_caption").message


def test_long_captions_are_counted_by_the_given_tokenizer(captioned, tmp_path):
    pictures = captioned(10)
    pictures[2] = replace(pictures[2], caption="word, " * 40)
    rough = found(examine(tmp_path, pictures, resolution=64), "long_caption")
    assert "at most 82, by a rough count of words" in rough.message
    exact = examine(tmp_path, pictures, resolution=64, count_tokens=lambda text: 78 if "number 5" in text else 77)
    assert found(exact, "long_caption").files == ("05.png",)
    assert "rough" not in found(exact, "long_caption").message
    assert rough_token_count("a castle, on a hill") == 8


def test_captions_without_the_trigger_word(captioned, tmp_path):
    pictures = captioned(10)
    pictures[:7] = [replace(picture, caption=f"Nijiland, {picture.caption}") for picture in pictures[:7]]
    checkup = examine(tmp_path, pictures, resolution=64, trigger="nijiland")
    assert 'The trigger word "nijiland" is in 7 of 10 captions' in found(checkup, "trigger_missing").message
    assert found(checkup, "trigger_missing").files == ("07.png", "08.png", "09.png")


def copied(picture: CaptionedPicture, name: str, quality: int | None = None) -> CaptionedPicture:
    """The same file under another name, or the same picture as a JPEG."""
    path = picture.path.with_name(name)
    if quality is None:
        path.write_bytes(picture.path.read_bytes())
    else:
        Image.open(picture.path).save(path, quality=quality)
    return CaptionedPicture(path, f"copy {name}")


def test_exact_and_near_copies(captioned, tmp_path):
    pictures = captioned(10, size=(160, 120))
    same, near = copied(pictures[0], "same.png"), copied(pictures[1], "near.jpg", quality=60)
    checkup = examine(tmp_path, [*pictures, same, near], resolution=64)
    assert "00.png = same.png" in found(checkup, "exact_copy").message
    assert "01.png = near.jpg" in found(checkup, "near_copy").message
    assert "6 bits of 64" in found(checkup, "near_copy").message
    assert found(checkup, "near_copy").files == ("01.png", "near.jpg")
    assert "held_out_copy" not in [finding.code for finding in checkup.findings]


def test_copies_between_training_and_test(captioned, tmp_path):
    pictures = captioned(10, size=(160, 120))
    held_out = [copied(pictures[0], "same.png"), copied(pictures[1], "near.jpg", quality=60)]
    checkup = examine(tmp_path, pictures, resolution=64, held_out=held_out)
    assert set(found(checkup, "held_out_copy").files) == {"00.png", "same.png", "01.png", "near.jpg"}


def test_small_pictures(captioned, save, tmp_path):
    pictures = [*captioned(10, size=(300, 256)), CaptionedPicture(save(tmp_path / "s.png", 99, (400, 100)), "small")]
    finding = found(examine(tmp_path, pictures, resolution=256), "small")
    assert finding.files == ("s.png",)
    assert (
        "256 pixels or more on their shorter side; 1 picture with less (the smallest has 100): s.png" in finding.message
    )


def test_odd_colours_and_turned_pictures(captioned, paint, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    odd = {
        "alpha.png": ("transparent", Image.new("RGBA", (80, 80)), {}),
        "grey.jpg": ("grey", paint(22).convert("L"), {}),
        "print.jpg": ("cmyk", paint(23).convert("CMYK"), {}),
        "turned.jpg": ("turned", paint(24), {"exif": exif}),
        "deep.png": ("16_bit", Image.fromarray(np.asarray(paint(25).convert("L"), np.uint16) * 257), {}),
    }
    pictures = captioned(10)
    for name, (_, picture, options) in odd.items():
        picture.save(tmp_path / name, **options)
        pictures.append(CaptionedPicture(tmp_path / name, f"the picture {name}"))
    checkup = examine(tmp_path, pictures, resolution=64)
    for name, (code, _, _) in odd.items():
        assert name in found(checkup, code).files
    assert found(checkup, "grey").files == ("grey.jpg", "deep.png")


def test_wide_pictures_lose_much_to_a_square(captioned, tmp_path):
    checkup = examine(tmp_path, captioned(10, size=(200, 100)), resolution=64)
    assert found(checkup, "square_crop").severity == Severity.LOOK
    assert "leaves out 50% of a picture" in found(checkup, "square_crop").message
    assert len(found(checkup, "square_crop").files) == 10


def test_a_picture_that_broke_since_blocks(captioned, tmp_path):
    pictures = captioned(10)
    pictures[4].path.unlink()
    checkup = examine(tmp_path, pictures, resolution=64)
    assert checkup.blocks
    assert found(checkup, "unreadable").message.startswith("04.png: The file cannot be read")


def test_buckets_have_as_many_pixels_as_the_square():
    assert bucket_shapes(512)[:5] == ((256, 832), (256, 896), (256, 960), (256, 1024), (320, 704))
    for resolution in (64, 256, 512, 768):
        shapes = bucket_shapes(resolution)
        assert (resolution, resolution) in shapes
        assert all(width * height <= resolution**2 for width, height in shapes)
        assert {(height, width) for width, height in shapes} == set(shapes)


def test_pictures_are_counted_by_shape():
    buckets = buckets_of([(500, 500), (1000, 990), (2000, 1000)], 512)
    assert [(bucket.width, bucket.height, bucket.pictures) for bucket in buckets] == [(512, 512, 2), (704, 320, 1)]
    assert buckets[0].lost == 0
    assert square_loss(2000, 1000) == square_loss(1000, 2000) == 0.5
