"""What a translator is asked through where PyTorch does not compute it."""

from torch import nn


class QuickGenerator(nn.Module):
    """A generator that something else computes, with the same shapes and ranges.

    Attributes:
        failed: why it could not, so that PyTorch goes on; empty as long as it can.
    """

    failed: str = ""
