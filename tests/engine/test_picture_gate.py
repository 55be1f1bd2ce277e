"""Pictures are opened elsewhere: the process that asks stays small, whatever a file does to the one that decodes."""

import io
import os
import signal
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import picture_gate
from engine.datasets.fingerprints import difference_hash
from engine.datasets.pictures import facts_of, open_picture
from engine.picture_files import FORMATS, plain, read_picture
from engine.picture_gate import Refused, Rules, decoded
from engine.safety.photos import plain_photo
from engine.settings import PROJECT

RULES = Rules(FORMATS, most_pixels=40_000_000)


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def blobs(seed: int = 0, size: tuple[int, int] = (96, 72), mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).convert(mode)


def pid() -> int:
    """Of the process that opens the next picture."""
    decoded(png(blobs()), RULES, "rgb")
    return picture_gate._idle[-1].pid


def test_the_pixels_are_those_of_the_library() -> None:
    image = blobs()
    picture = decoded(png(image), RULES, "rgb")
    assert Image.frombytes("RGB", (picture.width, picture.height), picture.data).tobytes() == image.tobytes()
    with Image.open(io.BytesIO(decoded(png(image), RULES, "png").data)) as again:
        assert again.tobytes() == image.tobytes()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK", "1"])
def test_fingerprints_are_those_of_the_whole_picture(tmp_path: Path, mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    blobs(3, (300, 200), mode).save(tmp_path / "a.png", kind)
    with Image.open(tmp_path / "a.png") as image:
        assert facts_of(tmp_path / "a.png").hash == difference_hash(plain(image))


def test_one_process_opens_many_pictures_also_after_broken_ones() -> None:
    first = pid()
    for data, code in ((b"no picture", "format"), (png(blobs(1))[:500], "damaged")):
        with pytest.raises(Refused) as refused:
            decoded(data, RULES, "facts")
        assert refused.value.code == code
    assert pid() == first


def test_a_process_that_died_is_replaced() -> None:
    first = pid()
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert decoded(png(blobs(1)), RULES, "rgb").data == blobs(1).tobytes()
    assert pid() != first


def test_a_picture_that_takes_too_long_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_gate, "SECONDS", 0.0)
    with pytest.raises(Refused, match="takes longer than 0 seconds to open"):
        decoded(png(Image.new("RGB", (3000, 3000))), RULES, "rgb")
    monkeypatch.undo()
    assert decoded(png(blobs(1)), RULES, "rgb").width == 96


def test_threads_get_their_own_pictures() -> None:
    pictures = [blobs(seed, (64 + seed, 64)) for seed in range(12)]
    before = threading.active_count()  # other tests of this process have left some
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda image: decoded(png(image), RULES, "rgb").data, pictures))
    assert answers == [image.tobytes() for image in pictures]
    assert len(picture_gate._idle) <= picture_gate.MOST_AT_ONCE
    assert threading.active_count() <= before + 2 * picture_gate.MOST_AT_ONCE


def test_a_stopped_answer_is_not_taken_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pid()
    monkeypatch.setattr(picture_gate, "_checked", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        decoded(png(blobs(1)), RULES, "rgb")
    monkeypatch.undo()
    assert decoded(png(blobs(2)), RULES, "rgb").data == blobs(2).tobytes()


def _interrupted(size: int, most: int) -> int:
    raise KeyboardInterrupt


def test_a_copy_of_the_process_does_not_talk_with_its_decoders() -> None:
    pid()
    copy = os.fork()
    if copy == 0:
        os._exit(len(picture_gate._idle))
    assert os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]) == 0


def test_the_process_that_asks_stays_small(tmp_path: Path) -> None:
    """16 million pixels: decoded here, they would take 250 MB."""
    Image.new("RGBA", (4000, 4000)).save(tmp_path / "a.png", compress_level=1)
    code = f"""
import resource
from pathlib import Path
from engine.datasets.pictures import facts_of, open_picture
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert facts_of(Path({str(tmp_path / "a.png")!r})).width == 4000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 60_000  # kB


# ---------------------------------------------------------------- what cameras write into EXIF


def entry(tag: int, kind: int, count: int, value: bytes, data: bytes = b"") -> bytes:
    """EXIF with one entry; `data` is where a value that is an offset, 26, leads."""
    field = struct.pack(">HHHI", 1, tag, kind, count) + value.ljust(4, b"\0")
    return b"Exif\0\0MM\0*" + struct.pack(">I", 8) + field + b"\0\0\0\0" + data


HERE = struct.pack(">I", 26)
ODD = {
    "Make is a rational": (entry(0x010F, 5, 1, HERE, struct.pack(">II", 1, 0)), False),
    "Make is a float": (entry(0x010F, 11, 1, struct.pack(">f", float("nan"))), False),
    "Model lies outside of the file": (entry(0x0110, 2, 2000, struct.pack(">I", 60_000)), False),
    "a type that nobody knows": (entry(0x010F, 99, 1, b"abcd"), False),
    "the GPS folder is text": (entry(0x8825, 2, 4, b"abc\0"), False),
    "the EXIF folder leads into itself": (entry(0x8769, 4, 1, struct.pack(">I", 8)), False),
    "more entries than bytes": (b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 60_000), False),
    "orientation is long": (entry(0x0112, 4, 1, struct.pack(">I", 6)), True),
    "orientation is a rational": (entry(0x0112, 5, 1, HERE, struct.pack(">II", 6, 1)), True),
    "orientation is a rational over 0": (entry(0x0112, 5, 1, HERE, struct.pack(">II", 6, 0)), False),
    "orientation is a float": (entry(0x0112, 11, 1, struct.pack(">f", float("inf"))), False),
    "orientation is a word": (entry(0x0112, 2, 4, b"top\0"), False),
    "orientation is several": (entry(0x0112, 3, 2, struct.pack(">HH", 6, 8)), True),
    "orientation is none of the eight": (entry(0x0112, 3, 1, struct.pack(">H", 99)), False),
    "not EXIF at all": (b"Exif\0\0\xff\xff\xff\xff", False),
    "empty": (b"Exif\0\0", False),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_exif_is_no_reason_to_lose_a_picture(tmp_path: Path, kind: str) -> None:
    exif, turned = ODD[kind]
    blobs(1).save(tmp_path / "a.jpg", exif=exif)
    size = (72, 96) if turned else (96, 72)
    assert open_picture(tmp_path / "a.jpg").size == size
    assert read_picture(tmp_path / "a.jpg").size == size
    photo = plain_photo((tmp_path / "a.jpg").read_bytes(), "a.jpg")
    assert (photo.width, photo.height) == size
