"""A folder of other tools' pictures, brought into the gallery through the real worker code."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.errors import InvalidRequest
from engine.importing.report import Report, report_of
from engine.jobs.schema import CANCELLED, FETCH, SUCCEEDED
from engine.studio import Studio
from engine.worker import Worker, fetch_work
from gallery.files import sha256
from gallery.foreign.adopting import chunk_of
from gallery.foreign.imported import MOST_TEXT
from tests.gallery.samples import recipe

PARAMETERS = (
    "a lighthouse in fog <lora:ink:0.8>\nNegative prompt: people\n"
    "Steps: 20, Sampler: Euler a, Schedule type: Karras, CFG scale: 6.5, Seed: 4294967299, Size: 24x16, "
    "Model hash: 0123456789, Model: dreamy, Lora hashes: \"ink: abcdef012345\", Version: v1.10.1"
)  # fmt: skip


def pixels(seed: int = 0, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (16, 24, 4), dtype=np.uint8)
    return Image.fromarray(values, "RGBA").convert(mode)


def png(image: Image.Image, parameters: str = "") -> bytes:
    texts, stream = PngInfo(), io.BytesIO()
    if parameters:
        texts.add_text("parameters", parameters)
    image.save(stream, "PNG", pnginfo=texts)
    return stream.getvalue()


def other(image: Image.Image, form: str, **more: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **more)
    return stream.getvalue()


@pytest.fixture
def bring_in(studio: Studio) -> Callable[..., Report]:
    worker = Worker(studio.settings, studio.database)
    handlers = fetch_work(studio.settings, worker.queue, studio.database)

    def bring_in(folder: Path, **values: object) -> Report:
        request = studio.request("imported", {"folder": str(folder), **values})
        job = studio.submit(request)
        worker.run_one(FETCH, handlers)
        ended = studio.job(job.id)
        assert ended.state == SUCCEEDED, ended.error
        report = report_of(studio.settings.home, job.id)
        assert report is not None
        assert list(ended.notes) == list(report.sentences())
        return report

    return bring_in


def test_every_file_is_kept_or_named_and_twice_changes_nothing(studio: Studio, tmp_path: Path, bring_in) -> None:
    folder = tmp_path / "outputs"
    (folder / "deeper").mkdir(parents=True)
    sound = {
        "with.png": png(pixels(1), PARAMETERS),
        "plain.png": png(pixels(2, "RGBA")),
        "grey.png": png(pixels(3, "L")),
        "palette.png": png(pixels(4, "P")),
        "deep.png": png(Image.fromarray(np.arange(384, dtype=np.uint16).reshape(16, 24) * 170)),
        "photo.jpg": other(pixels(5), "JPEG", exif=b"Exif\0\0" + other_exif()),
        "deeper/web.webp": other(pixels(6), "WEBP", lossless=True),
    }
    for name, data in {**sound, "same.png": sound["with.png"]}.items():
        (folder / name).write_bytes(data)
    (folder / "torn.png").write_bytes(sound["plain.png"][:-40])
    (folder / "words.png").write_text("no picture")
    (folder / "empty.jpg").touch()
    (folder / "words.txt").write_text("a caption")
    (tmp_path / "outside.png").write_bytes(png(pixels(7)))
    (folder / "out.png").symlink_to(tmp_path / "outside.png")
    (folder / "loop").symlink_to(folder)

    report = bring_in(folder)
    assert (report.taken, report.with_recipe, report.known, report.others) == (6, 1, 1, 1)
    assert set(report.refused) == {"torn.png", "words.png", "empty.jpg", "out.png"}
    report = bring_in(folder, recursive=True)
    assert (report.taken, report.known) == (1, 7)
    rows = studio.gallery.page().images
    assert {row.title for row in rows} == {"a lighthouse in fog", *(set(sound) - {"with.png"})}
    all_rows = {row.id: row for row in rows}
    studio.gallery.delete([rows[0].id])  # what lies in the trash was not forgotten
    assert bring_in(folder, recursive=True).taken == 0
    studio.gallery.restore([rows[0].id])
    assert {row.id: row for row in studio.gallery.page().images} == all_rows

    for row in rows:
        file = row.recipe.request["file"]
        assert file["sha256"] == sha256(sound[file["name"]])
        with Image.open(io.BytesIO(sound[file["name"]])) as was, Image.open(studio.gallery.path(row.id)) as kept:
            wide = file["name"] == "deep.png"
            before = np.rint(np.asarray(was) / 257) if wide else np.asarray(was.convert("RGBA"))
            assert np.array_equal(before, np.asarray(kept.convert("L" if wide else "RGBA")))
        assert studio.gallery.thumbnail(row.id)
        assert studio.gallery.jpg(row.id)
        if file["name"] in ("with.png", "plain.png", "grey.png", "palette.png"):  # the very bytes, but for one chunk
            assert studio.gallery.png(row.id).replace(chunk_of(row.recipe), b"") == sound[file["name"]]
    assert {path.name: path.read_bytes() for path in folder.glob("*.png")}["with.png"] == sound["with.png"]

    lighthouse = next(iter(studio.gallery.page(search="lighthouse").images))
    said = lighthouse.recipe.request
    assert (lighthouse.kind, lighthouse.seed, lighthouse.model) == ("imported", 4294967299, "dreamy")
    assert (said["sampler"], said["schedule"], said["steps"], said["guidance"]) == ("Euler a", "Karras", 20, 6.5)
    assert lighthouse.recipe.loras[0]["name"] == "ink"

    everything = {row.id: (row.title, row.kind, row.recipe, row.sha256, row.seed) for row in rows}
    with studio.database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM images")
    assert studio.gallery.rebuild(settle_seconds=0) == 7
    again = studio.gallery.page().images
    assert {row.id: (row.title, row.kind, row.recipe, row.sha256, row.seed) for row in again} == everything
    assert bring_in(folder, recursive=True).taken == 0


def other_exif() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "a ship"
    return exif.tobytes().removeprefix(b"Exif\0\0")


def test_pictures_of_the_studio_keep_their_kind(studio: Studio, tmp_path: Path, bring_in) -> None:
    record = studio.gallery.save(pixels(8), recipe())
    data = studio.gallery.png(record.id)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "mine.png").write_bytes(data)
    assert bring_in(tmp_path / "in").known == 1
    studio.gallery.delete([record.id])
    studio.gallery.delete_for_good([record.id])
    assert bring_in(tmp_path / "in").taken == 1
    (row,) = studio.gallery.page().images
    assert (row.kind, row.recipe) == (record.kind, record.recipe)
    assert studio.gallery.png(row.id) == data


def test_a_long_workflow_stays_in_the_file_and_not_in_every_row(studio: Studio, tmp_path: Path, bring_in) -> None:
    (tmp_path / "in").mkdir()
    long = PARAMETERS + ", Odd thing: " + "x" * 50_000
    (tmp_path / "in" / "one.png").write_bytes(png(pixels(9), long))
    bring_in(tmp_path / "in")
    (row,) = studio.gallery.page().images
    assert len(row.recipe.to_json()) < MOST_TEXT + 5_000
    assert b"x" * 50_000 in studio.gallery.png(row.id)


def test_it_stops_between_files_and_goes_on_where_it_was(studio: Studio, tmp_path: Path, bring_in) -> None:
    (tmp_path / "in").mkdir()
    for seed in range(4):
        (tmp_path / "in" / f"{seed}.png").write_bytes(png(pixels(seed)))
    worker = Worker(studio.settings, studio.database)
    handlers = fetch_work(studio.settings, worker.queue, studio.database)
    job = studio.submit(studio.request("imported", {"folder": str(tmp_path / "in")}))
    work = handlers["imported"]

    def stopping(context) -> None:
        asked = iter(range(10))
        context.should_stop = lambda: next(asked) == 2 and not studio.cancel(job.id)
        work(context)

    worker.run_one(FETCH, {"imported": stopping})
    assert studio.job(job.id).state in (CANCELLED, "queued")
    assert studio.gallery.count() == 2
    assert bring_in(tmp_path / "in").taken == 2
    assert studio.gallery.count() == 4


def test_which_folders_can_be_asked_for(studio: Studio, tmp_path: Path) -> None:
    for folder, words in (
        ("", "path"),
        ("in/here", "root"),
        (str(tmp_path / "gone"), "is none"),
        ("\0", "path"),
        (str(studio.settings.home), "already"),
        (os.sep, "already"),
    ):
        with pytest.raises(InvalidRequest, match=words):
            studio.submit(studio.request("imported", {"folder": folder}))
    with pytest.raises(InvalidRequest, match="own"):
        studio.request("imported", {"folder": "../runs", "upload": True})
