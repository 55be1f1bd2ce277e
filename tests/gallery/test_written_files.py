"""Files that leave the studio, as the studio and as others read them: sd-parsers, piexif, Pillow and exiftool."""

import io
import json
import shutil
import subprocess

import piexif
import piexif.helper
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sd_parsers import ParserManager

from gallery import Recipe
from gallery.infotext import format_parameters, parse_parameters
from gallery.metadata import jpeg_bytes, png_bytes, read_digital_source, read_marks, read_recipe, webp_bytes
from gallery.words import COMPOSITE, TRAINED, Parameters
from tests.gallery.samples import picture, recipe

RIGHTS = {"dc:creator": ["Zoë <& Sons>", "李"], "dc:rights": ["© 2026 Zoë"], "photoshop:Credit": ["The Paper"]}
HURTING = [
    "龍と少女、夕焼け 🐉👩‍🎨",
    "quotes \" ' and \\, commas, and (weights:1.2) [less] {a|b} <lora:x:1>",
    "three lines\nSteps: 99, Sampler: none, Seed: 5, CFG scale: 1\nof words",
    "Steps: 1, Seed: 2, Size: 3x3, Model: none",
    "words\nNegative prompt: in the prompt, Steps: 3",
    "half a character \ud83d and a NUL \0 and a bell \a",
    "a & b < c > d ]]> <!-- --> <?xpacket end='r'?> &amp;",
    "漫🐉" * 16_000,
]


def said(made: Recipe) -> Parameters:
    """As the engine says it."""
    core = (("Steps", 20), ("Sampler", "DPM++ 2M"), ("Schedule type", "Karras"), ("CFG scale", 7.5))
    size = (("Seed", made.seed), ("Size", "24x16"))
    hashes = (("Model", "mini"), ("Lora hashes", "ink: 8c6dd764ceff, b: 5a4becfcc624"), ("Version", "niji-studio-1"))
    return Parameters(made.prompt, made.negative_prompt, (*core, *size), hashes)


def png(made: Recipe, **marks) -> bytes:
    return png_bytes(picture(), made, parameters=said(made), **marks)


def jpeg(made: Recipe, **marks) -> bytes:
    return jpeg_bytes(picture(), made, parameters=said(made), **marks)


def webp(made: Recipe, **marks) -> bytes:
    return webp_bytes(picture(), made, parameters=said(made), **marks)


KINDS = pytest.mark.parametrize("written", [png, jpeg, webp])


def negative_too(prompt: str) -> Recipe:
    return recipe(request={"prompt": prompt, "negative_prompt": f"no {prompt[:9_000]}"})


@KINDS
@pytest.mark.parametrize("prompt", HURTING, ids=range(len(HURTING)))
def test_prompts_that_hurt_come_back_with_the_whole_recipe(written, prompt):
    made = negative_too(prompt)
    data = written(made, rights=RIGHTS, digital_source=COMPOSITE)
    assert read_recipe(data) == made
    assert read_digital_source(data) == COMPOSITE
    assert {name: values for name, values in read_marks(data).items() if name in RIGHTS} == RIGHTS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@KINDS
@settings(max_examples=20, deadline=None)
@given(prompt=st.text(st.characters(), max_size=200), model=st.dictionaries(st.text(max_size=8), json_values))
def test_any_recipe_comes_back(written, prompt, model):
    made = recipe(prompt, model=model, notes=(prompt,))
    assert read_recipe(written(made)) == made


@KINDS
@settings(max_examples=25, deadline=None)
@given(
    prompt=st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=80) | st.sampled_from(HURTING[:5]),
    negative=st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=80) | st.sampled_from(HURTING[:5]),
)
def test_sd_parsers_reads_what_was_asked(written, prompt, negative):
    made = recipe(request={"prompt": prompt, "negative_prompt": negative})
    found = ParserManager().parse(io.BytesIO(written(made)))
    (sampler,) = found.samplers
    assert (sampler.name, sampler.model.name) == ("DPM++ 2M", "mini")
    assert sampler.parameters == {"scheduler": "Karras", "cfg_scale": "7.5", "seed": "42", "steps": "20"}
    for asked, read in ((prompt, sampler.prompts), (negative, sampler.negative_prompts)):
        assert [" ".join(each.value.split()) for each in read] == list(filter(None, [" ".join(asked.split())]))


@KINDS
@pytest.mark.parametrize("prompt", HURTING[:6], ids=range(6))
def test_a_reader_of_a1111s_own_finds_prompts_and_numbers(written, prompt):
    made = recipe(request={"prompt": prompt, "negative_prompt": prompt})
    fields = parse_parameters(parameters_in(written(made)))
    for key in ("Prompt", "Negative prompt"):
        assert fields[key].split() == made.prompt.split()
    assert [fields[key] for key in ("Steps", "Seed", "Size-1", "Lora hashes")] == [
        "20", "42", "24", "ink: 8c6dd764ceff, b: 5a4becfcc624",
    ]  # fmt: skip


def parameters_in(data: bytes) -> str:
    """What A1111 reads: the text of a PNG, else EXIF's UserComment by piexif, as it does."""
    with Image.open(io.BytesIO(data)) as image:
        if image.format == "PNG":
            return image.text["parameters"]
        exif = piexif.load(image.info["exif"])
    assert list(exif["Exif"]) == [piexif.ExifIFD.UserComment]
    return piexif.helper.UserComment.load(exif["Exif"][piexif.ExifIFD.UserComment])


@pytest.mark.parametrize("written", [jpeg, webp])
def test_piexif_reads_the_whole_text_or_its_end_where_room_is_short(written):
    made = recipe("漫" * 8_000)
    assert parameters_in(written(made)) == format_parameters(said(made))
    short = parameters_in(written(recipe("漫🐉" * 16_000)))
    assert len(short.encode("utf-16-be")) <= 60_000
    assert parse_parameters(short)["Steps"] == "20"


def test_webp_keeps_transparency_and_refuses_a_wrong_quality():
    made = recipe()
    with Image.open(io.BytesIO(webp_bytes(picture(mode="RGBA"), made))) as image:
        assert (image.format, image.mode) == ("WEBP", "RGBA")
        assert image.getchannel("A").tobytes() == picture(mode="RGBA").getchannel("A").tobytes()
    with pytest.raises(Exception, match="from 1 to 100; got 101"):
        webp_bytes(picture(), made, quality=101)


@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")
def test_exiftool_shows_mark_rights_and_parameters(tmp_path):
    made = recipe(HURTING[0])
    for written in (png, jpeg, webp):
        for source in (TRAINED, COMPOSITE):
            path = tmp_path / f"{written.__name__}-{source}.{written.__name__}"
            path.write_bytes(written(made, rights=RIGHTS, digital_source=source))
    command = ["exiftool", "-j", "-n", "-charset", "utf8", str(tmp_path)]
    rows = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert len(rows) == 6
    for row in rows:
        assert row["DigitalSourceType"].rsplit("/", 1)[1] == row["FileName"].split("-")[1].split(".")[0]
        assert (row["Creator"], row["Rights"], row["Credit"]) == (
            RIGHTS["dc:creator"], "© 2026 Zoë", "The Paper",
        )  # fmt: skip
        assert row.get("UserComment", row.get("Parameters", "")).startswith(HURTING[0])
        assert "Warning" not in row
