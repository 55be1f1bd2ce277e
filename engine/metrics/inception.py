"""Inception v3 as FID and KID use it: TensorFlow's weights of 2015-12-05, pool3, TensorFlow's own resize.

The network is torch-fidelity's, which reproduces the original step by step. The plain torchvision Inception, or
another resize, gives other numbers that must not be called FID (Parmar et al. 2022, arXiv 2104.11222).
"""

import numpy as np
import torch
from torch import Tensor

from engine.images import to_pil
from engine.metrics.features import Extractor
from engine.metrics.published.catalogue import INCEPTION
from engine.metrics.published.fetching import LOCAL_ONLY, Access, require
from engine.metrics.published.files import checkpoints

NAME = "Inception v3 pool3"
DIMENSIONS = 2048
WEIGHTS = INCEPTION


def inception_features(access: Access = LOCAL_ONLY, device: torch.device | str = "cpu") -> Extractor:
    """The 2048 numbers of pool3; pictures are rounded to 8 bits and resized to 299 px.

    Raises:
        ModelUnavailable, Offline, UnsafeFile, Cancelled: see `engine.metrics.published.fetching.require`.
    """
    require("FID and KID (Inception v3)", [WEIGHTS], checkpoints(), access)
    from torch_fidelity import FeatureExtractorInceptionV3  # here: its import reads all of torchvision

    model = FeatureExtractorInceptionV3(NAME, [str(DIMENSIONS)], str(checkpoints() / WEIGHTS.name)).eval().to(device)

    def compute(pixels: Tensor) -> Tensor:
        (features,) = model(_bytes(pixels).to(device))
        return features

    return Extractor(NAME, DIMENSIONS, compute)


def _bytes(pixels: Tensor) -> Tensor:
    """(N, 3, H, W) uint8: the 8 bits that a saved picture has."""
    pictures = np.stack([np.asarray(picture) for picture in to_pil(pixels)])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)
