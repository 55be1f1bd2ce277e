"""Inpainting jobs."""

from collections.abc import Mapping

from engine.diffusion.job import Beginning, Drawing, kept_picture
from engine.diffusion.starting import Start
from engine.inpainting.region import region
from engine.inpainting.request import Inpaint
from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.workplace import Workplace
from engine.weights.models import Catalogue


class Inpainting:
    """Runs inpainting jobs with the models that drawings keep warm."""

    def __init__(self, place: Workplace):
        self._place = place
        self._drawing = place.one(Drawing)
        self._catalogue = Catalogue(place.settings)

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What this can do."""
        return {Inpaint.kind: self.draw}

    def release(self) -> None:
        """Nothing of its own is kept warm."""

    def draw(self, context: JobContext) -> None:
        """Draw the images of a job that are not in the gallery yet."""
        request: Inpaint = context.request
        model = self._catalogue.get(request.model)
        plan = region(
            kept_picture(self._place, request.image),
            kept_picture(self._place, request.mask) if request.mask else None,
            extend=request.extend,
            feather=request.feather,
            area=request.area,
            pixels=request.width * request.height,
            step=model.size_multiple,
            least=model.min_size,
            most=model.max_size,
        )
        start = Start(plan.picture, request.strength, plan.mask)
        self._drawing.draw(context, Beginning(start, plan.finished))
