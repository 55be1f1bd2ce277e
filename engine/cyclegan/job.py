"""Jobs that train CycleGANs, on the device between drawings."""

from engine.cyclegan.plan import choose_names, read_plan
from engine.cyclegan.request import TrainCycleGan
from engine.cyclegan.run import export, work
from engine.jobs.context import JobContext
from engine.training.following import Following
from engine.training.job import TrainingWork
from engine.training.loop import is_finished
from engine.translation.catalogue import own_folder


class CycleGanTraining(TrainingWork):
    """At the end both translators stand among the artist's own, where Anime-ify finds them."""

    kind = TrainCycleGan.kind
    doing, advice = "Training two translators", "Begin anew with smaller crops."

    def _trained(self, context: JobContext) -> bool:
        folder = self._settings.runs_dir / context.request.run
        plan = read_plan(folder)
        following = Following(lambda step, steps, numbers: _report(context, step, steps, numbers), context.should_stop)
        work(folder, plan, self._device.torch_device, following)
        if not is_finished(folder):
            return False
        translators = own_folder(self._settings)
        export(folder, translators, choose_names(folder, plan.name, translators), plan.titles, plan.licence)
        return True


def _report(context: JobContext, step: int, steps: int, numbers: dict[str, float]) -> None:
    cycle = numbers["loss_cycle_x"] + numbers["loss_cycle_y"]
    context.report(f"Training, there and back {cycle:.3f}", step, steps)
