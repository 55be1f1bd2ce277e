"""Every promise of the one way to write: what is under a name is whole, and a name that counts is on the disk."""

import errno
import os

import pytest

from gallery.atomic import put, replacing


class Recorded:
    """The `os` module; notes what is done to the disk, and fails at one of the calls."""

    def __init__(self, failing: str = ""):
        self.calls: list[str] = []
        self.failing = failing

    def __getattr__(self, name):
        if name not in ("open", "fsync", "replace", "unlink"):
            return getattr(os, name)

        def call(*arguments):
            self.calls.append(name)
            if name == self.failing:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return getattr(os, name)(*arguments)

        return call


@pytest.mark.parametrize(
    ("durable", "calls"), [(True, ["open", "fsync", "replace", "open", "fsync"]), (False, ["open", "replace"])]
)
def test_the_content_reaches_the_disk_before_the_name_and_the_name_after_it(tmp_path, durable, calls):
    system = Recorded()
    with replacing(tmp_path / "a", durable=durable, system=system) as file:
        file.write(b"new")

    assert system.calls == calls
    assert (tmp_path / "a").read_bytes() == b"new"


def test_an_fsync_that_failed_is_told_and_never_tried_again(tmp_path):
    system = Recorded("fsync")
    with pytest.raises(OSError, match="Input/output"), replacing(tmp_path / "a", system=system) as file:
        file.write(b"new")

    assert system.calls.count("fsync") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_rename_that_failed_leaves_the_old_file(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(OSError, match="Input/output"), replacing(tmp_path / "a", system=Recorded("replace")) as file:
        file.write(b"new")

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


def test_a_folder_takes_its_place_whole(tmp_path):
    (tmp_path / "growing").mkdir()
    (tmp_path / "growing" / "a").write_bytes(b"a")
    put(tmp_path / "growing", tmp_path / "model")

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "model"]
