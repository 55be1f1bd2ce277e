"""One Settings object, read from the environment once at the door of each process."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from engine.errors import InvalidSetting

PROJECT = Path(__file__).resolve().parent.parent
EMBEDDED_MODEL = "mini"  # ships with the studio
LARGE_MODEL = "sd21"  # the default where it is on the machine and a GPU draws it
TORCH, OPENVINO = "torch", "openvino"  # what can compute a drawing


@dataclass(frozen=True)
class Settings:
    """Where things are and how much may be used.

    Each field is read from `STUDIO_<FIELD NAME IN CAPITALS>`; empty means the default.
    """

    home: Path = Path("studio-home")
    """Everything the artist made: database, images, own weights. One folder to back up."""

    weights_dir: Path = PROJECT / "weights"
    """The weights that ship with the studio."""

    database_url: str = ""
    """Any SQLAlchemy URL; empty means SQLite in `home`."""

    lora_dir: Path | None = None
    """The artist's own LoRA folder; empty means `home/loras`."""

    embedding_dir: Path | None = None
    """The artist's own embeddings (textual inversion); empty means `home/embeddings`."""

    memory_budget_gb: float = 0.0
    """Gigabytes of models kept warm; 0 means half of the device's memory."""

    queue_limit: int = 500
    """Jobs that may wait at once; one more is refused with a clear message."""

    max_attempts: int = 3
    """How often a job is started in all, when its workers die."""

    lease_seconds: float = 60.0
    """A job whose worker is silent for this long is given to another."""

    stall_seconds: float = 900.0
    """A job without any progress for this long counts as hung; one step on a slow CPU may take minutes."""

    drain_seconds: float = 30.0
    """How long a stopping worker may take to finish or release its job."""

    job_limit_seconds: float = 3600.0
    """A drawing job that brings no picture for this long is stopped together with its worker."""

    device: str = ""
    """`cuda`, `cuda:1`, `cpu`; empty means CUDA where there is one."""

    backend: str = ""
    """What draws where nobody says, `torch` or `openvino`; empty means OpenVINO for models that are ready for it. With
    `torch` none is made ready."""

    def __post_init__(self) -> None:
        if self.backend not in ("", TORCH, OPENVINO):
            raise InvalidSetting(
                f"STUDIO_BACKEND must be {TORCH} or {OPENVINO}; got {self.backend!r}. Correct or unset it."
            )
        object.__setattr__(self, "home", Path(self.home).expanduser().resolve())
        object.__setattr__(self, "weights_dir", Path(self.weights_dir).expanduser().resolve())
        lora_dir = self.lora_dir or self.home / "loras"
        object.__setattr__(self, "lora_dir", Path(lora_dir).expanduser().resolve())
        embedding_dir = self.embedding_dir or self.home / "embeddings"
        object.__setattr__(self, "embedding_dir", Path(embedding_dir).expanduser().resolve())
        if not self.database_url:
            url = URL.create("sqlite", database=str(self.home / "studio.sqlite3"))
            object.__setattr__(self, "database_url", url.render_as_string())

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read every field from its STUDIO_* variable.

        Raises:
            ValueError: a number cannot be read; the message names the variable and its value.
        """
        given: dict[str, Any] = {}
        for name, spec in cls.__dataclass_fields__.items():
            variable = f"STUDIO_{name.upper()}"
            text = os.environ.get(variable, "")
            if text:
                given[name] = _read(variable, text, type(spec.default))
        return cls(**given)

    @property
    def lora_folders(self) -> tuple[Path, Path]:
        """Where LoRAs are looked for: the artist's own folder, then the shipped one."""
        assert self.lora_dir is not None  # set in __post_init__
        return (self.lora_dir, self.weights_dir / "loras")

    @property
    def embedding_folders(self) -> tuple[Path, ...]:
        """Where embeddings are looked for."""
        assert self.embedding_dir is not None  # set in __post_init__
        return (self.embedding_dir,)

    @property
    def runs_dir(self) -> Path:
        """Where training runs are."""
        return self.home / "runs"

    @property
    def evaluations_dir(self) -> Path:
        """Where evaluations are."""
        return self.home / "evaluations"

    def to_environment(self) -> dict[str, str]:
        """The environment of this process with these settings, for a child process."""
        own = {f"STUDIO_{name.upper()}": str(getattr(self, name)) for name in self.__dataclass_fields__}
        return {**os.environ, **own}


def _read(variable: str, text: str, kind: type) -> object:
    if kind not in (int, float):
        return text
    try:
        return kind(text)
    except ValueError:
        raise InvalidSetting(f"{variable} must be a number; got {text!r}. Correct or unset it.") from None
