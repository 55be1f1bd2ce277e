"""Apply LoRAs for one request and take them off again.

There is no "current LoRA": adapters live inside `applied`, and afterwards the model is the base model, bit
for bit. The base weights are never touched (adapters run beside them), so nothing has to be undone by
arithmetic.
"""

import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.diffusion.loading import LoadedModel
from engine.diffusion.lora_keys import TEXT_ENCODER, UNET, LoraKey, module_key, parse
from engine.errors import LoraRefused
from engine.weights.families import base_of_width
from engine.weights.loras import LoraInfo
from engine.weights.safetensors_file import Header, check_lora

# The loader of diffusers adapts these layers of a text encoder and no others.
TEXT_ENCODER_LAYERS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
MAX_CONFIG_BYTES = 2**20


@dataclass(frozen=True)
class AppliedLora:
    """A LoRA that is on, and how much of its file the model has a place for."""

    name: str
    weight: float
    keys_applied: int
    keys_total: int


@dataclass(frozen=True)
class _Prepared:
    """A LoRA in the model's own module names, alpha folded in.

    Attributes:
        tensors: "<component>.<module>.lora_A.weight" (rank, in) and ".lora_B.weight" (out, rank).
    """

    tensors: dict[str, Tensor]
    keys_applied: int
    keys_total: int


@dataclass(frozen=True)
class _Scaling:
    """What a file without alpha tensors says about its strength: alpha / rank, or alpha / sqrt(rank)."""

    alpha: float | None = None
    rank_stabilised: bool = False

    def factor(self, rank: int, alpha: float | None) -> float:
        alpha = self.alpha if alpha is None else alpha
        if alpha is None:
            return 1.0  # the convention of diffusers: no alpha means alpha = rank
        return alpha / (math.sqrt(rank) if self.rank_stabilised else rank)


@contextmanager
def applied(loaded: LoadedModel, loras: Sequence[tuple[LoraInfo, float]]) -> Iterator[list[AppliedLora]]:
    """Draw with these LoRAs inside the `with` block.

    All files are checked before the model is changed. A LoRA at weight 0 is checked but not put on.

    Raises:
        LoraRefused: made for another base, or it has no layer of this model.
        UnsafeFile: its file breaks a limit of the safe-loading gate.
    """
    prepared = [(_prepare(loaded, info), weight) for info, weight in loras]
    active = [(lora, weight) for lora, weight in prepared if weight != 0]
    try:
        _put_on(loaded, active)
        yield [
            AppliedLora(info.name, weight, lora.keys_applied, lora.keys_total)
            for (info, _), (lora, weight) in zip(loras, prepared, strict=True)
        ]
    finally:
        if active:
            loaded.pipeline.unload_lora_weights()


def _put_on(loaded: LoadedModel, active: Sequence[tuple[_Prepared, float]]) -> None:
    # Numbered names, because peft reads a dot in an adapter's name as a module boundary.
    names = [f"lora_{i}" for i in range(len(active))]
    for name, (lora, _) in zip(names, active, strict=True):
        # A dict, never the path: from a path the loader takes the header's text as peft configuration, whose
        # patterns are regular expressions by the file's author.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Already found a `peft_config`")  # several are meant
            loaded.pipeline.load_lora_weights(lora.tensors, adapter_name=name)
    if active:
        loaded.pipeline.set_adapters(names, adapter_weights=[weight for _, weight in active])


def _prepare(loaded: LoadedModel, info: LoraInfo) -> _Prepared:
    if info.problem:
        raise LoraRefused(f"{info.name}: {info.problem}")
    header = check_lora(info.path)
    tensors = _read_tensors(info)
    keys = {name: key for name, tensor in tensors.items() if (key := parse(name)) and _sound(key, tensor)}
    _check_width(loaded, info, tensors, keys)
    layers = _complete_layers(_by_layer(tensors, keys, _targets(loaded)))
    if not layers:
        raise LoraRefused(
            f"{info.name}: 0 of its {len(tensors)} tensors belong to a layer of {loaded.info.title} "
            f"({loaded.info.base}). It is for another kind of model, or not a plain LoRA; choose another."
        )
    for place, parts in layers.items():
        _check_shapes(loaded, info, place, parts)
    scaling = _scaling(info, header)
    folded: dict[str, Tensor] = {}
    for place, parts in layers.items():
        folded.update(_fold(loaded, place, parts, scaling))
    return _Prepared(folded, sum(len(parts) for parts in layers.values()), len(tensors))


def _read_tensors(info: LoraInfo) -> dict[str, Tensor]:
    try:
        tensors = load_file(info.path)
    except (SafetensorError, OSError) as error:
        raise LoraRefused(f"{info.name} cannot be read: {error}. Copy or download it again.") from error
    damaged = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if damaged:
        raise LoraRefused(
            f"{info.name}: every number must be finite; {len(damaged)} tensors hold NaN or infinity, such as "
            f"{damaged[0]}. The file is damaged or its training failed; choose another."
        )
    return tensors


