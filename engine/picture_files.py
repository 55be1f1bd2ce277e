"""The picture files of a folder."""

from pathlib import Path

from engine.errors import NotFound

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def pictures_in(folder: Path) -> list[Path]:
    """The picture files directly in a folder, by name. Raises NotFound where there is none."""
    if not folder.is_dir():
        raise NotFound(f"Pictures are read from a folder; {folder} is none. Check its name.")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != ".")
    if not found:
        raise NotFound(f"A folder of pictures must hold {', '.join(SUFFIXES)} files; {folder} holds none.")
    return found
