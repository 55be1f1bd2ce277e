"""What the artist added: `home/weights/models.json`, one object for each name.

    {"name": {"path": "/a/folder or /a/file.safetensors"}}
    {"name": {"hub_id": "organisation/name", "size_bytes": 2580000000}}

A path to a single file may add "prediction_type" and "native_size", which go before what the file itself tells; it may
lie in the weights folder, too: so such a file is corrected. A path may be the top folder of a model in the hub's cache.
Any entry may add "few_steps": "turbo", "lcm" or "none".
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from engine.errors import ModelBroken
from engine.files import read_json, write_json
from engine.weights.catalogue import few_steps
from engine.weights.facts import ModelInfo, folder_info, unusable
from engine.weights.hub_client import KNOWN_BYTES
from engine.weights.single_file import file_info
from engine.weights.sources import NAME, hub_id_in, snapshot_in

POINTERS = "models.json"
Pointer = dict[str, Any]


class Pointers:
    """The file with the pointers, read anew on each call.

    Args:
        folder: the artist's weights folder.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self.file = folder / POINTERS

    def read(self) -> dict[str, Any]:
        """Every pointer by its name. Raises ModelBroken when the file cannot be read."""
        try:
            return read_json(self.file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ModelBroken(
                f"{self.file} must be a JSON object that names models; got: {error}. "
                "Correct it, or rename it to begin a new one. It is left as it is."
            ) from None

    def change(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Write what `change` makes of them, alone among processes. Raises ModelBroken as `read`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / f".{POINTERS}.lock", timeout=10):
            write_json(self.file, change(self.read()))

    def info(self, name: str, pointer: Any) -> ModelInfo:
        """The model behind a pointer; what is wrong goes into `problem`."""
        if not isinstance(pointer, dict) or not NAME.fullmatch(name):
            return unusable(name, self.file, _bad_pointer(name, pointer))
        path, hub_id = pointer.get("path"), pointer.get("hub_id")
        if isinstance(hub_id, str) and hub_id_in(hub_id) == hub_id:
            return self._hub_info(name, hub_id, pointer)
        if not isinstance(path, str) or not Path(path).is_absolute():
            return unusable(name, self.file, _bad_pointer(name, pointer))
        try:
            return replace(_path_info(name, Path(path), pointer), added=not self.lists_by_itself(Path(path)))
        except (OSError, ValueError) as error:  # such as a path that is too long
            problem = (
                f"The path of {name[:80]} cannot be looked at ({error.__class__.__name__}). Correct it in {POINTERS}."
            )
            return unusable(name, self.file, problem)

    def lists_by_itself(self, path: Path) -> bool:
        """Whether a model of the weights folder is in the list anyway; its pointer then only corrects it."""
        cached = path.parent.name == "snapshots" and path.parents[2] == self._folder
        return cached or path.parent == self._folder

    def _hub_info(self, name: str, hub_id: str, pointer: Pointer) -> ModelInfo:
        size_bytes, said = pointer.get("size_bytes"), pointer.get("few_steps")
        listed = size_bytes if type(size_bytes) is int and 0 < size_bytes < 2**50 else 0
        return replace(
            unusable(name, self._folder / name, hub_id=hub_id),
            size_bytes=KNOWN_BYTES.get(hub_id, listed),
            about=f"Not on this machine yet; can be fetched from {hub_id}.",
            added=True,
            few_steps=few_steps.of_file({}, hub_id, said if said in few_steps.SAYABLE else None).kind,
        )


def _bad_pointer(name: str, pointer: Any) -> str:
    return (
        f"The entry {name[:80]!r} in {POINTERS} needs a plain name and an absolute path or a hub_id; "
        f"got {str(pointer)[:80]!r}. "
        "Correct it, or remove it and add the model again."
    )


def _path_info(name: str, path: Path, pointer: Pointer) -> ModelInfo:
    if path.is_dir():
        return folder_info(name, snapshot_in(path) or path, pointer)
    if path.is_file():
        return file_info(name, path, pointer)
    return unusable(
        name, path, f"{path} is not there any more. Connect its drive, or remove this model and add it again."
    )
