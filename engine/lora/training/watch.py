"""What happens between the steps of a LoRA run: measure, draw, keep files, report."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.diffusion.loading import LoadedModel
from engine.images import from_pil
from engine.lora.runs.checkpoints import BEST, CHECKPOINTS
from engine.lora.runs.config import Config
from engine.lora.runs.progress import History, Report, Step, keep_until, write_step
from engine.lora.runs.timing import FIRST_LOOK, HELD_OUT, SAMPLE, STEP, Stopwatch, keep_timing
from engine.lora.training.learner import Learner, diverged
from engine.lora.training.validation import HeldOut, draw_sample, save_sample
from engine.training.loop import Log
from engine.weights.lora_export import write_adapter

SAMPLES = "samples"


class TensorBoard(Log):
    """Numbers and pictures for TensorBoard alone, under the names of kohya's sd-scripts."""

    def text(self, text: str) -> None:
        """People read the reports instead."""

    def close(self) -> None:
        """Write what is waiting."""
        if self._writer is not None:
            self._writer.close()


@dataclass
class Watch:
    """Looks at a run; of several processes, only the first one does.

    Attributes:
        folder: of the run.
        held_out: None when nothing is held out or measured.
        config: with every interval in steps; see `Config.in_steps`.
        prompt: of the samples; empty draws none.
        epochs_per_step: passes over the pictures that a step is.
        clock: of the steps and of what is between them.
    """

    folder: Path
    loaded: LoadedModel
    config: Config
    learner: Learner
    held_out: HeldOut | None
    prompt: str
    history: History
    log: TensorBoard
    report: Callable[[Report], None]
    epochs_per_step: float
    clock: Stopwatch = field(default_factory=Stopwatch)
    _started: float = field(default_factory=time.monotonic)
    _first: int | None = None

    def before(self, number: int) -> None:
        """Called before every step; before the first one that this process does, the files are made to fit."""
        if self._first is not None:
            return
        keep_until(self.folder, number)
        self._first = number
        if number == 0:
            self._look(Step(0))
        self._started = time.monotonic()

    def after(self, step: int, loss: float, seconds: float) -> None:
        """Step number `step` (1, 2, ...) is done and took so long."""
        self.clock.add(STEP if self._sees_again(step) else FIRST_LOOK, seconds)
        self.history.add_loss(step, loss)
        rate = self.learner.rate(step - 1)
        self._log_step(step, loss, rate)
        if self.config.checkpoint_every and step % self.config.checkpoint_every == 0:
            self.keep(f"step-{step:06d}", step)
        self._look(Step(step, loss, rate))

    def keep(self, name: str, step: int) -> None:
        """Write the LoRA as it is now."""
        path = self.folder / CHECKPOINTS / f"{name}.safetensors"
        write_adapter(path, self.learner.adapter.arrays(), self.learner.adapter.settings(self.config), step)

    def keep_timing(self) -> None:
        """Write how long steps, measurements and samples took."""
        keep_timing(self.folder, self.clock.timing(self.loaded.device.name))

    def no_longer_better(self) -> bool:
        """Whether the held-out loss has waited too long for a better one."""
        return self.config.patience is not None and self.history.waited >= self.config.patience

    def _look(self, line: Step) -> None:
        """Measure and draw where it is time, then tell."""
        held_out = self._measure(line.step) if self._due(line.step, self.config.held_out_every) else None
        sample = self._draw(line.step) if self._due(line.step, self.config.validation_every) else None
        write_step(self.folder, Step(line.step, line.loss, line.lr, held_out))
        self.report(
            Report(
                step=line.step,
                steps=self.config.steps,
                loss=line.loss,
                average_loss=self.history.average,
                learning_rate=line.lr,
                held_out_loss=held_out,
                best_step=self.history.best_step,
                best_held_out_loss=self.history.best,
                seconds_left=self._seconds_left(line.step),
                sample=sample,
                epoch=line.step * self.epochs_per_step,
                epochs=self.config.steps * self.epochs_per_step,
            )
        )

    def _sees_again(self, step: int) -> bool:
        """Whether this process had seen all of the step's pictures, whose latents it then has, unless they vary."""
        assert self._first is not None  # `before` was called
        return self.config.varies or (step - 1 - self._first) * self.epochs_per_step >= 1

    def _due(self, step: int, every: int | None) -> bool:
        assert every is not None  # `in_steps` has made it a number
        return every > 0 and (step % every == 0 or step == self.config.steps)

    def _measure(self, step: int) -> float | None:
        if self.held_out is None:
            return None
        taking = self.clock.taking(HELD_OUT)
        with taking, self.learner.adapter.unharmed(), self.learner.accelerator.autocast():
            loss = self.held_out.loss()
        if not math.isfinite(loss):
            raise diverged(step, f"the held-out loss must be a finite number; got {loss}", self.config)
        self.log.numbers(step, {"loss/validation/step_average": loss})
        if self.history.add_held_out(step, loss) and step > 0:
            self.keep(BEST, step)
        return loss

    def _draw(self, step: int) -> Path | None:
        if not self.prompt:
            return None
        with self.clock.taking(SAMPLE), self.learner.adapter.unharmed():
            picture = draw_sample(self.loaded, self.config, self.prompt)
        if picture is None:
            return None
        self.log.picture(step, "validation", from_pil(picture)[0])
        return save_sample(self.folder / SAMPLES, step, picture)

    def _log_step(self, step: int, loss: float, rate: float) -> None:
        average = self.history.average
        assert average is not None  # a step is done
        numbers = {"loss/current": loss, "loss/average": average, "lr/unet": rate}
        if self.config.text_encoder:
            numbers["lr/textencoder"] = rate
        self.log.numbers(step, numbers)

    def _seconds_left(self, step: int) -> float | None:
        """From the speed of this process, what happens between the steps included."""
        assert self._first is not None  # `before` was called
        done = step - self._first
        if not done:
            return None
        return (time.monotonic() - self._started) / done * (self.config.steps - step)
