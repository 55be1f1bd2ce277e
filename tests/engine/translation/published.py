"""The published generators once more, as plain functions of a state dict under its published keys.

They are written layer by layer from the shapes of the public implementations, share no code with the studio's,
and judge it.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

State = dict[str, Tensor]


def cyclegan_state(width: int = 8, blocks: int = 9) -> State:
    channels = 4 * width
    shapes = {"model.1": (width, 3, 7, 7), "model.4": (2 * width, width, 3, 3), "model.7": (channels, 2 * width, 3, 3)}
    for place in range(10, 10 + blocks):
        shapes |= {f"model.{place}.conv_block.{layer}": (channels, channels, 3, 3) for layer in (1, 5)}
    shapes[f"model.{10 + blocks}"] = (channels, 2 * width, 3, 3)
    shapes[f"model.{13 + blocks}"] = (2 * width, width, 3, 3)
    shapes[f"model.{17 + blocks}"] = (3, width, 7, 7)
    state = _random_convolutions(shapes)
    for place, outputs in ((10 + blocks, 2 * width), (13 + blocks, width)):  # transposed: outputs come second
        state[f"model.{place}.bias"] = state[f"model.{place}.bias"][:outputs]
    return state


def cyclegan(state: State, photo: Tensor, blocks: int = 9) -> Tensor:
    x = _normed(_conv(state, "model.1", F.pad(photo, (3,) * 4, "reflect")))
    x = _normed(_conv(state, "model.4", x, stride=2, padding=1))
    x = _normed(_conv(state, "model.7", x, stride=2, padding=1))
    x = _resnet_blocks(state, x, range(10, 10 + blocks))
    x = _normed(_conv_transpose(state, f"model.{10 + blocks}", x))
    x = _normed(_conv_transpose(state, f"model.{13 + blocks}", x))
    return _conv(state, f"model.{17 + blocks}", F.pad(x, (3,) * 4, "reflect")).tanh()


def affine_cyclegan_state(width: int = 4, blocks: int = 2, word: str = "block", nearest: bool = False) -> State:
    """With a scale and a shift behind every norm, and the blocks' layers under a word of their own."""
    state = cyclegan_state(width, blocks)
    if nearest:  # the layers that enlarge have no weights but a place, and convolutions take inputs second
        for place, layer in ((17, 19), (13, 15), (10, 11)):
            for kind in ("weight", "bias"):
                state[f"model.{layer + blocks}.{kind}"] = state.pop(f"model.{place + blocks}.{kind}")
        for layer in (11, 15):
            state[f"model.{layer + blocks}.weight"] = state[f"model.{layer + blocks}.weight"].transpose(0, 1).clone()
    state = {key.replace("conv_block", word): value for key, value in state.items()}
    generator = torch.Generator().manual_seed(1)
    for key in [key for key in state if key.endswith(".bias") and len(state[key]) > 3]:
        *front, place, _ = key.split(".")
        norm = ".".join([*front, str(int(place) + 1)])
        state[f"{norm}.weight"] = torch.rand(len(state[key]), generator=generator) + 0.5
        state[f"{norm}.bias"] = torch.randn(len(state[key]), generator=generator) * 0.1
    return state


def affine_cyclegan(state: State, photo: Tensor, blocks: int = 2, word: str = "block", nearest: bool = False) -> Tensor:
    def norm(name: str, x: Tensor) -> Tensor:
        return F.instance_norm(x, weight=state[f"{name}.weight"], bias=state[f"{name}.bias"])

    x = norm("model.2", _conv(state, "model.1", F.pad(photo, (3,) * 4, "reflect"))).relu()
    x = norm("model.5", _conv(state, "model.4", x, stride=2, padding=1)).relu()
    x = norm("model.8", _conv(state, "model.7", x, stride=2, padding=1)).relu()
    for place in range(10, 10 + blocks):
        inside = f"model.{place}.{word}"
        y = norm(f"{inside}.2", _conv(state, f"{inside}.1", F.pad(x, (1,) * 4, "reflect"))).relu()
        x = x + norm(f"{inside}.6", _conv(state, f"{inside}.5", F.pad(y, (1,) * 4, "reflect")))
    for place in (11, 15) if nearest else (10, 13):
        layer = f"model.{place + blocks}"
        larger = F.interpolate(x, scale_factor=2, mode="nearest") if nearest else x
        x = _conv(state, layer, larger, padding=1) if nearest else _conv_transpose(state, layer, x)
        x = norm(f"model.{place + blocks + 1}", x).relu()
    return _conv(state, f"model.{(19 if nearest else 17) + blocks}", F.pad(x, (3,) * 4, "reflect")).tanh()


