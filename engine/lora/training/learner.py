"""One optimizer step of a LoRA: pictures, noise, loss, gradients.

All that is random comes from the seed and the step's number, so a run that was killed and goes on ends with the same
weights; on a CPU bit for bit.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from diffusers import StableDiffusionPipeline
from diffusers.optimization import get_scheduler
from torch import Tensor

from engine.datasets.pictures import CaptionedPicture
from engine.errors import StudioError
from engine.lora.runs.config import Config
from engine.lora.training.adapter import Adapter
from engine.lora.training.data import Deck, Encoder, draw_captions, in_batches, states_of
from engine.lora.training.objective import Objective, loss_denoising
from engine.training.loop import generator_of
from engine.training.parallel import Ranks

MAX_SKIPPED = 20  # halvings of the loss scale, which begins at 65536, after which it is below 1


@dataclass
class Learner:
    """A LoRA and all that makes it learn.

    Attributes:
        rate: the learning rate of step number 0, 1, ...
        skipped: steps in a row that float16's gradients overflowed in, so that the loss scale was lowered instead.
    """

    config: Config
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
        for part in in_batches(count, self.config.batch_size):
            loss = self._loss(pictures[part], timesteps[part], generator)
            self.accelerator.backward(loss)  # divides by the number of batches
            total += loss.detach() / self.config.gradient_accumulation
        return total

    def _loss(self, pictures: Sequence[CaptionedPicture], timesteps: Tensor, generator: torch.Generator) -> Tensor:
        device = self.pipeline.unet.device
        latents = self.encoder.latents(pictures, generator)
        noise = self.objective.draw_noise(latents, generator)
        captions = draw_captions(pictures, self.config.empty_captions, generator)
        noisy, target = self.objective.noised(latents.to(device), noise.to(device), timesteps)
        with self.accelerator.autocast():
            states = states_of(self.pipeline, captions)
            preds = self.pipeline.unet(noisy, timesteps.to(device), encoder_hidden_states=states).sample
        return (loss_denoising(preds, target) * self.objective.weights[timesteps].to(device)).mean()

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
