"""Trainings of networks to explore, on the device between drawings."""

from collections.abc import Mapping

from engine.betavae.run import FAMILY as BETA_VAE_FAMILY
from engine.explorers.families import config_of
from engine.gan.run import FAMILY as GAN_FAMILY
from engine.jobs.context import JobContext
from engine.latent.catalogue import BETA_VAE, GAN, own_folder
from engine.latent.requests import TrainNetwork
from engine.latent.running import Family, start
from engine.latent.runs import read_run, runs_folder
from engine.training.job import TrainingWork

FAMILIES: Mapping[str, Family] = {BETA_VAE: BETA_VAE_FAMILY, GAN: GAN_FAMILY}


class NetworkTraining(TrainingWork):
    """What is finished can be explored."""

    kind = TrainNetwork.kind
    doing, advice = "Training", "Choose a smaller batch or a smaller preset."

    def _trained(self, context: JobContext) -> bool:
        folder = runs_folder(self._settings) / context.request.run
        run = read_run(folder)
        made = start(
            folder,
            run,
            config_of(run),
            FAMILIES[run.family],
            out=own_folder(self._settings),
            device=self._device.torch_device,
            report=context.report,
            should_stop=context.should_stop,
        )
        return bool(made)
