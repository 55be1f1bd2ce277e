"""VQ-I2I with AdaIN: pictures of two domains, whose content is shared and whose styles are not.

The study gives networks and no training. Where it leaves layers open, the parameter counts say which they are.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import InvalidRequest, ModelUnavailable, Problem
from engine.translation.vqi2i.decoder import AdaINDecoder
from engine.translation.vqi2i.encoders import ContentEncoder, StyleEncoder
from engine.translation.vqi2i.quantizer import Codes, VectorQuantizer

BETA = 0.25  # of the commitment loss
HALVINGS = 3  # of the style encoders
MOST_ON_CPU = 30_000_000  # parameters; the published size has 19 times as many


class VQI2I_AdaIN(nn.Module):
    """Two domains, A (label 1) and B (any other label); 569,531,910 parameters in the published size.

    Args:
        in_channels, out_channels: of the pictures.
        intermediate_channels: of the first layer of each encoder, and of the decoders' last one.
        style_dim: numbers of a style.
        z_channels, double_z, mult, resblocks, attn_resolutions, dropout, resolution: see `ContentEncoder`.
        n_embed, embed_dim: codes of the codebook, and their numbers.
        n_adaresblock: see `AdaINDecoder`.
        ckpt_path, ignore_keys, image_key, colorize_nlabels, monitor: accepted, as the study does, and used for nothing,
            as there.
    """

    def __init__(
        self,
        in_channels: int = 3,
        intermediate_channels: int = 128,
        out_channels: int = 3,
        style_dim: int = 128,
        z_channels: int = 128,
        double_z: bool = True,
        n_embed: int = 512,
        embed_dim: int = 512,
        mult: Sequence[int] = (1, 1, 2, 4, 8),
        resblocks: int = 2,
        attn_resolutions: Sequence[int] = (16,),
        dropout: float = 0.1,
        resolution: int = 256,
        n_adaresblock: int = 4,
        ckpt_path: object = None,
        ignore_keys: Sequence[str] = (),
        image_key: str = "image",
        colorize_nlabels: object = None,
        monitor: object = None,
    ) -> None:
        super().__init__()
        codes = 2 * z_channels if double_z else z_channels
        levels = (intermediate_channels, mult, resblocks, attn_resolutions, dropout, True, resolution)
        styles = (in_channels, intermediate_channels, style_dim, HALVINGS)
        self.style_enc_a, self.style_enc_b = StyleEncoder(*styles), StyleEncoder(*styles)
        self.content_enc = ContentEncoder(in_channels, *levels, z_channels, double_z)
        self.quantize = VectorQuantizer(n_embed, embed_dim, BETA)
        self.quant_conv = nn.Conv2d(codes, embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(embed_dim, codes, 1)
        decoder = (out_channels, *levels, z_channels, double_z, style_dim, n_adaresblock)
        self.decoder_a, self.decoder_b = AdaINDecoder(*decoder), AdaINDecoder(*decoder)

    def encode(self, x: Tensor, label: int) -> tuple[Tensor, Tensor, Codes, Tensor]:
        """A picture's content and style.

        Args:
            x: (N, in_channels, H, W) float32 in [-1, 1]; H and W multiples of 2 ** (levels - 1), 8 or more.
            label: 1 for domain A, else B.

        Returns:
            Content as codes (N, embed_dim, h, w), the quantisation loss, which codes, and the style
            (N, style_dim, 1, 1).

        Raises:
            ImageShapeError: H or W is another.
        """
        quantised, loss, codes = self.quantize(self.quant_conv(self.content_enc(x)))
        return quantised, loss, codes, self.encode_style(x, label)

    def encode_style(self, x: Tensor, label: int) -> Tensor:
        """(N, in_channels, H, W) to its style (N, style_dim, 1, 1) in its domain."""
        return (self.style_enc_a if label == 1 else self.style_enc_b)(x)

    def encode_content(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """A picture's content before and after the codebook, (N, embed_dim, h, w) each."""
        before = self.quant_conv(self.content_enc(x))
        return before, self.quantize(before)[0]

    def decode_a(self, quantised: Tensor, style: Tensor) -> Tensor:
        """Content and a style of domain A to a picture (N, out_channels, H, W)."""
        return self.decoder_a(self.post_quant_conv(quantised), style)

    def decode_b(self, quantised: Tensor, style: Tensor) -> Tensor:
        """Content and a style of domain B to a picture (N, out_channels, H, W)."""
        return self.decoder_b(self.post_quant_conv(quantised), style)

    def forward(self, x: Tensor, label: int) -> tuple[Tensor, ...]:
        """The picture as its own domain's decoder draws it again, and the quantisation loss."""
        quantised, loss, _codes, style = self.encode(x, label)
        return self._decode(label == 1, quantised, style), loss

    def get_last_layer(self, label: int) -> Tensor:
        """The weight of the last convolution of a domain's decoder."""
        return (self.decoder_a if label == 1 else self.decoder_b).conv_out.weight

    def _decode(self, domain_a: bool, quantised: Tensor, style: Tensor) -> Tensor:
        return (self.decode_a if domain_a else self.decode_b)(quantised, style)


class VQI2I_AdaIN_Cross(VQI2I_AdaIN):
    """The same networks, whose forward pass can cross over to the other domain.

    Args:
        n_embed, embed_dim: as above; the study gives no others.
        sizes: for other sizes than the published ones.
    """

    def __init__(self, n_embed: int = 512, embed_dim: int = 512, **sizes: Any) -> None:
        super().__init__(n_embed=n_embed, embed_dim=embed_dim, **sizes)

    def forward(
        self, x: Tensor, label: int, cross: bool = False, s_given: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draw a picture again, or its content in a style of the other domain.

        Args:
            x: as of `encode`.
            label: of x.
            cross: whether the other domain's decoder draws.
            s_given: then in which style, (N, style_dim, 1, 1).

        Returns:
            The picture, the quantisation loss, and the style in which it was drawn.

        Raises:
            InvalidRequest: it shall cross over, and no style is given.
        """
        if cross and s_given is None:
            text = "To cross over, a style of the other domain must be given; got none. Encode one by encode_style."
            raise InvalidRequest([Problem("style", text)])
        quantised, loss, _codes, style = self.encode(x, label)
        if cross and s_given is not None:
            return self._decode(label != 1, quantised, s_given), loss, s_given
        return self._decode(label == 1, quantised, style), loss, style


def build(device: torch.device, **sizes: Any) -> VQI2I_AdaIN_Cross:
    """The networks with random weights on a device.

    Args:
        sizes: as of `VQI2I_AdaIN`; those of `engine.translation.vqi2i.sizes.SMALL` are for a CPU.

    Raises:
        ModelUnavailable: they are too large for a CPU.
    """
    require_bearable(device, **sizes)
    return VQI2I_AdaIN_Cross(**sizes).to(device)


def require_bearable(device: torch.device, **sizes: Any) -> None:
    """Raise ModelUnavailable where networks of these sizes are too large for the device."""
    with torch.device("meta"):
        count = sum(weights.numel() for weights in VQI2I_AdaIN_Cross(**sizes).parameters())
    if device.type == "cpu" and count > MOST_ON_CPU:
        raise ModelUnavailable(
            f"On a CPU VQ-I2I may have {MOST_ON_CPU:,} parameters; these sizes have {count:,} "
            f"({4 * count / 1e9:.2f} GB). Use a GPU, or fewer channels and levels."
        )
