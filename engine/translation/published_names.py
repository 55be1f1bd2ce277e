"""The names that published generators give their tensors, and what their spellings mean.

CycleGAN and CUT number their layers; others who built the same generator call its blocks by another word, give the
norms scales and shifts, or leave out biases. All of that can be told from names and shapes.
"""

import re
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from engine.errors import ModelBroken

# Statistics that PyTorch before 0.4 kept beside instance norms; CycleGAN's own loader drops them too.
STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")
BLOCK = "conv_block"  # what CycleGAN and CUT call the layers of a block
_IN_BLOCK = re.compile(r"^(model\.\d+)\.[A-Za-z_]\w*\.(\d+)\.(\w+)$")


def published_keys(architecture: str, model: nn.Module) -> dict[str, str]:
    """Our name of each tensor by its published one; where there are no others, both are ours."""
    if architecture not in LAYERS:
        return {key: key for key in model.state_dict()}
    layers = [name for name, module in model.named_modules() if any(True for _ in module.parameters(recurse=False))]
    pairs = zip(LAYERS[architecture](model), layers, strict=True)
    return {
        f"{published}.{kind}": f"{own}.{our_kind}"
        for published, own in pairs
        for kind, our_kind in _kinds(published).items()
    }


def _kinds(published_layer: str) -> dict[str, str]:
    norm = published_layer.startswith("in")  # of CartoonGAN: the only ones that call theirs scale and shift
    return {"scale": "weight", "shift": "bias"} if norm else {"weight": "weight", "bias": "bias"}


def _cyclegan_layers(model: nn.Module) -> Iterator[str]:
    blocks = len(model.bottleneck)
    larger = (11, 15, 19) if model.enlarging == "nearest" else (10, 13, 17)  # layers that enlarge count too
    in_block = (1, 2, 5, 6) if model.affine else (1, 5)
    yield from _with_norms((1, 4, 7), model.affine)
    yield from (f"model.{place}.{BLOCK}.{layer}" for place in range(10, 10 + blocks) for layer in in_block)
    yield from _with_norms([place + blocks for place in larger[:2]], model.affine)
    yield f"model.{larger[2] + blocks}"


def _with_norms(places: Iterator[int] | tuple[int, ...] | list[int], affine: bool) -> Iterator[str]:
    for place in places:
        yield from (f"model.{layer}" for layer in (place, place + 1)[: 1 + affine])


def _cut_layers(model: nn.Module) -> Iterator[str]:
    blocks = len(model.bottleneck)
    yield from (f"model.{place}" for place in (1, 4, 8))
    yield from (f"model.{place}.{BLOCK}.{layer}" for place in range(12, 12 + blocks) for layer in (1, 5))
    yield from (f"model.{place + blocks}" for place in (13, 17, 21))


def _cartoongan_layers(model: nn.Module) -> Iterator[str]:
    yield from ("conv01_1", "in01_1", "conv02_1", "conv02_2", "in02_1", "conv03_1", "conv03_2", "in03_1")
    for block in range(4, 4 + len(model.bottleneck)):
        yield from (f"{layer}{block:02d}_{place}" for place in (1, 2) for layer in ("conv", "in"))
    yield from ("deconv01_1", "deconv01_2", "in12_1", "deconv02_1", "deconv02_2", "in13_1", "deconv03_1")


# The published names of the layers that have parameters, in the order in which a photo meets them.
LAYERS: dict[str, Callable[[nn.Module], Iterator[str]]] = {
    "cut": _cut_layers,
    "cyclegan": _cyclegan_layers,
    "cartoongan": _cartoongan_layers,
}


