"""Pairs from a teacher, made once and before a training: so that one command, run again, goes on."""

import shutil
from collections.abc import Callable
from pathlib import Path

from engine.errors import InvalidRequest, NotFound, Problem
from engine.files import put, read_json, write_json
from engine.nijigan.pseudo_pairs import make_pairs
from engine.settings import Settings
from engine.translation.catalogue import translator

TOLD = "teacher.json"  # beside the pairs
LONG_SIDE = 768  # pixels: crops of 256 to 384 are cut from it


def teach(
    settings: Settings,
    photos: Path,
    pairs: Path,
    teacher: str,
    *,
    drop: float = 0.0,
    tell: Callable[[str], None] = lambda line: None,
) -> bool:
    """Make the pairs that are not there yet, whole or not at all; returns whether any were made.

    Args:
        photos: the folder of photos.
        pairs: the folder of the pairs, X_p and Y_p in it.
        teacher: name of the translator that makes Y_p.
        drop: share of the pairs, the worst, that is left out.

    Raises:
        InvalidRequest: the folder holds pairs of another teacher, or something else.
        NotFound: no such translator, or no photo.
    """
    if (pairs / TOLD).exists():
        if read_json(pairs / TOLD).get("teacher") != teacher:
            text = f"{pairs} holds pairs of another teacher than {teacher}. Name another folder."
            raise InvalidRequest([Problem("teacher", text)])
        return False
    if pairs.exists() and any(pairs.iterdir()):
        text = (
            f"{pairs} must be new or empty for a teacher's pairs; it holds something. Leave --teacher out, to take it."
        )
        raise InvalidRequest([Problem("teacher", text)])
    if translator(settings, teacher).takes_style:
        raise NotFound(f"A teacher needs no style picture; {teacher} takes one. Choose painter or classical.")
    growing = pairs.with_name(f".{pairs.name}.tmp")
    shutil.rmtree(growing, ignore_errors=True)
    make_pairs(settings, photos, growing, teacher, long_side=LONG_SIDE, drop=drop, tell=tell)
    write_json(growing / TOLD, {"teacher": teacher, "long_side": LONG_SIDE, "drop": drop})
    put(growing, pairs)
    return True
