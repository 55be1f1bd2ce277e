"""How near a picture comes to another as people see it: LPIPS, and a named stand-in where its weights are missing.

LPIPS is Zhang et al. 2018 (arXiv 1801.03924) with AlexNet, the authors' choice for measuring. Its learned layers
come with torchmetrics; the network below them is torchvision's and has to be on this machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.metrics.image_quality import PairScores, check_pair
from engine.metrics.published.catalogue import ALEXNET, VGG16
from engine.metrics.published.fetching import LOCAL_ONLY, Access, require
from engine.metrics.published.files import PublishedFile, checkpoints
from engine.metrics.vgg19 import load_vgg19

BACKBONES = {
    "alex": ALEXNET,
    "vgg": VGG16,
    "squeeze": PublishedFile(
        name="squeezenet1_1-b8a52dc0.pth",
        url="https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
        size=4_958_839,
        sha256="b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
    ),
}
VGG19_LAYERS = ("relu1_2", "relu2_2", "relu3_4", "relu4_4", "relu5_4")


@dataclass(frozen=True)
class PerceptualDistance:
    """A distance between pictures that a network sees; 0 for equal ones, lower is nearer.

    Attributes:
        name: for tables.
        network: whose features.
        source: who defined it.
        compute: two (N, 3, H, W) float32 in [-1, 1] to (N,).
    """

    name: str
    network: str
    source: str
    compute: Callable[[Tensor, Tensor], Tensor]

    @torch.no_grad()
    def __call__(self, preds: Tensor, target: Tensor) -> PairScores:
        """The distance of each pair.

        Args:
            preds, target: (N, 3, H, W) float32 in [-1, 1].

        Raises:
            ValueError: other shapes or ranges.
        """
        check_pair(preds, target)
        return PairScores(self.compute(preds, target).to("cpu", torch.float64))


def lpips(
    backbone: Literal["alex", "vgg", "squeeze"] = "alex",
    access: Access = LOCAL_ONLY,
    device: torch.device | str = "cpu",
) -> PerceptualDistance:
    """LPIPS: 0 (equal) to about 1.

    Args:
        backbone: "alex"; "vgg" (VGG16) and "squeeze" (5 MB) give other numbers.

    Raises:
        ModelUnavailable, Offline, UnsafeFile, Cancelled: see `engine.metrics.published.fetching.require`.
    """
    require(f"LPIPS ({backbone})", [BACKBONES[backbone]], checkpoints(), access)
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity  # here: builds on all of torchvision

    metric = LearnedPerceptualImagePatchSimilarity(backbone, reduction="none").to(device)

    def compute(preds: Tensor, target: Tensor) -> Tensor:
        return metric.net(preds.to(device), target.to(device)).reshape(-1)

    name = "LPIPS" if backbone == "alex" else f"LPIPS ({backbone})"
    return PerceptualDistance(name, f"{backbone}, torchvision", "Zhang et al. 2018, arXiv 1801.03924", compute)


def vgg19_distance(device: torch.device | str = "cpu") -> PerceptualDistance:
    """The stand-in for LPIPS: mean squared distance of unit feature vectors in five VGG19 layers, 0 (equal) to 2.

    Zhang et al. 2018 call this the distance without learned weights (their Eq. 1 with w = 1, mean over layers). It
    has its own scale, so it is never called LPIPS.

    Raises:
        StudioError: the package with the weights is not installed.
    """
    model = load_vgg19().to(device)

    def features(pixels: Tensor) -> list[Tensor]:
        found = model(pixels.to(device, memory_format=torch.channels_last), VGG19_LAYERS)
        return [F.normalize(found[layer], dim=1) for layer in VGG19_LAYERS]

    def compute(preds: Tensor, target: Tensor) -> Tensor:
        pairs = zip(features(preds), features(target), strict=True)
        return torch.stack([(a - b).square().sum(1).mean((1, 2)) for a, b in pairs]).mean(0)

    source = "after Zhang et al. 2018, arXiv 1801.03924, Eq. 1 without learned weights"
    return PerceptualDistance("Perceptual distance in VGG19 features", "VGG19, five layers", source, compute)
