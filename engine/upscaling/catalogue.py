"""What makes pictures larger: the upscaler that ships, and the artist's own files. Imports no torch.

The artist's lie in `HOME/upscalers`, as .safetensors files of any network that spandrel knows. Only their headers are
read here. Which network a file holds is known once the worker has opened it; `looked_at` keeps what it found.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ModelBroken, NotFound, UnsafeFile
from engine.files import printable, read_json, write_json
from engine.settings import Settings
from engine.upscaling.request import DEFAULT_UPSCALER
from engine.weights.manifest import damaged
from engine.weights.safetensors_file import check_upscaler

SHIPPED = DEFAULT_UPSCALER
COMPACT = "RealESRGAN Compact"
SHIPPED_SCALE = 4
SHIPPED_LICENCE = "BSD 3-Clause, Copyright (c) 2021, Xintao Wang"
UNKNOWN_LICENCE = "licence unknown"
LOOKED_AT = ".looked-at.json"  # in the artist's folder
SAFE, PICKLES = ".safetensors", (".pth", ".pt", ".ckpt", ".bin")
MOST_FILES = 500


@dataclass(frozen=True, slots=True)
class Upscaler:
    """A way to make pictures larger, as the pages show it and the worker loads it.

    Attributes:
        name: short, unique, used in requests.
        title: for people.
        path: of the .safetensors file.
        licence: of its weights, in words.
        architecture: in spandrel's words; empty until the worker has opened the file.
        scale: how much its network enlarges; None until then.
        problem: why it cannot be used, and what to do; empty when there is none.
    """

    name: str
    title: str
    path: Path
    licence: str = UNKNOWN_LICENCE
    architecture: str = ""
    scale: int | None = None
    problem: str = ""

    @property
    def about(self) -> str:
        """What it is, in a few words."""
        if not self.scale:
            return "The artist's own; what it is shows when it is used first."
        return f"{self.architecture}, enlarges {self.scale} times"


def own_folder(settings: Settings) -> Path:
    """Where the artist's own upscalers lie."""
    return settings.home / "upscalers"


def upscalers(settings: Settings) -> list[Upscaler]:
    """Every upscaler, the shipped one first, also those that cannot be used, with the reason; reads the disk anew."""
    return [_shipped(settings.weights_dir), *_own(own_folder(settings))]


def upscaler(settings: Settings, name: str) -> Upscaler:
    """The upscaler of that name.

    Raises:
        NotFound: there is none; the message names those there are.
    """
    found = {known.name: known for known in upscalers(settings)}
    if name not in found:
        raise NotFound(f"There is no upscaler named {name!r}; known are: {', '.join(found)}.")
    return found[name]


def factor_problem(info: Upscaler, factor: int) -> str:
    """Why this upscaler cannot enlarge by that factor; empty when it can, or nobody knows yet."""
    if info.scale is None or info.scale >= factor or info.scale**2 == factor:
        return ""
    return f"{info.title} enlarges {info.scale} times, in one pass or two; got factor {factor}. Choose another factor."


def file_state(path: Path) -> list[int]:
    """What tells a file from another of the same name: its bytes and when it was written. Raises OSError."""
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns]


def note_look(info: Upscaler, found: Mapping[str, Any]) -> None:
    """Keep what opening one of the artist's files has shown: `architecture` and `scale`, or `problem`.

    Failing is no harm: it is found again at the next use.
    """
    path = info.path.parent / LOOKED_AT
    try:
        state = file_state(info.path)
        write_json(path, {**_looks(info.path.parent), info.path.name: {**found, "state": state}})
    except OSError:
        return


def _shipped(weights_dir: Path) -> Upscaler:
    folder = weights_dir / "upscalers"
    path = folder / f"{SHIPPED}{SAFE}"
    problem = " ".join(damaged(weights_dir, folder))
    if not problem and not path.is_file():
        problem = f"{path.name} is not in {folder}."
    if problem:
        problem = f"{problem} Fetch the studio's files anew."
    title = "Real-ESRGAN animevideo v3"
    return Upscaler(SHIPPED, title, path, SHIPPED_LICENCE, COMPACT, SHIPPED_SCALE, problem)


def _own(folder: Path) -> list[Upscaler]:
    try:
        names = sorted(name for name in os.listdir(folder) if Path(name.lower()).suffix in (SAFE, *PICKLES))
    except OSError:
        return []
    looks = _looks(folder)
    found: dict[str, Upscaler] = {}
    for file in names[:MOST_FILES]:
        info = _described(folder / file, looks.get(file), taken=(SHIPPED, *found))
        found[info.name] = info
    return list(found.values())


def _described(path: Path, look: Any, taken: tuple[str, ...]) -> Upscaler:
    title = printable(path.stem) or "unnamed"
    name = title if title not in taken else f"{title} ({path.suffix[1:]})"
    if path.suffix.lower() in PICKLES:
        return Upscaler(name, title, path, problem=_pickle(path))
    try:
        check_upscaler(path)
        if isinstance(look, Mapping) and look.get("state") == file_state(path):
            return Upscaler(name, title, path, **_read_look(look))
        return Upscaler(name, title, path)
    except (UnsafeFile, ModelBroken) as error:
        return Upscaler(name, title, path, problem=printable(str(error)))
    except OSError as error:
        return Upscaler(name, title, path, problem=f"{path.name} cannot be read: {error.strerror}.")


def _pickle(path: Path) -> str:
    return printable(
        f"{path.name} is a pickle, which can run programs, so it is not opened. Get its .safetensors version, or "
        "convert it with a tool that you trust (chaiNNer does)."
    )


def _read_look(look: Mapping[str, Any]) -> dict[str, Any]:
    scale, architecture, problem = (look.get(name) for name in ("scale", "architecture", "problem"))
    return {
        "scale": scale if type(scale) is int and 2 <= scale <= 16 else None,
        "architecture": printable(architecture)[:80] if isinstance(architecture, str) else "",
        "problem": printable(problem)[:1000] if isinstance(problem, str) else "",
    }


def _looks(folder: Path) -> dict[str, Any]:
    try:
        return read_json(folder / LOOKED_AT)
    except (OSError, ValueError):  # not there, or broken: the files are opened anew
        return {}
