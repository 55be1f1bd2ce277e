"""The stages in which the small model is made, in order; each goes on from what an earlier run left.

scenes       render the pictures
autoencoder  pixels to latents and back
sharpen      decoder fine-tuning: texture, against a patch discriminator
latents      encode all pictures
tokenizer    words to tokens
captions     several wordings of what every scene shows, as tokens
text         text-encoder warm-up on what the scenes show
denoiser     the UNet and the text encoder together
export       write the folder that the studio loads
drawings     let that model draw latents
finish       decoder fine-tuning once more: texture for drawn latents too; writes another such folder
draft        a LoRA with which that model draws in four steps
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save

from engine.errors import NotFound, StudioError
from engine.files import replacing
from engine.mini import (
    autoencoder,
    captions,
    denoiser,
    draft,
    drawings,
    export,
    finish,
    latents,
    networks,
    sharpen,
    text_encoder,
    tokenizer,
    ways,
)
from engine.scenes.shards import HELD_OUT_SEED, SHARD, TRAINING_SEED, SceneData, render_shards
from engine.training.loop import CHECKPOINT, averaged_weights, is_finished
from engine.training.parallel import Ranks, run
from engine.weights.hashes import model_digest

BALANCED_OVER = 512  # pictures from which the latents' means are taken
DRAWN = 8  # of so many scenes the model draws one
WALKED = 6  # the same, for the draft


@dataclass(frozen=True)
class Workshop:
    """Where the stages read and write.

    Attributes:
        folder: everything below is in it, and may be deleted when the model is done.
        pictures: number of scenes to train on.
        held_out_pictures: number of scenes that are never trained on.
        size: pixels of their sides.
        processes: with one thread each; as many as there are cores.
        device: "cuda" trains in one process on the GPU; other work stays on the CPU.
        shard: pictures per file; all are made of a file that is begun.
        steps: of the stage, in place of its own number; a longer run goes on from a shorter one.
    """

    folder: Path
    pictures: int = 16384
    held_out_pictures: int = 768
    size: int = networks.IMAGE_SIZE
    processes: int = 2
    steps: int | None = None
    device: str = "cpu"
    shard: int = SHARD

    def data(self) -> SceneData:
        """The pictures to train on."""
        return SceneData(self.folder / "scenes", self.pictures, TRAINING_SEED, self.size, shard=self.shard)

    def held_out(self) -> SceneData:
        """Pictures that are never trained on."""
        return SceneData(self.folder / "scenes", self.held_out_pictures, HELD_OUT_SEED, self.size, shard=self.shard)

    def drawn(self) -> SceneData:
        """The scenes whose prompts the model draws for the second decoder fine-tuning."""
        return replace(self.data(), count=self.pictures // DRAWN)

    def walked(self) -> tuple[SceneData, SceneData]:
        """The scenes on whose prompts the draft learns, and those on which it is judged; no pictures are needed."""

        def share(data: SceneData) -> SceneData:  # in whole files, which stay whole when there are more scenes
            count = len(data) // WALKED
            return replace(data, count=max(count - count % drawings.BATCH, min(count, drawings.BATCH)))

        return share(self.data()), share(self.held_out())

    @property
    def drawings(self) -> Path:
        """What the model drew; another model has another folder."""
        return self.folder / "drawings" / model_digest(self.model)

    @property
    def model(self) -> Path:
        """The model in the layout that the studio loads."""
        return self.folder / "model"

    @property
    def finished(self) -> Path:
        """The model with the decoder that learnt once more, in the same layout."""
        return self.folder / "finished"

    @property
    def balanced(self) -> Path:
        """The autoencoder from which all latents are made."""
        return self.folder / "autoencoder" / "balanced.safetensors"

    @property
    def tokenizer(self) -> Path:
        """Words to tokens."""
        return self.folder / "tokenizer"

    def require(self, path: Path, stage: str) -> None:
        """Raise NotFound unless the stage that makes this file was run."""
        if not path.exists():
            raise NotFound(f"This stage needs what the stage {stage} makes; {path} is missing. Run that stage first.")

    def require_scenes(self) -> None:
        """Raise NotFound unless all pictures are rendered."""
        for data in (self.data(), self.held_out()):
            data.pictures([0])

    def require_latents(self) -> None:
        """Raise NotFound unless all pictures have latents."""
        for data in (self.data(), self.held_out()):
            latents.read_latents(self.folder / "latents", data)

    def train(self, trainer: ModuleType, *arguments: Any) -> None:
        """Run a stage's trainer."""
        config = self.fitted(trainer.CUDA if self.device == "cuda" else trainer.Config())
        run(trainer.run, self.processes, config, *arguments, device=self.device)

    def fitted(self, config: Any) -> Any:
        """A stage's settings with the steps that were asked for, and crops and windows no larger than the pictures."""
        changes = {"steps": self.steps} if self.steps else {}
        sides = [name for name in ("crop", "window") if hasattr(config, name)]
        changes |= {name: min(getattr(config, name), self.size) for name in sides}
        return replace(config, **changes)


def make_scenes(shop: Workshop) -> None:
    """Four to ten pictures a second and core."""
    for data in (shop.held_out(), shop.data()):
        run(_render, shop.processes, data)


def make_autoencoder(shop: Workshop) -> None:
    """One or two optimizer steps a second on two cores."""
    if shop.balanced.exists():
        raise StudioError(
            f"The autoencoder must not change once latents can be made from it; {shop.balanced} is there. To train it "
            "further, delete that file and the folders latents, sharpen, text, denoiser and finish."
        )
    shop.require_scenes()
    shop.train(autoencoder, shop.folder / "autoencoder", shop.data(), shop.held_out())


