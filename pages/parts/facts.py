"""What Gallery says of a picture, whatever kind of work made it."""

from typing import Any

from gallery.records import ImageRecord
from pages.parts.common import size_text, when


def size_of(record: ImageRecord) -> str:
    """Width and height in pixels."""
    return f"{record.width} × {record.height}"


def made(record: ImageRecord) -> dict[str, object]:
    """When and where it was made, and its file."""
    recipe = record.recipe
    took = f", in {recipe.seconds:.1f} s on {recipe.device}" if recipe.device else ""  # a grid's sheet has neither
    return {
        "Made": f"{when(record.created_at)}{took}",
        "File": f"PNG, {size_text(record.size_bytes)}",
    }


def exact(value: Any) -> Any:
    """JSON values for a browser, which rounds whole numbers from 2**53 on: those, such as long seeds, become text."""
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    return str(value) if isinstance(value, int) and abs(value) >= 2**53 else value
