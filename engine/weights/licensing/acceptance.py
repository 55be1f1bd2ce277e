"""Which licences the artist has accepted: kept in the studio's folder, so that each is asked for once."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import Problem
from engine.files import read_json, write_json
from engine.weights.licensing.licences import Licence, text_of

FILE = "accepted-licences.json"


def is_open(home: Path, licence: Licence) -> bool:
    """Whether a licence must still be accepted before weights under it are downloaded."""
    return licence.text is not None and licence.id not in _accepted(home)


def accept(home: Path, licence: Licence) -> None:
    """Remember that a licence was accepted, when, and which text it was. Raises OSError."""
    if is_open(home, licence):
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        said = {"at": moment, "text_sha256": hashlib.sha256(text_of(licence).encode()).hexdigest()}
        write_json(home / FILE, {**_accepted(home), licence.id: said})


def problems(home: Path, title: str, licence: Licence) -> list[Problem]:
    """What is to be said before weights under a licence are downloaded; nothing where it is accepted."""
    if not is_open(home, licence) or licence.text is None:
        return []
    message = (
        f"Before {title} is downloaded its licence must be accepted once: {licence.name}. "
        f"Read {licence.text}, then tick it on the page, or repeat the command with --accept-licence."
    )
    return [Problem("licence", message)]


def _accepted(home: Path) -> dict[str, object]:
    """Unreadable means none: then it is asked once more."""
    try:
        found = read_json(home / FILE)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
