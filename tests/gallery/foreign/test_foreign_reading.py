"""The way in: real files against their manifest, every place of a text, and files that are none."""

import csv
import io
from pathlib import Path

import pytest

from gallery.errors import UnreadableImage
from gallery.foreign.adopting import with_recipe
from gallery.foreign.imported import Origin, imported_recipe
from gallery.foreign.reading import read_foreign
from gallery.foreign.recipe import ForeignEmbedding, ForeignRecipe
from gallery.metadata import jpeg_bytes, png_bytes, webp_bytes
from tests.gallery.foreign.foreign_files import encoded, exif, png, text_chunk, user_comment
from tests.gallery.samples import picture, recipe

REAL = Path(__file__).parents[2] / "data" / "recipes"
ROWS = list(csv.DictReader(io.StringIO((REAL / "MANIFEST.csv").read_bytes().decode(), newline="")))
INFOTEXT = (
    "a red dragon 竜 é\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 12, Size: 64x32"
)
TOOLS = {  # where the manifest calls it something else
    "AUTOMATIC1111 webui": "AUTOMATIC1111",
    "AUTOMATIC1111 webui (text chunk after IDAT)": "AUTOMATIC1111",
    "Civitai on-site generator": "Civitai",
    "ComfyUI + Save Image Extended": "ComfyUI",
    "ComfyUI + SaveImageWithMetaData": "ComfyUI",
    "StabilityMatrix Inference": "StabilityMatrix",
}
UNREAD = {  # what the manifest leaves empty, or gives as a link inside a graph
    "sd-metadata__comfyui-comfyroll.png": (942975376742792, "1024x1024", "waiNSFWIllustrious_v140.safetensors"),
    "sd-metadata__comfyui-save-image-extended.jpeg": (
        813617545434765,
        "1024x1024",
        "waiIllustriousSDXL_v160.safetensors",
    ),
    "sd-metadata__comfyui.png": (422847914351919, "1024x1024", "waiIllustriousSDXL_v160.safetensors"),
    "sd-metadata__civitai.jpeg": (1311178179, "1024x1024", "WAI-illustrious-SDXL"),
    "sd-metadata__invokeai.png": (3951921344, "1024x1024", "waiIllustriousSDXL_v160"),
    "sd-metadata__novelai-full.png": (2043807047, "832x1216", "NovelAI Diffusion V4.5"),
    "sd-metadata__ruined-fooocus.png": (2020047614, "1024x1024", "waiNSFWIllustrious_v150.safetensors"),
    "sd-metadata__swarmui.jpg": (697543491, "1024x1024", "waiIllustriousSDXL_v160"),
    "sd-metadata__swarmui.png": (2083100758, "1024x1024", "waiIllustriousSDXL_v160"),
    "sd-metadata__tensorart.png": (3036459311, "1024x1024", "WAI-Nsfw-Illustrious-16"),
}


@pytest.mark.parametrize("row", [row for row in ROWS if "empty" not in row["file"]], ids=lambda row: row["file"])
def test_real_files_say_what_their_manifest_says(row):
    found = read_foreign(REAL / row["file"])
    assert found.tool == TOOLS.get(row["tool"], row["tool"])
    begins = row["prompt begins"].replace("\n\\n", "\n").replace("\\n", "\n").split("<lora:")[0]  # CR LF in one file
    assert found.prompt.startswith(begins or "general, masterpiece")
    for name in ("seed", "steps", "guidance"):
        assert not row[name] or getattr(found, name) == float(row[name])
    for name in ("sampler", "schedule"):
        assert not row[name] or getattr(found, name) == row[name]
    seed, size, model = UNREAD.get(row["file"], (found.seed, row["size"], row["model"]))
    assert found.seed == seed
    assert f"{found.width}x{found.height}" == size
    assert found.model == model


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
        png(text_chunk("parameters", INFOTEXT.encode().decode("cp1252"), "iTXt")),
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


@pytest.mark.parametrize("encode", [png_bytes, jpeg_bytes, webp_bytes])
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


@pytest.mark.parametrize("name", ["sd-metadata__forge-neo.png", "sd-metadata__invokeai.png", "sd-metadata__empty.jpg"])
def test_a_picture_that_was_brought_in_says_what_its_tool_wrote(name):
    """Also where the gallery's file has the studio's envelope alone."""
    theirs = read_foreign(REAL / name)
    kept = imported_recipe(theirs, Origin(name, "", "PNG", 0.0, as_it_is=False))
    assert read_foreign(png_bytes(picture(), kept)) == theirs
    if name.endswith("png"):
        assert read_foreign(with_recipe((REAL / name).read_bytes(), kept)) == theirs


def test_embeddings_of_a_picture_that_was_brought_in_come_back_too():
    theirs = ForeignRecipe("AUTOMATIC1111", "a castle", embeddings=(ForeignEmbedding("bad", "aa7651be154c"),))
    kept = imported_recipe(theirs, Origin("a.png", "", "PNG", 0.0, as_it_is=False))
    assert read_foreign(png_bytes(picture(), kept)) == theirs
