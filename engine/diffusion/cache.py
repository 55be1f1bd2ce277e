"""Models kept warm between requests, within a memory budget."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.diffusion.loading import LoadedModel
from engine.errors import OutOfMemory
from engine.weights.models import ModelInfo

log = logging.getLogger(__name__)

Fingerprint = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class _Warm:
    model: LoadedModel
    fingerprint: Fingerprint


class ModelCache:
    """The models used last. For one thread, like the pipelines themselves.

    Args:
        budget_bytes: of weights kept warm; the model asked for is kept even when it is larger alone.
        load: reads a model; raises what `get` shall raise.
    """

    def __init__(self, budget_bytes: int, load: Callable[[ModelInfo], LoadedModel]):
        self.budget_bytes = budget_bytes
        self._load = load
        self._warm: OrderedDict[Path, _Warm] = OrderedDict()  # least recently used first

    def get(self, info: ModelInfo) -> LoadedModel:
        """The model, warm or read now; read again when its files changed since."""
        fingerprint = _fingerprint(info.path)
        warm = self._warm.get(info.path)
        if warm and warm.fingerprint == fingerprint and warm.model.info == info:
            self._warm.move_to_end(info.path)
            return warm.model
        self._drop(info.path)
        # Room is made before reading, by the size of the files, so that two models never share the peak.
        self._make_room(info.size_bytes)
        model = self._read(info)
        self._make_room(model.size_bytes)
        self._warm[info.path] = _Warm(model, fingerprint)
        return model

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where the warm models came from, least recently used first."""
        return tuple(self._warm)

    def all(self) -> list[LoadedModel]:
        """The warm models, the one used last first."""
        return [warm.model for warm in reversed(self._warm.values())]

    def clear(self) -> None:
        """Forget every model."""
        for path in self.paths:
            self._drop(path)

    def _read(self, info: ModelInfo) -> LoadedModel:
        try:
            return self._load(info)
        except OutOfMemory:
            if not self._warm:
                raise
        self.clear()
        return self._load(info)

    def _make_room(self, size_bytes: int) -> None:
        used = {path: warm.model.held_bytes for path, warm in self._warm.items()}
        for path in self.paths:
            if sum(used.values()) + size_bytes <= self.budget_bytes:
                return
            self._drop(path)
            del used[path]

    def _drop(self, path: Path) -> None:
        warm = self._warm.pop(path, None)
        if warm is None:
            return
        device, title = warm.model.device, warm.model.info.title
        del warm  # the last reference here, before memory is given back
        device.release()
        log.info("dropped %s from memory", title)


def _fingerprint(path: Path) -> Fingerprint:
    """Path, change time and size of the file, or of each file in the folder and its components' folders."""
    files = [path] if path.is_file() else [*path.glob("*"), *path.glob("*/*")]
    stats = [(file, file.stat()) for file in sorted(files) if file.is_file()]
    return tuple((str(file), stat.st_mtime_ns, stat.st_size) for file, stat in stats)
