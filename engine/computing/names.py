"""The backends by name, which are here, and where networks that were converted for one lie.

home/compiled/<16 hexadecimal digits>/    of all that the converted networks depend on
    *.xml, *.bin                          the networks
    about.json                            which they are, and why they cannot be used, where they cannot
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from engine.errors import StudioError
from engine.files import read_json
from engine.settings import OPENVINO, TORCH

TITLES = {TORCH: "PyTorch", OPENVINO: "OpenVINO"}
NOT_INSTALLED = (
    "OpenVINO is not installed here. Install it with `pip install --no-deps openvino`, or choose the engine "
    f"{TITLES[TORCH]} ({TORCH})."
)
NOT_ON_A_GPU = f"OpenVINO draws on the processor, and here a GPU draws. Choose the engine {TITLES[TORCH]} ({TORCH})."
MAKING = ".making-"  # begins the names of folders that are being written
MOST_TRIES = 2
DIED = f"the program ended {MOST_TRIES} times while it was being converted."


class CannotCompute(StudioError):
    """A backend cannot compute this; the text says why, as the end of a sentence."""


@cache
def openvino_version() -> str:
    """Of the installed package; empty where there is none."""
    try:
        return version("openvino") if find_spec("openvino") else ""
    except PackageNotFoundError:
        return ""


def threads() -> int:
    """That OpenVINO computes with: all cores, or as many as OMP_NUM_THREADS says.

    PyTorch leaves one core free (`engine.device`), since its threads wait for each other after every operation. These
    take work from each other, so another program on one of their cores slows them a little, not many times over.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, psutil.cpu_count(logical=False) or usable)


def compiled_folder(home: Path) -> Path:
    """Where all converted networks lie."""
    return home / "compiled"


def place_for(home: Path, facts: Sequence[Any]) -> Path:
    """The folder of converted networks that depend on these JSON-ready facts."""
    return compiled_folder(home) / hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def why_unfit(place: Path, files: Iterable[str]) -> str | None:
    """Why converted networks cannot be used; empty where they can, None where there are none or not all files."""
    try:
        about = read_json(place / "about.json")
    except (OSError, ValueError):
        return None
    unfit = str(about.get("unfit", ""))
    if unfit or all((place / name).is_file() for name in files):
        return unfit
    return DIED if tries(about) >= MOST_TRIES else None


def tries(about: Mapping[str, Any]) -> int:
    """How often a conversion was begun that never came to its end."""
    count = about.get("tries", 0)
    return count if isinstance(count, int) else 0


def abandon(home: Path, process: int) -> None:
    """Undo what a process was converting that ends, or ended, for a reason that says nothing of the networks."""
    for making in compiled_folder(home).glob(f"{making_prefix(process)}*"):
        for made in making.iterdir():
            _forget_tries(making.with_name(made.name))
        shutil.rmtree(making, ignore_errors=True)


def _forget_tries(place: Path) -> None:
    try:
        begun = tries(read_json(place / "about.json"))
    except (OSError, ValueError):
        return
    if begun:
        shutil.rmtree(place, ignore_errors=True)


def making_prefix(process: int | None = None) -> str:
    """Begins the names of folders that a process writes, this one if none is named."""
    return f"{MAKING}{process or os.getpid()}-"


def asked_problem(backend: str | None, accelerated: bool) -> str:
    """Why a backend that was asked for by name cannot be had here; empty where it can."""
    if backend != OPENVINO:
        return ""
    return NOT_ON_A_GPU if accelerated else "" if openvino_version() else NOT_INSTALLED


def computed_by(backend: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a recipe (`software`, `environment` and others) with the backend's own; PyTorch's are those that are
    there.
    """
    if backend != OPENVINO:
        return dict(facts)
    return {
        **facts,
        "software": {**facts["software"], "openvino": openvino_version()},
        "environment": {**facts["environment"], "backend": TITLES[backend], "threads": threads()},
    }
