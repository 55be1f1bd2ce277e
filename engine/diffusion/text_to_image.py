"""Draw images from a prompt, alone or with a picture to begin with: one at a time, each from its own seed,
reproducible to the bit on a CPU.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from diffusers import SchedulerMixin
from PIL import Image
from torch import Tensor

from engine.computing.names import CannotCompute
from engine.device import TILING_PIXELS
from engine.diffusion import schedulers
from engine.diffusion.backends.seam import Backend, Engaged, Torch, engaged
from engine.diffusion.loading import MODELS, LoadedModel
from engine.diffusion.lora import AppliedLora, worn
from engine.diffusion.noise import varied_noise
from engine.diffusion.notes import request_notes
from engine.diffusion.preview import CleanEstimate
from engine.diffusion.prompts.encoding import encode as encode_prompts
from engine.diffusion.prompts.encoding import unread
from engine.diffusion.prompts.grammar import PLAIN
from engine.diffusion.prompts.vectors import NO_VECTORS, Vectors, read_vectors
from engine.diffusion.request import NO_GUIDANCE, TextToImage, seed_of, steps_run
from engine.diffusion.starting import (
    Start,
    StartLatents,
    begin_late,
    beside,
    encode,
    free_places,
    kept_outside,
    with_beside,
)
from engine.errors import Cancelled, ImageFailed
from engine.images import to_pil
from engine.seeding import generator_of
from engine.settings import TORCH
from engine.weights.embeddings.listing import EmbeddingInfo
from engine.weights.loras import LoraInfo

DRAWN_AGAIN = "The fast precision gave no usable picture, so it was drawn again in full precision."
ALL_BLACK = "The picture is completely black, also in full precision."


@dataclass(frozen=True)
class StepReport:
    """One denoising step is done.

    Attributes:
        image_index: 0 for the first image of the request.
        step: 1 to `steps`, within this image.
        steps: as many as the scheduler really runs; Heun and SDE run nearly twice the number asked for.
        preview: makes a small picture of the image as it would come out now; valid until the next step.
    """

    image_index: int
    step: int
    steps: int
    preview: Callable[[], Image.Image]


@dataclass(frozen=True)
class GeneratedImage:
    """A finished image: 8-bit RGB, the seed it was drawn from, what the artist should know about it, and what computed
    it, by its name.
    """

    index: int
    seed: int
    image: Image.Image
    seconds: float
    notes: tuple[str, ...]
    backend: str = TORCH


Report = Callable[[StepReport], None]
ShouldStop = Callable[[], bool]


def generate(
    model: LoadedModel,
    request: TextToImage,
    loras: Sequence[tuple[LoraInfo, float]] = (),
    *,
    embeddings: Sequence[EmbeddingInfo] = (),
    start: Start | None = None,
    first: int = 0,
    backend: Backend | None = None,
    report: Report = lambda step: None,
    should_stop: ShouldStop = lambda: False,
) -> Generator[GeneratedImage, None, None]:
    """Draw the images of a request one after the other.

    Image i is drawn from `seed + i` (`engine.seeding`) at batch 1 with its own generator and a fresh
    scheduler, so it is the same alone or among others.

    Args:
        model: as loaded by `engine.diffusion.loading.load`.
        request: with its seed drawn (`with_seed`).
        loras: what `request.loras` names, with weights.
        embeddings: what its prompts name.
        start: what to begin with; None draws from noise alone.
        first: index of the first image to draw; earlier ones are there already.
        backend: what computes; None is PyTorch, which also goes on where another one cannot.
        report: called after every step, on this thread.
        should_stop: asked after every step.

    Raises:
        Cancelled: `should_stop` said so.
        ImageFailed: no usable pixels, also in float32.
        LoraRefused: a LoRA does not fit the model.
        EmbeddingRefused: an embedding does not fit the model.
        OutOfMemory: the request is too large for the device.
    """
    if request.seed is None:
        raise ValueError("A request needs its seed before images are drawn. Call with_seed() on it.")
    advice = "Lower width and height or use fewer LoRAs, then try again."
    doing = f"Drawing {request.width}x{request.height} pixels with {model.info.title}"
    vectors = read_vectors(model, embeddings)
    with (
        model.in_use(),
        model.device.explaining_out_of_memory(doing, advice),
        worn(model, loras, merge=request.loras_merged) as on,
        engaged(backend or Torch(), model, request, on) as engine,
    ):
        _set_tiling(model, request)
        own = read = None
        for index in range(first, request.num_images):
            if should_stop():
                raise Cancelled(f"Stopped before image {index + 1} of {request.num_images}.")
            if (its := request.of_image(index)) != own:
                own, read = its, _encode(model, its, vectors)
                told = request_notes(own, model.info, [lora for lora, _ in loras], embeddings)
                notes = (*told, *_unread_notes(model, own, vectors), *_lora_notes(on.loras))
            assert own
            assert read
            yield _finished(_Drawing(model, own, index, report, should_stop, start, vectors), engine, read, notes)


def _finished(
    drawing: "_Drawing", engine: Engaged, read: tuple[Tensor, Tensor | None], notes: tuple[str, ...]
) -> GeneratedImage:
    try:
        image = drawing.finish(read, notes)
    except CannotCompute as error:
        engine.give_up(error)
        image = drawing.finish(read, notes)
    return replace(image, notes=(*image.notes, *engine.notes), backend=engine.name)


def planned_steps(request: TextToImage, model: LoadedModel, strength: float = 1.0) -> int:
    """Steps of each image of this request, as `StepReport.steps` will count them, on a start of that strength."""
    scheduler = begin_late(schedulers.build(request.scheduler, model.pipeline.scheduler.config), strength)
    scheduler.set_timesteps(request.num_inference_steps)
    return len(scheduler.timesteps)


@dataclass(frozen=True)
class _Drawing:
    """One image on its way."""

    model: LoadedModel
    request: TextToImage
    index: int
    report: Report
    should_stop: ShouldStop
    start: Start | None = None
    vectors: Vectors = NO_VECTORS

    def finish(self, prompts: tuple[Tensor, Tensor | None], notes: tuple[str, ...]) -> GeneratedImage:
        """Draw it, if need be a second time in float32."""
        started = time.perf_counter()
        picture = self._picture(prompts)
        if _unusable(picture) and self.model.dtype != torch.float32:
            notes = (*notes, DRAWN_AGAIN)
            with _full_precision(self.model):
                picture = self._picture(_encode(self.model, self.request, self.vectors))
        if picture is None:
            raise ImageFailed(self._failure())
        if _unusable(picture):
            notes = (*notes, ALL_BLACK)
        return GeneratedImage(self.index, self._seed, picture, time.perf_counter() - started, notes)

    @property
    def _seed(self) -> int:
        return seed_of(self.request, self.index)

    def _picture(self, prompts: tuple[Tensor, Tensor | None]) -> Image.Image | None:
        """The finished picture; None when it is not finite."""
        latents = self._latents(*prompts)
        if not bool(torch.isfinite(latents).all()):
            return None
        pixels = _decode(self.model, latents)
        return to_pil(pixels)[0] if bool(torch.isfinite(pixels).all()) else None

    def _latents(self, prompt_embeds: Tensor, negative_prompt_embeds: Tensor | None) -> Tensor:
        request, pipeline, generator = self.request, self.model.pipeline, generator_of(self._seed)
        base = pipeline.scheduler
        scheduler = schedulers.build(request.scheduler, base.config, self._seed)
        estimate = CleanEstimate(scheduler)
        latents, keep = self._beginning(scheduler, generator, prompt_embeds.dtype)
        if self.start and not steps_run(request.num_inference_steps, self.start.strength):
            assert latents is not None
            return latents
        pipeline.scheduler = scheduler
        try:
            return pipeline(
                prompt_embeds=prompt_embeds,
                negative_prompt_embeds=negative_prompt_embeds,
                width=request.width,
                height=request.height,
                num_inference_steps=request.num_inference_steps,
                guidance_scale=request.guidance_scale,
                generator=generator,
                latents=latents,
                output_type="latent",
                callback_on_step_end=self._after_step(estimate, keep),
            ).images
        finally:
            pipeline.scheduler = base

    def _beginning(
        self, scheduler: SchedulerMixin, generator: torch.Generator, dtype: torch.dtype
    ) -> tuple[Tensor | None, Callable[[int, Tensor], Tensor] | None]:
        """The latents that the pipeline scales and begins with, None where it draws them itself; and what keeps the
        picture outside a mask.
        """
        request, start = self.request, self.start
        if start is None and not request.variation_strength:
            return None, None
        noise = varied_noise(request, self.index, self._shape, generator, self._device, dtype)
        if start is None:
            return noise, None
        latents = self._start_latents(start, noise)
        if latents.beside is not None:
            with_beside(scheduler, latents.beside)
        begin_late(scheduler, start.strength)
        scheduler.set_timesteps(request.num_inference_steps, device=self._device)
        timesteps = scheduler.timesteps
        keep = None if latents.free is None else kept_outside(latents, scheduler, timesteps)
        if not len(timesteps):
            return latents.clean, keep
        if start.strength == 1:
            return noise, keep
        return latents.noisy(scheduler, timesteps, 0) / scheduler.init_noise_sigma, keep

    def _start_latents(self, start: Start, noise: Tensor) -> StartLatents:
        vae, (height, width) = self.model.pipeline.vae, noise.shape[-2:]
        clean = encode(vae, start.picture, self._device)
        if start.mask is None:
            return StartLatents(clean, noise)
        free = free_places(start.mask, height, width, self._device, clean.dtype)
        trained = self.model.pipeline.unet.config.in_channels == 2 * clean.shape[1] + 1
        if trained:
            return StartLatents(clean, noise, beside=beside(vae, start, free, self._device))
        return StartLatents(clean, noise, free)

    @property
    def _shape(self) -> tuple[int, int, int, int]:
        pipeline, request = self.model.pipeline, self.request
        factor = pipeline.vae_scale_factor
        return 1, pipeline.vae.config.latent_channels, request.height // factor, request.width // factor

    @property
    def _device(self) -> torch.device:
        return self.model.pipeline._execution_device

    def _after_step(self, estimate: CleanEstimate, keep: Callable[[int, Tensor], Tensor] | None) -> Callable:
        def after_step(pipeline, step: int, timestep: Tensor, tensors: dict) -> dict:
            steps = pipeline.num_timesteps
            self.report(StepReport(self.index, step + 1, steps, lambda: self.model.preview(estimate.latents())))
            if self.should_stop():
                raise Cancelled(f"Stopped at step {step + 1} of {steps} of image {self.index + 1}.")
            return {"latents": keep(step + 1, tensors["latents"])} if keep else {}

        return after_step

    def _failure(self) -> str:
        return (
            f"{self.model.info.title} gave no numbers that make a picture (seed {self._seed}), also in full "
            "precision. Its weights or a LoRA may be damaged: try without LoRAs or with a lower weight, then "
            "another model."
        )


def _encode(model: LoadedModel, request: TextToImage, vectors: Vectors) -> tuple[Tensor, Tensor | None]:
    return encode_prompts(model.pipeline, request, _is_guided(model, request), vectors)


def _is_guided(model: LoadedModel, request: TextToImage) -> bool:
    """Whether each step asks the UNet twice; one with an embedding of the guidance is told the number instead."""
    return request.guidance_scale > NO_GUIDANCE and model.pipeline.unet.config.time_cond_proj_dim is None


@torch.no_grad()
def _decode(model: LoadedModel, latents: Tensor) -> Tensor:
    """(1, 3, H, W) in about [-1, 1]."""
    vae = model.pipeline.vae
    pixels = vae.decode(latents / vae.config.scaling_factor, return_dict=False)[0]
    model.pipeline.maybe_free_model_hooks()
    return pixels


def _set_tiling(model: LoadedModel, request: TextToImage) -> None:
    if request.width * request.height > TILING_PIXELS:
        model.pipeline.vae.enable_tiling()
    else:
        model.pipeline.vae.disable_tiling()


def _unusable(picture: Image.Image | None) -> bool:
    """Whether there are no pixels, or only black ones (what NaN becomes in 8 bits)."""
    return picture is None or picture.getbbox() is None


@contextmanager
def _full_precision(model: LoadedModel) -> Iterator[None]:
    """The same weights in float32 for a while; float16 -> float32 -> float16 gives the same bits back."""
    parts = [getattr(model.pipeline, component) for component in MODELS]
    try:
        for part in parts:
            part.to(torch.float32)
        yield
    finally:
        for part in parts:
            part.to(model.dtype)


def _unread_notes(model: LoadedModel, request: TextToImage, vectors: Vectors) -> tuple[str, ...]:
    """A sentence for each plain prompt that is longer than the text encoder reads; others are read in chunks."""
    if request.prompt_syntax != PLAIN:
        return ()
    texts = {"prompt": request.prompt, "negative prompt": request.negative_prompt}
    found = {name: unread(model.pipeline.tokenizer, text, vectors) for name, text in texts.items()}
    return tuple(f"The end of the {name} was not read: {text!r}. Shorten it." for name, text in found.items() if text)


def _lora_notes(active: Sequence[AppliedLora]) -> tuple[str, ...]:
    """A sentence for each LoRA of which something is left out."""
    return tuple(f"LoRA {lora.name}: {lora.note}" for lora in active if lora.note)
