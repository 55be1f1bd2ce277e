"""What can be asked for: a folder of pictures brought into the gallery."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from engine.errors import InvalidRequest, Problem

MOST_PATH = 4_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A folder's PNG, JPEG and WebP pictures.

    Attributes:
        folder: absolute path on this machine; with `upload` a name in STUDIO_HOME/imports.
        recursive: whether the folders in it are looked through as well.
        upload: whether its files came through a browser, so that the folder is the studio's own and goes at the end.
    """

    folder: str
    recursive: bool = False
    upload: bool = False

    kind: ClassVar[str] = "imported"

    def __post_init__(self) -> None:
        if problems := list(_problems(self)):
            raise InvalidRequest(problems)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self)

    def place(self, home: Path) -> Path:
        """Where the pictures lie."""
        return home / "imports" / self.folder if self.upload else Path(self.folder)


def import_folder(values: Mapping[str, Any]) -> Import:
    """Build the request from JSON-like values."""
    return Import(**{"folder": "", **values})


def _problems(asked: Import) -> list[Problem]:
    folder = asked.folder
    if not isinstance(folder, str) or not folder or len(folder) > MOST_PATH or "\0" in folder:
        return [Problem("folder", f"A folder is named by its path; got {str(folder)[:60]!r}. Name one.")]
    if asked.upload and Path(folder).name != folder:
        return [Problem("folder", f"Uploaded files lie in a folder of the studio's own; got {folder[:60]!r}.")]
    if not asked.upload and not Path(folder).is_absolute():
        return [Problem("folder", f"A folder's path must begin at the root of the disk; got {folder[:60]!r}.")]
    return [
        Problem(name, f"{name.capitalize()} must be yes or no; got {getattr(asked, name)!r}.")
        for name in ("recursive", "upload")
        if not isinstance(getattr(asked, name), bool)
    ]
