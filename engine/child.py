"""A process that another one starts and that outlives nobody."""

import os
import sys
import threading


def end_with_the_parent() -> None:
    """From now on end when standard input does: so with the process that holds its other end, however that ends."""
    threading.Thread(target=_wait_for_the_end, daemon=True).start()


def _wait_for_the_end() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)
