"""Streamlit as a process that ends when its standard input does: so it outlives nobody, however its parent ended.

python -m engine.opinions.attached run PAGE ...
"""

import os
import runpy
import sys
import threading


def main() -> None:
    """Run Streamlit's command line, whose arguments these are."""
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def _end_with_the_parent() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
