"""Files made to break readers: they say nothing or their recipe, in bounded time and memory, and raise named errors."""

import json
import random
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.errors import UnreadableImage
from gallery.foreign.containers.texts import MOST_TEXT_BYTES, MOST_TEXTS
from gallery.foreign.reading import read_foreign, read_texts
from gallery.foreign.recipe import ForeignRecipe
from tests.gallery.foreign.foreign_files import chunk, encoded, exif, png, png_texts, text_chunk

REAL = sorted((Path(__file__).parents[2] / "data" / "recipes").glob("sd-*"))
WHOLE = [path.read_bytes() for path in REAL]
LINE = "a castle\nNegative prompt: blurry\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1"
KEYS = ("parameters", "prompt", "workflow", "Comment", "UserComment", "invokeai_metadata", "sd-metadata", "Dream",
        "generation_data", "parameters-json", "Software", "use_stable_diffusion_model", "XMP UserComment")  # fmt: skip


def survives(data: bytes) -> None:
    try:
        found = read_foreign(data)
    except UnreadableImage:
        pass
    else:
        assert found is None or (isinstance(found, ForeignRecipe) and found.tool)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_damaged_real_files_raise_nothing_else(seed, count):
    draw = random.Random(seed)
    data = bytearray(draw.choice(WHOLE))
    for _ in range(count):
        at = draw.randrange(len(data) or 1)
        action = draw.randrange(4)
        if action == 0:
            data[at : at + 1] = bytes([draw.randrange(256)])
        elif action == 1:
            del data[at : at + draw.randrange(1, 9)]
        elif action == 2:
            data[at:at] = draw.choice((b"{", b"[", b'"', b"null", b"1e999", b"\xff\xff\xff\xff", b"NaN", b"-"))
        else:
            data = data[: max(8, at)] if draw.randrange(20) == 0 else data
    survives(bytes(data))


@st.composite
def broken_json(draw) -> str:
    """The JSON of a real file with some of its values replaced by others."""
    values = json.loads(draw(st.sampled_from(REAL_JSON)))
    for _ in range(draw(st.integers(1, 8))):
        holder = values
        for _ in range(draw(st.integers(1, 4))):
            keys = list(holder) if isinstance(holder, dict) else range(len(holder))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            inner = holder[key]
            if not isinstance(inner, (dict, list)) or draw(st.booleans()):
                holder[key] = draw(ODD)
                break
            holder = inner
    return json.dumps(values)


ODD = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just(10**400)),
    st.sampled_from(["[]", "{}", '["4", 0]', '["3", 1]', "[[]]", '{"__value__": [1]}', '{"a": {"b": []}}']).map(
        json.loads
    ),
)


def real_json() -> list[str]:
    found = []
    for data in WHOLE:
        for text in data.replace(b"\0\0\0\0", b"").split(b"\0"):
            if text.startswith(b"{") and b"}" in text:
                try:
                    found.append(json.dumps(json.loads(text[: text.rindex(b"}") + 1])))
                except ValueError:
                    continue
    return found


REAL_JSON = real_json()


def test_there_is_real_json_to_break():
    assert len(REAL_JSON) >= 10
    assert any("class_type" in text for text in REAL_JSON)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), broken_json() | st.text(max_size=60), min_size=1, max_size=4))
def test_broken_texts_and_graphs_raise_nothing(texts):
    found = read_texts(texts)
    assert found is None or json.dumps(found.not_understood) is not None


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"II*\0", b"MM\0*"]))
def test_any_exif_is_survived(data, head):
    survives(encoded("JPEG", exif=b"Exif\0\0" + head + data))


BOMB = b"parameters\0\0" + zlib.compress(bytes(200 << 20), 9)


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (png(chunk(b"zTXt", BOMB), text_chunk("Comment", LINE)), "larger than a recipe"),
        (
            png(text_chunk("parameters", "x" * (MOST_TEXT_BYTES + 1)), text_chunk("Comment", LINE)),
            "larger than a recipe",
        ),
        (png(*(text_chunk(f"k{n}", "x") for n in range(MOST_TEXTS)), text_chunk("parameters", LINE)), "larger"),
        (encoded("JPEG", exif=exif({0x9286: LINE.encode()}), comment=b"[" * 60_000), ""),
    ],
)
def test_texts_beyond_the_bounds_are_left_out_and_that_is_said(data, note):
    tracemalloc.start()
    try:
        found = read_foreign(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * MOST_TEXT_BYTES + len(data)
    assert found is None or (found.seed == 1 and note in " ".join(found.notes))


@pytest.mark.parametrize("key", ["prompt", "workflow", "parameters", "invokeai_metadata", "Comment", "sd-metadata"])
@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"prompt":' + '{"1":' * 900 + "1" + "}" * 901,
        '{"seed":' + "9" * 100_000 + "}",
        '{"1": {"class_type": "KSampler", "inputs": {"seed": ' + "9" * 4000 + ', "steps": 1e400, "cfg": -Infinity}}}',
        "<lora:" * 20_000,
        " " * 100_000 + "x",
        "aa:" * 30_000 + '"' * 1000,
        "(" * 100_000,
    ],
    ids=range(9),
)
def test_texts_made_to_take_long_do_not(key, text):
    found = read_texts({key: text})
    assert found is None or found.seed is None


def test_a_hundred_megabytes_of_text_are_passed_over():
    body = b"parameters\0" + bytes(100 << 20)
    data = png(struct.pack(">I", len(body)) + b"tEXt" + body + bytes(4), text_chunk("Comment", LINE))
    assert read_foreign(data).seed == 1


def test_a_directory_of_exif_that_points_to_itself_ends():
    block = b"MM\0\x2a" + struct.pack(">IHHHIII", 8, 1, 0x8769, 4, 1, 8, 8)
    assert read_foreign(encoded("JPEG", exif=b"Exif\0\0" + block)) is None


def test_pixels_that_are_a_bomb_are_not_decoded():
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 20)))
        + chunk(b"IEND", b"")
    )
    assert read_foreign(data) is None


@pytest.mark.parametrize("noise", [b"", b"\0" * 40, bytes(range(256))])
def test_texts_of_other_programs_are_no_recipes(noise):
    info = png_texts(Software="Adobe Photoshop 25.0", Description="Steps to the castle", Author="a: b, c: d")
    assert read_foreign(info) is None
    assert read_foreign(encoded("JPEG", comment=b"CREATOR: gd-jpeg v1.0, quality = 90" + noise)) is None
