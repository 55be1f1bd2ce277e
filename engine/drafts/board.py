"""Where drafts are asked for and answered: a file for each asker, beside the queue.

A draft is gone as soon as the next letter is typed, so it is no job: it takes no place in the queue, leaves no row and
no picture in the gallery, and a worker draws it only while no job waits. The newest wish of an asker counts alone.
"""

import base64
import json
import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.diffusion.request import TextToImage, text_to_image
from engine.errors import StudioError
from gallery.atomic import replacing
from gallery.errors import StorageFailed
from gallery.ids import new_id

KEPT_SECONDS = 3600.0  # files of askers that are gone
_LEAST = (AttributeError, KeyError, TypeError, ValueError, StudioError)  # what a file of another hand can raise


@dataclass(frozen=True, slots=True)
class Wish:
    """A draft that is asked for.

    Attributes:
        asker: whose it is; one has one wish at a time.
        token: tells this wish from the asker's others.
        request: what to draw.
    """

    asker: str
    token: str
    request: TextToImage


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a wish.

    Attributes:
        token: of the wish.
        picture: a PNG file, empty where there is none.
        seconds: that drawing took.
        problem: why there is no picture, for people.
    """

    token: str
    picture: bytes = b""
    seconds: float = 0.0
    problem: str = ""


class Board:
    """The wishes and answers of one studio folder."""

    def __init__(self, home: Path):
        self._wishes = home / "drafts" / "wishes"
        self._answers = home / "drafts" / "answers"

    def ask(self, asker: str, request: TextToImage, token: str = "") -> str:
        """Wish for a draft in place of the asker's last one; returns the wish's token.

        Args:
            asker: letters, digits, "-" and "_".
            token: of the same wish, where it was lost.

        Raises:
            StorageFailed: the disk did not take it.
        """
        wish = Wish(asker, token or new_id(), request)
        self._wish(wish)
        return wish.token

    def take(self) -> Wish | None:
        """The newest wish, which is then nobody else's; None where there is none. It costs microseconds."""
        while (path := self._newest()) is not None:
            mine = path.with_suffix(f".{os.getpid()}.taken")
            with suppress(FileNotFoundError):  # another worker was quicker
                path.rename(mine)
                try:
                    said = json.loads(mine.read_bytes())
                    return Wish(path.stem, str(said["token"]), text_to_image(said["request"]))
                except _LEAST:
                    logging.getLogger(__name__).warning("%s is no wish for a draft", path, exc_info=True)
                finally:
                    mine.unlink()
        return None

    def waits(self, asker: str) -> bool:
        """Whether the asker's wish is still to be taken."""
        return (self._wishes / f"{asker}.json").exists()

    def give_back(self, wish: Wish) -> None:
        """For later, unless its asker wishes for something else by now. Raises StorageFailed."""
        if not self.waits(wish.asker):
            self._wish(wish)

    def answer(self, asker: str, answer: Answer) -> None:
        """Say what became of a wish. Raises StorageFailed."""
        self._sweep()
        values = asdict(answer) | {"picture": base64.b64encode(answer.picture).decode()}
        self._write(self._answers / f"{asker}.json", values)

    def fetch(self, asker: str, token: str) -> Answer | None:
        """What became of that wish, which is then told no more; None where nothing did yet."""
        path = self._answers / f"{asker}.json"
        try:
            said = json.loads(path.read_bytes())
            if said["token"] != token:
                return None
            path.unlink()
            return Answer(token, base64.b64decode(said["picture"]), float(said["seconds"]), str(said["problem"]))
        except (OSError, *_LEAST):
            return None

    def _wish(self, wish: Wish) -> None:
        self._write(self._wishes / f"{wish.asker}.json", {"token": wish.token, "request": wish.request.to_dict()})

    def _newest(self) -> Path | None:
        try:
            with os.scandir(self._wishes) as entries:
                times = {entry.path: entry.stat().st_mtime_ns for entry in entries if entry.name.endswith(".json")}
        except FileNotFoundError:  # nobody asked yet, or one went while this looked
            return None
        return Path(max(times, key=lambda path: times[path])) if times else None

    def _sweep(self) -> None:
        for path in [*self._answers.glob("*"), *self._wishes.glob("*")]:
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                    path.unlink()

    def _write(self, path: Path, values: Mapping[str, Any]) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path, durable=False) as file:
                file.write(json.dumps(values).encode())
        except OSError as error:
            raise StorageFailed(f"A draft could not be written to {path.parent}: {error.strerror}.") from error
