"""The way in: real files against their manifest, every place of a text, and files that are none."""

import csv
import io
from pathlib import Path

import pytest

from gallery.errors import UnreadableImage
from gallery.foreign.reading import read_foreign
from gallery.metadata import jpeg_bytes, png_bytes
from tests.gallery.foreign.foreign_files import encoded, exif, png, text_chunk, user_comment
from tests.gallery.samples import picture, recipe

REAL = Path(__file__).parents[2] / "data" / "recipes"
ROWS = list(csv.DictReader(io.StringIO((REAL / "MANIFEST.csv").read_text("utf-8"), newline="")))
INFOTEXT = (
    "a red dragon 竜 é\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 12, Size: 64x32"
)
TOOLS = {
    "sd-parsers__text_after_idat.png": "AUTOMATIC1111",
    "sd-metadata__civitai.jpeg": "Civitai",
    "sd-metadata__sd-next.jpg": "SD.Next",
    "sd-metadata__easy-reforge.png": "reForge",
    "sd-metadata__forge-classic.png": "Forge Classic",
    "sd-metadata__forge-neo.png": "Forge Neo",
    "sd-metadata__sd-next.png": "SD.Next",
    "sd-metadata__sd-webui-hires.png": "AUTOMATIC1111",
}


@pytest.mark.parametrize("row", [row for row in ROWS if row["file"] in TOOLS], ids=lambda row: row["file"])
def test_real_files_say_what_their_manifest_says(row):
    found = read_foreign(REAL / row["file"])
    assert found.tool == TOOLS[row["file"]]
    begins = row["prompt begins"].replace("\\n", "\n").split("<lora:")[0]
    assert found.prompt.startswith(begins)
    for name in ("seed", "steps", "guidance"):
        assert not row[name] or getattr(found, name) == float(row[name])
    for name in ("sampler", "schedule"):
        assert not row[name] or getattr(found, name) == row[name]
    assert not row["size"] or f"{found.width}x{found.height}" == row["size"]
    assert not row["model"] or found.model == row["model"].removesuffix(".safetensors")


def test_a_picture_without_a_recipe_says_nothing():
    assert read_foreign(REAL / "sd-metadata__empty.jpg") is None
    assert read_foreign(encoded("WEBP")) is None
    assert read_foreign(png(text_chunk("Software", "GIMP"), text_chunk("Comment", "Created with GIMP"))) is None


@pytest.mark.parametrize(
    "data",
    [
        *(png(text_chunk("parameters", INFOTEXT, kind)) for kind in ("tEXt", "zTXt", "iTXt", "iTXt packed")),
        png(text_chunk("parameters", INFOTEXT, "zTXt"), behind=True),
        png(text_chunk("parameters", INFOTEXT.encode().decode("latin-1"), "iTXt")),
        *(encoded(form, exif=user_comment(INFOTEXT)) for form in ("JPEG", "WEBP", "PNG")),
        *(encoded(form, exif=user_comment(INFOTEXT, "<")) for form in ("JPEG", "WEBP")),
        encoded("JPEG", exif=user_comment(INFOTEXT, "<", "utf-16-le")),
        encoded("JPEG", exif=user_comment(INFOTEXT, ">", "utf-16-le")),
        encoded("JPEG", exif=user_comment(INFOTEXT, ">", "utf-16", head=b"UNICODE\0")),
        encoded("JPEG", exif=user_comment(INFOTEXT, encoding="utf-8")),
        encoded("JPEG", exif=user_comment(INFOTEXT, encoding="utf-8", head=b"ASCII\0\0\0")),
        encoded("JPEG", exif=user_comment(INFOTEXT, encoding="utf-8", head=bytes(8))),
        encoded("JPEG", exif=user_comment(INFOTEXT, encoding="utf-8", head=b"")),
        encoded("JPEG", exif=exif({0x9286: INFOTEXT.encode()})),
        encoded("JPEG", comment=INFOTEXT.encode()),
        encoded("JPEG", xmp=f'<x><exif:UserComment><rdf:Alt><rdf:li xml:lang="x-default">{INFOTEXT}'.encode()
                + b"</rdf:li></rdf:Alt></exif:UserComment></x>"),
    ],
)  # fmt: skip
def test_a_text_is_found_in_every_place(data):
    found = read_foreign(data)
    assert (found.tool, found.prompt, found.negative_prompt) == ("AUTOMATIC1111", "a red dragon 竜 é", "blurry")
    assert (found.seed, found.steps, found.guidance, found.width, found.height) == (12, 20, 7.0, 64, 32)


@pytest.mark.parametrize("encode", [png_bytes, jpeg_bytes])
def test_our_own_recipe_is_read_whole(encode):
    found = read_foreign(encode(picture(), recipe("a castle")))
    assert (found.tool, found.prompt, found.negative_prompt) == ("Niji Studio", "a castle", "blurry")
    assert (found.seed, found.steps, found.guidance) == (recipe().seed, 20, 7.5)
    assert (found.width, found.height) == (768, 512)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"a text", b"\x89PNG\r\n\x1a\n", encoded("JPEG")[:40]])
def test_what_is_no_picture_is_said(data):
    with pytest.raises(UnreadableImage, match="this file"):
        read_foreign(data)


def test_a_file_that_is_not_there_is_said(tmp_path):
    for path in (tmp_path, tmp_path / "none.png"):
        with pytest.raises(UnreadableImage, match="is none"):
            read_foreign(path)


def test_what_stands_before_the_damage_is_read():
    whole = png(text_chunk("parameters", INFOTEXT))
    found = read_foreign(whole[:-20])
    assert found.seed == 12
    assert "damaged" in found.notes[-1]
    with pytest.raises(UnreadableImage, match="damaged"):
        read_foreign(png()[:-20])
