"""ZIPs: honest ones, broken ones, and those made to do harm."""

import io
import stat
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.datasets.reading import read_dataset
from engine.datasets.unpacking import Limits, _unpack_one, unpack
from engine.errors import NotFound, StudioError, UnsafeFile

SMALL = Limits(files=3, file_bytes=1000, total_bytes=1500)


@pytest.fixture
def packed(tmp_path) -> Callable[..., Path]:
    """Pack files, given as names with contents or as pairs of ZipInfo and contents."""

    def packed(*entries: tuple[str | zipfile.ZipInfo, bytes], **options) -> Path:
        with zipfile.ZipFile(tmp_path / "set.zip", "w", **options) as archive:
            for name, content in entries:
                archive.writestr(name, content)
        return tmp_path / "set.zip"

    return packed


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_zip_of_pictures_is_a_data_set(packed, save, tmp_path):
    picture = save(tmp_path / "source.png").read_bytes()
    table = "image,caption\nsub\\a.png,a castle\nünï 🏰.png,a lake\n".encode()
    archive = packed(
        ("top/sub\\a.png", picture), ("top/ünï 🏰.png", picture), ("top/captions.csv", table), ("top/", b"")
    )
    dataset = read_dataset(unpack(archive, tmp_path / "new" / "set"))
    assert [picture.caption for picture in dataset.pictures] == ["a lake", "a castle"]
    assert set(contents(dataset.folder)) == {"top/sub/a.png", "top/ünï 🏰.png", "top/captions.csv"}


def test_an_upload_is_unpacked_like_a_file(packed, tmp_path):
    data = packed(("a.txt", b"hello" * 1000), compression=zipfile.ZIP_DEFLATED).read_bytes()
    folder = unpack(io.BytesIO(data), tmp_path / "set")
    assert contents(folder) == {"a.txt": b"hello" * 1000}


def entry(name: str, kind: int = stat.S_IFREG, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o644) << 16
    info.compress_type = method
    return info


HARMFUL = {
    "parent": ((entry("../evil.txt"), b""), "must stay inside their folder; '../evil.txt' does not"),
    "parent with backslash": ((entry("a\\..\\..\\evil.txt"), b""), "must stay inside their folder"),
    "absolute": ((entry("/etc/evil.txt"), b""), "must stay inside their folder"),
    "drive": ((entry("C:\\evil.txt"), b""), "must stay inside their folder"),
    "share": ((entry("\\\\server\\evil.txt"), b""), "must stay inside their folder"),
    "link": ((entry("link", stat.S_IFLNK), b"/etc/passwd"), "plain files only; 'link' is a link or device"),
    "device": ((entry("pipe", stat.S_IFIFO), b""), "plain files only"),
    "control character": ((entry("a\nb.txt"), b""), "plain text of at most 255 bytes"),
    "long name": ((entry("x" * 300), b""), "plain text of at most 255 bytes"),
    "archive": ((entry("more.ZIP"), b""), "further archives; 'more.ZIP' is one"),
    "hidden archive": ((entry("photo.png"), b"PK\x03\x04..."), "further archives; 'photo.png' is one"),
    "method": ((entry("a.txt", method=zipfile.ZIP_LZMA), b"x"), "the usual method .* has method 14"),
}


@pytest.mark.parametrize("kind", HARMFUL)
def test_harmful_entries_are_refused_and_leave_nothing(packed, tmp_path, kind):
    bad, text = HARMFUL[kind]
    archive = packed((entry("first.txt"), b"fine"), bad)
    before = set(tmp_path.iterdir())
    with pytest.raises(UnsafeFile, match=text):
        unpack(archive, tmp_path / "set")
    assert set(tmp_path.iterdir()) == before


TOO_MUCH = {
    "files": ([(f"{place}.txt", b"") for place in range(4)], "may hold 3 files; this one has 4"),
    "one file": ([("a.txt", b"x" * 1001)], "may unpack to 1,000 bytes; 'a.txt' has 1,001"),
    "all files": ([("a.txt", b"x" * 900), ("b.txt", b"x" * 900)], "may unpack to 1,500 bytes; this one has 1,800"),
}


@pytest.mark.parametrize("kind", TOO_MUCH)
def test_more_than_the_limits_is_refused_before_anything_is_written(packed, tmp_path, kind):
    entries, text = TOO_MUCH[kind]
    with pytest.raises(UnsafeFile, match=text):
        unpack(packed(*entries), tmp_path / "new" / "set", SMALL)
    assert not (tmp_path / "new").exists()


