"""The catalogue of models: shipped, in the artist's weights folder, added, or known and not here yet."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.errors import InvalidRequest, ModelBroken, ModelUnavailable, NotFound, Offline, Problem
from engine.files import read_json
from engine.settings import Settings
from engine.weights.catalogue.few_steps import SAYABLE
from engine.weights.catalogue.pointers import POINTERS, Pointer, Pointers
from engine.weights.facts import (
    PREDICTION_TYPES,
    ModelInfo,
    folder_info,
    has_weights,
    size_limits,
    unusable,
)
from engine.weights.families import base_of_width
from engine.weights.hub import delete_fetched
from engine.weights.hub_client import KNOWN_BYTES, SD21_HUB_ID, download_bytes
from engine.weights.layout import DEFAULTS
from engine.weights.manifest import damaged
from engine.weights.single_file import file_info
from engine.weights.sources import full_name_of, name_of, pointer_from, snapshot_in, valid_name

__all__ = ["Catalogue", "ModelInfo", "named", "require_available", "size_problems"]

SD21_WIDTH = 1024


class Catalogue:
    """Every model the studio knows; reads the disk anew on each call, so new files appear by themselves."""

    def __init__(self, settings: Settings):
        self._shipped_folder = settings.weights_dir
        self._own_folder = settings.home / "weights"
        self._pointers = Pointers(self._own_folder)

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

    def add(
        self,
        source: str,
        name: str | None = None,
        prediction_type: str | None = None,
        few_steps: str | None = None,
    ) -> ModelInfo:
        """Remember a model by a folder, a .safetensors file or a hub id.

        Args:
            source: as typed or pasted: quotes, `~`, file:// and hub web addresses are understood. A hub id is looked
                up, for a few seconds at most.
            name: for requests; None takes the name of the folder, file or repository.
            prediction_type: "epsilon" or "v_prediction" for a single file that tells it wrongly or not at all.
            few_steps: "turbo", "lcm" or "none" for a model that tells wrongly or not at all how it was distilled.

        Returns:
            The model; its `note` says which clue decided its prediction type, or that the hub could not be asked.

        Raises:
            NotFound: no such path, or nothing of that name on the hub.
            UnsafeFile: a pickle, or another file that is not .safetensors.
            ModelBroken: no model that the studio can run, another base named sd21, or models.json cannot be read.
            ModelUnavailable: the hub does not give it to everybody.
            InvalidRequest: the name is taken, or is none; or the prediction type is none, or not for this source.
        """
        pointer, default_name = pointer_from(source)
        name = valid_name(name or default_name)
        pointer |= _said(pointer, prediction_type) | _said_of_steps(few_steps)
        info = self._pointers.info(name, pointer)
        if info.problem:
            raise ModelBroken(info.problem)
        if name == "sd21" and info.cross_attention_dim not in (0, SD21_WIDTH):
            raise ModelBroken(
                f"A copy of Stable Diffusion 2.1 has a cross-attention width of {SD21_WIDTH}; {source.strip()} is "
                f"{info.base} ({info.cross_attention_dim}). Add it under a name of its own instead."
            )
        self._require_free(name, info)
        note = _look_up(pointer)
        self._pointers.change(lambda pointers: {**pointers, name: pointer})
        added = self.get(name)
        return replace(added, note=note) if note else added

    def correct(self, name: str, prediction_type: str | None) -> ModelInfo:
        """Say what a single file predicts, wherever it lies; None goes back to what the file tells.

        Raises:
            NotFound: no model has that name.
            InvalidRequest: it is no single file, which alone can be corrected, or the type is none.
        """
        info = self.get(name)
        place = {"path": str(info.path)}
        said = _said(place if info.single_file else {}, prediction_type)
        kept = self._pointers.read().get(name, place)
        kept = {key: value for key, value in kept.items() if key != "prediction_type"}
        changed: Pointer = {**kept, **said}
        listed_anyway = changed == place and info.path.parent == self._own_folder
        self._pointers.change(lambda old: _without(old, name) if listed_anyway else {**old, name: changed})
        return self.get(name)

    def say_few_steps(self, name: str, few_steps: str | None) -> ModelInfo:
        """Say for how few steps a model was made, wherever it lies; None goes back to what its files tell.

        Args:
            few_steps: "turbo", "lcm" or "none".

        Raises:
            NotFound: no model has that name.
            InvalidRequest: it ships with the studio, or is not here; or that is none of the three.
        """
        info, said = self.get(name), _said_of_steps(few_steps)
        place = {"path": str(info.path)}
        pointer = self._pointers.read().get(name)
        if pointer is None and (not info.available or info.path.is_relative_to(self._shipped_folder)):
            why = "ships with the studio" if info.available else "is not on this machine"
            message = f"For how few steps a model was made is said of your own models; {name!r} {why}. Choose another."
            raise InvalidRequest([Problem("few_steps", message)])
        kept = {key: value for key, value in (pointer or place).items() if key != "few_steps"}
        changed: Pointer = {**kept, **said}
        listed_anyway = changed == place and self._pointers.lists_by_itself(info.path)
        self._pointers.change(lambda old: _without(old, name) if listed_anyway else {**old, name: changed})
        return self.get(name)

    def remove(self, name: str, delete_files: bool = False) -> None:
        """Forget a model that was added.

        Args:
            delete_files: also delete what the studio fetched for it from the hub. Files that were here before stay in
                every case.

        Raises:
            NotFound: no model has that name.
            InvalidRequest: it was not added: it ships with the studio or lies in its weights folder; or its files are
                none that the studio fetched.
            StudioBusy: it is being downloaded.
        """
        pointers = self._pointers.read()
        if name not in pointers:
            info = self.get(name)
            raise InvalidRequest(
                [Problem("name", f"Only added models can be removed; {name!r} lies in {info.path}. Delete it there.")]
            )
        if delete_files:
            info = self._pointers.info(name, pointers[name])
            if not info.hub_id:
                message = (
                    f"Only files that the studio fetched are deleted by it; {info.path} is yours. Delete it there."
                )
                raise InvalidRequest([Problem("delete_files", message)])
            delete_fetched(info.path)
        self._pointers.change(lambda old: _without(old, name))

    def _shipped(self) -> dict[str, ModelInfo]:
        """Shipped folders with weights; sd21 ships as configuration only and is no model by itself."""
        folders = [folder for folder in _model_folders(self._shipped_folder) if has_weights(folder)]
        return {folder.name: _with_defaults(self._undamaged(_shipped_info(folder))) for folder in folders}

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
        yield from self._cached(taken)
        for path in sorted(self._own_folder.glob("*.safetensors")):
            yield file_info(path.name if path.stem in taken else path.stem, path)

    def _cached(self, taken: dict[str, ModelInfo]) -> Iterator[ModelInfo]:
        """What was copied as it lies in the hub's cache, by short names, or with the owner's where several have one."""
        folders = sorted(self._own_folder.glob("models--*--*"))
        snapshots = {folder: snapshot for folder in folders if (snapshot := snapshot_in(folder))}
        short = Counter([*taken, *map(name_of, snapshots), *(f.name for f in _model_folders(self._own_folder))])
        for folder, snapshot in snapshots.items():
            name = name_of(folder)
            yield folder_info(name if short[name] == 1 else full_name_of(folder), snapshot)

    def _pointed(self, found: dict[str, ModelInfo]) -> Iterator[ModelInfo]:
        try:
            pointers = self._pointers.read()
        except ModelBroken as error:
            yield unusable(POINTERS, self._pointers.file, str(error))
            return
        for name, pointer in pointers.items():
            info = self._pointers.info(name, pointer)
            fetched = found.get(name) if info.hub_id else None
            if fetched:
                told = file_info if fetched.single_file else folder_info
                info = replace(told(name, fetched.path, pointer), hub_id=info.hub_id, added=True)
            yield info

    def _require_free(self, name: str, info: ModelInfo) -> None:
        taken = {known.name: known for known in self.all()}.get(name)
        if taken and taken.available and taken.path != info.path:
            message = f"Each model needs its own name; {name!r} is {taken.path} already. Give another name."
            raise InvalidRequest([Problem("name", message)])


def _said(pointer: Pointer, prediction_type: str | None) -> Pointer:
    """What the artist says about a single file, for its pointer. Raises InvalidRequest when it cannot be said."""
    if prediction_type is None:
        return {}
    if prediction_type not in PREDICTION_TYPES:
        message = f"A prediction type is {' or '.join(PREDICTION_TYPES[:2])}; got {prediction_type[:40]!r}. Choose one."
        raise InvalidRequest([Problem("prediction_type", message)])
    if not Path(pointer.get("path", "")).is_file():
        message = (
            "Only a single .safetensors file can be told what it predicts; a folder says it itself. Correct "
            "prediction_type in its scheduler/scheduler_config.json."
        )
        raise InvalidRequest([Problem("prediction_type", message)])
    return {"prediction_type": prediction_type}


def _said_of_steps(few_steps: str | None) -> Pointer:
    if few_steps is None:
        return {}
    if few_steps not in SAYABLE:
        message = f"Few steps is one of {', '.join(SAYABLE)}; got {few_steps[:40]!r}. Choose one."
        raise InvalidRequest([Problem("few_steps", message)])
    return {"few_steps": few_steps}


def _look_up(pointer: Pointer) -> str:
    """Ask the hub about a hub id and note its size in the pointer; a sentence when the hub cannot be asked."""
    if "hub_id" not in pointer:
        return ""
    try:
        pointer["size_bytes"] = download_bytes(pointer["hub_id"])
    except Offline as error:
        return f"Added without a look at the hub, so whether it is there shows when you download it. {error}"
    return ""


def _without(pointers: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: pointer for other, pointer in pointers.items() if other != name}


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


def _with_defaults(info: ModelInfo) -> ModelInfo:
    """With what a shipped model says itself; the manifest vouches for the file, so nothing is checked here."""
    file = info.path / DEFAULTS
    return replace(info, defaults=read_json(file)) if info.available and file.is_file() else info


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