def tutorial_state(width: int = 4, blocks: int = 2) -> State:
    """A CycleGAN under the names of a tutorial's modules."""
    names = {"model.1": "initial.0", "model.4": "down_blocks.0.conv.0", "model.7": "down_blocks.1.conv.0"}
    for block in range(blocks):
        for place, layer in ((0, 1), (1, 5)):
            names[f"model.{10 + block}.conv_block.{layer}"] = f"res_blocks.{block}.block.{place}.conv.0"
    names |= {f"model.{10 + blocks}": "up_blocks.0.conv.0", f"model.{13 + blocks}": "up_blocks.1.conv.0"}
    names[f"model.{17 + blocks}"] = "last"
    state = cyclegan_state(width, blocks)
    return {f"{names[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": value for key, value in state.items()}


def tutorial(state: State, photo: Tensor, blocks: int = 2) -> Tensor:
    def reflected(name: str, x: Tensor, border: int, stride: int = 1) -> Tensor:
        return _conv(state, name, F.pad(x, (border,) * 4, "reflect"), stride=stride)

    x = _normed(reflected("initial.0", photo, 3))
    for place in range(2):
        x = _normed(reflected(f"down_blocks.{place}.conv.0", x, 1, stride=2))
    for block in range(blocks):
        y = _normed(reflected(f"res_blocks.{block}.block.0.conv.0", x, 1))
        x = x + F.instance_norm(reflected(f"res_blocks.{block}.block.1.conv.0", y, 1))
    for place in range(2):
        x = _normed(_conv_transpose(state, f"up_blocks.{place}.conv.0", x))
    return reflected("last", x, 3).tanh()


def cut_state(width: int = 8) -> State:
    channels = 4 * width
    shapes = {"model.1": (width, 3, 7, 7), "model.4": (2 * width, width, 3, 3), "model.8": (channels, 2 * width, 3, 3)}
    for place in range(12, 21):
        shapes |= {f"model.{place}.conv_block.{layer}": (channels, channels, 3, 3) for layer in (1, 5)}
    shapes |= {"model.22": (2 * width, channels, 3, 3), "model.26": (width, 2 * width, 3, 3)}
    shapes["model.30"] = (3, width, 7, 7)
    state = _random_convolutions(shapes)
    for place, outputs in ((7, 2 * width), (11, channels)):
        state[f"model.{place}.filt"] = _blur((1, 2, 1), outputs) / 16
    for place, outputs in ((21, channels), (25, 2 * width)):
        state[f"model.{place}.filt"] = _blur((1, 3, 3, 1), outputs) / 64 * 4
    return state


def cut(state: State, photo: Tensor) -> Tensor:
    x = _normed(_conv(state, "model.1", F.pad(photo, (3,) * 4, "reflect")))
    x = _blur_down(state, "model.7", _normed(_conv(state, "model.4", x, padding=1)))
    x = _blur_down(state, "model.11", _normed(_conv(state, "model.8", x, padding=1)))
    x = _resnet_blocks(state, x, range(12, 21))
    x = _normed(_conv(state, "model.22", _blur_up(state, "model.21", x), padding=1))
    x = _normed(_conv(state, "model.26", _blur_up(state, "model.25", x), padding=1))
    return _conv(state, "model.30", F.pad(x, (3,) * 4, "reflect")).tanh()


