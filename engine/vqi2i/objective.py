"""What the studio's own training of VQ-I2I asks for: tensors in, weighted losses by name out.

Domain A is label 1, photos; domain B is label 0, the pictures whose styles are to be taken. Each picture is drawn again
by its own decoder. Each content is drawn in the style of a picture of the other kind: a discriminator of that kind must
believe it, and style and content are encoded from it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.metrics.vgg19 import Vgg19Features
from engine.training.adversarial_losses import loss_discriminator_least_squares, loss_gan_least_squares
from engine.training.image_losses import loss_vgg19
from engine.translation.networks.patch_discriminator import PatchDiscriminator, normal
from engine.translation.vqi2i.networks import VQI2I_AdaIN
from engine.vqi2i.config import Config

A, B = 1, 0  # labels
PERCEPTUAL_LAYERS = ("relu1_2", "relu2_2", "relu3_1")


class Discriminators(nn.Module):
    """One for each kind of picture."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.of_a, self.of_b = (PatchDiscriminator(3, config.discriminator_width) for _ in range(2))
        self.apply(normal)


@dataclass(frozen=True)
class Drawn:
    """Pictures of both kinds, drawn again and crossed over, (N, 3, H, W), with gradient.

    Attributes:
        again: by their own decoders, A and B.
        crossed: B's contents in A's styles, and A's in B's.
        contents, styles: that the pictures were encoded to.
        loss_codebook: of both.
        perplexity: codes in use, the mean of both.
    """

    again: tuple[Tensor, Tensor]
    crossed: tuple[Tensor, Tensor]
    contents: tuple[Tensor, Tensor]
    styles: tuple[Tensor, Tensor]
    loss_codebook: Tensor
    perplexity: Tensor


def draw_both(model: VQI2I_AdaIN, a: Tensor, b: Tensor) -> Drawn:
    """Draw pictures of both kinds again, and each content in a style of the other kind."""
    content_a, loss_a, codes_a, style_a = model.encode(a, A)
    content_b, loss_b, codes_b, style_b = model.encode(b, B)
    return Drawn(
        again=(model.decode_a(content_a, style_a), model.decode_b(content_b, style_b)),
        crossed=(model.decode_a(content_b, style_a), model.decode_b(content_a, style_b)),
        contents=(content_a, content_b),
        styles=(style_a, style_b),
        loss_codebook=loss_a + loss_b,
        perplexity=(codes_a.perplexity + codes_b.perplexity) / 2,
    )


def model_losses(
    model: VQI2I_AdaIN,
    discriminators: Discriminators,
    config: Config,
    pictures: Sequence[Tensor],
    drawn: Drawn,
    vgg: Vgg19Features | None = None,
) -> dict[str, Tensor]:
    """Of encoders, codebook and decoders."""
    as_a, as_b = drawn.crossed
    parts = {
        "reconstruction": config.reconstruction * _mean(map(F.l1_loss, drawn.again, pictures)),
        "codebook": config.codebook * drawn.loss_codebook,
    }
    if config.perceptual and vgg is not None:
        pairs = zip(drawn.again, pictures, strict=True)
        found = [loss_vgg19(vgg, PERCEPTUAL_LAYERS, again, picture) for again, picture in pairs]
        parts["perceptual"] = config.perceptual * _mean(found)
    if config.gan:
        verdicts = discriminators.of_a(as_a), discriminators.of_b(as_b)
        parts["gan"] = config.gan * _mean(map(loss_gan_least_squares, verdicts))
    if config.style:
        found = [model.encode_style(as_a, A), model.encode_style(as_b, B)]
        wanted = [style.detach() for style in drawn.styles]
        parts["style"] = config.style * _mean(map(F.l1_loss, found, wanted))
    if config.content:
        found = [model.encode_content(picture)[0] for picture in drawn.crossed]
        wanted = [drawn.contents[1].detach(), drawn.contents[0].detach()]
        parts["content"] = config.content * _mean(map(F.l1_loss, found, wanted))
    return parts


def discriminator_losses(discriminators: Discriminators, pictures: Sequence[Tensor], drawn: Drawn) -> dict[str, Tensor]:
    """Of both discriminators."""
    both = (discriminators.of_a, discriminators.of_b)
    return {
        f"discriminator_{name}": loss_discriminator_least_squares(judge(picture), judge(fake.detach()))
        for name, judge, picture, fake in zip("ab", both, pictures, drawn.crossed, strict=True)
    }


def _mean(values: "map[Tensor] | Sequence[Tensor]") -> Tensor:
    return torch.stack(list(values)).mean()
