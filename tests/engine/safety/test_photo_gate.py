"""The gate for photos: what comes in as what, and what is turned away with which words."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from engine import picture_gate
from engine.errors import PhotoRefused
from engine.picture_gate import Refused
from engine.safety import photos
from engine.safety.decoder import decode
from engine.safety.photos import MOST_PIXELS, plain_photo


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 24)) -> Image.Image:
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    pixels = np.stack([x * 6 % 256, y * 10 % 256, (x + y) * 3 % 256], axis=-1).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def file(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), dtype=int)


def test_png_and_lossless_webp_keep_every_pixel() -> None:
    for data in (file(picture()), file(picture(), "WEBP", lossless=True)):
        assert np.array_equal(pixels(decode(data)), pixels(picture()))


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "HEIF"])
def test_photos_of_every_kind_are_read(form: str) -> None:
    pillow_heif.register_heif_opener()
    decoded = decode(file(picture(size=(64, 48)), form, quality=95))
    assert decoded.size == (64, 48)
    assert np.abs(pixels(decoded) - pixels(picture(size=(64, 48)))).mean() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_upright(orientation: int) -> None:
    turned = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = picture() if turned is None else picture().transpose(turned)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(pixels(decode(file(stored, exif=exif))), pixels(picture()))


def test_nothing_but_pixels_is_left() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)  # a place on earth
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "secret")
    plain = plain_photo(file(picture(), exif=exif, pnginfo=text), "a.png")
    with Image.open(io.BytesIO(plain.png)) as image:
        assert not image.info
        assert not image.getexif()
        assert image.mode == "RGB"
    assert (plain.width, plain.height) == (40, 24)


def test_other_colour_modes_become_the_right_rgb() -> None:
    grey = pixels(decode(file(picture("L"))))
    assert np.array_equal(grey, pixels(picture("L")))
    deep = Image.fromarray(np.asarray(picture("L"), dtype=np.uint16) * 257)
    assert np.abs(pixels(decode(file(deep))) - pixels(picture("L"))).max() <= 1
    assert np.abs(pixels(decode(file(picture("CMYK"), "JPEG", quality=95))) - pixels(picture())).mean() < 12
    palette = picture("P")
    assert np.array_equal(pixels(decode(file(palette))), pixels(palette))
    assert np.array_equal(pixels(decode(file(picture("1")))), pixels(picture("1")))


def test_what_is_transparent_becomes_white() -> None:
    image = picture("RGBA")
    image.putalpha(0)
    assert (pixels(decode(file(image))) == 255).all()
    half = Image.new("RGBA", (20, 20), (0, 0, 0, 128))
    assert (pixels(decode(file(half))) == 127).all()


def test_colour_profiles_are_applied() -> None:
    # A profile whose red and blue are exchanged: applying it must exchange them.
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red, blue = srgb.index(b"rXYZ"), srgb.index(b"bXYZ")
    swapped = bytearray(srgb)
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    image = Image.new("RGB", (20, 20), (250, 20, 20))
    decoded = pixels(decode(file(image, icc_profile=bytes(swapped))))
    assert decoded[0, 0, 2] > 200 > 100 > decoded[0, 0, 0]
    assert np.array_equal(pixels(decode(file(image, icc_profile=b"no profile"))), pixels(image))


def huge_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


def moving() -> bytes:
    return file(picture(), "WEBP", save_all=True, append_images=[picture("L").convert("RGB")])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"just text", "is not a PNG, JPEG, WebP or HEIC picture"),
        (file(picture(), "GIF"), "is not a PNG, JPEG, WebP or HEIC picture"),
        (file(picture(size=(400, 300)), "JPEG")[:2000], "is damaged or incomplete"),
        (file(picture(size=(400, 300)))[:900], "is damaged or incomplete"),
        (huge_png(40_000, 40_000), "has 40000x40000 pixels, 1600 million; 60 million are the most"),
        (file(picture(size=(1, 1))), "has 1x1 pixels; both sides must have 16 or more"),
        (moving(), "moves: it has 2 pictures in it"),
    ],
)
def test_refuses_in_words(data: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words):
        decode(data)


def test_the_main_picture_of_a_phones_jpeg_is_taken() -> None:
    stream = io.BytesIO()
    picture().save(stream, "MPO", save_all=True, append_images=[picture("L").convert("RGB")], quality=95)
    decoded = decode(stream.getvalue())
    assert np.abs(pixels(decoded) - pixels(picture())).mean() < 12


def test_a_very_wide_photo_is_fine() -> None:
    assert MOST_PIXELS > 30_000 * 16
    assert decode(file(Image.new("RGB", (30_000, 16)))).size == (30_000, 16)


def test_the_gate_names_the_file() -> None:
    with pytest.raises(PhotoRefused, match=r"notes.jpg is not a PNG, JPEG, WebP or HEIC picture"):
        plain_photo(b"just text", "notes.jpg")
    with pytest.raises(PhotoRefused, match=r"nothing.png is empty"):
        plain_photo(b"", "nothing.png")


def test_the_gate_limits_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "MOST_BYTES", 1_000_000)
    with pytest.raises(PhotoRefused, match=r"may have 1 MB; big.png has 2"):
        plain_photo(b"x" * 2_000_000, "big.png")


def test_a_dying_decoder_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    picture_gate._end_all()
    monkeypatch.setattr(picture_gate.sys, "executable", "/bin/false")
    with pytest.raises(PhotoRefused, match=r"odd.png cannot be opened: decoding it failed"):
        plain_photo(file(picture()), "odd.png")
