"""What Gallery says of a picture, whatever kind of work made it."""

from gallery.records import ImageRecord
from pages.parts.common import size_text, when


def size_of(record: ImageRecord) -> str:
    """Width and height in pixels."""
    return f"{record.width} × {record.height}"


def made(record: ImageRecord) -> dict[str, object]:
    """When and where it was made, and its file."""
    recipe = record.recipe
    return {
        "Made": f"{when(record.created_at)}, in {recipe.seconds:.1f} s on {recipe.device}",
        "File": f"PNG, {size_text(record.size_bytes)}",
    }
