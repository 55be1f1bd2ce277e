"""Which LoRAs exist, which base they fit and what their authors say about them; only headers are read.

A folder may hold `name.safetensors` files, folders of them, four deep, and PEFT or diffusers folders
(`name/adapter_model.safetensors`, `name/pytorch_lora_weights.safetensors`). Pickles (`name.pt`) are listed with the
reason why they cannot be used. Beside a file may lie `name.json`
with notes, in A1111's words ("activation text", "description", "preferred weight") or ours ("trigger_words",
"about", "preferred_weight", "licence", "few_steps": "turbo", "lcm" or "none"), and a picture `name.png` or
`name.preview.png`.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from engine.errors import UnsafeFile
from engine.files import printable, read_json
from engine.picture_files import SUFFIXES
from engine.rules import finite
from engine.weights.catalogue.few_steps import LCM, ORDINARY, TURBO, of_lora
from engine.weights.families import base_of_width
from engine.weights.licensing.licences import UNKNOWN
from engine.weights.lora_files.survey import survey
from engine.weights.safetensors_file import TensorSpec, check_lora

__all__ = ["LoraInfo", "base_of_width", "list_loras", "one_line", "places"]

# Training tools give every adapter these names, so the folder's name is the one that tells it apart.
_NAMED_BY_FOLDER = ("adapter_model", "pytorch_lora_weights")
# PEFT saves the LoRA of each part of a pipeline into a folder of its own.
_PARTS = ("unet", "text_encoder")
_SAFE = ".safetensors"
_PICKLES = (".pt", ".pth", ".ckpt", ".bin")
# What training tools keep beside a LoRA to go on from; it is none.
_TRAINING_STATES = re.compile(r"(optimizer|scheduler|scaler|sampler|random_states|rng_state|training_args)(_.*)?")
_MAX_DEPTH = 4
_PICTURES = tuple(f"{kind}{suffix}" for kind in ("", ".preview") for suffix in SUFFIXES)
_CROSS_ATTENTION = re.compile(r"attn2[._](?:processor[._])?to_[kv][._]")
_MAX_ABOUT, _MAX_LICENCE = 500, 100
_MAX_TRIGGER_WORDS = 20


@dataclass(frozen=True, slots=True)
class LoraInfo:
    """A LoRA as the picker shows it and the worker loads it.

    Attributes:
        name: unique, used in requests.
        path: the .safetensors file, also of a PEFT folder.
        base: family of the model it was made for, see `base_of_width`; "unknown" when the file does not tell.
        cross_attention_dim: width of that base's cross-attention; None when unknown.
        rank: the largest rank in the file; None when it has no LoRA weights.
        trigger_words: words that its author says to use in the prompt.
        about: its author's description, plain text.
        size_bytes: of the file.
        problem: why it cannot be used, and what to do; empty when there is none.
        preview: picture beside the file.
        preferred_weight: the weight that its author suggests, -2 to 2.
        note: what of it is left out or has no effect; empty when all of it counts.
        few_steps: "turbo" or "lcm" where it makes a model draw in few steps, else empty; see `catalogue.few_steps`.
        licence: its name, or "unknown".
    """

    name: str
    path: Path
    base: str
    cross_attention_dim: int | None
    rank: int | None
    trigger_words: tuple[str, ...]
    about: str
    size_bytes: int
    problem: str = ""
    preview: Path | None = None
    preferred_weight: float = 1.0
    note: str = ""
    few_steps: str = ""
    licence: str = UNKNOWN


def list_loras(folders: Sequence[Path]) -> list[LoraInfo]:
    """Every LoRA in the folders and four levels below, also those that cannot be used, with the reason.

    Args:
        folders: the artist's own first: who comes first keeps the plain name, a later file of the same name is
            listed as "name (folder)". Folders that do not exist are passed over.
    """
    found: dict[str, LoraInfo] = {}
    seen: set[str] = set()
    for place in [place for folder in folders for place in places(Path(folder), seen)]:
        for path in place.files():
            info = _described(path, place.names)
            if info is not None:
                name = _free_name(info.name, _shelf(path).name, found)
                found[name] = replace(info, name=name) if name != info.name else info
    return list(found.values())


@dataclass(frozen=True)
class _Place:
    """One folder's entries, listed once."""

    path: Path
    names: frozenset[str]
    folders: tuple[str, ...]

    def files(self) -> list[Path]:
        return [self.path / name for name in sorted(self.names) if _is_wanted(PurePath(name.lower()))]


def _is_wanted(name: PurePath) -> bool:
    pickle = name.suffix in _PICKLES and not _TRAINING_STATES.fullmatch(name.stem)
    return pickle or name.suffix == _SAFE


def places(folder: Path, seen: set[str], depth: int = 0) -> list[_Place]:
    """The folder, then all below it, each once, however many links lead to it."""
    real = os.path.realpath(folder)
    if real in seen:
        return []
    seen.add(real)
    place = _listed(folder)
    below = place.folders if depth < _MAX_DEPTH else ()
    return [place, *(deeper for name in below for deeper in places(folder / name, seen, depth + 1))]


def _listed(folder: Path) -> _Place:
    try:
        with os.scandir(folder) as scan:
            entries = {entry.name: entry.is_dir() for entry in scan if not entry.name.startswith(".")}
    except OSError:
        entries = {}
    folders = sorted(name for name, is_dir in entries.items() if is_dir)
    return _Place(folder, frozenset(entries).difference(folders), tuple(folders))


def _name(path: Path) -> str:
    if path.stem not in _NAMED_BY_FOLDER:
        return one_line(path.stem)
    folder = path.parent
    return one_line(f"{folder.parent.name} ({folder.name})" if folder.name in _PARTS else folder.name)