def cartoongan_state() -> State:
    shapes = {
        "conv01_1": (64, 3, 7, 7),
        "conv02_1": (128, 64, 3, 3),
        "conv02_2": (128, 128, 3, 3),
        "conv03_1": (256, 128, 3, 3),
        "conv03_2": (256, 256, 3, 3),
        **{f"conv{block:02d}_{place}": (256, 256, 3, 3) for block in range(4, 12) for place in (1, 2)},
        "deconv01_1": (256, 128, 3, 3),
        "deconv01_2": (128, 128, 3, 3),
        "deconv02_1": (128, 64, 3, 3),
        "deconv02_2": (64, 64, 3, 3),
        "deconv03_1": (3, 64, 7, 7),
    }
    state = _random_convolutions(shapes)
    state["deconv01_1.bias"], state["deconv02_1.bias"] = state["deconv01_1.bias"][:128], state["deconv02_1.bias"][:64]
    norms = {"in01_1": 64, "in02_1": 128, "in03_1": 256, "in12_1": 128, "in13_1": 64}
    norms |= {f"in{block:02d}_{place}": 256 for block in range(4, 12) for place in (1, 2)}
    generator = torch.Generator().manual_seed(1)
    for name, channels in norms.items():
        state[f"{name}.scale"] = torch.rand(channels, generator=generator)
        state[f"{name}.shift"] = torch.randn(channels, generator=generator) * 0.1
    return state


def cartoongan(state: State, photo: Tensor) -> Tensor:
    def norm(name: str, x: Tensor) -> Tensor:
        mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + 1e-9)
        return x * state[f"{name}.scale"].view(1, -1, 1, 1) + state[f"{name}.shift"].view(1, -1, 1, 1)

    x = F.relu(norm("in01_1", _conv(state, "conv01_1", F.pad(photo, (3,) * 4, "reflect"))))
    for name in ("02", "03"):
        x = _conv(state, f"conv{name}_2", _conv(state, f"conv{name}_1", x, stride=2, padding=1), padding=1)
        x = F.relu(norm(f"in{name}_1", x))
    for block in range(4, 12):
        y = F.relu(norm(f"in{block:02d}_1", _conv(state, f"conv{block:02d}_1", F.pad(x, (1,) * 4, "reflect"))))
        x = x + norm(f"in{block:02d}_2", _conv(state, f"conv{block:02d}_2", F.pad(y, (1,) * 4, "reflect")))
    for name, follows in (("01", "in12_1"), ("02", "in13_1")):
        x = _conv(state, f"deconv{name}_2", _conv_transpose(state, f"deconv{name}_1", x), padding=1)
        x = F.relu(norm(follows, x))
    return _conv(state, "deconv03_1", F.pad(x, (3,) * 4, "reflect")).tanh()


# Of each AnimeGANv2 layer: name, outputs, inputs, kernel, stride; then those of the inverted residuals.
ANIMEGAN2 = [
    ("block_a.0", 32, 3, 7, 1),
    ("block_a.1", 64, 32, 3, 2),
    ("block_a.2", 64, 64, 3, 1),
    ("block_b.0", 128, 64, 3, 2),
    ("block_b.1", 128, 128, 3, 1),
    ("block_c.0", 128, 128, 3, 1),
    ("block_c.5", 128, 256, 3, 1),
    ("block_d.0", 128, 128, 3, 1),
    ("block_d.1", 128, 128, 3, 1),
    ("block_e.0", 64, 128, 3, 1),
    ("block_e.1", 64, 64, 3, 1),
    ("block_e.2", 32, 64, 7, 1),
]
ANIMEGAN2_RESIDUALS = [("block_c.1", 256, 128)] + [(f"block_c.{place}", 256, 256) for place in (2, 3, 4)]


def animegan2_state() -> State:
    shapes = {f"{name}.1": (outputs, inputs, kernel, kernel) for name, outputs, inputs, kernel, _ in ANIMEGAN2}
    norms = {f"{name}.2": outputs for name, outputs, *_ in ANIMEGAN2}
    depthwise = []
    for name, outputs, inputs in ANIMEGAN2_RESIDUALS:
        shapes[f"{name}.layers.0.1"] = (2 * inputs, inputs, 1, 1)
        shapes[f"{name}.layers.1.1"] = (2 * inputs, 1, 3, 3)
        shapes[f"{name}.layers.2"] = (outputs, 2 * inputs, 1, 1)
        norms |= {f"{name}.layers.0.2": 2 * inputs, f"{name}.layers.1.2": 2 * inputs, f"{name}.layers.3": outputs}
        depthwise.append(f"{name}.layers.1.1.bias")
    shapes["out_layer.0"] = (3, 32, 1, 1)
    drawn = _random_convolutions(shapes)
    state = {key: value for key, value in drawn.items() if key.endswith("weight") or key in depthwise}
    generator = torch.Generator().manual_seed(1)
    for name, channels in norms.items():
        state[f"{name}.weight"] = torch.rand(channels, generator=generator)
        state[f"{name}.bias"] = torch.randn(channels, generator=generator) * 0.1
    return state


