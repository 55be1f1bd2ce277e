"""What Gallery shows of a drawn picture, and how its settings come back to the form."""

from gallery.records import ImageRecord
from pages.parts.common import GENERATE
from pages.parts.facts import made, size_of
from pages.parts.shown import Shown


def _details(record: ImageRecord) -> dict[str, object]:
    recipe, request = record.recipe, record.recipe.request
    return {
        "Model": recipe.model.get("title") or record.model,
        "LoRAs": ", ".join(f"{lora.get('name')} ({lora.get('weight')})" for lora in recipe.loras),
        "Seed": record.seed,
        "Size": size_of(record),
        "Steps": request.get("num_inference_steps"),
        "Guidance scale": request.get("guidance_scale"),
        "Scheduler": request.get("scheduler"),
        **made(record),
    }


SHOWN = Shown(
    page=GENERATE,
    reuse="Fills the Generate page with everything that made this picture",
    details=_details,
)
