"""What a LoRA file holds, as its header tells: layers that can be put on, what else there is, why it may be unfit."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.files import printable
from engine.weights.lora_files.names import SECOND_TEXT_ENCODER, UNET, other_kind, parse
from engine.weights.lora_files.strength import Strength, strength
from engine.weights.safetensors_file import BUNDLED, Header, TensorSpec

_UNREAD = (
    "Its record of strengths holds what is not read (only numbers and layers' names are): "
    "some layers may be too strong or too weak."
)
_EMBEDDING_FILE = re.compile(r"emb_params|clip_[lg]|string_to_param.*")
# Flux, Stable Diffusion 3 and their like have no U-Net.
_TRANSFORMER = re.compile(
    r"(transformer_|diffusion_model_)?(double_blocks|single_blocks|joint_blocks|single_transformer_blocks"
    r"|transformer_blocks|blocks_[0-9]+|layers_[0-9]+)_"
)

_Place = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a file holds.

    Attributes:
        down: the down half of each layer, by tensor; they tell rank and base.
        problem: why nothing in it can be used, and what to do; empty when something can.
        note: what of it is left out or has no effect, in sentences; empty when all of it counts.
    """

    down: Mapping[str, TensorSpec]
    problem: str = ""
    note: str = ""


@dataclass
class _Parts:
    """The tensors, sorted."""

    layers: dict[_Place, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    others: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    embeddings: set[str] = field(default_factory=set)
    unknown: int = 0

    def whole(self) -> dict[_Place, dict[str, str]]:
        """The layers with both halves."""
        return {place: roles for place, roles in self.layers.items() if {"down", "up"} <= roles.keys()}

    def usable(self) -> dict[_Place, dict[str, str]]:
        return {place: roles for place, roles in self.whole().items() if place[0] != SECOND_TEXT_ENCODER}

    def halves(self, role: str) -> int:
        """How many layers have this half alone."""
        return sum(len({"down", "up"} & roles.keys()) == 1 and role in roles for roles in self.layers.values())


def survey(path: Path, header: Header) -> Survey:
    """Sort the tensors of a file by their names; the one thing read beside the header is which alphas are 0."""
    parts = _sorted(header.tensors)
    usable = parts.usable()
    down = {roles["down"]: header.tensors[roles["down"]] for roles in parts.layers.values() if "down" in roles}
    if not usable:
        instead = _instead(parts, header)
        return Survey(down, f"{path.name} must hold LoRA weights (down and up, or A and B); got {instead}")
    if any(_TRANSFORMER.match(module) for _, module in usable):
        return Survey(
            down,
            f"{path.name} must be for a model with a U-Net; got layers of a transformer model, such as Flux or "
            "Stable Diffusion 3. Choose a LoRA for Stable Diffusion.",
        )
    return Survey(down, note=" ".join(_notes(path, header, parts)))


def _sorted(names: Iterable[str]) -> _Parts:
    parts = _Parts()
    for name in names:
        key, other = parse(name), other_kind(name)
        if name.startswith(BUNDLED):
            parts.embeddings.add(_embedding(name))
        elif key:
            parts.layers[key.component, key.module][key.role] = name
        elif other:
            parts.others[other[0]].add(other[1])
        else:
            parts.unknown += 1
    return parts


def _embedding(name: str) -> str:
    """ "bundle_emb.my word.clip_l" and "bundle_emb.my word.string_to_param.*" as "my word"."""
    name = name.removeprefix(BUNDLED).rsplit(".", 1)[0].removesuffix(".string_to_param")
    return " ".join(printable(name).split())


def _instead(parts: _Parts, header: Header) -> str:
    """What a file without a usable layer holds, and what to do."""
    halves = {role: parts.halves(role) for role in ("down", "up")}
    if any(halves.values()):
        there, missing = ("down", "up") if halves["down"] >= halves["up"] else ("up", "down")
        return (
            f"only the {there} half of {_count(sum(halves.values()), 'layer')}: the other half ({missing}) is missing. "
            "Get the whole file from its author."
        )
    return f"{_kind(parts, header)}. Choose its LoRA version."


def _kind(parts: _Parts, header: Header) -> str:
    if parts.others:
        return f"a file of {_listed(_other_parts(parts))}"
    if parts.whole():
        return "layers of a second text encoder alone (SDXL)"
    if parts.embeddings or any(_EMBEDDING_FILE.fullmatch(name) for name in header.tensors):
        return "an embedding (textual inversion)"
    if "lora_controlnet" in header.tensors:
        return "a Control-LoRA (for ControlNet)"
    if any(name.startswith(("model.diffusion_model.", "down_blocks.")) for name in header.tensors):
        return "a whole model"
    return "other tensors"


def _notes(path: Path, header: Header, parts: _Parts) -> list[str]:
    said = strength(header.metadata, path)
    left_out = _listed(_left_out(parts))
    notes = [f"Left out: {left_out}."] if left_out else []
    zero, layers = _without_effect(path, header, parts, said), len(parts.usable())
    if zero == layers:
        notes.append("Every alpha in it is 0, so it changes nothing.")
    elif zero:
        notes.append(f"{zero} of its {layers} layers {'has' if zero == 1 else 'have'} alpha 0 and so no effect.")
    asked = any("alpha" not in roles for roles in parts.usable().values())
    return [*notes, _UNREAD] if asked and said.unread else notes


def _left_out(parts: _Parts) -> list[str]:
    words = _other_parts(parts)
    halves = parts.halves("down") + parts.halves("up")
    if halves:
        words.append(f"{_count(halves, 'layer')} whose other half is missing")
    second = len(parts.whole()) - len(parts.usable())
    if second:
        words.append(f"{_count(second, 'layer')} of a second text encoder (SDXL)")
    if parts.embeddings:
        words.append(f"the embedding{'s' if len(parts.embeddings) > 1 else ''} {', '.join(sorted(parts.embeddings))}")
    if parts.unknown:
        words.append(f"{_count(parts.unknown, 'tensor')} of unknown kind")
    return words


def _other_parts(parts: _Parts) -> list[str]:
    return [_count(len(modules), f"{kind} layer") for kind, modules in sorted(parts.others.items())]


_MORE_THAN_A_PRODUCT = {"magnitude", "dora_scale", "bias"}  # roles that change the layer whatever alpha is


def _without_effect(path: Path, header: Header, parts: _Parts, said: Strength) -> int:
    """How many layers have an alpha of 0, by their own tensor or by the file's record, and nothing else that counts.

    A record that strengthens some layers by name is not looked into: here modules have names with underscores.
    """
    with path.open("rb") as file:
        return sum(
            header.is_zero(file, roles["alpha"])
            if "alpha" in roles
            else not said.patterned and said.factor(component or UNET, module, 1, None) == 0
            for (component, module), roles in parts.usable().items()
            if not _MORE_THAN_A_PRODUCT & roles.keys()
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
