"""A photo in the style of a picture (Gatys et al. 2016, Image style transfer using convolutional neural networks).

No generator is trained: the pixels themselves are optimized until VGG19 sees the photo's content and the picture's
textures in them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.errors import Cancelled, ImageFailed, ImageShapeError, InvalidRequest, Problem
from engine.images import HIGH, LOW, check_image_range
from engine.metrics.vgg19 import Vgg19Features, load_vgg19
from engine.rules import finite

CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
SMALLEST_SIDE = 16  # VGG19 halves it four times

Report = Callable[[int, int], None]
ShouldStop = Callable[[], bool]


_WORDS = {int: "whole number", float: "number"}


def _lies_in(value: object, kind: type, low: float, high: float) -> bool:
    kinds = int if kind is int else (int, float)
    return isinstance(value, kinds) and finite(value) is not None and low <= value <= high


@dataclass(frozen=True)
class StyleSettings:
    """What decides the picture beside the photo and the style.

    The losses are relative to their targets, so the weights mean the same for pictures of any size and kind.

    Attributes:
        steps: of L-BFGS, 1 to 1000; each runs VGG19 once forward and backward.
        long_side: pixels at which to work, 64 to 1024; larger pictures are made smaller first.
        content_weight, style_weight, total_variation_weight: of the three losses, 0 to 1000; the last one keeps
            pixels from becoming grainy.

    Raises:
        InvalidRequest: one or more values break a rule.
    """

    steps: int = 100
    long_side: int = 256
    content_weight: float = 1.0
    style_weight: float = 10.0
    total_variation_weight: float = 2.0

    def __post_init__(self) -> None:
        rules: dict[str, tuple[type, int, int]] = {"steps": (int, 1, 1000), "long_side": (int, 64, 1024)}
        rules |= {f"{loss}_weight": (float, 0, 1000) for loss in ("content", "style", "total_variation")}
        problems = [
            Problem(name, f"{name} must be a {_WORDS[kind]} from {low} to {high}; got {getattr(self, name)!r}.")
            for name, (kind, low, high) in rules.items()
            if not _lies_in(getattr(self, name), kind, low, high)
        ]
        if problems:
            raise InvalidRequest(problems)


def transfer(
    photo: Tensor,
    style: Tensor,
    settings: StyleSettings = StyleSettings(),
    report: Report = lambda done, steps: None,
    should_stop: ShouldStop = lambda: False,
) -> Tensor:
    """Give a photo the style of a picture, beginning with the photo; nothing is random.

    Args:
        photo: (1, 3, H, W) float32 in [-1, 1].
        style: (1, 3, H', W') float32 in [-1, 1], on the same device.
        report: called after every step with the steps done and their number.
        should_stop: asked before every step.

    Returns:
        (1, 3, h, w) float32 in [-1, 1]: the photo's size, or that with the long side of the settings.

    Raises:
        Cancelled: `should_stop` said so.
        ImageShapeError: a side of the photo or the style is too short.
        ImageFailed: the pixels are no longer finite.
        StudioError: the package with VGG19's weights is not installed.
    """
    photo, style = _prepared("Photo", photo, settings), _prepared("Style", style, settings)
    model = load_vgg19().to(photo.device)
    pixels = photo.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([pixels], max_iter=1, history_size=20)
    loss = _loss(model, photo, style, settings)

    def evaluate() -> Tensor:
        optimizer.zero_grad()
        value = loss(pixels)
        value.backward()
        return value

    for step in range(settings.steps):
        if should_stop():
            raise Cancelled(f"Stopped before step {step + 1} of {settings.steps}.")
        optimizer.step(evaluate)
        report(step + 1, settings.steps)
    return finished(pixels.detach())


def finished(pixels: Tensor) -> Tensor:
    """The pixels, clipped to [-1, 1].

    Raises:
        ImageFailed: some are not finite.
    """
    if not bool(torch.isfinite(pixels).all()):
        raise ImageFailed(
            "The style could not be transferred: some pixels became infinite. Lower the style weight, or take fewer "
            "steps or another style."
        )
    return pixels.clamp(LOW, HIGH)


def gram_matrix(features: Tensor) -> Tensor:
    """Mean products of each two channels over the pixels (equation 3): which textures there are, not where.

    Args:
        features: (N, C, H, W).

    Returns:
        (N, C, C), symmetric.
    """
    flat = features.flatten(2)
    return flat @ flat.mT / flat.shape[2]


def loss_content(features: Tensor, target: Tensor) -> Tensor:
    """Squared distance between features (equation 1), as a share of the target's square."""
    return (features - target).square().mean() / target.square().mean()


def loss_style(features: Mapping[str, Tensor], grams: Mapping[str, Tensor]) -> Tensor:
    """Squared distance between Gram matrices (equation 4), as a share of the target's square, mean over layers.

    The share takes the place of the paper's rescaled network: raw features of deep layers are a hundred times
    those of the first.
    """
    shares = [
        (gram_matrix(features[name]) - gram).square().mean() / gram.square().mean() for name, gram in grams.items()
    ]
    return torch.stack(shares).mean()


def loss_total_variation(pixels: Tensor) -> Tensor:
    """Mean squared step between neighbours, across plus down."""
    return pixels.diff(dim=2).square().mean() + pixels.diff(dim=3).square().mean()


def _loss(model: Vgg19Features, photo: Tensor, style: Tensor, settings: StyleSettings) -> Callable[[Tensor], Tensor]:
    with torch.no_grad():
        content = model(photo, (CONTENT_LAYER,))[CONTENT_LAYER]
        grams = {name: gram_matrix(features) for name, features in model(style, STYLE_LAYERS).items()}

    def loss(pixels: Tensor) -> Tensor:
        features = model(pixels, (*STYLE_LAYERS, CONTENT_LAYER))
        return (
            settings.content_weight * loss_content(features[CONTENT_LAYER], content)
            + settings.style_weight * loss_style(features, grams)
            + settings.total_variation_weight * loss_total_variation(pixels)
        )

    return loss


def _prepared(name: str, picture: Tensor, settings: StyleSettings) -> Tensor:
    """The picture, made smaller where it is larger than the settings say."""
    check_image_range(picture)
    height, width = picture.shape[-2:]
    scale = min(1.0, settings.long_side / max(height, width))
    size = (round(height * scale), round(width * scale))
    if min(size) < SMALLEST_SIDE:
        raise ImageShapeError(
            f"{name} height and width must be {SMALLEST_SIDE} or more when the long side has at most "
            f"{settings.long_side}; got {size[0]}x{size[1]}. Crop it to a shape less long, or give a larger long side."
        )
    if size == (height, width):
        return picture
    return F.interpolate(picture, size, mode="bicubic", antialias=True).clamp(LOW, HIGH)
