"""Jobs that make a sheet of noise and its removal."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

from PIL import Image

from engine.diffusion.job import Drawing, kept_picture
from engine.diffusion.request import steps_run
from engine.diffusion.starting import Start
from engine.diffusion.text_to_image import StepReport
from engine.errors import Cancelled
from engine.image_to_image.fitting import fitted
from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.space import require_space
from engine.jobs.workplace import Workplace
from engine.noising.levels import level_of, sheet_of
from engine.noising.request import NoiseAndDenoise
from gallery.recipe import Recipe


class Noising:
    """Makes sheets of noise with the models that drawings keep warm."""

    def __init__(self, place: Workplace):
        self._place = place
        self._drawing = place.one(Drawing)

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What this can do."""
        return {NoiseAndDenoise.kind: self.draw}

    def release(self) -> None:
        """Nothing of its own is kept warm."""

    def draw(self, context: JobContext) -> None:
        """Make the sheet and keep it, unless it is in the gallery already."""
        request: NoiseAndDenoise = context.request
        require_space(self._place.settings.home)
        if not self._place.gallery.of_job(context.job.id, with_deleted=True):
            started = time.monotonic()
            sheet = self._sheet(context, request)
            self._save(context, sheet, time.monotonic() - started)
        self._place.queue.succeed(context.claim, context.progress)

    def _sheet(self, context: JobContext, request: NoiseAndDenoise) -> Image.Image:
        model = self._drawing.model(request.model)
        picture = fitted(kept_picture(self._place, request.image), request.width, request.height, request.fit)
        total = sum(steps_run(request.num_inference_steps, level) for level in request.levels) or 1
        levels, done = [], 0
        for level in request.levels:
            if context.should_stop():
                raise Cancelled("Stopped between two noise levels. Nothing was kept.")
            report = partial(_report, context, f"Denoising from {level:.0%}", done, total)
            draw = partial(self._in_full, context, report)
            levels.append(level_of(model, request, picture, level, draw))
            done += levels[-1].steps
        return sheet_of(request, levels)

    def _in_full(self, context: JobContext, report: partial, asked: NoiseAndDenoise, start: Start) -> Image.Image:
        return self._drawing.part(asked, start, report, context.should_stop).image

    def _save(self, context: JobContext, sheet: Image.Image, seconds: float) -> None:
        request: NoiseAndDenoise = context.request
        recipe = Recipe(
            kind=request.kind,
            request=request.to_dict(),
            seed=request.seed,
            seconds=round(seconds, 3),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            parents=tuple(request.parents()),
            **self._drawing.facts(request),
        )
        context.keep(
            self._place.gallery,
            sheet,
            recipe,
            0,
            also=lambda session: self._place.queue.record(session, context.claim, context.progress, last=False),
        )


def _report(context: JobContext, stage: str, before: int, total: int, done: StepReport) -> None:
    """Samplers that run more steps than were asked for do not count past the level's end."""
    context.report(stage, min(total, before + done.step), total, done.preview)
