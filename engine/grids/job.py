"""Grid jobs: each cell a picture of its own, then the sheets; a stopped one goes on where it was."""

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from PIL import Image

from engine import __version__
from engine.diffusion.job import FROM_NOISE, Beginning, Drawing, kept_picture
from engine.diffusion.request import TextToImage
from engine.diffusion.starting import Start
from engine.diffusion.text_to_image import StepReport
from engine.errors import Cancelled
from engine.grids.request import Cell, Grid
from engine.grids.sheet import labelled, tile_of
from engine.image_to_image.fitting import fitted
from engine.image_to_image.request import ImageToImage
from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.space import require_space
from engine.jobs.workplace import Workplace
from engine.picture_files import plain
from gallery.errors import GalleryError
from gallery.recipe import Recipe
from gallery.records import ImageRecord


class Grids:
    """Runs grid jobs with the models that drawings keep warm."""

    def __init__(self, place: Workplace):
        self._place = place
        self._drawing = place.one(Drawing)

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What this can do."""
        return {Grid.kind: self.draw}

    def release(self) -> None:
        """Nothing of its own is kept warm."""

    def draw(self, context: JobContext) -> None:
        """Draw the cells of a grid that are not in the gallery yet, those of one model after another; then sheets.

        Between two cells others' jobs go first, as between two jobs of one owner: hundreds of cells are no single one.
        """
        request: Grid = context.request
        cells = request.cells()
        kept = self._kept(context)
        models = list(dict.fromkeys(cell.request.model for cell in cells))
        order = sorted(range(len(cells)), key=lambda index: models.index(cells[index].request.model))
        steps = sum(cell.request.num_inference_steps for cell in cells)
        done = 0
        for number, index in enumerate(order, 1):
            asked = cells[index].request
            if index not in kept:
                report = partial(_report, context, f"Drawing picture {number} of {len(cells)}", done, steps, asked)
                self._drawing.draw_one(context, asked, self._beginning(asked), place=index, report=report)
                if number < len(order) and self._place.queue.others_wait(context.claim):
                    raise Cancelled("Stopped between two pictures, to make room for others.")
            done += asked.num_inference_steps
        for sheet in range(request.sheets):
            if context.should_stop():
                raise Cancelled("Stopped before the sheet was made.")
            if len(cells) + sheet not in kept:
                self._save_sheet(context, cells, sheet)
        self._place.queue.succeed(context.claim, context.progress)

    def _kept(self, context: JobContext) -> set[int | None]:
        return {record.job_index for record in self._place.gallery.of_job(context.job.id, with_deleted=True)}

    def _beginning(self, asked: TextToImage) -> Beginning:
        if not isinstance(asked, ImageToImage):
            return FROM_NOISE
        picture = fitted(kept_picture(self._place, asked.image), asked.width, asked.height, asked.fit)
        return Beginning(Start(picture, asked.strength))

    def _save_sheet(self, context: JobContext, cells: list[Cell], sheet: int) -> None:
        request: Grid = context.request
        require_space(self._place.settings.home)
        kept = self._place.gallery.of_job(context.job.id, with_deleted=True)
        records = {record.job_index: record for record in kept}
        first = sheet * request.sheet_size
        places = range(first, first + request.sheet_size)
        recipe = Recipe(
            kind=request.kind,
            request=request.to_dict(),
            image_index=sheet,
            model={"name": request.base.model},
            parents=tuple(
                {"role": "cell", "image": records[index].id, "photo": None} for index in places if index in records
            ),
            software={"studio": __version__},
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        context.keep(
            self._place.gallery,
            self._composed(request, cells, sheet, [records.get(index) for index in places]),
            recipe,
            len(cells) + sheet,
            also=lambda session: self._place.queue.record(session, context.claim, context.progress, last=False),
        )

    def _composed(
        self, request: Grid, cells: list[Cell], sheet: int, records: Sequence[ImageRecord | None]
    ) -> Image.Image:
        """One sheet of the pictures of its cells."""
        across, down = request.axes[0], request.axes[1] if len(request.axes) > 1 else None
        columns = len(across.values)
        tile = max((cell.request.width, cell.request.height) for cell in cells)
        small = tile_of(tile, columns, len(records) // columns)
        pictures = [self._picture(record, small) for record in records]
        rows = [
            (down.caption(down.values[row]) if down else "", pictures[row * columns : (row + 1) * columns])
            for row in range(len(records) // columns)
        ]
        title = request.axes[2].caption(request.axes[2].values[sheet]) if len(request.axes) > 2 else ""
        return labelled(title, [across.caption(value) for value in across.values], rows, tile)

    def _picture(self, record: ImageRecord | None, tile: tuple[int, int]) -> Image.Image | None:
        """A cell's picture, no larger than it is shown, since there may be hundreds; None where its file is gone."""
        if record is None:
            return None
        with suppress(GalleryError, OSError):
            data = self._place.gallery.png(record.id)
            with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
                picture = plain(image)
            picture.thumbnail(tile, Image.Resampling.LANCZOS)
            return picture
        return None


def _report(context: JobContext, stage: str, before: int, steps: int, asked: TextToImage, done: StepReport) -> None:
    """Samplers that run more steps than were asked for count as much as the others."""
    share = done.step * asked.num_inference_steps // done.steps
    context.report(stage, before + share, steps, done.preview)