def test_a_zip_that_lies_about_its_size_gains_nothing(packed, tmp_path):
    archive = packed(("a.txt", b"\0" * 1_000_000), compression=zipfile.ZIP_DEFLATED)
    honest, lie = (1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(honest, lie))
    with pytest.raises(UnsafeFile, match="no ZIP file that can be read"):
        unpack(archive, tmp_path / "set", SMALL)
    assert not (tmp_path / "set").exists()


def test_the_bytes_that_come_out_are_counted(packed, tmp_path):
    with zipfile.ZipFile(packed(("a.txt", b"x" * 900))) as archive:
        (info,) = archive.infolist()
        with pytest.raises(UnsafeFile, match=r"may unpack to 100 bytes; 'a\.txt' has more"):
            _unpack_one(archive, info, tmp_path / "a.txt", 100, Limits(file_bytes=100))
        with pytest.raises(UnsafeFile, match=r"may unpack to 200 bytes; this one has more"):
            _unpack_one(archive, info, tmp_path / "b.txt", 50, Limits(total_bytes=200))


@pytest.mark.parametrize("names", [("a.txt", "A.TXT"), ("ü.txt", "u\u0308.txt"), ("a/b.txt", "a\\b.txt")])
def test_two_files_of_one_name_are_refused(packed, tmp_path, names):
    with pytest.raises(UnsafeFile, match="may hold each name once"):
        unpack(packed(*((name, b"") for name in names)), tmp_path / "set")


def test_a_password_is_refused(packed, tmp_path):
    archive = packed(("a.txt", b"secret"))
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(UnsafeFile, match=r"must not have a password; 'a\.txt' is encrypted"):
        unpack(archive, tmp_path / "set")


@pytest.mark.parametrize(
    "damage", [lambda data: b"no zip", lambda data: data[:-30], lambda data: data.replace(b"hello", b"hallo")]
)
def test_damaged_zips_are_refused_and_leave_nothing(packed, tmp_path, damage):
    archive = packed(("a.txt", b"fine"), ("b.txt", b"hello"))
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(UnsafeFile, match=r"no ZIP file that can be read: .* Pack or upload it again"):
        unpack(archive, tmp_path / "set")
    assert list(tmp_path.iterdir()) == [archive]


def test_an_endless_list_of_names_is_refused_before_it_is_read(packed, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.datasets.unpacking._MAX_DIRECTORY_BYTES", 100)
    with pytest.raises(UnsafeFile, match="list of files may have 100 bytes; this one has 255"):
        unpack(packed(*((f"{place}.txt", b"") for place in range(5))), tmp_path / "set")


def test_a_folder_that_is_in_use_is_left_alone(packed, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("mine")
    with pytest.raises(StudioError, match=r"unpacked into a new folder; .* is in use"):
        unpack(packed(("a.txt", b"")), tmp_path / "set")
    assert contents(tmp_path / "set") == {"mine.txt": b"mine"}


def test_a_missing_zip_is_told(tmp_path):
    with pytest.raises(NotFound, match="there is none at"):
        unpack(tmp_path / "set.zip", tmp_path / "set")


def test_an_empty_folder_is_filled_and_a_full_disk_told(packed, tmp_path, monkeypatch):
    (tmp_path / "set").mkdir()
    archive = packed(("a.txt", b"hello"))
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 0}))
    with pytest.raises(StudioError, match="needs 0 MB of disk; 0 MB are free"):
        unpack(archive, tmp_path / "set")
    monkeypatch.undo()
    assert contents(unpack(archive, tmp_path / "set")) == {"a.txt": b"hello"}


def test_a_name_that_is_file_and_folder_is_told(packed, tmp_path):
    with pytest.raises(StudioError, match="The ZIP cannot be unpacked"):
        unpack(packed(("a", b""), ("a/b.txt", b"")), tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_table_that_is_packed_otherwise_is_not_unpacked_for_its_names(tmp_path):
    """bzip2 gives a whole block, however little is asked for."""
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("captions.csv", bytes(100_000_000), zipfile.ZIP_BZIP2)
        odd = zipfile.ZipInfo("x.txt")
        odd.filename = odd.orig_filename = "\x93\xfa.txt"  # Shift-JIS under another name
        archive.writestr(odd, "a castle")
    tracemalloc.start()
    with pytest.raises(UnsafeFile, match="usual method"):
        unpack(path, tmp_path / "set")
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_folders_that_lie_too_deep_are_refused(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/" * 900 + "a.txt", "a castle")
    with pytest.raises(UnsafeFile, match="deep"):
        unpack(path, tmp_path / "set")
