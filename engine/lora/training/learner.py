"""One optimizer step of a LoRA: pictures, noise, loss, gradients.

All that is random comes from the seed and the step's number, so a run that was killed and goes on ends with the same
weights; on a CPU bit for bit.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from diffusers import StableDiffusionPipeline
from diffusers.optimization import get_scheduler
from torch import Tensor

from engine.datasets.pictures import CaptionedPicture
from engine.errors import StudioError
from engine.lora.runs.computing import Computing
from engine.lora.runs.config import Config
from engine.lora.training.adapter import Adapter
from engine.lora.training.data import Deck, Encoder, draw_captions, in_batches, states_of
from engine.lora.training.objective import Objective, loss_denoising
from engine.training.loop import generator_of
from engine.training.parallel import Ranks

KEPT_TEXT_BYTES = 500_000_000  # of what the text encoder said; captions beyond that are encoded at every look
MAX_SKIPPED = 20  # halvings of the loss scale, which begins at 65536, after which it is below 1


@dataclass(frozen=True)
class Batch:
    """What was drawn for some pictures: latents and noise (N, C, h, w) float32 on the CPU, timesteps (N,)."""

    latents: Tensor
    noise: Tensor
    timesteps: Tensor
    captions: Sequence[str]


def together(batches: Sequence[Batch]) -> Batch:
    """One batch of all, in their order."""
    return Batch(
        torch.cat([each.latents for each in batches]),
        torch.cat([each.noise for each in batches]),
        torch.cat([each.timesteps for each in batches]),
        [words for each in batches for words in each.captions],
    )


@dataclass
class Learner:
    """A LoRA and all that makes it learn.

    Attributes:
        computing: how many of the settings' batches go through the model together, and what is kept.
        rate: the learning rate of step number 0, 1, ...
        skipped: steps in a row that float16's gradients overflowed in, so that the loss scale was lowered instead.
    """

    config: Config
    computing: Computing
    pipeline: StableDiffusionPipeline
    adapter: Adapter
    deck: Deck
    encoder: Encoder
    objective: Objective
    accelerator: Accelerator
    optimizer: AcceleratedOptimizer
    ranks: Ranks
    rate: Callable[[int], float]
    skipped: int = 0
    _texts: dict[str, Tensor] = field(default_factory=dict)

    def step(self, number: int) -> float:
        """Do step number 0, 1, ... and return its loss, the mean over all processes.

        Raises:
            StudioError: the loss or the gradients are no longer numbers; the weights are those before the step.
        """
        generator = generator_of(self.config.seed, number, self.ranks)
        if self.config.dropout:  # it draws from PyTorch's own generator
            torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(number)
        loss = self.accelerator.reduce(self._gradients(number, generator), "mean").item()
        self._require_finite(number, "loss", loss)
        parameters = self.adapter.parameters()
        self.ranks.mean_gradients(parameters)
        norm = self.accelerator.clip_grad_norm_(parameters, self.config.max_grad_norm)
        if self.accelerator.scaler is None:  # with a scale, overflow is expected now and then and the step is skipped
            self._require_finite(number, "gradients' norm", float(norm))
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._count_skipped(number)
        return loss

    def _gradients(self, number: int, generator: torch.Generator) -> Tensor:
        """Add up the gradients of the step's batches; the mean loss."""
        count = self.config.pictures_per_step
        pictures = self.deck.looks((number * self.ranks.size + self.ranks.rank) * count, count)
        timesteps = self.objective.draw_timesteps(count, generator)
        total = torch.zeros((), device=self.pipeline.unet.device)
        # Everything is drawn batch by batch, so that how many are computed together changes none of it.
        parts = in_batches(count, self.config.batch_size)
        batches = [self._drawn(pictures[part], timesteps[part], generator) for part in parts]
        for part in in_batches(len(batches), self.computing.batches):
            some = batches[part]
            loss = self._loss(together(some)) * len(some)
            self.accelerator.backward(loss)  # divides by the number of batches
            total += loss.detach() / self.config.gradient_accumulation
        return total

    def _drawn(self, pictures: Sequence[CaptionedPicture], timesteps: Tensor, generator: torch.Generator) -> Batch:
        latents = self.encoder.latents(pictures, generator)
        noise = self.objective.draw_noise(latents, generator)
        return Batch(latents, noise, timesteps, draw_captions(pictures, self.config.empty_captions, generator))

    def _loss(self, batch: Batch) -> Tensor:
        device, timesteps = self.pipeline.unet.device, batch.timesteps
        noisy, target = self.objective.noised(batch.latents.to(device), batch.noise.to(device), timesteps)
        with self.accelerator.autocast():
            states = self._states(batch.captions)
            preds = self.pipeline.unet(noisy, timesteps.to(device), encoder_hidden_states=states).sample
        return (loss_denoising(preds, target) * self.objective.weights[timesteps].to(device)).mean()

    def _states(self, captions: Sequence[str]) -> Tensor:
        if self.config.text_encoder or not self.computing.keep_texts:
            return states_of(self.pipeline, captions)
        return torch.cat([self._kept_states(words) for words in captions])

    @torch.no_grad()
    def _kept_states(self, words: str) -> Tensor:
        """Always encoded alone: in other company the last bits would be others."""
        if (kept := self._texts.get(words)) is not None:
            return kept
        states = states_of(self.pipeline, [words])
        if states.nbytes * (len(self._texts) + 1) <= KEPT_TEXT_BYTES:
            self._texts[words] = states
        return states

    def _require_finite(self, number: int, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise diverged(number + 1, f"the {what} must be a finite number; got {value}", self.config)

    def _count_skipped(self, number: int) -> None:
        self.skipped = self.skipped + 1 if self.optimizer.step_was_skipped else 0
        if self.skipped >= MAX_SKIPPED:
            what = f"gradients must fit float16 now and then; they overflowed {MAX_SKIPPED} times in a row"
            raise diverged(number + 1, what, self.config)


def diverged(step: int, what: str, config: Config) -> StudioError:
    """The error of a training whose numbers left their range."""
    return StudioError(
        f"Step {step}: {what}. The likely reason is a learning rate that is too high (it is {config.learning_rate:g}), "
        f"or a picture that is damaged. Begin a new run with a learning rate of {config.learning_rate / 5:g}; what the "
        "LoRA was before is in the run's checkpoints."
    )


def learning_rates(config: Config) -> Callable[[int], float]:
    """The learning rate of step number 0, 1, ..., by the schedules of diffusers."""
    schedule = get_scheduler(
        config.lr_scheduler,
        torch.optim.SGD([torch.zeros(1, requires_grad=True)]),
        num_warmup_steps=config.warmup_steps,
        num_training_steps=config.steps,
        num_cycles=config.lr_cycles,
    )
    return lambda step: config.learning_rate * schedule.lr_lambdas[0](step)
