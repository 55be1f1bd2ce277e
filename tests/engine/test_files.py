"""Files are replaced whole or not at all."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.files import read_json, replacing, write_json
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
