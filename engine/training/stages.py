"""The stages in which the small model is made, in order; each goes on from what an earlier run left.

scenes       render the pictures
autoencoder  pixels to latents and back
sharpen      texture for the decoder, against a patch discriminator
latents      encode all pictures
tokenizer    words to tokens
text         warm up the text encoder on what the scenes show
denoiser     the UNet and the text encoder together
export       write the folder that the studio loads
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file

from engine.errors import NotFound
from engine.training import autoencoder, denoiser, export, latents, mini, sharpen, text, tokenizer
from engine.training.parallel import run
from engine.training.scene_data import HELD_OUT_SEED, TRAINING_SEED, SceneData, render_shards

BALANCED_OVER = 512  # pictures from which the latents' means are taken


@dataclass(frozen=True)
class Workshop:
    """Where the stages read and write.

    Attributes:
        folder: everything below is in it, and may be deleted when the model is done.
        pictures: number of scenes to train on.
        held_out_pictures: number of scenes that are never trained on.
        size: pixels of their sides.
        processes: with one thread each; as many as there are cores.
        steps: of the stage, in place of its own number; a longer run goes on from a shorter one.
    """

    folder: Path
    pictures: int = 16384
    held_out_pictures: int = 768
    size: int = mini.IMAGE_SIZE
    processes: int = 2
    steps: int | None = None

    def data(self) -> SceneData:
        """The pictures to train on."""
        return SceneData(self.folder / "scenes", self.pictures, TRAINING_SEED, self.size)

    def held_out(self) -> SceneData:
        """Pictures that are never trained on."""
        return SceneData(self.folder / "scenes", self.held_out_pictures, HELD_OUT_SEED, self.size)

    def fitted(self, config: Any) -> Any:
        """A stage's settings with the steps that were asked for, and crops no larger than the pictures."""
        changes = {"steps": self.steps} if self.steps else {}
        if hasattr(config, "crop"):
            changes["crop"] = min(config.crop, self.size)
        return replace(config, **changes)


def make_scenes(shop: Workshop) -> None:
    """About ten pictures a second and core."""
    for data in (shop.held_out(), shop.data()):
        run(render_shards, shop.processes, data)


def make_autoencoder(shop: Workshop) -> None:
    """Two optimizer steps a second on two cores."""
    config = shop.fitted(autoencoder.Config())
    run(autoencoder.run, shop.processes, config, shop.folder / "autoencoder", shop.data(), shop.held_out())


def make_sharp(shop: Workshop) -> None:
    """Texture for the decoder; latents that were made before stay valid."""
    config = shop.fitted(sharpen.Config())
    folder = shop.folder / "sharpen"
    run(sharpen.run, shop.processes, config, folder, _balanced(shop), shop.data(), shop.held_out())


def make_latents(shop: Workshop) -> None:
    """Balance the channels once, then encode; about forty pictures a second on two cores."""
    for data in (shop.held_out(), shop.data()):
        run(latents.encode_shards, shop.processes, _balanced(shop), data, shop.folder / "latents")


def make_tokenizer(shop: Workshop) -> None:
    """A few seconds."""
    tokenizer.write(shop.folder / "tokenizer")


def make_text(shop: Workshop) -> None:
    """A few minutes; without it the denoiser takes an hour to notice the prompt."""
    run(text.run, shop.processes, shop.fitted(text.Config()), shop.folder, shop.data(), shop.held_out())


def make_denoiser(shop: Workshop) -> None:
    """Hours: the longer, the better."""
    run(denoiser.run, shop.processes, shop.fitted(denoiser.Config()), shop.folder, shop.data(), shop.held_out())


def make_export(shop: Workshop) -> None:
    """Write `shop.folder/model`: float16 safetensors in the layout of StableDiffusionPipeline."""
    decoder = shop.folder / "sharpen" / "checkpoint.pt"
    vae = sharpen.sharpened(_balanced(shop), decoder) if decoder.exists() else _balanced(shop)
    export.write(shop.folder / "model", vae, shop.folder / "denoiser" / "checkpoint.pt", shop.folder / "tokenizer")


STAGES: dict[str, Callable[[Workshop], None]] = {
    "scenes": make_scenes,
    "autoencoder": make_autoencoder,
    "sharpen": make_sharp,
    "latents": make_latents,
    "tokenizer": make_tokenizer,
    "text": make_text,
    "denoiser": make_denoiser,
    "export": make_export,
}


def _balanced(shop: Workshop) -> AutoencoderKL:
    """The trained autoencoder with balanced channels, kept so that every later stage has the very same."""
    path = shop.folder / "autoencoder" / "balanced.safetensors"
    model = mini.autoencoder()
    if path.exists():
        model.load_state_dict(load_file(path))
        return model
    trained = shop.folder / "autoencoder" / "checkpoint.pt"
    if not trained.exists():
        raise NotFound(f"The autoencoder must be trained first; {trained} is missing. Run the stage autoencoder.")
    average = torch.load(trained, weights_only=True)["average"]
    model.load_state_dict({name.removeprefix("module."): w for name, w in average.items() if name != "n_averaged"})
    pictures = shop.data().pictures(range(min(BALANCED_OVER, shop.pictures)))
    latents.balance(model, autoencoder.to_float(torch.from_numpy(pictures)))
    save_file(model.state_dict(), path)
    return model