def animegan2(state: State, photo: Tensor, align_corners: bool = False) -> Tensor:
    strides = {name: (kernel, stride) for name, _, _, kernel, stride in ANIMEGAN2}

    def layer(name: str, x: Tensor) -> Tensor:
        kernel, stride = strides[name]
        border = (0, 1, 0, 1) if stride == 2 else (kernel // 2,) * 4
        return activated(name, F.conv2d(F.pad(x, border, "reflect"), state[f"{name}.1.weight"], stride=stride))

    def activated(name: str, x: Tensor) -> Tensor:
        return F.leaky_relu(F.group_norm(x, 1, state[f"{name}.2.weight"], state[f"{name}.2.bias"]), 0.2)

    def residual(name: str, x: Tensor) -> Tensor:
        y = activated(f"{name}.layers.0", F.conv2d(x, state[f"{name}.layers.0.1.weight"]))
        weight, bias = state[f"{name}.layers.1.1.weight"], state[f"{name}.layers.1.1.bias"]
        y = F.conv2d(F.pad(y, (1,) * 4, "reflect"), weight, bias, groups=len(weight))
        y = F.conv2d(activated(f"{name}.layers.1", y), state[f"{name}.layers.2.weight"])
        y = F.group_norm(y, 1, state[f"{name}.layers.3.weight"], state[f"{name}.layers.3.bias"])
        return x + y if x.shape == y.shape else y

    def double(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=align_corners)

    x = layer("block_a.2", layer("block_a.1", layer("block_a.0", photo)))
    x = layer("block_c.0", layer("block_b.1", layer("block_b.0", x)))
    for name, *_ in ANIMEGAN2_RESIDUALS:
        x = residual(name, x)
    x = layer("block_d.1", layer("block_d.0", double(layer("block_c.5", x))))
    for place in range(3):
        x = layer(f"block_e.{place}", double(x) if place == 0 else x)
    return F.conv2d(x, state["out_layer.0.weight"]).tanh()


# Architecture -> its random state and its output.
PUBLISHED: dict[str, tuple[Callable[[], State], Callable[[State, Tensor], Tensor]]] = {
    "cut": (cut_state, cut),
    "cyclegan": (cyclegan_state, cyclegan),
    "cartoongan": (cartoongan_state, cartoongan),
    "animegan2": (animegan2_state, animegan2),
}


def _random_convolutions(shapes: dict[str, tuple[int, ...]]) -> State:
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in shapes.items():
        fan_in = shape[1] * shape[2] * shape[3]
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * fan_in**-0.5
        state[f"{name}.bias"] = torch.randn(shape[0], generator=generator) * 0.1
    return state


def _conv(state: State, name: str, x: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride, padding)


def _conv_transpose(state: State, name: str, x: Tensor) -> Tensor:
    return F.conv_transpose2d(x, state[f"{name}.weight"], state[f"{name}.bias"], 2, 1, 1)


def _normed(x: Tensor) -> Tensor:
    return F.relu(F.instance_norm(x))


def _resnet_blocks(state: State, x: Tensor, places: range) -> Tensor:
    for place in places:
        y = _normed(_conv(state, f"model.{place}.conv_block.1", F.pad(x, (1,) * 4, "reflect")))
        x = x + F.instance_norm(_conv(state, f"model.{place}.conv_block.5", F.pad(y, (1,) * 4, "reflect")))
    return x


def _blur(taps: tuple[int, ...], channels: int) -> Tensor:
    row = torch.tensor(taps, dtype=torch.float32)
    return (row[:, None] * row[None, :]).repeat(channels, 1, 1, 1)


def _blur_down(state: State, name: str, x: Tensor) -> Tensor:
    return F.conv2d(F.pad(x, (1,) * 4, "reflect"), state[f"{name}.filt"], stride=2, groups=x.shape[1])


def _blur_up(state: State, name: str, x: Tensor) -> Tensor:
    x = F.pad(x, (1,) * 4, "replicate")
    return F.conv_transpose2d(x, state[f"{name}.filt"], stride=2, padding=2, groups=x.shape[1])[:, :, 1:-1, 1:-1]
