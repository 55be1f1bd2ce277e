"""Reproductions: a picture's recipe through the handler of its own kind, and the result beside the picture."""

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image

from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.workplace import Workplace
from engine.reproducing.comparing import differences, distance, unrecorded
from engine.reproducing.request import Reproduce
from engine.reproducing.verdict import Verdict, files_of, written
from gallery.metadata import png_bytes
from gallery.recipe import Recipe
from gallery.store import Also


class Reproducing:
    """Runs recipes again, with the models that their own kinds keep warm."""

    def __init__(self, place: Workplace):
        self._place = place

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What this can do."""
        return {Reproduce.kind: self.reproduce}

    def release(self) -> None:
        """Nothing of its own is kept warm."""

    def reproduce(self, context: JobContext) -> None:
        """Make the picture again and say how it compares; the gallery has no second one of it."""
        request: Reproduce = context.request
        before = self._place.gallery.png(request.image, context.job.owner)
        recipe = self._place.gallery.get(request.image).recipe

        def compare(part: JobContext, image: Image.Image, again: Recipe, also: Also) -> None:
            verdict = _verdict(request.image, before, recipe, image, again)
            self._write(context.job.id, verdict, image, again)
            part.note(verdict.words())
            part.report("Comparing", part.progress.step, part.progress.steps)
            with self._place.gallery.database.write() as session:
                also(session)

        self._place.handler(request.asked.kind)(context.working_on(request.asked, compare))

    def _write(self, job_id: str, verdict: Verdict, image: Image.Image, recipe: Recipe) -> None:
        said, picture = files_of(self._place.settings.home, job_id)
        files, describe = self._place.gallery.files, self._place.queue.kinds.describe
        if not verdict.identical:
            words = describe(recipe)
            files.write(picture, png_bytes(image, recipe, None, words.parameters, words.digital_source))
        files.write(said, written(verdict))


def _verdict(image_id: str, before: bytes, recipe: Recipe, image: Image.Image, again: Recipe) -> Verdict:
    then, now = recipe.to_dict(), again.to_dict()
    with Image.open(io.BytesIO(before), formats=("PNG",)) as kept:
        mode = "RGBA" if "A" in kept.mode + image.mode else "RGB"
        apart = distance(np.asarray(kept.convert(mode)), np.asarray(image.convert(mode)))
    return Verdict(
        image=image_id,
        distance=apart,
        differences=tuple(differences(then, now)),
        unrecorded=tuple(unrecorded(then, now)),
        seconds=again.seconds,
    )
