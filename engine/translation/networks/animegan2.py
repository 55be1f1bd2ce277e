"""The generator of AnimeGANv2 (Chen et al. 2020), in the shape and with the layer names of its public PyTorch port."""

from torch import Tensor, nn
from torch.nn import functional as F

from engine.translation.networks.affine_norm import AffineNorm


class AnimeGan2(nn.Module):
    """Photo to anime; 2,143,552 parameters.

    Args:
        align_corners: how features are enlarged; pixels differ a little. False is the default of the port's test
            program, and tiles of one photo fit together; True is that of its model.
    """

    def __init__(self, align_corners: bool = False) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.block_a = nn.Sequential(_convolution(3, 32, 7), _convolution(32, 64, stride=2), _convolution(64, 64))
        self.block_b = nn.Sequential(_convolution(64, 128, stride=2), _convolution(128, 128))
        self.block_c = nn.Sequential(
            _convolution(128, 128),
            _InvertedResidual(128, 256),
            _InvertedResidual(256, 256),
            _InvertedResidual(256, 256),
            _InvertedResidual(256, 256),
            _convolution(256, 128),
        )
        self.block_d = nn.Sequential(_convolution(128, 128), _convolution(128, 128))
        self.block_e = nn.Sequential(_convolution(128, 64), _convolution(64, 64), _convolution(64, 32, 7))
        self.out_layer = nn.Sequential(nn.Conv2d(32, 3, 1, bias=False), nn.Tanh())

    def forward(self, photo: Tensor) -> Tensor:
        """Translate photos.

        Args:
            photo: (N, 3, H, W) float32 in [-1, 1]; the port recommends multiples of 32 from 256 on.

        Returns:
            (N, 3, H, W) float32 in [-1, 1].
        """
        half = self.block_a(photo)  # (N, 64, H/2, W/2)
        quarter = self.block_c(self.block_b(half))  # (N, 128, H/4, W/4)
        x = self.block_d(self._enlarged(quarter, half))
        return self.out_layer(self.block_e(self._enlarged(x, photo)))

    def _enlarged(self, x: Tensor, like: Tensor) -> Tensor:
        return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=self.align_corners)


class _InvertedResidual(nn.Module):
    """Widen to twice the channels, convolve each channel alone, narrow (Sandler et al. 2018, MobileNetV2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.residual = inputs == outputs
        self.layers = nn.Sequential(
            _convolution(inputs, 2 * inputs, 1),
            _convolution(2 * inputs, 2 * inputs, groups=2 * inputs, bias=True),
            nn.Conv2d(2 * inputs, outputs, 1, bias=False),
            AffineNorm(outputs, "picture"),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


def _convolution(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1, bias: bool = False
) -> nn.Sequential:
    """Reflected border (with stride 2 only right and below, as TensorFlow pads), convolution, norm, activation."""
    border = kernel // 2
    return nn.Sequential(
        nn.ReflectionPad2d((0, 1, 0, 1) if stride == 2 else border),
        nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=bias),
        AffineNorm(outputs, "picture"),
        nn.LeakyReLU(0.2),
    )
