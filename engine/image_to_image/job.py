"""Image-to-image jobs."""

from collections.abc import Mapping

from engine.diffusion.job import Beginning, Drawing, kept_picture
from engine.diffusion.starting import Start
from engine.image_to_image.fitting import fitted
from engine.image_to_image.request import ImageToImage
from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.workplace import Workplace


class Redrawing:
    """Runs image-to-image jobs with the models that drawings keep warm."""

    def __init__(self, place: Workplace):
        self._place = place
        self._drawing = place.one(Drawing)

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What this can do."""
        return {ImageToImage.kind: self.draw}

    def release(self) -> None:
        """Nothing of its own is kept warm."""

    def draw(self, context: JobContext) -> None:
        """Draw the images of a job that are not in the gallery yet."""
        request: ImageToImage = context.request
        picture = fitted(kept_picture(self._place, request.image), request.width, request.height, request.fit)
        self._drawing.draw(context, Beginning(Start(picture, request.strength)))
