"""The layers of a LoRA on a model's own layers: which belongs to which, and its matrices as peft takes them.

DoRA: Liu et al. 2024, https://arxiv.org/abs/2402.09353, W' = m (W + BA) / |W + BA|. peft has it with a magnitude for
each output. LyCORIS and OneTrainer also have it with a magnitude for each input: that becomes a plain difference
W' - W, which is put on as a pair of matrices of full rank.
Tucker LoCon: LyCORIS (Yeh et al. 2023, https://arxiv.org/abs/2309.14859); a convolution between two of 1 pixel.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.diffusion.ldm_names import ldm_names
from engine.diffusion.loading import LoadedModel
from engine.weights.lora_files.names import TEXT_ENCODER, UNET, LoraKey, module_key
from engine.weights.safetensors_file import TensorSpec

# The loader of diffusers adapts these layers of a text encoder and no others.
TEXT_ENCODER_LAYERS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Layer:
    """A layer of the model, and the tensors of a LoRA that are for it.

    Attributes:
        component: "unet" or "text_encoder".
        module: its name in there.
        base: the model's own.
        tensors: their names in the file, by role; see `LoraKey`.
    """

    component: str
    module: str
    base: nn.Module
    tensors: Mapping[str, str]

    @property
    def weight(self) -> Tensor:
        """(out, in) or (out, in, height, width)."""
        weight = self.base.weight
        assert isinstance(weight, Tensor)
        return weight

    def used(self) -> dict[str, str]:
        """The tensors that have a place: a bias needs one in the model, and DoRA (of peft) knows none."""
        bias_fits = getattr(self.base, "bias", None) is not None and not {"magnitude", "dora_scale"} & set(self.tensors)
        return {role: name for role, name in self.tensors.items() if role != "bias" or bias_fits}


def matched(loaded: LoadedModel, keys: Mapping[str, LoraKey]) -> list[Layer]:
    """The layers of the model that have both halves among the named tensors, in the file's order."""
    files: dict[tuple[str | None, str], dict[str, str]] = {}
    for name, key in keys.items():
        files.setdefault((key.component, key.module), {})[key.role] = name
    targets = _targets(loaded)
    layers: dict[tuple[str, str], Layer] = {}
    for (component, module), tensors in files.items():
        places = [component] if component else [UNET, TEXT_ENCODER]
        target = next((target for place in places if (target := targets.get((place, module)))), None)
        if target and {"down", "up"} <= tensors.keys():
            layers.setdefault(target[:2], Layer(*target, tensors))
    return list(layers.values())


def _targets(loaded: LoadedModel) -> dict[tuple[str, str], tuple[str, str, nn.Module]]:
    """(component, name with underscores) -> component, name and module of every layer that a LoRA can change."""
    targets = {}
    original = ldm_names(loaded.pipeline.unet)
    for component in (UNET, TEXT_ENCODER):
        for name, module in getattr(loaded.pipeline, component).named_modules():
            reachable = component == UNET or name.endswith(TEXT_ENCODER_LAYERS)
            if reachable and isinstance(module, (nn.Linear, nn.Conv2d)):
                target = component, name, module
                targets[component, module_key(name)] = target
                if component == UNET and name in original:
                    targets[component, module_key(original[name])] = target
    return targets


def is_sound(key: LoraKey, spec: TensorSpec) -> bool:
    """Whether a tensor has as many dimensions as its role needs, and holds anything."""
    if 0 in spec.shape:
        return False
    if key.role == "alpha":
        return math.prod(spec.shape) == 1
    dimensions = {"down": (2, 4), "up": (2, 4), "mid": (4,), "bias": (1,)}
    return len(spec.shape) in dimensions.get(key.role, (1, 2, 4))


def fits(layer: Layer, shapes: Shapes) -> bool:
    """Whether a LoRA's tensors add up to the layer's weight.

    Some files store matrices as 1x1 convolutions, others the reverse: only the numbers must add up.

    Args:
        shapes: by role.
    """
    weight, down, up = layer.weight.shape, shapes["down"], shapes["up"]
    rank, kernel = down[0], weight[2:].numel()
    if "mid" in shapes:
        mid = shapes["mid"]
        fits_mid = len(weight) == 4 and mid[1:] == (rank, *weight[2:])
        rank, kernel = (mid[0] if fits_mid else 0), 1
    fits_down = down[1] == weight[1] and torch.Size(down).numel() == down[0] * weight[1] * kernel
    fits_up = up[:2] == (weight[0], rank) and torch.Size(up).numel() == weight[0] * rank
    fits_rest = all(torch.Size(shapes[role]).numel() == weight[0] for role in ("bias", "magnitude") if role in shapes)
    fits_scale = "dora_scale" not in shapes or _axis(layer, shapes["dora_scale"]) is not None
    return fits_down and fits_up and fits_rest and fits_scale


def _axis(layer: Layer, shape: tuple[int, ...]) -> int | None:
    """Of a `dora_scale`: 0 with a number for each output, 1 for each input, None for neither."""
    outputs, inputs = layer.weight.shape[:2]
    numbers = torch.Size(shape).numel()
    if shape[0] == outputs == numbers:
        return 0
    if shape[:2] == (1, inputs) and numbers == inputs:
        return 1
    return 0 if numbers == outputs else None


def folded(layer: Layer, parts: Mapping[str, Tensor], factor: float) -> dict[str, Tensor]:
    """The layer's tensors by peft's names, the strength multiplied in.

    Args:
        parts: by role, with shapes that fit.
        factor: alpha / rank.
    """
    weight = layer.weight
    down = parts["down"].float()
    if "mid" in parts:
        down = torch.einsum("abhw,bi->aihw", parts["mid"].float(), down.reshape(len(down), -1))
    down = down.reshape(len(down), *weight.shape[1:])
    up = parts["up"].float().reshape(weight.shape[0], len(down), *[1] * (weight.ndim - 2)) * factor
    scale = parts.get("dora_scale")
    if scale is not None and _axis(layer, tuple(scale.shape)) == 1:
        down, up = _pair(_change_by_input(weight.detach().cpu().float(), down, up, scale.float()))
        scale = None
    # peft makes views of them, which only numbers in order allow.
    tensors = {"lora_A.weight": down.contiguous(), "lora_B.weight": up.contiguous()}
    magnitude = parts.get("magnitude", scale)
    if magnitude is not None:
        # peft keeps a convolution's magnitude ready to multiply pictures with.
        shape = (-1,) if weight.ndim == 2 else (1, -1, 1, 1)
        tensors["lora_magnitude_vector"] = magnitude.float().reshape(shape)
    elif "bias" in parts:
        tensors["lora_B.bias"] = parts["bias"].float() * factor
    return tensors


def _change_by_input(weight: Tensor, down: Tensor, up: Tensor, scale: Tensor) -> Tensor:
    """W' - W of a DoRA with a magnitude for each input; shaped as the weight."""
    moved = weight + (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)
    norm = moved.transpose(0, 1).flatten(1).norm(dim=1) + torch.finfo(torch.float32).eps
    return moved * (scale.flatten() / norm).reshape(1, -1, *[1] * (weight.ndim - 2)) - weight


def _pair(change: Tensor) -> tuple[Tensor, Tensor]:
    """A change of a weight as a down and an up half, of which one is the identity."""
    outputs, inputs = change.shape[:2]
    if change.ndim == 4:
        return change, torch.eye(outputs)[..., None, None]
    return (change, torch.eye(outputs)) if outputs <= inputs else (torch.eye(inputs), change)
