"""One picture: what is refused, what is told of it, and how its pixels become RGB."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from engine.datasets.fingerprints import difference_hash, look_alikes
from engine.datasets.pictures import PictureRefused, facts_of, open_picture
from engine.picture_files import to_rgb


def test_facts_of_a_plain_picture(save, tmp_path):
    facts = facts_of(save(tmp_path / "a.png", size=(96, 72)))
    assert (facts.width, facts.height, facts.format, facts.mode) == (96, 72, "PNG", "RGB")
    assert (facts.transparent, facts.bits, facts.turned) == (False, 8, False)
    assert len(facts.sha256) == 64


def test_facts_follow_the_file(save, tmp_path):
    before = facts_of(save(tmp_path / "a.png", 1))
    after = facts_of(save(tmp_path / "a.png", 2, size=(80, 80)))
    assert (after.width, after.sha256) != (before.width, before.sha256)


def test_a_picture_turned_by_exif_stands_upright(paint, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    paint(1, (96, 72)).save(tmp_path / "a.jpg", exif=exif)
    facts, picture = facts_of(tmp_path / "a.jpg"), open_picture(tmp_path / "a.jpg")

    assert facts.turned
    assert (facts.width, facts.height) == picture.size == (72, 96)
    expected = np.asarray(paint(1, (96, 72)).transpose(Image.Transpose.ROTATE_270), float)
    assert np.abs(np.asarray(picture, float) - expected).mean() < 5  # JPEG


def test_broken_exif_is_passed_over(paint, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    paint(1).save(tmp_path / "a.jpg", exif=exif)
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data.replace(b"Exif\0\0MM", b"Exif\0\0??").replace(b"Exif\0\0II", b"Exif\0\0??"))
    facts = facts_of(tmp_path / "a.jpg")
    assert (facts.width, facts.turned) == (96, False)
    assert open_picture(tmp_path / "a.jpg").size == (96, 72)


def png(width: int, height: int) -> bytes:
    """The beginning of a PNG of that size, without pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + b"\0\0\0\0IDAT"


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


REFUSED = {
    "empty": (lambda paint: b"", "The file is empty"),
    "text": (lambda paint: b"not a picture at all", "no PNG, JPEG or WebP"),
    "gif": (lambda paint: encoded(paint(1), "GIF"), "no PNG, JPEG or WebP"),
    "cut short": (lambda paint: encoded(paint(1), "JPEG")[:-300], "It is damaged"),
    "tiny": (lambda paint: encoded(paint(1, (300, 40)), "PNG"), "64 pixels on each side; it has 300x40"),
    "too large": (lambda paint: png(10_000, 8_001), "80,000,000 pixels; it has 10000x8001"),
    "a bomb": (lambda paint: png(60_000, 60_000), "A picture may have 80,000,000 pixels"),
    "animated": (
        lambda paint: encoded(paint(1), "WEBP", save_all=True, append_images=[paint(2)]),
        "an animation of 2 frames",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_training_picture_is_refused_in_words(paint, tmp_path, kind):
    make, text = REFUSED[kind]
    path = tmp_path / "a.png"
    path.write_bytes(make(paint))
    with pytest.raises(PictureRefused, match=text) as refused:
        facts_of(path)
    assert str(refused.value) == f"a.png: {refused.value.reason}"
    assert refused.value.reason.endswith(".")


def test_a_file_that_is_gone_or_too_large_is_refused(paint, tmp_path, monkeypatch):
    with pytest.raises(PictureRefused, match="cannot be read: No such file"):
        facts_of(tmp_path / "gone.png")
    paint(1).save(tmp_path / "a.png")
    monkeypatch.setattr("engine.datasets.pictures.MAX_BYTES", 100)
    with pytest.raises(PictureRefused, match="may have 100 bytes; it has more"):
        facts_of(tmp_path / "a.png")


def test_a_phones_jpeg_with_a_second_picture_behind_it_is_a_picture(paint, tmp_path):
    paint(1).save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[paint(2)])
    assert facts_of(tmp_path / "a.jpg").format == "JPEG"


def test_every_mode_becomes_rgb():
    grey = Image.fromarray(np.array([[0, 257 * 7, 65535]], np.uint16))
    assert np.asarray(to_rgb(grey))[0].tolist() == [[0, 0, 0], [7, 7, 7], [255, 255, 255]]
    clear = Image.new("RGBA", (1, 1), (255, 0, 0, 0))
    assert to_rgb(clear).getpixel((0, 0)) == (255, 255, 255)
    half = Image.new("LA", (1, 1), (0, 128))
    assert to_rgb(half).getpixel((0, 0)) == (127, 127, 127)
    palette = Image.new("RGB", (1, 1), "red").quantize(2)
    assert to_rgb(palette).getpixel((0, 0)) == (255, 0, 0)
    assert to_rgb(Image.new("CMYK", (1, 1), (0, 255, 255, 0))).getpixel((0, 0)) == (255, 0, 0)
    assert to_rgb(Image.new("1", (1, 1), 1)).getpixel((0, 0)) == (255, 255, 255)


def test_colour_profiles_are_obeyed_and_broken_ones_passed_over():
    picture = Image.new("RGB", (1, 1), (200, 30, 30))
    picture.info["icc_profile"] = b"nothing"
    assert to_rgb(picture).getpixel((0, 0)) == (200, 30, 30)
    picture.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert to_rgb(picture).getpixel((0, 0)) == (200, 30, 30)
    picture.info["icc_profile"] = swapped_profile()
    assert to_rgb(picture).getpixel((0, 0)) == pytest.approx((30, 30, 200), abs=2)


def swapped_profile() -> bytes:
    """sRGB with the colours of red and blue exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tmp!", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tmp!", b"bXYZ", 1)


def test_pictures_with_alpha_grey_and_16_bits_are_told(tmp_path):
    Image.new("RGBA", (64, 64)).save(tmp_path / "alpha.png")
    Image.fromarray(np.zeros((64, 64), np.uint16)).save(tmp_path / "deep.png")
    assert facts_of(tmp_path / "alpha.png").transparent
    Image.new("RGBA", (64, 64), "red").save(tmp_path / "opaque.png")
    assert not facts_of(tmp_path / "opaque.png").transparent
    deep = facts_of(tmp_path / "deep.png")
    assert (deep.bits, deep.mode[0]) == (16, "I")


def test_the_hash_tells_where_it_gets_brighter():
    rising = Image.fromarray(np.tile(np.arange(0, 252, 4, dtype=np.uint8), (63, 1)))
    assert difference_hash(rising) == 2**64 - 1
    assert difference_hash(rising.transpose(Image.Transpose.FLIP_LEFT_RIGHT)) == 0


def test_copies_look_alike_and_other_pictures_do_not(paint):
    picture = paint(1, (200, 160))
    saved = Image.open(io.BytesIO(encoded(picture, "JPEG", quality=40)))
    small, bright = picture.resize((100, 80)), picture.point(lambda value: min(255, int(value * 1.1)))
    others = [paint(seed, (200, 160)) for seed in range(2, 30)]
    hashes = [difference_hash(image) for image in (picture, *others, saved, small, bright)]
    assert look_alikes(hashes) == [(0, 29, 30, 31)]


def test_a_chain_of_alike_pictures_is_one_group():
    assert look_alikes([0, 2**6 - 1, 2**12 - 1, 2**64 - 1], threshold=6) == [(0, 1, 2)]
    assert look_alikes([]) == []
