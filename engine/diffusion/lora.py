"""Apply LoRAs for one request and take them off again.

There is no "current LoRA": adapters live inside `applied` or `worn`, and afterwards the model is the base model, bit
for bit. Either they run beside the base weights, which are not touched then, or they are added to them, and the
originals are put back (`engine.diffusion.lora_merging`); nothing is undone by arithmetic.
"""

import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.diffusion.loading import LoadedModel
from engine.diffusion.lora_layers import Layer, fits, folded, is_sound, matched
from engine.diffusion.lora_merging import Merged, can_merge, merged
from engine.errors import LoraRefused
from engine.weights.families import base_of_width
from engine.weights.lora_files.names import TEXT_ENCODER, LoraKey, parse
from engine.weights.lora_files.strength import strength
from engine.weights.lora_files.survey import survey
from engine.weights.loras import LoraInfo
from engine.weights.safetensors_file import Header, check_lora

KEPT_BYTES = 64e6  # of changed weights: those of the small model


@dataclass(frozen=True)
class AppliedLora:
    """A LoRA that is on, and how much of its file the model has a place for.

    Attributes:
        note: what of it is left out or has no effect, in sentences; empty when all of it counts.
    """

    name: str
    weight: float
    keys_applied: int
    keys_total: int
    note: str = ""


@dataclass(frozen=True)
class Worn:
    """What LoRAs do to a model while they are on.

    Attributes:
        loras: those that were asked for.
        beside: whether adapters run beside the weights; else the weights are changed.
        layers: whose weights are changed, such as "unet.mid_block.attentions.0.proj_in".
        tag: the same for the same changed weights: files, their sizes and times of change, and strengths.
    """

    loras: list[AppliedLora]
    beside: bool = False
    layers: tuple[str, ...] = ()
    tag: tuple[Any, ...] = ()


@dataclass(frozen=True)
class _Prepared:
    """A LoRA in the model's own module names, its strength folded in.

    Attributes:
        adapters: as peft is to load them, by kind, since one of its adapters has DoRA or a bias in all of its layers
            or in none: "<component>.<module>.lora_A.weight" (rank, in), ".lora_B.weight" (out, rank) and so on.
    """

    adapters: dict[str, dict[str, Tensor]]
    keys_applied: int
    keys_total: int
    note: str

    def on(self, name: str, weight: float) -> AppliedLora:
        notes = [self.note] if self.note else []
        if self.keys_applied < self.keys_total:
            notes.insert(
                0,
                f"{self.keys_applied} of its {self.keys_total} tensors belong to this model's layers; "
                "the rest was left out.",
            )
        return AppliedLora(name, weight, self.keys_applied, self.keys_total, " ".join(notes))


@contextmanager
def applied(loaded: LoadedModel, loras: Sequence[tuple[LoraInfo, float]]) -> Iterator[list[AppliedLora]]:
    """Draw with these LoRAs inside the `with` block.

    All files are checked before the model is changed. A LoRA at weight 0 is checked but not put on.

    Raises:
        LoraRefused: made for another base, or it has no layer of this model.
        UnsafeFile: its file breaks a limit of the safe-loading gate.
    """
    with worn(loaded, loras, merge=False) as on:
        yield on.loras


@contextmanager
def worn(loaded: LoadedModel, loras: Sequence[tuple[LoraInfo, float]], *, merge: bool) -> Iterator[Worn]:
    """Draw with these LoRAs inside the `with` block, as `applied`.

    Args:
        merge: whether to add them to the weights, where that means the same (`lora_merging.can_merge`).
    """
    key = _key(loras) if merge else None
    if key in loaded.worn:
        changed, same = loaded.worn[key]
        with changed.put_in():
            yield same
        return
    prepared = [(_prepare(loaded, info), weight) for info, weight in loras]
    on = [lora.on(info.name, weight) for (info, _), (lora, weight) in zip(loras, prepared, strict=True)]
    active = [(lora, weight) for lora, weight in prepared if weight != 0]
    adapters = [(tensors, weight) for lora, weight in active for tensors in lora.adapters.values()]
    if merge and can_merge(adapters):
        changed = merged(loaded.pipeline, adapters)
        now = Worn(on, layers=changed.layers, tag=tuple(_tag(info, weight) for info, weight in loras if weight))
        _keep(loaded, key, changed, now)
        with changed.put_in():
            yield now
        return
    try:
        _put_on(loaded, active)
        yield Worn(on, beside=bool(active))
    finally:
        if active:
            loaded.pipeline.unload_lora_weights()


def _key(loras: Sequence[tuple[LoraInfo, float]]) -> Hashable:
    """The same for the same files and weights; None where one is gone, of which `_prepare` says so."""
    try:
        return tuple(loras), tuple(_tag(info, weight) for info, weight in loras)
    except OSError:
        return None


def _keep(loaded: LoadedModel, key: Hashable, changed: Merged, on: Worn) -> None:
    """Remember the weights of a small model, and no others: drafts ask for the same again and again."""
    loaded.worn.clear()
    if not loaded.device.is_cuda and 0 < changed.size_bytes <= KEPT_BYTES:
        loaded.worn[key] = changed, on


def _tag(info: LoraInfo, weight: float) -> tuple[Any, ...]:
    status, config = info.path.stat(), info.path.with_name("adapter_config.json")  # which has strengths
    said = config.stat().st_mtime_ns if config.is_file() else 0
    return str(info.path), status.st_size, status.st_mtime_ns, said, weight


