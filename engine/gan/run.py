"""A GAN's run: how it is trained, told and exported."""

from pathlib import Path

from engine.gan import trainer
from engine.gan.config import MULTI, PROGRESSIVE, SINGLE, Config
from engine.gan.networks import Generator
from engine.latent.catalogue import DECODER, GAN, Sidecar
from engine.latent.exporting import export as write
from engine.latent.pictures import Pictures
from engine.latent.running import Family
from engine.latent.runs import Run
from engine.training.curves import read_curves
from engine.training.loop import averaged_weights

HOW = {SINGLE: "", PROGRESSIVE: ", grown step by step", MULTI: ", judged at all sizes"}


def trained(folder: Path, config: Config) -> Generator:
    """The averaged generator of a run, in evaluation mode."""
    generator, _ = trainer.networks_of(config)
    generator.load_state_dict(averaged_weights(folder))
    return generator.eval()


def export(folder: Path, config: Config, data: Pictures, run: Run, path: Path) -> None:
    """Write the run's generator to be explored."""
    curves = read_curves(folder)
    sidecar = Sidecar(
        family=GAN,
        title=run.name,
        side=config.side,
        channels=3,
        latents=config.latents,
        licence=run.licence,
        source=f"GAN, {config.start} start, width {config.width}{HOW[config.scales]}",
        pictures=len(data.train),
        steps=config.steps,
        measured={name: points[-1][1] for name, points in curves.items() if name in ("variety", "skipped")},
    )
    write(path, {DECODER: trained(folder, config).blocks}, sidecar)


def words(numbers: dict[str, float]) -> str:
    """A step's numbers, short."""
    return f"generator {numbers['generator']:.3f}, discriminator {numbers['discriminator']:.3f}"


FAMILY = Family(trainer.run, export, words)
