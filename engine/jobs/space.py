"""Room on the disk."""

import shutil
from pathlib import Path

from gallery.errors import storage_full

SPACE_BYTES = 20_000_000  # free disk that must be left: the queue has to stay writable to say that it is full


def require_space(home: Path) -> None:
    """Stop before work whose result could not be kept.

    Raises:
        StorageFull: too little disk is free.
    """
    if shutil.disk_usage(home).free < SPACE_BYTES:
        raise storage_full(home)
