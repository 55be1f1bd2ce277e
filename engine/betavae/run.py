"""A beta-VAE's run: how it is trained, told and exported."""

from pathlib import Path

import torch

from engine.betavae import trainer
from engine.betavae.config import Config
from engine.betavae.networks import BetaVAE
from engine.latent.catalogue import BETA_VAE, DECODER, ENCODER, Sidecar
from engine.latent.exporting import export as write
from engine.latent.pictures import Pictures
from engine.latent.running import Family
from engine.latent.runs import Run
from engine.latent.training import pixels_in
from engine.training.loop import CHECKPOINT

KL_OF = 1024  # held-out pictures over which a latent's KL is averaged


def trained(folder: Path, config: Config) -> BetaVAE:
    """The model in a run's checkpoint, in evaluation mode."""
    model = trainer.model_of(config)
    model.load_state_dict(torch.load(folder / CHECKPOINT, weights_only=True, map_location="cpu")["model"])
    return model.eval()


@torch.no_grad()
def latent_kl(model: BetaVAE, data: Pictures) -> list[float]:
    """Mean KL of each latent on held-out pictures, in nats."""
    seen = [
        model.encode(pixels_in(data.held_out[at : at + 128])) for at in range(0, min(KL_OF, len(data.held_out)), 128)
    ]
    found = torch.cat([trainer.kld(mu, log_variance) for mu, log_variance in seen])
    return [round(value, 5) for value in found.mean(0).tolist()]


def export(folder: Path, config: Config, data: Pictures, run: Run, path: Path) -> None:
    """Write the run's network to be explored."""
    model = trained(folder, config)
    told = trainer.held_out_losses(model, config, data, torch.device("cpu"))
    sidecar = Sidecar(
        family=BETA_VAE,
        title=run.name,
        side=config.side,
        channels=config.channels,
        latents=config.latents,
        licence=run.licence,
        source=f"beta-VAE, effective beta {config.effective_beta:.3g}",
        pictures=len(data.train),
        steps=config.steps,
        kl=tuple(latent_kl(model, data)),
        measured={name: round(value, 5) for name, value in told.items()},
    )
    chains = {ENCODER: [model.encoder, model.fc_mu], DECODER: [model.decoder_input, model.decoder]}
    write(path, chains, sidecar)


def words(numbers: dict[str, float]) -> str:
    """A step's numbers, short."""
    return f"error {numbers['reconstruction']:.4f}, KL {numbers['kld']:.1f}"


FAMILY = Family(trainer.run, export, words)
