"""A distance between two sets of pictures as a loss of some of them at a time.

The sets are compared by the Frechet distance between features (as a loss: Mathiasen and Hvilshøj 2020). It needs many
pictures at a time, so what all of them had when they were last drawn is remembered, and each gets a target of its own.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine.metrics.frechet import Gaussian, gaussian_of, squared_distance


class Transport(nn.Module):
    """Where the features of each drawn picture must go, so that all together become like those of renders.

    The gradient of the Frechet distance moves every picture towards its image under the optimal transport map between
    the two Gaussians. That image, worked out from the features that the pictures had when they were last drawn, is
    the target. A target stays while the decoder moves; descending the distance itself does not, and overshoots, for
    most of the pictures that the distance is made of were drawn many steps ago.

    Args:
        aims: of the renders' features, for each of L layers.
        features: (N, D) of each layer, of all drawn pictures to begin with; D may differ.
    """

    distance: Tensor

    def __init__(self, aims: Sequence[Gaussian], features: Sequence[Tensor]) -> None:
        super().__init__()
        self._aims = [aim.compact() for aim in aims]
        self._variances = [aim.root.square().sum() for aim in aims]
        for place, layer in enumerate(features):
            self.register_buffer(f"features_{place}", layer)
            self.register_buffer(f"targets_{place}", layer.clone())
        self.register_buffer("distance", torch.zeros((), dtype=torch.float64))
        self.aim()

    def aim(self) -> None:
        """Work out all targets anew, and `distance`: Frechet, in units of the renders' variance, mean over layers.

        With fewer pictures than dimensions the distance is too high, also between equal sets.
        """
        distances = []
        for place, (aim, variance) in enumerate(zip(self._aims, self._variances, strict=True)):
            features = self._kept("features", place).clone().requires_grad_(True)
            with torch.enable_grad():
                distance = squared_distance(aim, gaussian_of(features))
                (gradient,) = torch.autograd.grad(distance, features)
            self._kept("targets", place).copy_(features.detach() - len(features) / 2 * gradient)
            distances.append(distance.item() / variance.item())
        self.distance.fill_(sum(distances) / len(distances))

    def loss(self, features: Sequence[Tensor], indices: Tensor) -> Tensor:
        """Squared distance to the targets in units of the renders' variance, mean over pictures and layers.

        Args:
            features: (n, D) of each layer.
            indices: (n,) which pictures they are of.
        """
        parts = [
            (new - self._kept("targets", place)[indices]).square().sum(1).mean() / self._variances[place]
            for place, new in enumerate(features)
        ]
        return torch.stack(parts).mean()

    def keep(self, features: Sequence[Tensor], indices: Tensor) -> None:
        """Take (n, D) features of each layer in place of what these pictures had."""
        for place, new in enumerate(features):
            self._kept("features", place)[indices] = new

    def _kept(self, name: str, place: int) -> Tensor:
        return self.get_buffer(f"{name}_{place}")