# A tutorial's CycleGAN: its layers by the published numbers, a residual block's by its place, those behind by theirs.
TUTORIAL = "res_blocks.0.block.0.conv.0.weight"
_TUTORIAL_LAYERS = {
    r"initial\.0": lambda _found, _blocks: "model.1",
    r"down_blocks\.(\d)\.conv\.0": lambda found, _blocks: f"model.{4 + 3 * int(found[1])}",
    r"res_blocks\.(\d+)\.block\.(\d)\.conv\.0": lambda found, _blocks: (
        f"model.{10 + int(found[1])}.{BLOCK}.{1 + 4 * int(found[2])}"
    ),
    r"up_blocks\.(\d)\.conv\.0": lambda found, blocks: f"model.{10 + blocks + 3 * int(found[1])}",
    r"last": lambda _found, blocks: f"model.{17 + blocks}",
}


def from_tutorial(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of the CycleGAN of a widely copied tutorial (checkpoints such as `genh.pth.tar`), renamed.

    It is the published generator but for reflected borders where it halves the size.
    """
    blocks = len({key.split(".")[1] for key in state if key.startswith("res_blocks.")})

    def renamed(key: str) -> str:
        layer, _, kind = key.rpartition(".")
        for names, ours in _TUTORIAL_LAYERS.items():
            if found := re.fullmatch(names, layer):
                return f"{ours(found, blocks)}.{kind}"
        return key

    return {renamed(key): value for key, value in state.items()}


def as_published(name: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a CycleGAN or CUT under the names that its authors would give it.

    Blocks get the published word, layers the numbers that they have without dropout; statistics go, and norms that
    scale by 1 and shift by 0. None of these leaves a trace in a picture.

    Raises:
        ModelBroken: it normalizes with statistics of its training.
    """
    batch = [
        key for key in state if key.endswith(STATISTICS[0]) and f"{key.removesuffix(STATISTICS[0])}.weight" in state
    ]
    if batch:
        raise ModelBroken(
            f"{name}: norms must be instance norms, which look at one photo; got {batch[0]} beside weights, as batch "
            "norm has it. Choose a generator that was trained with instance norm."
        )
    state = {_IN_BLOCK.sub(rf"\1.{BLOCK}.\2.\3", key): value for key, value in state.items()}
    state = {key: tensor for key, tensor in state.items() if not key.endswith(STATISTICS)}
    if not any(f".{BLOCK}.5." in key for key in state):
        state = {_without_dropout(key): tensor for key, tensor in state.items()}
    same = [norm for norm in norms(state) if _is_identity(state, norm)]
    return {key: tensor for key, tensor in state.items() if key.rpartition(".")[0] not in same}


def _without_dropout(key: str) -> str:
    """Dropout takes place 4 of a block, so what follows it has one number more."""
    for place in (6, 7):
        if f".{BLOCK}.{place}." in key:
            return key.replace(f".{BLOCK}.{place}.", f".{BLOCK}.{place - 1}.")
    return key


def norms(state: Mapping[str, Tensor]) -> list[str]:
    """Layers of a CycleGAN or CUT whose weights are numbers for channels."""
    return [key.removesuffix(".weight") for key, value in state.items() if key.endswith(".weight") and value.ndim == 1]


def _is_identity(state: Mapping[str, Tensor], norm: str) -> bool:
    bias = state.get(f"{norm}.bias")
    return bool((state[f"{norm}.weight"] == 1).all()) and (bias is None or bool((bias == 0).all()))


def filled(state: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """The state with what layers without biases, scales or shifts do: add 0, scale by 1."""
    state = dict(state)
    for key, shape in shapes.items():
        if key not in state and key.endswith(".bias"):
            state[key] = torch.zeros(shape)
        elif key not in state and len(shape) == 1:
            state[key] = torch.ones(shape)
    return state


def filters(width: int, blocks: int) -> Iterator[tuple[str, Tensor]]:
    """The fixed blurs of CUT, which ours computes without storing them."""
    down, up = torch.tensor([1.0, 2, 1]) / 4, torch.tensor([1.0, 3, 3, 1]) / 4
    places = [(7, 2, down), (11, 4, down), (12 + blocks, 4, up), (16 + blocks, 2, up)]
    for place, times, taps in places:
        yield f"model.{place}.filt", torch.outer(taps, taps).expand(times * width, 1, -1, -1)
