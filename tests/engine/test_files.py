"""Files are replaced whole or not at all."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.files import read_json, read_plain, replacing, write_json
from engine.settings import PROJECT


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"old": 1})

    def write() -> None:
        with replacing(tmp_path / "a.json") as file:
            file.write(b"{")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("durable", [True, False])
def test_a_kill_leaves_the_old_file_and_a_scratch_file_that_can_be_told(tmp_path: Path, durable: bool) -> None:
    write_json(tmp_path / "a.json", {"old": 1})
    code = f"""
import os
from pathlib import Path
from engine.files import replacing
with replacing(Path({str(tmp_path)!r}) / "a.json", durable={durable}) as file:
    file.write(b"x" * 1_000_000)
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 9
    assert read_json(tmp_path / "a.json") == {"old": 1}
    (left,) = set(os.listdir(tmp_path)) - {"a.json"}
    assert left.startswith(".a.json.")
    assert left.endswith(".tmp")


def test_every_name_that_a_file_may_have_can_be_replaced(tmp_path: Path) -> None:
    for name in ("a" * 250 + ".json", "é" * 125 + ".json"):
        write_json(tmp_path / name, {"a": 1})
        assert read_json(tmp_path / name) == {"a": 1}


def test_threads_that_replace_a_file_at_once_each_write_a_whole_one(tmp_path: Path) -> None:
    both = threading.Barrier(2)

    def write(value: bytes) -> None:
        with replacing(tmp_path / "a") as file:
            both.wait()
            file.write(value * 100_000)
            both.wait()

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(write, (b"a", b"b"))) == [None, None]
    assert (tmp_path / "a").read_bytes() in (b"a" * 100_000, b"b" * 100_000)
    assert os.listdir(tmp_path) == ["a"]


# ---------------------------------------------------------------- what is no plain file


@pytest.fixture
def strange(tmp_path: Path) -> dict[str, Path]:
    """Paths that are no files; whoever opens the pipe waits for ever."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    return {
        "a pipe": tmp_path / "pipe",
        "a pipe behind a link": tmp_path / "link",
        "a folder": tmp_path / "folder",
        "a device": Path("/dev/zero"),
    }


@pytest.mark.parametrize("kind", ["a pipe", "a pipe behind a link", "a folder", "a device"])
def test_what_is_no_file_is_said_and_not_opened(strange: dict[str, Path], kind: str) -> None:
    with pytest.raises(OSError, match=f"it is {kind.split(' behind')[0]}, not a file"):
        read_plain(strange[kind])
    with pytest.raises(ValueError, match="not a file"):
        read_json(strange[kind])


def test_plain_files_are_read_whole_or_in_part(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    assert read_plain(tmp_path / "a") == b"0123456789"
    assert read_plain(tmp_path / "a", 4) == b"0123"
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "none")


# ---------------------------------------------------------------- numbers from outside


@pytest.mark.parametrize("number", ["9" * 301, "-" + "9" * 400, "9" * 5000])
def test_whole_numbers_that_no_float_holds_are_refused(tmp_path: Path, number: str) -> None:
    (tmp_path / "a.json").write_text(f'{{"preferred_weight": {number}}}')
    with pytest.raises(ValueError, match=f"a whole number of {len(number):,} digits"):
        read_json(tmp_path / "a.json")


def test_large_numbers_that_a_float_holds_are_read(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"seed": 2**64 - 1, "loss": float("nan"), "large": 10**299})
    content = read_json(tmp_path / "a.json")
    assert (content["seed"], content["large"]) == (2**64 - 1, 10**299)
    assert float(content["large"]) == 1e299
