"""Convert a model for OpenVINO in a process of its own, which nobody waits for.

python -m engine.diffusion.backends.apart MODEL    as `readying.as_text` gives it

It ends with 0 where OpenVINO can draw the model now, else with 1; what there is to say goes to standard output.
"""

import logging
import os
import signal
import sys
from functools import partial

from engine.child import end_with_the_parent, give_way
from engine.computing.names import abandon
from engine.errors import StudioError
from engine.settings import Settings


def main() -> None:
    """Convert the model, unless that was done meanwhile."""
    give_way()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the parent, with which this ends
    settings = Settings.from_environment()
    end_with_the_parent(last=partial(abandon, settings.home, os.getpid()))
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    try:
        convert(settings, sys.argv[1])
    except (StudioError, OSError, ImportError, MemoryError) as error:
        print(error, flush=True)
        sys.exit(1)


def convert(settings: Settings, text: str) -> None:
    """Convert a model that `readying.as_text` describes. Raises CannotCompute, or what loading it raises."""
    # Seconds of imports: here, so that the process already ends with its parent.
    from engine.device import choose
    from engine.diffusion.backends.converting import converted_place
    from engine.diffusion.backends.readying import from_text
    from engine.diffusion.loading import load

    converted_place(load(from_text(text), choose(settings.device)), settings.home)


if __name__ == "__main__":
    main()
