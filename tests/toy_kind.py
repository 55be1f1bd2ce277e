"""A kind of work that the studio does not know, declared in this one file: it knits rows into a text file.

`python -m tests.toy_kind` is a worker process for it.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from engine.errors import Cancelled, InvalidRequest, Problem
from engine.jobs.context import JobContext
from engine.jobs.kind import Here, Kind, Kinds
from engine.jobs.schema import DRAW
from engine.prepared import prepared
from engine.settings import Settings
from engine.worker import Worker
from gallery.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Knit:
    """A scarf of some rows."""

    name: str
    rows: int
    seconds_a_row: float = 0.0

    kind: ClassVar[str] = "knit"

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise InvalidRequest([Problem("rows", f"A scarf has 1 row or more; got {self.rows}.")])

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def check(values: Mapping[str, Any], here: Here) -> list[Problem]:
    if values["name"] in [request.name for request in here.unfinished(Knit.kind)]:
        return [Problem("name", f"{values['name']} is being knitted already.")]
    return []


def place_of(settings: Settings, request: Knit) -> Path:
    return settings.home / "scarves" / request.name


def lay_out_wool(settings: Settings, request: Knit) -> None:
    """What the job needs before it begins."""
    folder = prepared(settings.home, place_of(settings, request))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scarf.txt").write_text("wool\n")


class Knitting:
    """The handler."""

    def __init__(self, worker: Worker):
        self._worker = worker

    def knit(self, context: JobContext) -> None:
        request: Knit = context.request
        scarf = place_of(self._worker.settings, request) / "scarf.txt"
        begun = len(scarf.read_text().splitlines()) - 1
        for row in range(begun, request.rows):
            if context.should_stop():
                raise Cancelled("The knitting was stopped.")
            time.sleep(request.seconds_a_row)
            with scarf.open("a") as file:
                file.write(f"row {row}\n")
            context.report("Knitting", row + 1, request.rows)
        self._worker.queue.succeed(context.claim, context.progress)


KINDS = Kinds(
    [
        Kind(
            name=Knit.kind,
            read=lambda values: Knit(**values),
            title=lambda request: f"Knitting {request.name}",
            check=check,
            pausable=True,
            folder=place_of,
        )
    ]
)


def worker_for(settings: Settings) -> tuple[Worker, dict[str, Any]]:
    worker = Worker(settings, Database(settings.database_url), KINDS)
    return worker, {Knit.kind: Knitting(worker).knit}


if __name__ == "__main__":
    worker, handlers = worker_for(Settings.from_environment())
    worker.serve((DRAW,), handlers)
