"""A photo in the style of a picture (Gatys et al. 2016, Image style transfer using convolutional neural networks).

No generator is trained: the pixels themselves are optimized until VGG19 sees the photo's content and the picture's
textures in them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.errors import Cancelled, ImageFailed, ImageShapeError, InvalidRequest
from engine.images import HIGH, LOW, check_image_range
from engine.metrics.vgg19 import Vgg19Features, load_vgg19
from engine.rules import Whole
from engine.seeding import generator_of
from engine.training.image_losses import LUMA
from engine.translation.style_losses import (
    gram_matrix,
    loss_content,
    loss_style,
    loss_total_variation,
    weighted_mean,
)
from engine.translation.styling import AS_EVER, Styling, styling_problems

SMALLEST_SIDE = 16  # VGG19 halves it four times
STEPS, LONG_SIDE = Whole(1, 1000, default=100), Whole(64, 1024, default=256)
ADAM_STEP = 0.03  # by which a pixel changes in a step at first; the range is 2
NOISE = 0.5  # standard deviation of the pixels that begin as noise

ShouldStop = Callable[[], bool]
Losses = dict[str, Tensor]


@dataclass(frozen=True)
class StyleSettings:
    """What decides the picture beside the photo and the styles.

    The losses are relative to their targets, so the weights mean the same for pictures of any size and kind.

    Attributes:
        steps: of the optimizer, 1 to 1000; each runs VGG19 once forward and backward.
        long_side: pixels at which to work, 64 to 1024; larger pictures are made smaller first.
        styling: all else; its `more_styles` are not looked at here.

    Raises:
        InvalidRequest: one or more values break a rule.
    """

    steps: int = STEPS.default
    long_side: int = LONG_SIDE.default
    styling: Styling = AS_EVER

    def __post_init__(self) -> None:
        problems = [*STEPS.problems("steps", self.steps), *LONG_SIDE.problems("long_side", self.long_side)]
        if problems := problems + styling_problems(self.styling):
            raise InvalidRequest(problems)


@dataclass(frozen=True)
class Watched:
    """One finished step.

    Attributes:
        step, steps: this one from 1 on, and how many there will be.
        pixels: (1, 3, h, w) after it, not clipped.
        losses: "content", "style" and "variation" before it, unweighted, and their weighted sum "total".
    """

    step: int
    steps: int
    pixels: Tensor
    losses: Mapping[str, float]


def transfer(
    photo: Tensor,
    styles: Sequence[Tensor],
    settings: StyleSettings = StyleSettings(),
    watch: Callable[[Watched], None] = lambda watched: None,
    should_stop: ShouldStop = lambda: False,
) -> Tensor:
    """Give a photo the style of pictures; only a start from noise is random, by its seed.

    Args:
        photo: (1, 3, H, W) float32 in [-1, 1].
        styles: (1, 3, H', W') float32 in [-1, 1] each, on the same device; blended by the styling's shares.
        watch: called after every step.
        should_stop: asked before every step.

    Returns:
        (1, 3, h, w) float32 in [-1, 1]: the photo's size, or that with the long side of the settings.

    Raises:
        Cancelled: `should_stop` said so.
        ImageShapeError: a side of the photo or a style is too short.
        ImageFailed: the pixels are no longer finite.
        StudioError: the package with VGG19's weights is not installed.
    """
    styling, original = settings.styling, _prepared("Photo", photo, settings)
    photo, styles = original, [_prepared("Style", style, settings) for style in styles]
    if styling.keep_colours:
        styles = [_as_bright_as(photo, style) for style in styles]
        photo = _grey(photo)
    loss = _loss(load_vgg19().to(photo.device), photo, styles, styling)
    pixels = _start(photo, styles, styling).requires_grad_()
    _optimize(pixels, loss, settings, watch, should_stop)
    result = finished(pixels.detach())
    return _recoloured(result, original) if styling.keep_colours else result


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


def _optimize(
    pixels: Tensor,
    loss: Callable[[Tensor], Losses],
    settings: StyleSettings,
    watch: Callable[[Watched], None],
    should_stop: ShouldStop,
) -> None:
    """Change the pixels, step by step."""
    optimizer = _optimizer(pixels, settings.styling.optimizer)
    losses: Losses = {}

    def evaluate() -> Tensor:
        optimizer.zero_grad()
        losses.update(loss(pixels))
        losses["total"].backward()
        return losses["total"]

    for step in range(settings.steps):
        if should_stop():
            raise Cancelled(f"Stopped before step {step + 1} of {settings.steps}.")
        optimizer.step(evaluate)
        values = {name: value.item() for name, value in losses.items()}
        watch(Watched(step + 1, settings.steps, pixels.detach(), values))


def _optimizer(pixels: Tensor, name: str) -> torch.optim.Optimizer:
    if name == "Adam":
        return torch.optim.Adam([pixels], lr=ADAM_STEP)
    return torch.optim.LBFGS([pixels], max_iter=1, history_size=20)


def _start(photo: Tensor, styles: Sequence[Tensor], styling: Styling) -> Tensor:
    """The pixels before the first step, in the photo's size."""
    if styling.start == "noise":
        noise = torch.randn(photo.shape, generator=generator_of(styling.noise_seed)) * NOISE
        return noise.clamp(LOW, HIGH).to(photo.device)
    return _cropped_to(photo, styles[0]) if styling.start == "style" else photo.clone()


