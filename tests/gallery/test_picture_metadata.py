import io
import json
import struct
import zlib
from contextlib import suppress
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from gallery.errors import ImageRefused, UnreadableImage
from gallery.infotext import format_parameters, parse_parameters
from gallery.metadata import (
    can_keep,
    jpeg_bytes,
    png_bytes,
    read_digital_source,
    read_recipe,
    read_record,
    webp_bytes,
)
from gallery.words import COMPOSITE, TRAINED
from tests.gallery.samples import HARD_PROMPTS, parameters, picture, recipe

UNDEFINED = 7


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def png_with(**texts: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        info.add_itxt(key, value)
    buffer = io.BytesIO()
    picture().save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_png_keeps_every_pixel(mode):
    image = picture(mode=mode)
    again = opened(png_bytes(image, recipe()))
    assert (again.mode, again.size, again.tobytes()) == (mode, image.size, image.tobytes())


@pytest.mark.parametrize("prompt", HARD_PROMPTS)
def test_png_carries_recipe_and_parameters(prompt):
    data = png_bytes(picture(), recipe(prompt), parameters=parameters(recipe(prompt)))
    assert read_recipe(data) == recipe(prompt)
    assert opened(data).text["parameters"] == format_parameters(parameters(recipe(prompt)))


@pytest.mark.parametrize("prompt", HARD_PROMPTS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_jpeg_carries_recipe_and_parameters(prompt, mode):
    data = jpeg_bytes(picture(mode=mode), recipe(prompt), parameters=parameters(recipe(prompt)))
    assert read_recipe(data) == recipe(prompt)
    comment = opened(data).getexif().get_ifd(0x8769)[0x9286]
    assert comment[:8] == b"UNICODE\0"
    assert comment[8:].decode("utf-16-be") == format_parameters(parameters(recipe(prompt)))


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_prompt_comes_back_from_both_kinds_of_file(prompt, negative):
    made = recipe(request={"prompt": prompt, "negative_prompt": negative})
    assert read_recipe(png_bytes(picture(), made)) == made
    assert read_recipe(jpeg_bytes(picture(), made)) == made


def test_where_other_tools_could_read_nothing_true_there_is_nothing():
    png, jpeg = opened(png_bytes(picture(), recipe())), opened(jpeg_bytes(picture(), recipe()))
    assert "parameters" not in png.text
    assert 0x8769 not in jpeg.getexif()
    assert read_recipe(png_bytes(picture(), recipe())) == read_recipe(jpeg_bytes(picture(), recipe())) == recipe()


def test_user_comment_has_the_type_that_other_tools_need():
    data = jpeg_bytes(picture(), recipe(), parameters=parameters(recipe()))
    at = data.index(b"Exif\0\0") + 6
    assert data[at : at + 4] == b"MM\0\x2a"
    (pointer,) = struct.unpack(">I", data[at + 18 : at + 22])
    count, tag, kind = struct.unpack(">HHH", data[at + pointer : at + pointer + 6])
    assert (count, tag, kind) == (1, 0x9286, UNDEFINED)


def test_a_prompt_too_long_for_exif_keeps_the_complete_recipe():
    made = recipe("漫" * 70_000)
    data = jpeg_bytes(picture(), made, parameters=parameters(made))
    assert read_recipe(data) == made
    text = opened(data).getexif().get_ifd(0x8769)[0x9286][8:].decode("utf-16-be")
    assert parse_parameters(text)["Steps"] == "20"


def segments(jpeg: bytes) -> list[tuple[int, bytes]]:
    """Markers and contents in front of the picture's own data, read as the format says, without a library."""
    found, at = [], 2
    while jpeg[at + 1] != 0xDA:
        assert jpeg[at] == 0xFF
        size = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        found.append((jpeg[at + 1], jpeg[at + 4 : at + 2 + size]))
        at += 2 + size
    return found


def test_jpeg_has_no_comment_which_another_tool_would_take_for_its_own():
    for made in (recipe(), recipe("漫" * 70_000)):
        data = jpeg_bytes(picture(), made, parameters=parameters(made))
        found = segments(data)
        assert "comment" not in opened(data).info
        assert 0xFE not in [marker for marker, _ in found]
        ours = [content for marker, content in found if marker == 0xE9]
        assert b"".join(part.removeprefix(b"niji-studio\0recipe\0") for part in ours).startswith(b'{"kind"')
        assert opened(data).tobytes() == opened(jpeg_without_recipe(made)).tobytes()


def jpeg_without_recipe(made) -> bytes:
    buffer = io.BytesIO()
    picture().save(buffer, "JPEG", quality=92, subsampling=0)
    return buffer.getvalue()


@pytest.mark.parametrize("prompt", [*HARD_PROMPTS, "漫" * 30_000])
def test_the_recipe_in_a_jpeg_of_an_earlier_version_is_read(prompt):
    text = json.dumps(recipe(prompt).to_dict()).encode("ascii")
    pieces = [b"studio_recipe:" + text[at : at + 60_000] for at in range(0, len(text), 60_000)]
    comments = b"".join(b"\xff\xfe" + struct.pack(">H", len(piece) + 2) + piece for piece in pieces)
    plain = jpeg_without_recipe(recipe(prompt))
    assert read_recipe(plain[:20] + comments + plain[20:]) == recipe(prompt)  # behind the 18 bytes of APP0


# -- the mark of pictures that a machine made

ADOBE, RDF = "{adobe:ns:meta/}", "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


def marks(packet: str | bytes) -> list[str | None]:
    """The digital source types in an XMP packet, read as XML."""
    root = ElementTree.fromstring(packet)
    assert root.tag == f"{ADOBE}xmpmeta"
    return [element.text for element in root.findall(f"{RDF}RDF/{RDF}Description/{IPTC}")]


@pytest.mark.parametrize("source", [TRAINED, COMPOSITE])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_every_picture_carries_its_mark(source, mode):
    png = png_bytes(picture(mode=mode), recipe(), digital_source=source)
    jpeg = jpeg_bytes(picture(mode=mode), recipe("漫" * 70_000), digital_source=source, parameters=_SAID)
    expected = [f"http://cv.iptc.org/newscodes/digitalsourcetype/{source}"]
    assert marks(opened(png).text["XML:com.adobe.xmp"]) == expected
    (xmp,) = (part for marker, part in segments(jpeg) if part.startswith(b"http://ns.adobe.com/xap/1.0/\0"))
    assert marks(xmp.partition(b"\0")[2]) == marks(opened(jpeg).info["xmp"]) == expected
    assert read_digital_source(png) == read_digital_source(jpeg) == source
    assert opened(png).tobytes() == picture(mode=mode).tobytes()


def test_pictures_without_a_mark():
    assert read_digital_source(png_with(parameters="a cat")) == ""
    assert read_digital_source(jpeg_without_recipe(recipe())) == ""
    assert read_digital_source(png_with(**{"XML:com.adobe.xmp": "<x>DigitalSourceType</x>"})) == ""


def test_jpeg_has_nearly_the_same_pixels():
    image = Image.linear_gradient("L").convert("RGB")
    again = opened(jpeg_bytes(image, recipe(), quality=95))
    pairs = zip(image.tobytes(), again.tobytes(), strict=True)
    assert max(abs(a - b) for a, b in pairs) <= 4


def test_transparent_becomes_white_in_jpeg():
    data = jpeg_bytes(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), recipe())
    assert opened(data).getpixel((4, 4)) == (255, 255, 255)


def test_nothing_that_came_with_the_picture_leaks_into_the_file():
    image = picture()
    image.info.update(comment=b"secret", icc_profile=b"secret", exif=b"secret", xmp=b"secret")
    for data in (png_bytes(image, recipe()), jpeg_bytes(image, recipe())):
        assert b"secret" not in data
    assert image.info["comment"] == b"secret"


def test_the_record_names_the_job():
    data = png_bytes(picture(), recipe(), {"job_id": "0" * 26, "job_index": 3})
    assert read_record(data) == {"job_id": "0" * 26, "job_index": 3}
    assert read_record(png_bytes(picture(), recipe())) == {}


@pytest.mark.parametrize("text", ["", "{", "null", "[1]", "7", '{"a":' * 5000, "[" * 200_000, '"x"'])
def test_text_that_is_no_recipe_reads_as_none(text):
    assert read_recipe(png_with(studio_recipe=text)) is None
    assert read_record(png_with(studio_record=text)) == {}


def test_pictures_of_other_tools_carry_no_recipe():
    assert read_recipe(png_with(parameters="a cat\nSteps: 1, Seed: 1, Size: 8x8", prompt="{}")) is None
    buffer = io.BytesIO()
    picture().save(buffer, "JPEG", comment=b"made elsewhere")
    assert read_recipe(buffer.getvalue()) is None


def test_a_recipe_beyond_the_limit_is_not_read():
    assert read_recipe(png_with(studio_recipe=json.dumps({"kind": "x" * (1 << 20)}))) is None


def test_a_compressed_recipe_is_read_and_a_bomb_is_refused():
    def with_chunk(text: bytes) -> bytes:
        body = b"zTXtstudio_recipe\0\0" + zlib.compress(text)
        plain = png_with()
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return plain[:33] + chunk + plain[33:]

    assert read_recipe(with_chunk(b'{"kind": "zipped"}')).kind == "zipped"
    with pytest.raises(UnreadableImage):
        read_recipe(with_chunk(b"x" * (64 << 20)))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, about the broken EXIF
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_files_read_as_recipe_none_or_unreadable(data):
    original = data.draw(st.sampled_from(_ORIGINALS))
    at = data.draw(st.integers(0, len(original) - 1))
    junk = data.draw(st.binary(max_size=8))
    mutated = original[:at] + junk + original[at + data.draw(st.integers(0, 12)) :]
    with suppress(UnreadableImage):
        read_recipe(mutated)
        read_record(mutated)
        read_digital_source(mutated)


_SAID = parameters(recipe())
_ORIGINALS = [png_bytes(picture(), recipe(), parameters=_SAID), jpeg_bytes(picture(), recipe(), parameters=_SAID)]


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"%!PS-Adobe", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_other_files_are_unreadable(data, tmp_path):
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(UnreadableImage, match=r"x\.png"):
        read_recipe(tmp_path / "x.png")


def test_a_missing_file_is_unreadable(tmp_path):
    with pytest.raises(UnreadableImage, match="gone"):
        read_recipe(tmp_path / "gone.png")


def test_modes_and_sizes_that_are_not_kept():
    with pytest.raises(ImageRefused, match="mode RGB, RGBA, L; got CMYK"):
        png_bytes(Image.new("CMYK", (8, 8)), recipe())
    with pytest.raises(ImageRefused, match="to 67 million pixels and 16,383 on a side; got 16384x1"):
        jpeg_bytes(Image.new("L", (16_384, 1)), recipe())
    assert read_recipe(webp_bytes(Image.new("L", (16_383, 1)), recipe())) == recipe()
    assert (can_keep(8192, 8192), can_keep(8193, 8192), can_keep(10_000, 6_000)) == (True, False, True)
    with pytest.raises(ImageRefused, match="quality must be from 1 to 95; got 100"):
        jpeg_bytes(picture(), recipe(), quality=100)
