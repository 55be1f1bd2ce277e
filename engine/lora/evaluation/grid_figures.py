"""The figures of a grid of checkpoints and weights: the held-out loss, and how near drawn pictures come."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from engine.diffusion.loading import LoadedModel
from engine.diffusion.lora import applied
from engine.lora.training.validation import TIMESTEPS, HeldOut
from engine.metrics.bootstrap import RESAMPLES, Figure, draw_rows
from engine.metrics.changes import Change, change
from engine.metrics.distances import RESAMPLED_TOO_FAR, distances_in
from engine.metrics.features import Extractor, features_of
from engine.metrics.picture_sets import picture_set
from engine.weights.loras import LoraInfo

LOSS = "held-out loss"
LOSS_REFERENCE = f"mean square error at {TIMESTEPS} fixed timesteps under fixed noise, as while training"
BATCH = 8  # pictures that a network sees at once
SEED = 0  # of the resampling


def held_out_errors(loaded: LoadedModel, held_out: HeldOut, loras: Sequence[tuple[LoraInfo, float]]) -> list[float]:
    """The error of each held-out picture with these LoRAs on; see `HeldOut.errors`."""
    device = loaded.device
    autocast = torch.autocast(device.torch_device.type, loaded.dtype, enabled=device.is_cuda)  # as while training
    with loaded.in_use(), applied(loaded, loras), autocast:
        return held_out.errors().tolist()


def loss_change(alone: Sequence[float], tuned: Sequence[float]) -> Change:
    """The held-out loss without and with a LoRA, from the errors of the same pictures."""
    base, errors = (torch.tensor(values, dtype=torch.float64) for values in (alone, tuned))
    rows = draw_rows(len(base), RESAMPLES, torch.Generator().manual_seed(SEED))
    return change(
        Figure(LOSS, 0, 0, 0, len(base), "", LOSS_REFERENCE),
        (base.mean().item(), errors.mean().item()),
        (base[rows].mean(1), errors[rows].mean(1)),
        f"{len(base)} held-out pictures",
    )


def distance_changes(
    extractor: Extractor,
    side: int,
    held_out: Sequence[Path],
    drawn: Sequence[Sequence[Path]],
    check: Callable[[], None] = lambda: None,
) -> Iterator[Change]:
    """The kernel distance of drawn pictures to the held-out ones in this network's features.

    Args:
        side: pixels of the drawn pictures.
        drawn: several sets from the same captions and seeds, the first without a LoRA; each other one is compared
            with it.
        check: called between sets; may end this with an error.
    """
    distance, _ = distances_in(extractor)
    generator, count = torch.Generator().manual_seed(SEED), len(drawn[0])
    rows = draw_rows(len(held_out), RESAMPLES, generator), draw_rows(count, RESAMPLES, generator)
    real = _features(extractor, side, held_out)
    n = min(len(real), count)
    measure = Figure(distance.name, 0, 0, 0, n, distance.extractor, distance.reference, distance.note(n))
    found: list[tuple[float, Tensor]] = []
    for paths in drawn:
        check()
        fake = _features(extractor, side, paths)
        found.append((distance.value(real, fake), distance.resampled(real, fake, *rows, check)))
    (value, resampled), *others = found
    counted = f"{count} drawn and {len(real)} held-out pictures"
    for other, resampled_other in others:
        yield change(measure, (value, other), (resampled, resampled_other), counted, outside=RESAMPLED_TOO_FAR)


def _features(extractor: Extractor, side: int, paths: Sequence[Path]) -> Tensor:
    """(N, D) float64; pictures of another size are cut and scaled."""
    return features_of(extractor, picture_set(paths).batches((side, side), BATCH, crop=True))