def _cropped_to(photo: Tensor, style: Tensor) -> Tensor:
    """The middle of the style picture that has the photo's shape, in its size."""
    (height, width), (h, w) = photo.shape[-2:], style.shape[-2:]
    scale = min(h / height, w / width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (h - rows) // 2, (w - columns) // 2
    middle = style[..., top : top + rows, left : left + columns]
    return F.interpolate(middle, (height, width), mode="bicubic", antialias=True).clamp(LOW, HIGH)


def _loss(
    model: Vgg19Features, photo: Tensor, styles: Sequence[Tensor], styling: Styling
) -> Callable[[Tensor], Losses]:
    content, style = ({layer: weight for layer, weight in layers if weight} for layers in _layers(styling))
    shares = styling.shares or [1.0] * len(styles)
    with torch.no_grad():
        targets = model(photo, tuple(content))
        grams = [{name: gram_matrix(x) for name, x in model(each, tuple(style)).items()} for each in styles]

    def loss(pixels: Tensor) -> Losses:
        features = model(pixels, tuple(dict.fromkeys([*style, *content])))
        contents = [loss_content(features[name], targets[name]) for name in targets]
        parts = {
            "content": weighted_mean(contents, [content[name] for name in targets]),
            "style": weighted_mean([loss_style(features, each, style) for each in grams], shares),
            "variation": loss_total_variation(pixels, styling.variation == "absolute"),
        }
        total = (
            styling.content_weight * parts["content"]
            + styling.style_weight * parts["style"]
            + styling.variation_weight * parts["variation"]
        )
        return parts | {"total": total}

    return loss


def _layers(styling: Styling) -> tuple[tuple[tuple[str, float], ...], ...]:
    return styling.content_layers, styling.style_layers


def _luma(picture: Tensor) -> Tensor:
    """(N, 3, H, W) to (N, 1, H, W), ITU-R BT.601."""
    return (picture * picture.new_tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True)


def _grey(picture: Tensor) -> Tensor:
    return _luma(picture).expand_as(picture).contiguous()


def _as_bright_as(photo: Tensor, style: Tensor) -> Tensor:
    """The style in grey, with the mean and the spread of the photo's brightness (Gatys et al. 2016, Preserving color
    in neural artistic style transfer, luminance-only)."""
    grey, aim = _grey(style), _luma(photo)
    spread = aim.std() / grey.std().clamp(min=1e-6)
    return ((grey - grey.mean()) * spread + aim.mean()).clamp(LOW, HIGH)


def _recoloured(result: Tensor, photo: Tensor) -> Tensor:
    """The result's brightness with the photo's colour differences."""
    return (photo + _luma(result) - _luma(photo)).clamp(LOW, HIGH)


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
