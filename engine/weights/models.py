"""The catalogue of models: shipped, in the artist's weights folder, pointed to, or known and not here yet.

`home/weights/models.json` holds the pointers, one object for each name:

    {"name": {"path": "/a/folder or /a/file.safetensors"}}
    {"name": {"hub_id": "organisation/name"}}

A path to a single file may add "prediction_type" and "native_size", which the file itself does not tell.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from engine.errors import InvalidRequest, ModelBroken, ModelUnavailable, NotFound, Problem
from engine.files import read_json, write_json
from engine.settings import Settings
from engine.weights.facts import (
    ModelInfo,
    folder_info,
    has_weights,
    size_limits,
    unusable,
)
from engine.weights.families import base_of_width
from engine.weights.hub_client import KNOWN_BYTES, SD21_HUB_ID
from engine.weights.manifest import damaged
from engine.weights.single_file import file_info
from engine.weights.sources import NAME, hub_id_in, pointer_from, valid_name

__all__ = ["Catalogue", "ModelInfo", "named", "require_available", "size_problems"]

POINTERS = "models.json"
SD21_WIDTH = 1024


class Catalogue:
    """Every model the studio knows; reads the disk anew on each call, so new files appear by themselves."""

    def __init__(self, settings: Settings):
        self._shipped_folder = settings.weights_dir
        self._own_folder = settings.home / "weights"
        self._pointers_file = self._own_folder / POINTERS

    def all(self) -> list[ModelInfo]:
        """Every model, also those that cannot be used, with the reason in `problem`."""
        found = self._shipped()
        shipped = set(found)
        for info in self._own(found):
            found[info.name] = info
        for info in self._pointed(found):
            if info.name not in shipped:
                found[info.name] = info
        place = self._own_folder / "sd21"
        found["sd21"] = _with_known_facts(found.get("sd21") or _sd21_to_fetch(place), place)
        return list(found.values())

    def get(self, name: str) -> ModelInfo:
        """The model of that name.

        Raises:
            NotFound: there is none; the message names those there are.
        """
        return named(name, self.all())

    def add(self, source: str, name: str | None = None) -> ModelInfo:
        """Remember a model by a folder, a .safetensors file or a hub id.

        Args:
            source: as typed or pasted: quotes, `~`, file:// and hub web addresses are understood.
            name: for requests; None takes the name of the folder, file or repository.

        Raises:
            NotFound: no such path.
            UnsafeFile: a pickle, or another file that is not .safetensors.
            ModelBroken: no model that the studio can run, another base named sd21, or models.json cannot be read.
            InvalidRequest: the name is taken, or is none.
        """
        pointer, default_name = pointer_from(source)
        name = valid_name(name or default_name)
        info = _pointed_info(name, pointer, self._own_folder)
        if info.problem:
            raise ModelBroken(info.problem)
        if name == "sd21" and info.cross_attention_dim not in (0, SD21_WIDTH):
            raise ModelBroken(
                f"A copy of Stable Diffusion 2.1 has a cross-attention width of {SD21_WIDTH}; {source.strip()} is "
                f"{info.base} ({info.cross_attention_dim}). Add it under a name of its own instead."
            )
        self._require_free(name, info)
        self._change_pointers(lambda pointers: {**pointers, name: pointer})
        return self.get(name)

    def remove(self, name: str) -> None:
        """Forget a pointer; the files that it points to stay.

        Raises:
            NotFound: no model has that name.
            InvalidRequest: it is no pointer: it ships with the studio or lies in its weights folder.
        """
        if name not in self._read_pointers():
            info = self.get(name)
            raise InvalidRequest(
                [Problem("name", f"Only added models can be removed; {name!r} lies in {info.path}. Delete it there.")]
            )
        self._change_pointers(lambda pointers: {other: pointer for other, pointer in pointers.items() if other != name})

    def _shipped(self) -> dict[str, ModelInfo]:
        """Shipped folders with weights; sd21 ships as configuration only and is no model by itself."""
        folders = [folder for folder in _model_folders(self._shipped_folder) if has_weights(folder)]
        return {folder.name: self._undamaged(_shipped_info(folder)) for folder in folders}

    def _undamaged(self, info: ModelInfo) -> ModelInfo:
        """A shipped model as it is, or with what differs from the manifest."""
        texts = damaged(self._shipped_folder, info.path)
        if not texts:
            return info
        return replace(info, available=False, problem=" ".join([*texts, "Fetch the studio's files anew."]))

    def _own(self, taken: dict[str, ModelInfo]) -> Iterator[ModelInfo]:
        for folder in _model_folders(self._own_folder):
            if folder.name not in taken:
                yield folder_info(folder.name, folder)
        for path in sorted(self._own_folder.glob("*.safetensors")):
            yield file_info(path.name if path.stem in taken else path.stem, path)

    def _pointed(self, found: dict[str, ModelInfo]) -> Iterator[ModelInfo]:
        try:
            pointers = self._read_pointers()
        except ModelBroken as error:
            yield unusable(POINTERS, self._pointers_file, str(error))
            return
        for name, pointer in pointers.items():
            info = _pointed_info(name, pointer, self._own_folder)
            fetched = found.get(name) if info.hub_id else None
            yield replace(fetched, hub_id=info.hub_id) if fetched else info

    def _read_pointers(self) -> dict[str, Any]:
        try:
            return read_json(self._pointers_file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ModelBroken(
                f"{self._pointers_file} must be a JSON object that names models; got: {error}. "
                "Correct it, or rename it to begin a new one. It is left as it is."
            ) from None

    def _change_pointers(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._own_folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._own_folder / f".{POINTERS}.lock", timeout=10):
            write_json(self._pointers_file, change(self._read_pointers()))

    def _require_free(self, name: str, info: ModelInfo) -> None:
        taken = {known.name: known for known in self.all()}.get(name)
        if taken and taken.available and taken.path != info.path:
            message = f"Each model needs its own name; {name!r} is {taken.path} already. Give another name."
            raise InvalidRequest([Problem("name", message)])


def named(name: str, models: Iterable[ModelInfo]) -> ModelInfo:
    """The model of that name. Raises NotFound naming those there are."""
    found = {info.name: info for info in models}
    if name not in found:
        raise NotFound(f"There is no model named {name!r}; known are: {', '.join(found)}.")
    return found[name]


def require_available(info: ModelInfo) -> ModelInfo:
    """The model itself, when it can be loaded.

    Raises:
        ModelUnavailable: it cannot; the message says why and what to do.
    """
    if info.available:
        return info
    size = f" (about {info.size_bytes / 1e9:.1f} GB)" if info.size_bytes else ""
    raise ModelUnavailable(
        info.problem
        or f"The weights of {info.title}{size} are not on this machine. Fetch them, or add the folder or the "
        ".safetensors file where you have them."
    )


def size_problems(info: ModelInfo, width: int, height: int) -> list[Problem]:
    """Which sides this model cannot draw, with the nearest that it can.

    Args:
        width, height: pixels.
    """
    if not info.native_size:
        return []
    sides = {"width": width, "height": height}
    return [problem for field, side in sides.items() for problem in _side_problems(info, field, side)]


def _side_problems(info: ModelInfo, field: str, side: int) -> list[Problem]:
    step = info.size_multiple
    if info.min_size <= side <= info.max_size and side % step == 0:
        return []
    nearest = min(max(round(side / step) * step, info.min_size), info.max_size)
    message = (
        f"{info.title} draws a {field} of {info.min_size} to {info.max_size} pixels in steps of {step}; "
        f"got {side}. Use {nearest}."
    )
    return [Problem(field, message)]


def _model_folders(parent: Path) -> list[Path]:
    """Folders of models in `parent`, without downloads that are under way."""
    folders = sorted(path.parent for path in parent.glob("*/model_index.json"))
    return [folder for folder in folders if not folder.name.endswith(".partial")]


def _shipped_info(folder: Path) -> ModelInfo:
    info = folder_info(folder.name, folder)
    if info.name != "mini" or not info.available:
        return info
    return replace(
        info,
        title=f"Niji mini ({info.native_size} px, ships with the studio)",
        about="A small model trained for this studio: fantasy landscapes in seconds, on any computer.",
    )


def _sd21_to_fetch(folder: Path) -> ModelInfo:
    return replace(
        unusable("sd21", folder, hub_id=SD21_HUB_ID),
        base=base_of_width(SD21_WIDTH),
        cross_attention_dim=SD21_WIDTH,
        **size_limits(768, 8),
        prediction_type="v_prediction",
        size_bytes=KNOWN_BYTES[SD21_HUB_ID],
        about=(
            "The large model for finished work, best on a GPU. Not on this machine yet: fetch about 2.6 GB, or add "
            "your own copy (a folder in diffusers layout, or v2-1_768-ema-pruned.safetensors)."
        ),
    )


def _with_known_facts(info: ModelInfo, place: Path) -> ModelInfo:
    """What is known about sd21 wherever its weights come from; only into `place` can they be fetched."""
    licence = "CreativeML Open RAIL++-M" if info.licence == "unknown" else info.licence
    title = "Stable Diffusion 2.1 (768 px)" if info.native_size in (0, 768) else "Stable Diffusion 2.1"
    hub_id = info.hub_id or (SD21_HUB_ID if info.path == place else "")
    return replace(info, title=title, licence=licence, hub_id=hub_id)


def _pointed_info(name: str, pointer: Any, own_folder: Path) -> ModelInfo:
    if not isinstance(pointer, dict) or not NAME.fullmatch(name):
        return unusable(name, own_folder / POINTERS, _bad_pointer(name, pointer))
    path, hub_id = pointer.get("path"), pointer.get("hub_id")
    if isinstance(hub_id, str) and hub_id_in(hub_id) == hub_id:
        return replace(
            unusable(name, own_folder / name, hub_id=hub_id),
            size_bytes=KNOWN_BYTES.get(hub_id, 0),
            about=f"Not on this machine yet; can be fetched from {hub_id}.",
        )
    if not isinstance(path, str) or not Path(path).is_absolute():
        return unusable(name, own_folder / POINTERS, _bad_pointer(name, pointer))
    return _path_info(name, Path(path), pointer)


def _bad_pointer(name: str, pointer: Any) -> str:
    return (
        f"The entry {name[:80]!r} in {POINTERS} needs a plain name and an absolute path or a hub_id; "
        f"got {str(pointer)[:80]!r}. "
        "Correct it, or remove it and add the model again."
    )


def _path_info(name: str, path: Path, overrides: dict[str, Any]) -> ModelInfo:
    if path.is_dir():
        return folder_info(name, path)
    if path.is_file():
        return file_info(name, path, overrides)
    return unusable(
        name, path, f"{path} is not there any more. Connect its drive, or remove this model and add it again."
    )
