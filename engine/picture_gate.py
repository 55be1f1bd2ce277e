"""Where picture files of unknown origin are decoded: in processes of their own, with limits on memory and time.

A file that is made to hurt a decoder ends that process and no other. It begins once and opens picture after picture;
after a picture that it did not survive the next one gets a new process. `engine.safety.decoder` is what runs there.
"""

import atexit
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

from engine.errors import StudioError
from engine.settings import PROJECT

log = logging.getLogger(__name__)

SECONDS = 90.0
MOST_AT_ONCE = 2  # processes; each may take the memory of the largest picture
MOST_PICTURES = 500  # for one process, so that what a library loses of memory does not add up
_MOST_WORDS = 2**16  # bytes of an answer without its picture
_ALONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # threads reserve memory that counts as used

Answer = Literal["rgb", "png", "facts"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a picture may be.

    Attributes:
        formats: names of Pillow's, such as "PNG".
        most_pixels: width times height.
        smallest_side: pixels.
    """

    formats: tuple[str, ...]
    most_pixels: int
    smallest_side: int = 1


@dataclass(frozen=True, slots=True)
class Decoded:
    """An opened picture.

    Attributes:
        width, height: pixels, upright.
        data: "rgb": width x height x 3 bytes, row by row; "png": the same as a file; "facts": 9 x 8 bytes of grey,
            the picture made that small.
        stored: of "facts", what the file was: format, mode, transparent, turned.
    """

    width: int
    height: int
    data: bytes
    stored: dict[str, Any]


class Refused(Exception):
    """A picture that is not taken.

    Attributes:
        code: "format", "damaged", "too_large", "too_small", "moves", "memory", "time" or "failed".
        values: that belong to it: width, height, frames, why.
    """

    def __init__(self, code: str, words: str, **values: Any):
        self.code, self.values = code, values
        super().__init__(words)


def decoded(data: bytes, rules: Rules, answer: Answer) -> Decoded:
    """Open a picture in a process of its own.

    Args:
        data: the file's bytes.

    Returns:
        The picture upright, in 8-bit RGB of sRGB.

    Raises:
        Refused: with words that follow the picture's name.
        StudioError: no process can be started.
    """
    with _SLOTS:
        child = _taken()
        try:
            return child.ask(data, rules, answer)
        except _Ended:
            again = child.pictures > 0  # it may have ended before, for lack of work
            child.end()
            if not again:
                raise
            child = _Child()
            return child.ask(data, rules, answer)
        finally:
            _given_back(child)


class _Ended(Refused):
    """The process ended, or said what it cannot say."""


class _Child:
    """One process, and how to talk with it: eight bytes of length and JSON, then the file or the picture."""

    def __init__(self) -> None:
        self.pictures = 0
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (as long as the process)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "engine.safety.decoder"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                cwd=PROJECT,
                env=os.environ | _ALONE,
            )
        except OSError as error:
            self._said.close()
            raise StudioError(
                f"Pictures are opened by a process of their own, and it cannot be started: {error.strerror}. "
                "Close other programs and try again."
            ) from error

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it can open another picture."""
        return self._process.poll() is None and self.pictures < MOST_PICTURES

    def ask(self, data: bytes, rules: Rules, answer: Answer) -> Decoded:
        """See `decoded`."""
        with self._limited() as late:
            try:
                said, payload = self._talk(data, rules, answer)
            except (OSError, ValueError, KeyError, TypeError) as error:  # a broken pipe, or an answer that is none
                self._process.kill()
                raise self._ended(late.is_set(), str(error)) from None
            except BaseException:  # what is left in the pipes would be taken for the next answer
                self.end()
                raise
        self.pictures += 1
        if said["code"] == "memory":
            self.end()
        if said["code"]:
            raise Refused(said["code"], said["problem"], **said["values"])
        return Decoded(said["width"], said["height"], payload, said["stored"])

    def end(self) -> None:
        """Let it go."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]

    def _talk(self, data: bytes, rules: Rules, answer: Answer) -> tuple[dict[str, Any], bytes]:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests
        assert answers
        head = json.dumps({"size": len(data), "answer": answer, "rules": asdict(rules)}).encode()
        requests.write(len(head).to_bytes(8) + head)
        requests.write(data)
        requests.flush()
        said = json.loads(_read(answers, _checked(int.from_bytes(_read(answers, 8)), _MOST_WORDS)))
        payload = _read(answers, _checked(said["size"], 4 * rules.most_pixels + _MOST_WORDS))
        size = 3 * said["width"] * said["height"]
        if not said["code"] and answer == "rgb" and len(payload) != size:
            raise ValueError(f"{len(payload)} bytes of pixels in place of {size}")
        return said, payload

    @contextmanager
    def _limited(self) -> Iterator[threading.Event]:
        """Ends the process after a time; the event says whether it did."""
        late = threading.Event()

        def end() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(SECONDS, end)
        timer.daemon = True
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()

    def _ended(self, late: bool, error: str) -> Refused:
        code = self._process.wait()
        if late:
            return Refused("time", f"takes longer than {SECONDS:.0f} seconds to open. Save it again.")
        self._said.seek(0)
        log.error(
            "The decoder ended with %s (%s): %s", code, error, self._said.read()[-2000:].decode("utf-8", "replace")
        )
        words = "cannot be opened: decoding it failed. Open it in another program and save it again."
        return _Ended("failed", words)


def _read(pipe: Any, size: int) -> bytes:
    data = pipe.read(size)
    if len(data) != size:
        raise ValueError(f"{len(data)} bytes in place of {size}")
    return data


def _checked(size: int, most: int) -> int:
    if not 0 <= size <= most:
        raise ValueError(f"{size} bytes, more than {most}")
    return size


# ---------------------------------------------------------------- processes that wait for pictures

_SLOTS = threading.BoundedSemaphore(MOST_AT_ONCE)
_idle: list[_Child] = []


def _taken() -> _Child:
    with suppress(IndexError):
        while not (child := _idle.pop()).usable:
            child.end()
        return child
    return _Child()


def _given_back(child: _Child) -> None:
    _idle.append(child) if child.usable else child.end()


def _end_all() -> None:
    with suppress(IndexError):
        while True:
            _idle.pop().end()


def _forget() -> None:
    """In a copy of this process, which must not talk with the processes of the first one."""
    global _SLOTS
    _SLOTS = threading.BoundedSemaphore(MOST_AT_ONCE)
    _idle.clear()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
