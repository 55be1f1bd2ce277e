"""Jobs that write captions."""

from collections.abc import Mapping

from engine.captioning.blip import load_captioner
from engine.captioning.request import CaptionPictures
from engine.captioning.writing import write_for
from engine.errors import Cancelled
from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.workplace import Workplace
from engine.rules import counted


class Captioning:
    """Writes captions with BLIP, which is loaded for each folder anew."""

    def __init__(self, place: Workplace):
        self._place = place

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What this can do."""
        return {CaptionPictures.kind: self.write}

    def release(self) -> None:
        """Nothing stays warm."""

    def write(self, context: JobContext) -> None:
        """Caption a folder's pictures; an attempt after a killed one goes on."""
        request: CaptionPictures = context.request
        context.report("Loading BLIP")
        self._place.make_room()
        captioner = load_captioner(device=self._place.device.torch_device)
        home = self._place.settings.home
        kept = home / "captions" / f"job-{context.job.id}.json"
        try:
            written = write_for(request, captioner, home, kept, report=context.report, should_stop=context.should_stop)
        except Cancelled:
            if self._place.queue.cancel_requested(context.claim):  # else another attempt goes on from there
                kept.unlink(missing_ok=True)
            raise
        for words in written.refused:
            context.note(words)
        context.note(f"{counted(written.captions, 'caption was', 'captions were')} written.")
        context.report("Written", context.progress.steps, context.progress.steps)
        self._place.queue.succeed(context.claim, context.progress)
