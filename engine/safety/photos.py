"""The gate for photos: what an artist uploads becomes a plain PNG, or a sentence about why it does not."""

import json
import logging
import subprocess
import sys
from dataclasses import dataclass

from engine.errors import PhotoRefused
from engine.settings import PROJECT

log = logging.getLogger(__name__)

MOST_BYTES = 62_000_000  # a little less than the pages' limit in .streamlit/config.toml
SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class PlainPhoto:
    """An upright 8-bit RGB picture in sRGB without metadata.

    Attributes:
        png: the file's bytes.
        width, height: pixels.
    """

    png: bytes
    width: int
    height: int


def plain_photo(data: bytes, name: str) -> PlainPhoto:
    """Decode a picture file in a process of its own.

    Args:
        data: the file's bytes: PNG, JPEG, WebP or HEIC.
        name: what messages call it.

    Raises:
        PhotoRefused: with the reason and what to do.
    """
    if not data:
        raise PhotoRefused(f"{name} is empty. Copy it again.")
    if len(data) > MOST_BYTES:
        raise PhotoRefused(
            f"A photo's file may have {MOST_BYTES / 1e6:.0f} MB; {name} has {len(data) / 1e6:.0f}. Make it smaller."
        )
    command = [sys.executable, "-m", "engine.safety.decoder"]
    try:
        child = subprocess.run(command, input=data, capture_output=True, cwd=PROJECT, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise PhotoRefused(f"{name} takes longer than {SECONDS:.0f} seconds to open. Save it again.") from None
    head, _, png = child.stdout.partition(b"\n")
    if child.returncode or not head:
        log.error(
            "%s: the decoder ended with %d: %s", name, child.returncode, child.stderr[-2000:].decode("utf-8", "replace")
        )
        raise PhotoRefused(
            f"{name} cannot be opened: decoding it failed. Open it in another program and save it again."
        )
    answer = json.loads(head)
    if "problem" in answer:
        raise PhotoRefused(f"{name} {answer['problem']}")
    return PlainPhoto(png, answer["width"], answer["height"])
