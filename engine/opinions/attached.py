"""Streamlit as a process that ends when its standard input does: so it outlives nobody, however its parent ended.

python -m engine.opinions.attached run PAGE ...
"""

import runpy

from engine.child import end_with_the_parent


def main() -> None:
    """Run Streamlit's command line, whose arguments these are."""
    end_with_the_parent()
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
