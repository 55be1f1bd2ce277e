"""A photo drawn in the style of a picture, by VQ-I2I's trained networks."""

import torch
from torch import Tensor, nn

from engine.translation.vqi2i.networks import VQI2I_AdaIN

PHOTO, STYLE = 1, 0  # labels: of photos, and of the pictures whose styles are taken


class Crossing(nn.Module):
    """Photos to pictures in one style.

    Args:
        model: trained.
        style: (1, 3, H, W) float32 in [-1, 1], H and W 8 or more, where the model is.
    """

    def __init__(self, model: VQI2I_AdaIN, style: Tensor) -> None:
        super().__init__()
        self.model = model
        with torch.inference_mode():
            self.style = model.encode_style(style, STYLE)

    def forward(self, photo: Tensor) -> Tensor:
        """(1, 3, H, W) in [-1, 1] to the same; H and W multiples of 2 ** (levels - 1)."""
        return self.model.decode_b(self.model.encode_content(photo)[1], self.style)
