"""Make models ready for OpenVINO beside everything else that the worker does, so that no job ever waits for it.

A process of low priority converts a model; then a thread compiles it for the size in use.
"""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile

import psutil

from engine.computing.names import CannotCompute, abandon
from engine.diffusion.backends.names import known_unfit
from engine.diffusion.loading import LoadedModel
from engine.errors import StudioError
from engine.settings import PROJECT, Settings
from engine.weights.facts import ModelInfo

log = logging.getLogger(__name__)

PROCESS_BYTES = 1.3e9  # of memory, beside the model itself: measured at most, most of it libraries


class Conversion:
    """A process that converts a model: `engine.diffusion.backends.apart`. It ends with this one.

    Raises:
        CannotCompute: there is not enough memory for it.
        OSError: no process can be started.
    """

    def __init__(self, settings: Settings, model: LoadedModel):
        _require_memory(PROCESS_BYTES + model.size_bytes)
        self.info = model.info
        self._home = settings.home
        # A pipe that nobody reads meanwhile would fill up.
        self._said = TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "engine.diffusion.backends.apart", as_text(model.info)],
            cwd=PROJECT,
            env=settings.to_environment(),
            stdin=subprocess.PIPE,  # its end is the child's too, however this process ends
            stdout=self._said,
        )

    @property
    def has_ended(self) -> bool:
        """Asked without waiting."""
        return self._process.poll() is not None

    def problem(self) -> str:
        """Of one that has ended: why it came to nothing, else empty."""
        code = self._end()
        self._said.seek(0)
        said = self._said.read().strip()
        self._said.close()
        return "" if code == 0 else said or f"its process ended with {code}"

    def stop(self) -> None:
        """End it now; nothing is left of what it did not finish."""
        self._process.kill()
        self._end()
        self._said.close()
        abandon(self._home, self._process.pid)

    def _end(self) -> int:
        if self._process.stdin:
            self._process.stdin.close()
        return self._process.wait()


class Readying:
    """Makes one model after another ready.

    Args:
        compile: a converted model for the size in use; called in a thread.
    """

    def __init__(self, settings: Settings, compile: Callable[[LoadedModel], None]):
        self._settings = settings
        self._compile = compile
        self._conversion: Conversion | None = None
        self._compiling: threading.Thread | None = None
        self._begun: set[Path] = set()  # to convert
        self._done: set[Path] = set()  # what can be done is done

    def go_on(self, model: LoadedModel) -> bool:
        """Begin what is next, and never wait for it; returns whether there is more to come."""
        if self._is_busy():
            return True
        path = model.info.path
        if path in self._done:
            return False
        unfit = known_unfit(self._settings.home, model.info)
        if unfit is None and path not in self._begun:
            self._begun.add(path)
            return self._convert(model)
        self._done.add(path)
        if unfit == "":
            self._compiling = threading.Thread(target=self._compile, args=(model,), name="compiling")
            self._compiling.start()
        return unfit == ""

    def stop(self) -> None:
        """Convert nothing now; what was not finished may be begun again later."""
        if self._conversion:
            self._conversion.stop()
            self._begun.discard(self._conversion.info.path)
            self._conversion = None

    def _is_busy(self) -> bool:
        if self._compiling and self._compiling.is_alive():
            return True
        self._compiling = None
        if self._conversion and self._conversion.has_ended:
            if problem := self._conversion.problem():
                say_unready(self._conversion.info, problem)
            self._conversion = None
        return self._conversion is not None

    def _convert(self, model: LoadedModel) -> bool:
        try:
            self._conversion = Conversion(self._settings, model)
        except (StudioError, OSError) as error:
            say_unready(model.info, error)
        return self._conversion is not None


def say_unready(info: ModelInfo, why: object) -> None:
    """In the log; the artist sees PyTorch draw, as before."""
    log.warning("%s is not made ready for OpenVINO: %s", info.title, why)


def as_text(info: ModelInfo) -> str:
    """For the command line of another process, which reads it by `from_text`."""
    return json.dumps({**asdict(info), "path": str(info.path.absolute())})


def from_text(text: str) -> ModelInfo:
    """What `as_text` was given."""
    values = json.loads(text)
    return ModelInfo(**{**values, "path": Path(values["path"])})


def _require_memory(wanted: float) -> None:
    free = psutil.virtual_memory().available
    if free < wanted:
        raise CannotCompute(f"it needs {wanted / 1e9:.1f} GB of free memory, and {free / 1e9:.1f} GB are free.")