def _shelf(path: Path) -> Path:
    """The folder that tells two of the same name apart."""
    return path.parent.parent if path.stem in _NAMED_BY_FOLDER else path.parent


def one_line(text: str) -> str:
    """A file's or folder's name as text to show."""
    return " ".join(printable(text).split()) or "unnamed"


def _free_name(name: str, folder: str, taken: dict[str, LoraInfo]) -> str:
    choices = [name, f"{name} ({one_line(folder)})"]
    choices += [f"{name} ({number})" for number in range(2, len(taken) + 3)]
    return next(choice for choice in choices if choice not in taken)


def _described(path: Path, beside: frozenset[str]) -> LoraInfo | None:
    """What the file says, and the notes and the picture among the names beside it; None when it vanished."""
    try:
        status = os.stat(path)
        info = _described_file(path, status.st_size, status.st_mtime_ns)
        if f"{path.stem}.json" in beside:
            notes = path.with_suffix(".json")
            status = os.stat(notes)
            info = _with_notes(info, notes, status.st_size, status.st_mtime_ns)
    except OSError:
        return None
    picture = next((name for name in _picture_names(path) if name in beside), None)
    return replace(info, preview=path.with_name(picture)) if picture else info


@lru_cache(maxsize=4096)
def _described_file(path: Path, size: int, mtime_ns: int) -> LoraInfo:
    """Read once per state of the file."""
    info = LoraInfo(_name(path), path, base_of_width(None), None, None, (), "", size)
    try:
        header = check_lora(path)
        found = survey(path, header)
    except UnsafeFile as error:
        return replace(info, problem=printable(str(error)))
    width = _tensor_width(found.down) or _claimed_width(header.metadata)
    return replace(
        info,
        base=base_of_width(width),
        cross_attention_dim=width,
        rank=max((spec.shape[0] for spec in found.down.values() if spec.shape), default=None),
        trigger_words=_words(header.metadata.get("modelspec.trigger_phrase")),
        about=_about(header.metadata.get("modelspec.description") or header.metadata.get("ss_training_comment")),
        problem=found.problem or _ending(path),
        note=found.note,
        few_steps=of_lora(header.metadata, _name(path)).kind,
        licence=_licence(header.metadata.get("modelspec.license")) or UNKNOWN,
    )


def _ending(path: Path) -> str:
    if path.suffix.lower() == _SAFE:
        return ""
    return f"{path.name} must end with {_SAFE}; got {path.suffix}, though it is one inside. Rename it."


def _tensor_width(down: Mapping[str, TensorSpec]) -> int | None:
    """Width of the text that the cross-attention's key and value layers read: the columns of their down weights."""
    widths = {spec.shape[1] for name, spec in down.items() if len(spec.shape) > 1 and _CROSS_ATTENTION.search(name)}
    return widths.pop() if len(widths) == 1 else None


def _claimed_width(metadata: dict[str, str]) -> int | None:
    """The width that the metadata's words for the base stand for."""
    base = metadata.get("ss_base_model_version", "").lower()
    architecture = metadata.get("modelspec.architecture", "").lower()
    if base.startswith("sdxl") or architecture.startswith("stable-diffusion-xl"):
        return 2048
    if metadata.get("ss_v2") == "True" or base.startswith("sd_v2") or architecture.startswith("stable-diffusion-v2"):
        return 1024
    if base.startswith(("sd_v1", "sd_1")) or architecture.startswith("stable-diffusion-v1"):
        return 768
    return None


@lru_cache(maxsize=4096)
def _with_notes(info: LoraInfo, path: Path, size: int, mtime_ns: int) -> LoraInfo:
    """Add what the JSON beside the file says; the artist's own notes win over the file's."""
    try:
        notes = read_json(path)
    except (OSError, ValueError) as error:
        return replace(info, about=info.about or f"{path.name} beside it cannot be read: {error}.")
    return replace(
        info,
        trigger_words=_words(notes.get("trigger_words") or notes.get("activation text")) or info.trigger_words,
        about=_about(notes.get("about") or notes.get("description")) or info.about,
        preferred_weight=_weight(notes.get("preferred_weight") or notes.get("preferred weight")),
        few_steps={TURBO: TURBO, LCM: LCM, ORDINARY: ""}.get(str(notes.get("few_steps")), info.few_steps),
        licence=_licence(notes.get("licence") or notes.get("license")) or info.licence,
    )


def _words(value: Any) -> tuple[str, ...]:
    """Trigger words from a list, or from text with commas between them."""
    parts = value if isinstance(value, list) else str(value or "").split(",")
    words = (printable(part).strip() for part in parts if isinstance(part, str))
    return tuple(dict.fromkeys(word[:200] for word in words if word))[:_MAX_TRIGGER_WORDS]


def _about(value: Any) -> str:
    text = printable(value).strip() if isinstance(value, str) else ""
    return "" if text == "None" else text[:_MAX_ABOUT]  # kohya's scripts write Python's None as text


def _licence(value: Any) -> str:
    return " ".join(_about(value).split())[:_MAX_LICENCE]


def _weight(value: Any) -> float:
    """The suggested weight; 1 where there is none (A1111 stores 0 for "not set") or it makes no sense."""
    weight = finite(value)
    return weight if weight is not None and -2 <= weight <= 2 else 1.0


def _picture_names(path: Path) -> list[str]:
    """The picture has the file's name, or its folder's inside a PEFT folder."""
    stems = [path.stem]
    if path.stem in _NAMED_BY_FOLDER:
        stems += [path.parent.name, "preview"]
    return [f"{stem}{suffix}" for stem in stems for suffix in _PICTURES]
