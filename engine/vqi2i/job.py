"""Jobs that train VQ-I2I, on the device between drawings."""

from engine.errors import Cancelled
from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.space import require_space
from engine.jobs.workplace import Workplace
from engine.training.following import Following
from engine.training.loop import is_finished
from engine.translation.catalogue import own_folder
from engine.vqi2i.plan import choose_name, read_plan
from engine.vqi2i.request import TrainVqi2i
from engine.vqi2i.run import export, work


class Vqi2iTraining:
    """Runs trainings; each has the device's memory for itself."""

    def __init__(self, place: Workplace):
        self._settings = place.settings
        self._queue = place.queue
        self._device = place.device
        self._make_room = place.make_room

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this can do."""
        return {TrainVqi2i.kind: self.train}

    def release(self) -> None:
        """Nothing stays warm."""

    def train(self, context: JobContext) -> None:
        """Train, or go on; at the end the translator stands among the artist's own, where Anime-ify finds it."""
        request: TrainVqi2i = context.request
        folder = self._settings.runs_dir / request.run
        require_space(self._settings.home)
        plan = read_plan(folder)
        context.report("Looking at the pictures")
        self._make_room()
        following = Following(lambda step, steps, numbers: _report(context, step, steps, numbers), context.should_stop)
        with self._device.explaining_out_of_memory("Training VQ-I2I", "Begin anew with smaller crops or `small`."):
            work(folder, plan, self._device.torch_device, following)
        if not is_finished(folder):
            raise Cancelled("The training was paused. It can go on from where it is.")
        translators = own_folder(self._settings)
        export(folder, translators, choose_name(folder, plan.name, translators), plan.titles[0], plan.licence)
        self._queue.succeed(context.claim, context.progress)


def _report(context: JobContext, step: int, steps: int, numbers: dict[str, float]) -> None:
    context.report(f"Training, drawn again {numbers['loss_reconstruction']:.3f}", step, steps)
