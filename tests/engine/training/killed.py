"""Trainings at their smallest, each of which is killed in the middle of a step.

`python -m tests.engine.training.killed ROOT`: one process imports everything and forks one for each of them.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from engine.betavae import trainer as betavae
from engine.cyclegan import trainer as cyclegan
from engine.cyclegan.config import Config as CycleGanConfig
from engine.gan import trainer as gan
from engine.latent.pictures import gather
from engine.training.following import Following
from engine.training.parallel import Ranks
from engine.training.unpaired import Folders, prepare
from engine.vqi2i import trainer as vqi2i
from engine.vqi2i.config import SMALL_TRAINING
from tests.tiny_networks import GAN_CONFIG, VAE

CYCLEGAN = CycleGanConfig(
    epochs=2, decay_epochs=1, steps_per_epoch=2, side=36, crop=32, width=2, blocks=1, discriminator_width=2, pool=2
)
VQI2I = replace(SMALL_TRAINING, steps=2, batch_size=1, side=36, crop=32, discriminator_width=4)
DIES = {"beta-vae": 3, "gan": 3, "cyclegan": 3, "vqi2i": 2}  # in which step
Done = Callable[[int], None]


def train(name: str, root: Path, folder: Path, done: Done = lambda step: None, **changes: Any) -> None:
    """Train, or go on, with a checkpoint after every step.

    Args:
        root: has two folders of pictures, x and y.
        done: called at the end of every step, before it is saved.
        changes: settings in the place of the usual ones.
    """
    if name in ("beta-vae", "gan"):
        module, usual = (betavae, VAE) if name == "beta-vae" else (gan, GAN_CONFIG)
        config = replace(usual, **{"steps": 4, **changes})
        data = gather(root / "x", config.wanted)
        folder.mkdir(parents=True, exist_ok=True)
        told = lambda step, numbers: done(step)  # noqa: E731
        module.run(Ranks(), config, folder, data, told, lambda: False, quiet=True, save_seconds=0.0)
        return
    module, usual = (cyclegan, CYCLEGAN) if name == "cyclegan" else (vqi2i, VQI2I)
    config = replace(usual, **changes)
    prepared = prepare(Folders(root / "x", root / "y"), config)
    folder.mkdir(parents=True, exist_ok=True)
    following = Following(lambda step, steps, numbers: done(step), lambda: False)
    module.run(Ranks(), config, folder, prepared.data, prepared.pictures, following, save_seconds=0.0)


def main(root: Path) -> None:
    """Begin all of them, in root/killed; raises AssertionError where one dies of something else."""
    torch.set_num_threads(1)
    for name, last in DIES.items():
        child = os.fork()
        if child == 0:
            _begin(name, root, last)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, name


def _begin(name: str, root: Path, last: int) -> None:
    def done(step: int) -> None:
        if step == last:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        train(name, root, root / "killed" / name, done)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
