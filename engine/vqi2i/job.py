"""Jobs that train VQ-I2I, on the device between drawings."""

from engine.jobs.context import JobContext
from engine.training.following import Following
from engine.training.job import TrainingWork
from engine.training.loop import is_finished
from engine.translation.catalogue import own_folder
from engine.vqi2i.plan import choose_name, read_plan
from engine.vqi2i.request import TrainVqi2i
from engine.vqi2i.run import export, work


class Vqi2iTraining(TrainingWork):
    """At the end the translator stands among the artist's own, where Anime-ify finds it."""

    kind = TrainVqi2i.kind
    doing, advice = "Training VQ-I2I", "Begin anew with smaller crops or `small`."

    def _trained(self, context: JobContext) -> bool:
        folder = self._settings.runs_dir / context.request.run
        plan = read_plan(folder)
        following = Following(lambda step, steps, numbers: _report(context, step, steps, numbers), context.should_stop)
        work(folder, plan, self._device.torch_device, following)
        if not is_finished(folder):
            return False
        translators = own_folder(self._settings)
        export(folder, translators, choose_name(folder, plan.name, translators), plan.titles[0], plan.licence)
        return True


def _report(context: JobContext, step: int, steps: int, numbers: dict[str, float]) -> None:
    context.report(f"Training, drawn again {numbers['loss_reconstruction']:.3f}", step, steps)
