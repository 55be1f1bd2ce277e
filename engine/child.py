"""A process that another one starts and that outlives nobody."""

import os
import sys
import threading
from collections.abc import Callable

LATER = 19  # as `nice` counts: a seventieth of what others get, where all want a core


def end_with_the_parent(last: Callable[[], object] = lambda: None) -> None:
    """From now on end when standard input does: so with the process that holds its other end, however that ends.

    Args:
        last: done before that, in a thread beside everything else.
    """
    threading.Thread(target=_wait_for_the_end, args=(last,), daemon=True).start()


def _wait_for_the_end(last: Callable[[], object]) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    try:
        last()
    finally:
        os._exit(0)


def give_way() -> None:
    """From now on let other processes go first."""
    if hasattr(os, "nice"):  # not on Windows
        os.nice(LATER)
