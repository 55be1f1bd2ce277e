"""What Gallery says of a picture that another tool made."""

from collections.abc import Iterator, Mapping

from gallery.foreign.imported import KIND
from gallery.records import ImageRecord
from pages.parts.common import size_text, when
from pages.parts.facts import size_of
from pages.parts.shown import Shown

MOST_SHOWN = 200  # characters of one of the tool's own fields; the complete recipe has more
_FIELDS = {
    "steps": "Steps",
    "guidance": "Guidance scale",
    "sampler": "Sampler",
    "schedule": "Schedule",
    "clip_skip": "Clip skip",
    "strength": "Strength",
    "model_hash": "Model hash",
}


def _details(record: ImageRecord) -> dict[str, object]:
    request = record.recipe.request
    file = request.get("file")
    name = file.get("name") if isinstance(file, Mapping) else None
    return {
        "Tool": request.get("tool") or "not said in the file",
        "Model": record.model,
        "LoRAs": ", ".join(map(_lora, record.recipe.loras)),
        "Embeddings": ", ".join(str(each.get("name")) for each in record.recipe.embeddings),
        "Seed": record.seed,
        "Size": size_of(record),
        **{label: request.get(name) for name, label in _FIELDS.items()},
        **dict(_own_fields(request.get("not_understood"))),
        "Brought in": when(record.created_at),
        "From": name,
        "File": f"PNG, {size_text(record.size_bytes)}",
    }


def _lora(lora: Mapping[str, object]) -> str:
    weight = lora.get("weight")
    return f"{lora.get('name')} ({weight})" if weight is not None else str(lora.get("name"))


def _own_fields(fields: object) -> Iterator[tuple[str, str]]:
    """Of the tool, by its own names."""
    for name, value in fields.items() if isinstance(fields, Mapping) else ():
        text = str(value)
        yield str(name), text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


SHOWN = {KIND: Shown(details=_details)}
