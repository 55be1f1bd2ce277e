"""Trainings of networks to explore, on the device between drawings."""

from collections.abc import Mapping

from engine.betavae.run import FAMILY as BETA_VAE_FAMILY
from engine.errors import Cancelled
from engine.explorers.families import config_of
from engine.gan.run import FAMILY as GAN_FAMILY
from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.space import require_space
from engine.jobs.workplace import Workplace
from engine.latent.catalogue import BETA_VAE, GAN, own_folder
from engine.latent.requests import TrainNetwork
from engine.latent.running import Family, start
from engine.latent.runs import read_run, runs_folder

FAMILIES: Mapping[str, Family] = {BETA_VAE: BETA_VAE_FAMILY, GAN: GAN_FAMILY}


class NetworkTraining:
    """Runs these trainings; each has the device's memory for itself."""

    def __init__(self, place: Workplace):
        self._settings = place.settings
        self._queue = place.queue
        self._device = place.device
        self._make_room = place.make_room

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this can do."""
        return {TrainNetwork.kind: self.train}

    def release(self) -> None:
        """Nothing stays warm."""

    def train(self, context: JobContext) -> None:
        """Train, or go on; what is finished can be explored."""
        request: TrainNetwork = context.request
        require_space(self._settings.home)
        folder = runs_folder(self._settings) / request.run
        run = read_run(folder)
        config = config_of(run)
        self._make_room()
        with self._device.explaining_out_of_memory("Training", "Choose a smaller batch or a smaller preset."):
            made = start(
                folder,
                run,
                config,
                FAMILIES[run.family],
                out=own_folder(self._settings),
                device=self._device.torch_device,
                report=context.report,
                should_stop=context.should_stop,
            )
        if not made:
            raise Cancelled("The training was paused. It can go on from where it is.")
        self._queue.succeed(context.claim, context.progress)
