"""The generator of NijiGAN, and with residual blocks that of CUT and Scenimefy.

CUT's encoder and decoder (Park et al. 2020) around a bottleneck of neural ODEs, or of the residual blocks that
they replace. Down- and upsampling are anti-aliased (Zhang 2019, Making convolutional networks shift-invariant
again).
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import ImageShapeError
from engine.translation.guided import Refinement, refined
from engine.translation.networks.norms import InstanceNorm
from engine.translation.networks.ode import ODEBlock, ResidualBlock, Solver

SIZE_MULTIPLE = 4
SMALLEST_SIDE = 16  # reflected borders need more pixels than they reflect, also at a quarter of the size
FEATURE_LAYERS = (3, 7)  # of the encoder: the convolutions to 128 and 256 channels


@dataclass(frozen=True, slots=True)
class Architecture:
    """What decides the generator's weights.

    Attributes:
        bottleneck: "ode" is NijiGAN, "resnet" CUT and Scenimefy.
        blocks: of the bottleneck; published are 4 ODE blocks and 9 residual blocks.
        width: channels of the first layer; the bottleneck has four times as many.
    """

    bottleneck: Literal["ode", "resnet"] = "ode"
    blocks: int = 4
    width: int = 64


class BlurDownsample(nn.Module):
    """Every second pixel after the blur [1, 2, 1] / 4, borders reflected."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H/2, W/2), H and W even."""
        taps = x.new_tensor([1.0, 2.0, 1.0]) / 4
        blur = taps.outer(taps).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(F.pad(x, (1, 0, 1, 0), mode="reflect"), blur, stride=2, groups=x.shape[1])


class BlurUpsample(nn.Module):
    """Twice the size through the blur [1, 3, 3, 1] / 4, borders repeated: that is bilinear interpolation."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, 2 H, 2 W)."""
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Generator(nn.Module):
    """Photo to anime scene.

    Args:
        architecture: of the weights.
        solver: of the ODE blocks; may be changed later by `set_solver`.
        refinement: how the output follows the photo; None, as published, leaves it as the decoder gives it.
    """

    def __init__(
        self,
        architecture: Architecture = Architecture(),
        solver: Solver = Solver(),
        refinement: Refinement | None = None,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.refinement = refinement
        width, channels = architecture.width, 4 * architecture.width
        self.encoder = nn.Sequential(
            *_convolution(3, width, 7, "reflect"),  # (N, 64, H, W)
            *_convolution(width, 2 * width, 3),
            BlurDownsample(),  # (N, 128, H/2, W/2)
            *_convolution(2 * width, channels, 3),
            BlurDownsample(),  # (N, 256, H/4, W/4)
        )
        self.bottleneck = nn.Sequential(
            *(
                ODEBlock(channels, solver) if architecture.bottleneck == "ode" else ResidualBlock(channels)
                for _ in range(architecture.blocks)
            )
        )
        self.decoder = nn.Sequential(
            BlurUpsample(),
            *_convolution(channels, 2 * width, 3),
            BlurUpsample(),
            *_convolution(2 * width, width, 3),
            nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )
        self.apply(_initialize)

    def forward(self, photo: Tensor) -> Tensor:
        """(N, 3, H, W) float32 in [-1, 1], H and W multiples of 4 from 16 on, to the same shape and range.

        Raises:
            ImageShapeError: H or W is none of these.
        """
        _check_shape(photo)
        fake = self.decoder(self.bottleneck(self.encoder(photo)))
        return refined(fake, photo, self.refinement) if self.refinement else fake

    def features(self, photo: Tensor) -> list[Tensor]:
        """What the contrastive losses compare: the photo with its border, then what the two convolutions before
        the downsamplings and the first and the middle block of the bottleneck make of it.

        For nine residual blocks these are CUT's layers 0, 4, 8, 12 and 16. The channels are `feature_channels`.
        """
        _check_shape(photo)
        h, collected = photo, [F.pad(photo, (3, 3, 3, 3), mode="reflect")]
        for index, layer in enumerate(self.encoder):
            h = layer(h)
            if index in FEATURE_LAYERS:
                collected.append(h)
        blocks = self._feature_blocks()
        for index in range(max(blocks) + 1):
            h = self.bottleneck[index](h)
            if index in blocks:
                collected.append(h)
        return collected

    @property
    def feature_channels(self) -> list[int]:
        """Channels of what `features` returns."""
        width = self.architecture.width
        return [3, 2 * width, 4 * width, *[4 * width] * len(self._feature_blocks())]

    def _feature_blocks(self) -> set[int]:
        return {0, (len(self.bottleneck) - 1) // 2}

    def set_solver(self, solver: Solver) -> None:
        """Solve the ODE blocks in another way; residual blocks have no solver."""
        for block in self.bottleneck:
            if isinstance(block, ODEBlock):
                block.solver = solver

    @property
    def solver(self) -> Solver | None:
        """How the ODE blocks are solved; None for residual blocks."""
        return next((block.solver for block in self.bottleneck if isinstance(block, ODEBlock)), None)

    @property
    def nfe(self) -> int:
        """Evaluations of the bottleneck's functions in the last forward pass, all blocks together."""
        return sum(block.nfe if isinstance(block, ODEBlock) else 1 for block in self.bottleneck)


def _convolution(inputs: int, outputs: int, kernel: int, border: str = "zeros") -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, padding_mode=border),
        InstanceNorm(),
        nn.ReLU(inplace=True),
    ]


def _initialize(module: nn.Module) -> None:
    """Xavier normal with gain 0.02 and no bias, as CUT's published options."""
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_normal_(module.weight, gain=0.02)
        nn.init.zeros_(module.bias)


def _check_shape(photo: Tensor) -> None:
    height, width = photo.shape[-2:]
    if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE or min(height, width) < SMALLEST_SIDE:
        raise ImageShapeError(
            f"Photo height and width must be multiples of {SIZE_MULTIPLE}, {SMALLEST_SIDE} or more; "
            f"got {height}x{width}. Pad it first."
        )
