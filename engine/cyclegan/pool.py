"""Earlier fakes, so that a discriminator does not forget what the generator did before (Shrivastava et al. 2017)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Pool:
    """Up to `size` pictures; half of the time a fake goes in and an earlier one comes out in its place.

    With several processes each of them holds the same pool, of the fakes of all; so a checkpoint of one is enough.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._pictures: list[Tensor] = []

    def __len__(self) -> int:
        return len(self._pictures)

    def exchange(self, fakes: Tensor, rng: torch.Generator) -> Tensor:
        """What the discriminator sees in the place of each fake.

        Args:
            fakes: (N, 3, H, W), of all processes.
            rng: the same in all processes.

        Returns:
            (N, 3, H, W): fakes as they are while the pool fills up, then each or an earlier one.
        """
        return torch.stack([self._one(fake.detach(), rng) for fake in fakes])

    def _one(self, fake: Tensor, rng: torch.Generator) -> Tensor:
        if len(self._pictures) < self.size:
            self._pictures.append(fake)
            return fake
        if self.size == 0 or torch.rand((), generator=rng) < 0.5:
            return fake
        place = int(torch.randint(self.size, (), generator=rng))
        earlier, self._pictures[place] = self._pictures[place], fake
        return earlier.to(fake.device)

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"pictures": [picture.clone() for picture in self._pictures]}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """From a checkpoint."""
        self._pictures = list(state["pictures"])
