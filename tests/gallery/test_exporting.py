"""File names, archives and contact sheets of pictures that are in the gallery."""

import csv
import io
import json
import re
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import text

from gallery.errors import BadPattern, SheetRefused
from gallery.exporting.archive import FORMS, Wanted, write_zip
from gallery.exporting.contact_sheet import PAGE, PER_PAGE, write_pdf, write_sheet
from gallery.exporting.names import FIELDS, NamePattern, Names
from gallery.metadata import read_digital_source, read_recipe
from gallery.records import ImageRecord
from tests.gallery.samples import HARD_PROMPTS, picture, recipe


def record(title: str = "a castle", **changes) -> ImageRecord:
    values = {"id": "01KB0000000000000000ABCDEF", "created_at": 1_790_000_000.0, "owner": "artist", "job_id": None}
    values |= {"job_index": None, "kind": "text_to_image", "title": title, "negative_prompt": "", "model": "mini"}
    values |= {"seed": 42, "width": 64, "height": 48, "sha256": "0" * 64, "size_bytes": 1, "recipe_values": None}
    return ImageRecord(**{**values, **changes})


@pytest.fixture
def kept(gallery):
    """Pictures of prompts that are hard to write down, oldest first."""
    return [gallery.save(picture(number), recipe(prompt)) for number, prompt in enumerate(HARD_PROMPTS)]


def zipped(gallery, records, **wanted) -> tuple[zipfile.ZipFile, object]:
    stream = io.BytesIO()
    written = write_zip(stream, gallery, records, Wanted(**wanted))
    return zipfile.ZipFile(stream), written


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{title}_{seed}_{short_id}", "a-castle_42_abcdef"),
        ("{width}x{height} {model}", "64x48 mini"),
        ("{number}-{id}", "0007-01KB0000000000000000ABCDEF"),
        ("plain words", "plain words"),
        ("con", "_con"),
        ("{title}.", "a-castle"),
    ],
)
def test_a_pattern_names_a_file(pattern, name):
    assert NamePattern(pattern).name(record(), 7) == name


def test_what_a_picture_does_not_have_leaves_no_gap():
    assert NamePattern("{title}_{seed}_{kind}").name(record("", seed=None), 1) == "text_to_image"


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("", "1 to 100 characters; got 0"),
        ("x" * 101, "got 101"),
        ("{titel}", "got {titel}"),
        ("{seed:08}", "got {seed:08}"),
        ("{seed!r}", "got {seed!r:}"),
        ("{title.__class__}", "got {title.__class__}"),
        ("{}", "got {}"),
        ("{seed", "Close each bracket"),
        ("seed}", "Close each bracket"),
        ("a/{seed}", "'/'"),
        ("{seed}?", "'?'"),
        ("a\n{seed}", r"'\n'"),
    ],
)
def test_a_wrong_pattern_is_said_in_words(pattern, reason):
    with pytest.raises(BadPattern, match=re.escape(reason)):
        NamePattern(pattern)


@settings(max_examples=25)
@given(st.text(max_size=300), st.text(max_size=300))
def test_every_name_is_one_that_windows_takes(title, model):
    name = NamePattern("".join(f"{{{field}}}" for field in FIELDS)).name(record(title, model=model), 1)
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', name)
    assert name == name.strip(" .")
    assert 1 <= len(name.encode()) <= 180


def test_equal_names_are_numbered_also_where_only_case_differs():
    names = Names(NamePattern("{title}"), {"a-castle_2.png": "another"})
    titles = ["a castle", "A Castle", "a castle"]
    given = [names.of(record(title, id=f"id {number}"), ".png") for number, title in enumerate(titles)]
    assert given == ["a-castle.png", "A-Castle_3.png", "a-castle_4.png"]


