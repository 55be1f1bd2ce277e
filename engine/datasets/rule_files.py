"""The files of caption rules that an artist brought: STUDIO_HOME/caption-rules/<name>.toml."""

import re
from pathlib import Path

from engine.datasets.captions import DEFAULT_RULES, MAX_RULES_BYTES, read_rules
from engine.errors import InvalidRequest, Problem
from engine.files import put, replacing

FOLDER = "caption-rules"
OWN = "The studio's own"
_NAME = re.compile(r"[\w .+-]{1,80}\.toml", re.IGNORECASE)


def rule_files(home: Path) -> dict[str, Path]:
    """The studio's own rules, then those that were brought, by name."""
    return {OWN: DEFAULT_RULES} | {path.stem: path for path in sorted((home / FOLDER).glob("*.toml"))}


def keep_rules(home: Path, name: str, data: bytes) -> str:
    """Keep a file of rules, if it is one; one of the same name that was there gives way and stays beside it.

    Args:
        name: of the file, such as "mine.toml".

    Returns:
        Its name in `rule_files`.

    Raises:
        InvalidRequest: it is no file of rules; all that is wrong is named.
    """
    if not _NAME.fullmatch(name):
        text = f"A file of rules has a name of up to 80 letters and digits with .toml at its end; got {name[:100]!r}."
        raise InvalidRequest([Problem("rules", f"{text} Rename it.")])
    if len(data) > MAX_RULES_BYTES:
        text = f"{name}: it has {len(data):,} bytes, more than {MAX_RULES_BYTES:,}. Correct the file."
        raise InvalidRequest([Problem("rules", text)])
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path, arriving = folder / f"{name[:-5].strip()}.toml", folder / "arriving" / name
    arriving.parent.mkdir(exist_ok=True)
    with replacing(arriving) as file:
        file.write(data)
    try:
        read_rules(arriving)
    except InvalidRequest:
        arriving.unlink()
        raise
    if path.exists() and path.read_bytes() != data:
        before = len(list(folder.glob(f"{path.stem}.toml.*")))
        put(path, folder / f"{path.name}.{before + 1}")
    put(arriving, path)
    return path.stem
