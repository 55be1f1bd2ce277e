"""Pictures as a model sees them in training."""

import torch
from PIL import Image
from torch import Tensor

from engine.datasets.augment import DRAWS, Augmentation, varied
from engine.images import from_pil


def prepare(image: Image.Image, settings: Augmentation, generator: torch.Generator | None) -> Tensor:
    """A picture as the model sees it.

    Args:
        image: of any mode; EXIF's orientation is obeyed.
        generator: decides every variation; None is for held-out pictures: the centred square as it is.

    Returns:
        (3, resolution, resolution) float32 in [-1, 1].
    """
    draws = None if generator is None else torch.rand(DRAWS, generator=generator, dtype=torch.float64).tolist()
    return from_pil(varied(image, settings, draws))[0]