def test_an_archive_has_the_files_and_every_recipe(gallery, kept):
    archive, written = zipped(gallery, kept, recipes="json")
    rows = json.loads(archive.read("recipes.json"))

    assert (written.count, written.failures, archive.testzip()) == (len(kept), (), None)
    for row, image in zip(rows, kept, strict=True):
        assert archive.read(row["file_name"]) == gallery.png(image.id)
        assert row["recipe"] == image.recipe.to_dict()
    assert set(archive.namelist()) == {row["file_name"] for row in rows} | {"recipes.json"}


def test_recipes_as_csv_are_no_formulas(gallery):
    image = gallery.save(picture(), recipe("=1+1", seed=2**64 - 1))
    archive, _ = zipped(gallery, [image])
    (row,) = csv.DictReader(io.TextIOWrapper(archive.open("recipes.csv"), "utf-8-sig", newline=""))

    assert (row["prompt"], row["seed"], row["num_inference_steps"]) == ("'=1+1", str(2**64 - 1), "20")
    assert json.loads(row["recipe"])["request"]["prompt"] == "=1+1"


@pytest.mark.parametrize("moment", [1e300, 252_999_999_999.0, -5.0])
def test_a_picture_of_an_impossible_moment_is_in_the_archive(gallery, database, moment):
    image = gallery.save(picture(), recipe())
    with database.write() as session:
        session.execute(text("UPDATE images SET created_at = :moment"), {"moment": moment})
    archive, written = zipped(gallery, [gallery.get(image.id)])
    assert (written.count, archive.testzip()) == (1, None)


@pytest.mark.parametrize("form", FORMS)
def test_pictures_have_the_form_that_was_asked_for(gallery, form):
    image = gallery.save(picture(1, "RGBA"), recipe())
    archive, _ = zipped(gallery, [image], form=form, pattern=NamePattern("{seed}"))
    data = archive.read(f"42.{form}")

    with Image.open(io.BytesIO(data)) as opened:
        assert opened.format == {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}[form]
        assert opened.size == (24, 16)
        if form == "webp":
            assert "a red dragon" in opened.getexif().get_ifd(0x8769)[0x9286].decode("utf-16-be", "ignore")
            assert b"trainedAlgorithmicMedia" in opened.info["xmp"]
    if form != "webp":
        assert read_recipe(data).seed == 42
        assert read_digital_source(data)


def test_a_damaged_picture_is_named_and_the_others_are_there(gallery, kept, tmp_path):
    gallery.path(kept[1].id).write_bytes(b"not a picture")
    target = tmp_path / "all.zip"
    written = write_zip(target, gallery, kept)
    with zipfile.ZipFile(target) as archive:
        said = archive.read("not-included.txt").decode()

    assert (written.count, len(written.failures)) == (len(kept) - 1, 1)
    assert kept[1].id in said
    assert [path.name for path in tmp_path.glob("*.zip*")] == ["all.zip"]


def test_a_contact_sheet_has_twenty_pictures_a_page(gallery, kept, tmp_path):
    many = (kept * PER_PAGE)[: PER_PAGE + 1]
    gallery.path(kept[1].id).write_bytes(b"not a picture")
    gallery.files.thumbnail(kept[1].id).unlink()
    stream = io.BytesIO()
    write_pdf(stream, gallery, many)

    assert stream.getvalue().startswith(b"%PDF-")
    assert re.findall(rb"/Count (\d+)", stream.getvalue())[-1] == b"2"
    assert [path.name for path in write_sheet(tmp_path / "s.png", gallery, kept)] == ["s.png"]
    with Image.open(tmp_path / "s.png") as page:
        assert page.size == PAGE
        assert len(page.getcolors(PAGE[0] * PAGE[1])) > 100


def test_a_contact_sheet_that_is_not_made_says_why(gallery, kept, tmp_path):
    for name, records, reason in (
        ("sheet.gif", kept, ".pdf or .png"),
        ("sheet.pdf", [], "got 0"),
        ("sheet.png", kept * 100, f"got {100 * len(kept)}"),
    ):
        with pytest.raises(SheetRefused, match=reason):
            write_sheet(tmp_path / name, gallery, records)
    assert not list(tmp_path.glob("sheet*"))