def _sound(key: LoraKey, tensor: Tensor) -> bool:
    return tensor.numel() == 1 if key.role == "alpha" else tensor.ndim in (2, 4) and tensor.numel() > 0


def _targets(loaded: LoadedModel) -> dict[tuple[str, str], str]:
    """(component, name with underscores) -> name of every layer that a LoRA can change."""
    targets = {}
    for component in (UNET, TEXT_ENCODER):
        for name, module in getattr(loaded.pipeline, component).named_modules():
            reachable = component == UNET or name.endswith(TEXT_ENCODER_LAYERS)
            if reachable and isinstance(module, (nn.Linear, nn.Conv2d)):
                targets[component, module_key(name)] = name
    return targets


def _by_layer(
    tensors: Mapping[str, Tensor], keys: Mapping[str, LoraKey], targets: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], dict[str, Tensor]]:
    """(component, module name) -> its tensors by role, for the layers that the model has."""
    layers: dict[tuple[str, str], dict[str, Tensor]] = {}
    for name, key in keys.items():
        for component in [key.component] if key.component else [UNET, TEXT_ENCODER]:
            module = targets.get((component, key.module))
            if module:
                layers.setdefault((component, module), {})[key.role] = tensors[name]
                break
    return layers


def _complete_layers(layers: dict) -> dict:
    return {place: parts for place, parts in layers.items() if {"down", "up"} <= parts.keys()}


def _check_width(
    loaded: LoadedModel, info: LoraInfo, tensors: Mapping[str, Tensor], keys: Mapping[str, LoraKey]
) -> None:
    """The width of cross-attention tells base models apart."""
    expected = loaded.pipeline.unet.config.cross_attention_dim
    for name, key in keys.items():
        if key.reads_text and key.role == "down" and tensors[name].shape[1] != expected:
            raise _other_base(loaded, info, base_of_width(tensors[name].shape[1]))


def _check_shapes(loaded: LoadedModel, info: LoraInfo, place: tuple[str, str], parts: dict[str, Tensor]) -> None:
    weight, down, up = _weight(loaded, place), parts["down"], parts["up"]
    rank = down.shape[0]
    # Some files store matrices as 1x1 convolutions, others the reverse: only the numbers must add up.
    fits_down = down.shape[1] == weight.shape[1] and down.numel() == rank * weight[0].numel()
    fits_up = up.shape[:2] == (weight.shape[0], rank) and up.numel() == weight.shape[0] * rank
    if not (fits_down and fits_up):
        shapes = f"{tuple(up.shape)} x {tuple(down.shape)}"
        detail = f"its {place[1]} is {tuple(weight.shape)}, the LoRA's {shapes}"
        raise _other_base(loaded, info, info.base, detail)


def _weight(loaded: LoadedModel, place: tuple[str, str]) -> Tensor:
    component, name = place
    return getattr(loaded.pipeline, component).get_submodule(name).weight


def _other_base(loaded: LoadedModel, info: LoraInfo, base: str, detail: str = "") -> LoraRefused:
    made_for = "a model of other shapes" if base in ("", "unknown", loaded.info.base) else base
    return LoraRefused(
        f"{info.name} was made for {made_for}, but {loaded.info.title} is {loaded.info.base}"
        f"{f' ({detail})' if detail else ''}. Choose a model or a LoRA so that both have the same base."
    )


def _fold(
    loaded: LoadedModel, place: tuple[str, str], parts: dict[str, Tensor], scaling: _Scaling
) -> Iterator[tuple[str, Tensor]]:
    """The layer's two matrices under their peft names, alpha multiplied into the second."""
    weight, rank = _weight(loaded, place), parts["down"].shape[0]
    alpha = float(parts["alpha"]) if "alpha" in parts else None
    down = parts["down"].float().reshape(rank, *weight.shape[1:])
    up = parts["up"].float().reshape(weight.shape[0], rank, *[1] * (weight.ndim - 2))
    prefix = ".".join(place)
    yield f"{prefix}.lora_A.weight", down
    yield f"{prefix}.lora_B.weight", up * scaling.factor(rank, alpha)


def _scaling(info: LoraInfo, header: Header) -> _Scaling:
    """Alpha from the file's own record or PEFT's adapter_config.json; numbers only, nothing else is used."""
    record = _json(header.metadata.get("lora_adapter_metadata", "")) or _peft_config(info.path)
    for prefix in ("unet.", "text_encoder.", ""):
        alpha = record.get(f"{prefix}lora_alpha")
        if isinstance(alpha, (int, float)) and not isinstance(alpha, bool) and math.isfinite(alpha):
            return _Scaling(alpha, record.get(f"{prefix}use_rslora") is True)
    return _Scaling()


def _peft_config(path: Path) -> dict:
    """What PEFT saves beside a LoRA's weights; empty where it did not."""
    config = path.with_name("adapter_config.json")
    if path.name != "adapter_model.safetensors" or not config.is_file():
        return {}
    return _json(config.read_text("utf-8", "replace")) if config.stat().st_size < MAX_CONFIG_BYTES else {}


def _json(text: str) -> dict:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}