def _put_on(loaded: LoadedModel, active: Sequence[tuple[_Prepared, float]]) -> None:
    weights = {}
    for i, (lora, weight) in enumerate(active):
        for kind, tensors in lora.adapters.items():
            # Numbered names, because peft reads a dot in an adapter's name as a module boundary.
            name = f"lora_{i}_{kind}"
            # A dict, never the path: from a path the loader takes the header's text as peft configuration, whose
            # patterns are regular expressions by the file's author.
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Already found a `peft_config`")  # several are meant
                loaded.pipeline.load_lora_weights(_as_loaded(tensors, name), adapter_name=name)
            weights[name] = weight
    if weights:
        loaded.pipeline.set_adapters(list(weights), adapter_weights=list(weights.values()))


def _as_loaded(tensors: Mapping[str, Tensor], adapter: str) -> dict[str, Tensor]:
    """Under the names that the loaders of both components know in every case.

    Of a text encoder, diffusers tells peft's names by those of its attention alone, and transformers passes over a
    magnitude without its adapter's name.
    """
    known = {
        ".lora_A.": ".lora_linear_layer.down.",
        ".lora_B.": ".lora_linear_layer.up.",
        ".lora_magnitude_vector": f".lora_magnitude_vector.{adapter}.weight",
    }

    def name_of(name: str) -> str:
        ours = next(ours for ours in known if ours in name)
        return name.replace(ours, known[ours]) if name.startswith(f"{TEXT_ENCODER}.") else name

    return {name_of(name): tensor for name, tensor in tensors.items()}


def _prepare(loaded: LoadedModel, info: LoraInfo) -> _Prepared:
    if info.problem:
        raise LoraRefused(f"{info.name}: {info.problem}")
    header = check_lora(info.path)
    found = survey(info.path, header)
    if found.problem:
        raise LoraRefused(f"{info.name}: {found.problem}")
    keys = {name: key for name, spec in header.tensors.items() if (key := parse(name)) and is_sound(key, spec)}
    _check_width(loaded, info, header, keys)
    layers = matched(loaded, keys)
    if not layers:
        raise LoraRefused(
            f"{info.name}: 0 of its {len(header.tensors)} tensors belong to a layer of {loaded.info.title} "
            f"({loaded.info.base}). It is for another kind of model, or not a plain LoRA; choose another."
        )
    for layer in layers:
        _check_shapes(loaded, info, header, layer)
    used = [name for layer in layers for name in layer.used().values()]
    adapters = _adapters(info, header, layers, _read_tensors(info, used))
    return _Prepared(adapters, len(used), len(header.tensors), found.note)


def _adapters(
    info: LoraInfo, header: Header, layers: Sequence[Layer], tensors: Mapping[str, Tensor]
) -> dict[str, dict[str, Tensor]]:
    said = strength(header.metadata, info.path)
    adapters: dict[str, dict[str, Tensor]] = {}
    for layer in layers:
        parts = {role: tensors[name] for role, name in layer.used().items()}
        alpha = float(parts["alpha"]) if "alpha" in parts else None
        factor = said.factor(layer.component, layer.module, len(parts["down"]), alpha)
        named = folded(layer, parts, factor)
        if not all(bool(torch.isfinite(tensor).all()) for tensor in named.values()):
            raise LoraRefused(
                f"{info.name}: strengths must stay within the numbers that can be computed with; {layer.module} has "
                f"alpha / rank {factor:g}. The file is damaged or was written wrongly; choose another."
            )
        kinds = {"lora_magnitude_vector": "dora", "lora_B.bias": "bias"}
        kind = next((kind for name, kind in kinds.items() if name in named), "plain")
        place = f"{layer.component}.{layer.module}"
        adapters.setdefault(kind, {}).update({f"{place}.{name}": tensor for name, tensor in named.items()})
    return adapters


def _read_tensors(info: LoraInfo, names: Iterable[str]) -> dict[str, Tensor]:
    try:
        with safe_open(info.path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise LoraRefused(f"{info.name} cannot be read: {error}. Copy or download it again.") from error
    damaged = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if damaged:
        raise LoraRefused(
            f"{info.name}: every number must be finite; {len(damaged)} tensors hold NaN or infinity, such as "
            f"{damaged[0]}. The file is damaged or its training failed; choose another."
        )
    return tensors


def _check_width(loaded: LoadedModel, info: LoraInfo, header: Header, keys: Mapping[str, LoraKey]) -> None:
    """The width of cross-attention tells base models apart."""
    expected = loaded.pipeline.unet.config.cross_attention_dim
    for name, key in keys.items():
        width = header.tensors[name].shape[1] if key.reads_text and key.role == "down" else expected
        if width != expected:
            raise _other_base(loaded, info, base_of_width(width))


def _check_shapes(loaded: LoadedModel, info: LoraInfo, header: Header, layer: Layer) -> None:
    shapes = {role: header.tensors[name].shape for role, name in layer.used().items()}
    if not fits(layer, shapes):
        order = ("up", "mid", "down", "magnitude", "dora_scale", "bias")
        theirs = " x ".join(str(shapes[role]) for role in order if role in shapes)
        detail = f"its {layer.module} is {tuple(layer.weight.shape)}, the LoRA's {theirs}"
        raise _other_base(loaded, info, info.base, detail)


def _other_base(loaded: LoadedModel, info: LoraInfo, base: str, detail: str = "") -> LoraRefused:
    made_for = "a model of other shapes" if base in ("", "unknown", loaded.info.base) else base
    return LoraRefused(
        f"{info.name} was made for {made_for}, but {loaded.info.title} is {loaded.info.base}"
        f"{f' ({detail})' if detail else ''}. Choose a model or a LoRA so that both have the same base."
    )
