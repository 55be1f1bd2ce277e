"""Small files: read with care, since people or other programs may have written them; written whole or not at all."""

import json
from pathlib import Path
from typing import Any

from gallery.atomic import put, replacing, scratch_of

__all__ = ["printable", "put", "read_json", "replacing", "scratch_of", "write_json"]

MAX_JSON_BYTES = 4 * 2**20


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no JSON object, or more than 4 MiB; the text says what is wrong.
    """
    if not path.is_file() and path.exists():
        raise ValueError("not a file")
    with path.open("rb") as file:
        text = file.read(MAX_JSON_BYTES + 1)
    if len(text) > MAX_JSON_BYTES:
        raise ValueError(f"more than {MAX_JSON_BYTES:,} bytes")
    try:
        content = json.loads(text.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("JSON nested far too deep") from None
    if not isinstance(content, dict):
        raise ValueError(f"a JSON {type(content).__name__} in place of an object")
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace the file in one step, so that a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def printable(text: str) -> str:
    """The text without control characters and broken surrogates, which no database or page can hold."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(character for character in text if character.isprintable() or character in "\n\t")
