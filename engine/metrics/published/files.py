"""Files that others publish: what is known of each, and the folder where torch hub and torchvision look too. No torch.

Each is known by its SHA-256, because a number from other weights cannot be compared with anybody's.
"""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PublishedFile:
    """A file as its authors publish it.

    Attributes:
        name: in the folder where it is looked for.
        url: where it is published.
        size: bytes, about.
        sha256: of the whole file, or its beginning where no more is published; empty for a small text file that is not
            checked.
    """

    name: str
    url: str
    size: int
    sha256: str = ""


def checkpoints() -> Path:
    """The folder in which torch hub keeps weights: TORCH_HOME/hub/checkpoints, by default under ~/.cache/torch.

    By torch hub's own rule (`torch.hub.get_dir`), without its import.
    """
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"
