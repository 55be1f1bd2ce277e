"""Files that came through a browser."""

import io
import zipfile

import pytest

from engine.datasets.reading import read_dataset
from engine.datasets.uploads import keep_uploads
from engine.errors import StudioError, UnsafeFile


def uploads(*files: tuple[str, bytes]) -> list[tuple[str, io.BytesIO]]:
    return [(name, io.BytesIO(content)) for name, content in files]


def test_loose_files_are_a_data_set(save, tmp_path):
    picture = save(tmp_path / "source.png").read_bytes()
    files = uploads(("a.png", picture), ("sub/b.png", picture), ("captions.csv", b"a.png,a castle\nb.png,a river\n"))
    files += uploads((".DS_Store", b"x"), ("Icon\r", b""), ("._a.png", b"x"))
    dataset = read_dataset(keep_uploads(files, tmp_path / "datasets" / "set"))
    assert {picture.path.name: picture.caption for picture in dataset.pictures} == {
        "a.png": "a castle",
        "b.png": "a river",
    }
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["set"]


def test_a_zip_beside_files_of_the_system_is_unpacked(save, tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(save(tmp_path / "source.png"), "a.png")
    folder = keep_uploads(uploads(("set.ZIP", packed.getvalue()), ("desktop.ini", b"")), tmp_path / "set")
    assert [path.name for path in folder.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("a.png", "x/a.png"), r"'a\.png' and 'a\.png' are one name"),
        (("ü.txt", "u\u0308.TXT"), "are one name"),
        (("..", "a.png"), "plain text of 1 to 255 bytes"),
        (("a\nb.png", "a.png"), "plain text of 1 to 255 bytes"),
        (("x" * 300, "a.png"), "plain text of 1 to 255 bytes"),
        (("a\ud800.png", "a.png"), "plain text of 1 to 255 bytes"),
    ],
)
def test_names_that_cannot_be_kept_are_refused_and_leave_nothing(tmp_path, names, words):
    with pytest.raises(UnsafeFile, match=words):
        keep_uploads(uploads(*((name, b"") for name in names)), tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "datasets").write_text("a file in the way")
    with pytest.raises(StudioError, match=r"cannot be kept: .* check the rights"):
        keep_uploads(uploads(("a.png", b""), ("b.png", b"")), tmp_path / "datasets" / "set")
