"""Which pictures of the gallery show the same thing by different means."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from engine.studio import Studio
from engine.translation.request import Translate
from gallery.errors import GalleryError
from gallery.records import ImageRecord
from pages.generate.details import KINDS as DRAWINGS

MOST_PICTURES = 3000  # the newest, that are looked at
PHOTOS, PROMPTS = "photos", "prompts"
SOURCES = {PHOTOS: "Photos that several translators drew", PROMPTS: "Prompts that several models or LoRAs drew"}
KINDS = {PHOTOS: (Translate.kind,), PROMPTS: DRAWINGS}


@dataclass
class Groups:
    """Pictures by method and content, the newest of each; and the photos by content."""

    found: dict[str, dict[str, Path]] = field(default_factory=lambda: defaultdict(dict))
    originals: dict[str, Path] = field(default_factory=dict)


def groups_of(studio: Studio, source: str, records: Iterable[ImageRecord]) -> Groups:
    """Sort pictures, newest first, by what they show and who made them; unreadable ones are left out."""
    groups = Groups()
    for record in records:
        content = _photo(record) if source == PHOTOS else _prompt(record)
        if content is None or content in groups.found[_method(record)]:
            continue
        try:
            groups.found[_method(record)][content] = studio.gallery.path(record.id)
            if source == PHOTOS and content not in groups.originals:
                groups.originals[content] = studio.photos.path(_photo_id(record))
        except GalleryError:
            continue
    return groups


def _photo_id(record: ImageRecord) -> str:
    return next((str(parent["photo"]) for parent in record.recipe.parents if parent.get("photo")), "")


def _photo(record: ImageRecord) -> str | None:
    return f"{record.title} ({_photo_id(record)[:6]})" if _photo_id(record) else None


def _prompt(record: ImageRecord) -> str | None:
    if record.recipe.seed is None or record.recipe.parents:
        return None
    return f"{record.title[:60]}, {record.width}x{record.height}, seed {record.recipe.seed}"


def _method(record: ImageRecord) -> str:
    loras = [f"{lora.get('name')} {lora.get('weight')}" for lora in record.recipe.loras]
    return " + ".join([record.model or "no name", *loras])[:80]