def make_sharp(shop: Workshop) -> None:
    """Decoder fine-tuning; latents that were made before stay valid."""
    shop.require_scenes()
    shop.train(sharpen, shop.folder / "sharpen", _balanced(shop), shop.data(), shop.held_out())


def make_latents(shop: Workshop) -> None:
    """Balance the channels once, then encode."""
    shop.require_scenes()
    for data in (shop.held_out(), shop.data()):
        run(latents.encode_shards, shop.processes, _balanced(shop), data, shop.folder / "latents", device=shop.device)


def make_tokenizer(shop: Workshop) -> None:
    """Half a minute."""
    tokenizer.write_tokenizer(shop.tokenizer)


def make_captions(shop: Workshop) -> None:
    """A minute or two."""
    shop.require(shop.tokenizer / "tokenizer_config.json", "tokenizer")
    for data in (shop.held_out(), shop.data()):
        run(captions.write_captions, shop.processes, data, shop.tokenizer, shop.folder / "captions")


def make_text(shop: Workshop) -> None:
    """Text-encoder warm-up, a few minutes; without it the denoiser takes an hour to notice the prompt."""
    shop.require_latents()
    shop.train(text_encoder, shop.folder, shop.data(), shop.held_out())


def make_denoiser(shop: Workshop) -> None:
    """Hours: the longer, the better."""
    shop.require(shop.folder / "text" / CHECKPOINT, "text")
    shop.require_latents()
    shop.train(denoiser, shop.folder, _shown_by(shop), shop.data(), shop.held_out())


def make_export(shop: Workshop) -> None:
    """Write `shop.model`: float16 safetensors in the layout of StableDiffusionPipeline."""
    shop.require(shop.folder / "denoiser" / CHECKPOINT, "denoiser")
    export.write(shop.model, _shown_by(shop), shop.folder / "denoiser", shop.tokenizer)


def make_drawings(shop: Workshop) -> None:
    """A second and a quarter for each picture and core."""
    shop.require(shop.model / "model_index.json", "export")
    run(drawings.draw, shop.processes, shop.model, shop.drawn(), shop.drawings, device=shop.device)


def make_finish(shop: Workshop) -> None:
    """Widen and fine-tune the decoder, then write `shop.finished`: the exported model with that decoder."""
    shop.require(shop.model / "model_index.json", "export")
    shop.require_scenes()
    folder = shop.folder / "finish"
    vae = AutoencoderKL.from_pretrained(shop.model / "vae", dtype=torch.float32, local_files_only=True)
    vae = finish.widened(vae, finish.Config())
    latents = drawings.read_drawings(shop.drawings, shop.drawn())
    shop.train(finish, folder, vae, shop.data(), shop.held_out(), latents, model_digest(shop.model))
    if is_finished(folder):
        vae = autoencoder.with_trained_decoder(vae, folder)
        export.write_with_decoder(shop.finished, shop.model, vae)


def make_draft(shop: Workshop) -> None:
    """Draw ways, distil, then write the LoRA `shop.folder/draft/turbo-draft.safetensors`."""
    model = shop.finished if shop.finished.exists() else shop.model
    shop.require(model / "model_index.json", "export")
    folder, digest = shop.folder / "draft", model_digest(model)
    data, held_out = shop.walked()
    for each in (held_out, data):
        run(ways.draw, shop.processes, model, each, folder / "ways" / digest, device=shop.device)
    shop.train(draft, folder, model, data, held_out, digest)
    if is_finished(folder):
        draft.write_lora(folder, folder / f"{draft.NAME}.safetensors")


STAGES: dict[str, Callable[[Workshop], None]] = {
    "scenes": make_scenes,
    "autoencoder": make_autoencoder,
    "sharpen": make_sharp,
    "latents": make_latents,
    "tokenizer": make_tokenizer,
    "captions": make_captions,
    "text": make_text,
    "denoiser": make_denoiser,
    "export": make_export,
    "drawings": make_drawings,
    "finish": make_finish,
    "draft": make_draft,
}


def _render(ranks: Ranks, data: SceneData) -> None:
    render_shards(data, ranks.rank, ranks.size)


def _balanced(shop: Workshop) -> AutoencoderKL:
    """The trained autoencoder with balanced channels, kept so that every later stage has the very same."""
    model = networks.autoencoder()
    if shop.balanced.exists():
        model.load_state_dict(load_file(shop.balanced))
        return model
    folder = shop.folder / "autoencoder"
    shop.require(folder / CHECKPOINT, "autoencoder")
    if not is_finished(folder):
        raise StudioError(
            f"The autoencoder's training must be finished before it is used; {folder} has steps left. "
            "Run the stage autoencoder to its end, with fewer --steps if it takes too long."
        )
    model.load_state_dict(averaged_weights(folder))
    pictures = shop.data().pictures(range(min(BALANCED_OVER, shop.pictures)))
    latents.balance(model, pictures)
    with replacing(shop.balanced) as file:
        file.write(save(model.state_dict()))
    return model


def _shown_by(shop: Workshop) -> AutoencoderKL:
    """The autoencoder, with its sharper decoder where there is one."""
    sharp = shop.folder / "sharpen"
    return (
        autoencoder.with_trained_decoder(_balanced(shop), sharp) if (sharp / CHECKPOINT).exists() else _balanced(shop)
    )
