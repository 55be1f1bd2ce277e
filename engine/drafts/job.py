"""Draws drafts in a worker, with the warm models of its drawings, while no job waits."""

import io
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from engine.diffusion.backends.names import is_converted
from engine.diffusion.job import Drawing
from engine.diffusion.request import TextToImage
from engine.drafts.board import Answer, Board, Wish
from engine.errors import Cancelled, StudioError
from engine.jobs.runner import Handler, Poisoned, poisons_the_device
from engine.jobs.workplace import Workplace
from engine.settings import TORCH
from engine.weights.models import Catalogue
from gallery.errors import GalleryError

log = logging.getLogger(__name__)


class Drafting:
    """Answers the wishes of a studio folder's board."""

    def __init__(self, place: Workplace):
        self._board = Board(place.settings.home)
        self._home = place.settings.home
        self._catalogue = Catalogue(place.settings)
        self._drawing = place.one(Drawing)

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """Drafts are no jobs."""
        return {}

    def release(self) -> None:
        """The models are those of the drawings."""

    def between(self, should_stop: Callable[[], bool]) -> bool:
        """Answer the newest wish; returns whether there was any.

        Args:
            should_stop: asked after every step: whether a job waits. The wish is then left for later.

        Raises:
            Poisoned: the device is broken for this process.
        """
        wish = self._board.take()
        if wish is None:
            return False
        try:
            answer = self._answered(wish, should_stop)
        except Cancelled:
            self._board.give_back(wish)
        else:
            self._board.answer(wish.asker, answer)
        return True

    def _answered(self, wish: Wish, should_stop: Callable[[], bool]) -> Answer:
        try:
            if should_stop():
                raise Cancelled("A job waits.")
            drawn = self._drawing.part(self._unprepared(wish.request), should_stop=should_stop)
        except Cancelled:
            raise
        except (StudioError, GalleryError) as error:
            return Answer(wish.token, problem=str(error))
        except Exception as error:
            log.exception("a draft met an error")
            if poisons_the_device(error):
                raise Poisoned(str(error)) from error
            return Answer(wish.token, problem="No draft could be drawn; Generate says more of why.")
        stream = io.BytesIO()
        drawn.image.save(stream, "PNG", compress_level=1)
        return Answer(wish.token, stream.getvalue(), round(drawn.seconds, 3))

    def _unprepared(self, request: TextToImage) -> TextToImage:
        """By PyTorch where OpenVINO would first have to convert the model, which takes longer than any draft."""
        ready = request.backend == TORCH or is_converted(self._home, self._catalogue.get(request.model))
        return request if ready else replace(request, backend=TORCH)
