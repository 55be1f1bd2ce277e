"""ZIPs whose names are in another encoding than they say, and what operating systems put into them."""

import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from engine.datasets.reading import Dataset, read_dataset
from engine.datasets.unpacking import unpack
from engine.errors import UnsafeFile


def raw_zip(path: Path, files: dict[bytes, bytes], extra: dict[bytes, bytes] | None = None) -> Path:
    """A ZIP whose names are these bytes, without a flag that says what they mean."""
    places = {name: f"@{place}".ljust(len(name), "@") for place, name in enumerate(files)}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(places[name])
            entry.extra = (extra or {}).get(name, b"")
            archive.writestr(entry, content)
    data = path.read_bytes()
    for name, place in places.items():
        assert data.count(place.encode()) == 2  # before the file, and in the list at the end
        data = data.replace(place.encode(), name)
    path.write_bytes(data)
    return path


@pytest.fixture
def picture(save, tmp_path) -> bytes:
    return save(tmp_path / "source" / "a.png").read_bytes()


def captions(dataset: Dataset) -> dict[str, str]:
    return {picture.path.relative_to(dataset.folder).as_posix(): picture.caption for picture in dataset.pictures}


def message(dataset: Dataset, code: str) -> str:
    (finding,) = [finding for finding in dataset.report.findings if finding.code == code]
    return finding.message


NAMES = {
    "utf-8": ("UTF-8", ["Schloß", "été", "城"]),
    "cp932": ("Shift-JIS", ["写真能/表紙", "写真能/ソラ", "写真能/予定"]),  # with bytes 0x5C, the backslash's
    "cp1252": ("Windows-1252", ["château", "été", "Noël"]),
    "cp437": ("code page 437", ["Schloß", "Fluß", "Brücke"]),
    "gbk": ("GBK", ["古老的石桥", "雪山风景", "红帽子"]),
    "cp949": ("EUC-KR", ["빨간 모자", "눈 덮인 산", "바다 풍경"]),
}


@pytest.mark.parametrize("codec", NAMES)
def test_names_are_read_in_the_encoding_that_fits_the_captions(picture, tmp_path, codec):
    title, names = NAMES[codec]
    table = "file_name,text\n" + "".join(f"{name}.png,shows {name}\n" for name in names)
    files = {f"{name}.png".encode(codec): picture for name in names}
    archive = raw_zip(tmp_path / "set.zip", files | {b"captions.csv": table.encode()})
    dataset = read_dataset(unpack(archive, tmp_path / "set"))
    assert captions(dataset) == {f"{name}.png": f"shows {name}" for name in names}
    assert f"they were read as {title}: " in message(dataset, "names_encoding")


@pytest.mark.parametrize("codec", ["utf-8", "cp932", "gbk", "cp949"])
def test_names_alone_are_read_as_what_looks_like_text(picture, tmp_path, codec):
    title, names = NAMES[codec]
    files = {f"{name}.png".encode(codec): picture for name in names}
    files |= {f"{name}.txt".encode(codec): b"a castle" for name in names}
    dataset = read_dataset(unpack(raw_zip(tmp_path / "set.zip", files), tmp_path / "set"))
    assert captions(dataset) == {f"{name}.png": "a castle" for name in names}
    assert f"they were read as {title}: " in message(dataset, "names_encoding")


def test_escaped_names_in_json_lines_decide_too(picture, tmp_path):
    line = rb'{"file_name": "Schlo\u00df.png", "text": "a castle"}'
    archive = raw_zip(tmp_path / "set.zip", {"Schloß.png".encode("cp437"): picture, b"metadata.jsonl": line})
    dataset = read_dataset(unpack(archive, tmp_path / "set"))
    assert captions(dataset) == {"Schloß.png": "a castle"}
    assert "it fits the most names in the captions (1)" in message(dataset, "names_encoding")


def test_names_that_could_be_anything_are_worth_a_look(picture, tmp_path):
    dataset = read_dataset(unpack(raw_zip(tmp_path / "set.zip", {b"\x8f\xe9.png": picture}), tmp_path / "set"))
    assert "Look at the names" in message(dataset, "names_encoding")


def test_a_second_copy_of_the_name_is_believed_where_it_is_of_this_name(picture, tmp_path):
    def second(of: bytes, name: str) -> bytes:
        body = b"\x01" + struct.pack("<I", zlib.crc32(of)) + name.encode()
        return struct.pack("<HH", 0x7075, len(body)) + body

    good, bad = "Schloß.png".encode("cp850"), "Brücke.png".encode("cp850")
    extra = {good: second(good, "castle ß.png"), bad: second(b"other", "wrong.png")}
    archive = raw_zip(tmp_path / "set.zip", {good: picture, bad: picture}, extra)
    folder = unpack(archive, tmp_path / "set")
    assert {path.name for path in folder.glob("*.png")} == {"castle ß.png", "Brücke.png"}


@pytest.mark.parametrize("name", ["../böse.txt", "a/../../böse.txt", "/böse.txt", "C:\\böse.txt"])
@pytest.mark.parametrize("codec", ["utf-8", "cp437"])
def test_names_must_stay_inside_in_every_encoding(tmp_path, name, codec):
    with pytest.raises(UnsafeFile, match="must stay inside their folder"):
        unpack(raw_zip(tmp_path / "set.zip", {name.encode(codec): b""}), tmp_path / "set")
    assert not (tmp_path / "set").exists()


SYSTEM_FILES = (
    "Icon\r",
    "My Pics/Icon\r",
    "__MACOSX/._a.png",
    "__MACOSX/My Pics/more.zip",
    ".DS_Store",
    "My Pics/.DS_Store",
    "._a.png",
    "Thumbs.db",
    "desktop.ini",
    "$RECYCLE.BIN/x\n.zip",
    ".Spotlight-V100/store",
    "@eaDir/a.png",
)


def test_files_of_operating_systems_are_passed_over_and_said(picture, tmp_path):
    files = {name.encode(): b"PK\x03\x04" for name in SYSTEM_FILES}
    archive = raw_zip(tmp_path / "set.zip", files | {b"My Pics/a.png": picture, b"My Pics/a.txt": b"a castle"})
    dataset = read_dataset(unpack(archive, tmp_path / "set"))
    assert captions(dataset) == {"My Pics/a.png": "a castle"}
    assert "Not unpacked, of an operating system: 12 files (Icon, My Pics/Icon, " in message(dataset, "system_files")
    files = {path.name for path in dataset.folder.rglob("*") if path.is_file()}
    assert files == {"a.png", "a.txt", ".unpacked.json"}


def test_a_note_that_an_archive_brings_is_not_believed(picture, tmp_path):
    files = {b"a.png": picture, b".unpacked.json": b'{"encoding": "Klingon"}'}
    dataset = read_dataset(unpack(raw_zip(tmp_path / "set.zip", files), tmp_path / "set"))
    assert "names_encoding" not in {finding.code for finding in dataset.report.findings}


def test_names_of_macos_with_accents_apart_fit_captions_with_them_together(picture, tmp_path):
    apart = "Schlo\u0308sser.png"
    archive = raw_zip(
        tmp_path / "set.zip", {apart.encode(): picture, b"captions.csv": "image,text\nSCHLÖSSER.png,castles\n".encode()}
    )
    assert captions(read_dataset(unpack(archive, tmp_path / "set"))) == {apart: "castles"}
