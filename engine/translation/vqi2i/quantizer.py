"""Every place of a feature map takes the nearest of a codebook's vectors (van den Oord et al. 2017, VQ-VAE)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Codes(NamedTuple):
    """What was taken.

    Attributes:
        indices: (N, H, W) int64, rows of the codebook.
        perplexity: how many codes are in use, as if all of these were used equally: 1 to n_e.
    """

    indices: Tensor
    perplexity: Tensor


class VectorQuantizer(nn.Module):
    """A codebook.

    Args:
        n_e: codes.
        e_dim: numbers of a code.
        beta: weight of the commitment loss, which keeps the encoder near its codes. A known old implementation has it
            on the other term, the one that moves the codes; equation 3 of the paper, and this, have it here.
    """

    def __init__(self, n_e: int = 512, e_dim: int = 512, beta: float = 0.25) -> None:
        super().__init__()
        self.beta = beta
        self.codebook = nn.Parameter(torch.empty(n_e, e_dim).uniform_(-1 / n_e, 1 / n_e))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Codes]:
        """Quantise features.

        Args:
            z: (N, e_dim, H, W).

        Returns:
            The codes' vectors in the shape of z, with z's gradient (straight through); the loss, codebook's plus
            commitment's; and which codes they are.
        """
        places = z.movedim(1, -1)  # (N, H, W, e_dim)
        indices = self._nearest(places.flatten(0, 2)).view(places.shape[:-1])
        codes = self.codebook[indices].movedim(-1, 1)
        loss = (codes - z.detach()).square().mean() + self.beta * (z - codes.detach()).square().mean()
        return z + (codes - z).detach(), loss, Codes(indices, self._perplexity(indices))

    @torch.no_grad()
    def _nearest(self, vectors: Tensor) -> Tensor:
        """Without the expansion of the square, which rounds away the difference of codes that lie close together."""
        return torch.cdist(vectors, self.codebook, compute_mode="donot_use_mm_for_euclid_dist").argmin(1)

    def _perplexity(self, indices: Tensor) -> Tensor:
        shares = torch.bincount(indices.flatten(), minlength=len(self.codebook)) / indices.numel()
        return torch.exp(-torch.special.xlogy(shares, shares).sum())
