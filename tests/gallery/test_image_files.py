"""Files appear whole or not at all, whatever system call fails."""

import errno
import os

import pytest

from gallery import Gallery
from gallery.errors import ImageNotFound, StorageFailed, StorageFull, StorageReadOnly
from gallery.files import ImageFiles
from gallery.ids import new_id
from tests.gallery.samples import describe, picture, recipe

CALLS = ("open", "write", "fsync", "replace", "unlink")


class Failing:
    """The `os` module, but the call number `at` fails: once, or it and all that follow."""

    def __init__(self, at: int, code: int, for_ever: bool):
        self.at, self.code, self.for_ever, self.calls = at, code, for_ever, 0

    def __getattr__(self, name):
        return self._counted(name) if name in CALLS else getattr(os, name)

    def _counted(self, name):
        def call(*arguments):
            self.calls += 1
            if self.calls == self.at or (self.for_ever and self.calls > self.at):
                raise OSError(self.code, os.strerror(self.code))
            return getattr(os, name)(*arguments)

        return call


class Slow:
    """The `os` module on a system that writes seven bytes at a time."""

    def __getattr__(self, name):
        return getattr(os, name)

    def write(self, handle, data):
        return os.write(handle, data[:7])


def stray(home):
    return [path for path in (home / "images").rglob("*") if path.is_file() and path.name != ".niji-studio"]


@pytest.mark.parametrize("for_ever", [False, True])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_every_system_call_of_a_save_may_fail(database, tmp_path, code, for_ever):
    Gallery(database, tmp_path, describe=describe).save(picture(), recipe())
    rows, at, failed = 1, 0, True
    while failed:
        at += 1
        gallery = Gallery(database, tmp_path, ImageFiles(tmp_path, Failing(at, code, for_ever)))
        try:
            gallery.save(picture(at), recipe())
            rows, failed = rows + 1, gallery.files._os.calls >= at
        except StorageFailed:
            failed = True
        report = Gallery(database, tmp_path, describe=describe).sweep(settle_seconds=0)
        assert (report.images, report.missing, report.wrong_size) == (rows, (), ())
        if not for_ever:
            assert report.orphans == ()
    assert at > 8  # open, write, fsync, replace, open, fsync of the image, and the thumbnail's


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.ENOSPC, StorageFull, "Disk full: .* MB free in .*Free some space and run it again"),
        (errno.EROFS, StorageReadOnly, "can only be read.*Make it writable"),
        (errno.EIO, StorageFailed, "Writing to .* failed: .*Check the disk"),
    ],
)
def test_the_text_says_what_to_do(tmp_path, code, kind, words):
    files = ImageFiles(tmp_path, Failing(2, code, False))
    with pytest.raises(kind, match=words):
        files.write(files.image(new_id()), b"data")


def test_short_writes_are_continued(tmp_path):
    files = ImageFiles(tmp_path, Slow())
    path = files.image(new_id())
    files.write(path, bytes(range(256)) * 5)
    assert path.read_bytes() == bytes(range(256)) * 5


def test_file_and_folder_reach_the_disk_before_the_name_counts(tmp_path):
    order = []

    class Recording:
        def __getattr__(self, name):
            return self._noted(name) if name in CALLS else getattr(os, name)

        def _noted(self, name):
            def call(*arguments):
                order.append(name)
                return getattr(os, name)(*arguments)

            return call

    files = ImageFiles(tmp_path, Recording())
    path = files.image(new_id())
    path.parent.mkdir(parents=True)
    files.write(path, b"data")
    assert order == ["open", "write", "fsync", "replace", "open", "fsync"]


def test_files_spread_over_folders(tmp_path):
    files = ImageFiles(tmp_path)
    folders = {files.image(new_id()).parent.name for _ in range(2000)}
    assert len(folders) > 700  # of 1024
    assert all(name == name.lower() and len(name) == 2 for name in folders)


@pytest.mark.parametrize("wrong", ["", "..", "../../etc/passwd", "/etc/passwd", "a" * 26, "0" * 25 + "/", None])
def test_only_ids_become_paths(tmp_path, wrong):
    files = ImageFiles(tmp_path)
    for where in (files.image, files.thumbnail, files.trashed):
        with pytest.raises(ImageNotFound):
            where(wrong)


def test_a_symlink_out_of_the_folder_is_not_followed(tmp_path):
    image_id = new_id()
    outside = tmp_path / "outside"
    outside.mkdir()
    files = ImageFiles(tmp_path / "home")
    files.images.mkdir(parents=True)
    (files.images / image_id[-2:].lower()).symlink_to(outside)
    with pytest.raises(ImageNotFound):
        files.image(image_id)
