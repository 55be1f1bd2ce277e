"""Whoever opens a picture sees the same pixels: upright 8-bit RGB in sRGB."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from engine.datasets.pictures import open_picture
from engine.errors import NotFound, UnsafeFile
from engine.images import from_pil, from_png
from engine.metrics.picture_sets import picture_set
from engine.picture_files import ORIENTATION, pictures_in, plain, read_picture, to_rgb
from engine.safety.photos import plain_photo
from engine.training.photo_folders import PhotoFolder

SIDE = 64  # the least that all of them take
# Display P3: chromaticities brought to D50, as its profiles hold them; the tone curve is sRGB's.
P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))


def number(value: float) -> bytes:
    """s15Fixed16Number of the ICC specification."""
    return struct.pack(">i", round(value * 65536))


def tag(kind: bytes, *values: float) -> bytes:
    return kind + b"\0\0\0\0" + b"".join(map(number, values))


def curve(gamma: float | None) -> bytes:
    """A tone curve: a power, or sRGB's own, which is parametric of type 3."""
    if gamma is None:
        return b"para\0\0\0\0\0\3\0\0" + b"".join(map(number, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)))
    return b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0)


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A display profile of version 4."""
    at, table, data = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", at + len(data), len(content))
        data += content
    head = struct.pack(">I4sI4s4s4s", at + len(data), b"\0\0\0\0", 0x04000000, b"mntr", space, b"XYZ ")
    head += b"\0" * 12 + b"acsp" + b"\0" * 28 + b"".join(map(number, (0.9642, 1.0, 0.8249)))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def odd_exif(turn: int) -> bytes:
    """EXIF whose tag Make, a text, is a rational number, as some writers have it."""
    make, orientation = struct.pack(">HHII", 0x010F, 5, 1, 38), struct.pack(">HHIHH", ORIENTATION, 3, 1, turn, 0)
    return b"Exif\0\0MM\0\x2a" + struct.pack(">IH", 8, 2) + make + orientation + struct.pack(">III", 0, 7, 2)


def display_p3() -> bytes:
    colours = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), (tag(b"XYZ ", *column) for column in P3), strict=True))
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve(None))
    return profile(b"RGB ", {b"wtpt": tag(b"XYZ ", 0.9642, 1.0, 0.8249), **colours, **curves})


def grey_gamma(gamma: float) -> bytes:
    return profile(b"GRAY", {b"wtpt": tag(b"XYZ ", 0.9642, 1.0, 0.8249), b"kTRC": curve(gamma)})


def colours() -> Image.Image:
    """Steps of colour and grey, as an artist's sheet."""
    rows = [(200, 40, 30), (30, 160, 60), (40, 60, 190), (128, 128, 128), (250, 250, 250), (12, 12, 12)]
    pixels = np.array([rows[(x // 11) % 6] for x in range(SIDE)], np.uint8)
    return Image.fromarray(np.broadcast_to(pixels, (SIDE, SIDE, 3)).copy())


def srgb_from_p3(pixels: np.ndarray) -> np.ndarray:
    """By the definition: P3 to linear light, to XYZ, to sRGB; (..., 3) uint8 to floats of 0 to 255."""
    to_xyz = np.array(P3).T
    from_srgb = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.7141]])
    unit = pixels / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    light = (linear @ to_xyz.T @ np.linalg.inv(from_srgb).T).clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def saved(image: Image.Image, folder: Path, name: str = "picture.png", **options: object) -> Path:
    image.save(folder / name, **options)
    return folder / name


READERS: dict[str, Callable[[Path], np.ndarray]] = {
    "read_picture": lambda path: np.asarray(read_picture(path)),
    "data sets": lambda path: np.asarray(open_picture(path)),
    "photos": lambda path: np.asarray(Image.open(io.BytesIO(plain_photo(path.read_bytes(), path.name).png))),
    "folders of training": lambda path: np.asarray(PhotoFolder(path.parent, 0).picture(0)),
    "sets of metrics": lambda path: pixels_of(picture_set([path]).read(0)),
    "engine.images": lambda path: pixels_of(from_png(path.read_bytes())[0]),
}


def pixels_of(tensor) -> np.ndarray:
    return ((tensor + 1) * 127.5).round().permute(1, 2, 0).numpy().astype(np.uint8)


def sixteen_bits() -> Image.Image:
    return Image.fromarray((np.arange(SIDE * SIDE).reshape(SIDE, SIDE) * 16).astype(np.uint16))


def see_through() -> Image.Image:
    picture = colours().convert("RGBA")
    picture.putalpha(128)
    return picture


CASES: dict[str, tuple[Callable[[], Image.Image], dict]] = {
    "RGB": (colours, {}),
    "grey of 16 bits": (sixteen_bits, {}),
    "half transparent": (see_through, {}),
    "grey with alpha": (lambda: see_through().convert("LA"), {}),
    "palette": (lambda: colours().quantize(6), {}),
    "palette with transparency": (lambda: colours().quantize(6), {"transparency": 2}),
    "black and white": (lambda: colours().convert("1"), {}),
    "Display P3": (colours, {"icc_profile": display_p3()}),
    "palette in Display P3": (lambda: colours().quantize(6), {"icc_profile": display_p3()}),
    "transparent in Display P3": (see_through, {"icc_profile": display_p3()}),
    "grey of gamma 1.8": (lambda: colours().convert("L"), {"icc_profile": grey_gamma(1.8)}),
    "grey with alpha, gamma 1.8": (lambda: see_through().convert("LA"), {"icc_profile": grey_gamma(1.8)}),
    "a broken profile": (colours, {"icc_profile": b"nonsense"}),
}


@pytest.mark.parametrize("reader", [name for name in READERS if name != "read_picture"])
@pytest.mark.parametrize("case", CASES)
def test_every_reader_sees_the_same(case, reader, tmp_path):
    make, options = CASES[case]
    path = saved(make(), tmp_path, **options)

    assert np.array_equal(READERS[reader](path), READERS["read_picture"](path))


def seen(case: str, tmp_path: Path) -> np.ndarray:
    make, options = CASES[case]
    return np.asarray(read_picture(saved(make(), tmp_path, **options))).astype(int)


def test_all_of_sixteen_bits_range_is_kept(tmp_path):
    expected = np.rint(np.asarray(sixteen_bits()) / 257)

    assert np.array_equal(seen("grey of 16 bits", tmp_path)[..., 0], expected)
    assert expected.max() == 255


def test_transparency_is_on_white(tmp_path):
    expected = np.asarray(colours()) * (128 / 255) + 255 * (1 - 128 / 255)

    assert np.abs(seen("half transparent", tmp_path) - expected).max() <= 1


@pytest.mark.parametrize("case", ["Display P3", "palette in Display P3"])
def test_colour_profiles_are_obeyed(case, tmp_path):
    expected = srgb_from_p3(np.asarray(colours()))
    found = seen(case, tmp_path)

    assert np.abs(found - expected).max() <= 2
    assert np.abs(found - np.asarray(colours()).astype(int)).max() > 10


def test_grey_profiles_are_obeyed(tmp_path):
    grey = np.asarray(colours().convert("L")) / 255
    light = grey**1.8
    expected = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)

    assert np.abs(seen("grey of gamma 1.8", tmp_path)[..., 0] - expected).max() <= 2


def test_a_grey_profile_takes_no_colours_away(tmp_path):
    found = np.asarray(read_picture(saved(colours(), tmp_path, icc_profile=grey_gamma(1.8))))

    assert np.array_equal(found, np.asarray(colours()))


def test_a_broken_profile_loses_nothing(tmp_path):
    assert np.array_equal(seen("a broken profile", tmp_path), np.asarray(colours()))


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_turns_although_its_other_tags_are_odd(turn, tmp_path):
    picture = Image.fromarray(np.random.default_rng(turn).integers(0, 256, (SIDE, SIDE + 8, 3), dtype=np.uint8))
    path = saved(picture, tmp_path, exif=odd_exif(turn))
    stored = np.asarray(picture)
    upright = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: stored[::-1].transpose(1, 0, 2),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: stored[:, ::-1].transpose(1, 0, 2),
    }[turn]

    for name, read in READERS.items():
        assert np.array_equal(read(path), upright), name


def test_a_picture_is_turned_and_converted_once(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    once = plain(Image.open(saved(colours(), tmp_path, exif=exif, icc_profile=display_p3())))

    assert np.array_equal(np.asarray(plain(once)), np.asarray(once))


def test_modes_that_no_file_has_become_rgb_too():
    assert to_rgb(Image.new("F", (1, 1), 7.4)).getpixel((0, 0)) == (7, 7, 7)
    assert to_rgb(Image.new("I", (1, 1), 65535)).getpixel((0, 0)) == (255, 255, 255)
    assert to_rgb(Image.new("HSV", (1, 1), (0, 0, 9))).getpixel((0, 0)) == (9, 9, 9)
    assert float(from_pil(Image.new("I;16", (1, 1), 65535)).max()) == 1.0


def test_a_file_that_is_no_picture_is_said(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(UnsafeFile, match=r"broken.png cannot be read as a picture: .*Leave it out"):
        read_picture(tmp_path / "broken.png")
    with pytest.raises(NotFound, match="There is no picture"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(NotFound, match=r"must hold \.png, \.jpg"):
        pictures_in(tmp_path / "..", suffixes=(".png", ".jpg"))


def test_the_profiles_of_these_tests_are_what_they_say():
    read = ImageCms.ImageCmsProfile(io.BytesIO(display_p3()))
    assert read.profile.xcolor_space.strip() == "RGB"
    assert ImageCms.ImageCmsProfile(io.BytesIO(grey_gamma(1.8))).profile.xcolor_space.strip() == "GRAY"
