"""Did the LoRA help? Pictures drawn with and without it, from the same seeds, beside held-out pictures.

Every measure is taken of both, and the difference has an interval of its own: the same resampled pictures serve
both, so what they share cancels, and the difference is mostly surer than either number.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import Cancelled, ImageShapeError, StudioError
from engine.metrics import image_quality
from engine.metrics.bootstrap import CONFIDENCE, FEW, RESAMPLES, Figure, counts_of, draw_rows
from engine.metrics.changes import Change, change
from engine.metrics.clip import clip_score
from engine.metrics.distances import RESAMPLED_TOO_FAR, Distance, distances_in, shortened
from engine.metrics.features import Extractor, features_of
from engine.metrics.image_quality import PairScores
from engine.metrics.mmd import image_text_mmd, median_distance
from engine.metrics.networks import Networks
from engine.metrics.picture_sets import PictureSet, Source, picture_set

LEAST_PICTURES = 4
LEAST_SIDE = 64  # pixels; the networks halve a picture up to five times
CHOSEN_HERE = (
    "The LoRA's checkpoint or weight was chosen on these pictures, so it looks a little better than it is; "
    "other pictures tell more."
)
IMAGE_TEXT_NOTE = (
    "Mostly the gap between pictures and texts in CLIP: the CLIP score tells more. It is no CMMD, and depends on sigma."
)
PIXELS_NOTE = "A caption does not say where things are, so pixels that differ say little about a drawn picture."


@dataclass(frozen=True)
class Config:
    """How numbers are made.

    Attributes:
        resamples: for each interval; Frechet distances take the first 200.
        confidence: share of the resamples that an interval holds.
        seed: of the resampling.
        batch: pictures that a network sees at once.
    """

    resamples: int = RESAMPLES
    confidence: float = CONFIDENCE
    seed: int = 0
    batch: int = 8

    def __post_init__(self) -> None:
        if self.resamples < 2 or self.batch < 1 or not 0 < self.confidence < 1:
            raise StudioError(
                "A comparison needs 2 resamples or more, batches of 1 or more and a confidence between 0 and 1; "
                f"got {self.resamples}, {self.batch} and {self.confidence:g}."
            )


@dataclass(frozen=True)
class Comparison:
    """What was found.

    Attributes:
        changes: one for each measure, the one to trust most first.
        reference_count: held-out pictures.
        pair_count: seeds drawn from, without and with the LoRA.
        notes: what to keep in mind, and what could not be measured.
        missing: the notes about networks that are not here.
    """

    changes: tuple[Change, ...]
    reference_count: int
    pair_count: int
    notes: tuple[str, ...]
    missing: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """The verdict of the measure to trust most."""
        return self.changes[0].verdict


@dataclass(frozen=True)
class _Run:
    """Everything that the measurements share."""

    reference: PictureSet
    base: PictureSet
    tuned: PictureSet
    size: tuple[int, int]
    config: Config
    report: Callable[[str], None]
    should_stop: Callable[[], bool]
    reference_rows: Tensor
    pair_rows: Tensor

    def batches(self, pictures: PictureSet) -> Iterator[Tensor]:
        """All pictures of a set; held-out ones are cut to the size of the drawn ones."""
        for pixels in pictures.batches(self.size, self.config.batch, crop=pictures is self.reference):
            self.check()
            yield pixels

    def check(self) -> None:
        """Raise Cancelled when the artist stopped the job."""
        if self.should_stop():
            raise Cancelled("The comparison was stopped. Nothing of it is kept.")


def compare(
    reference: Source,
    base: Source,
    tuned: Source,
    networks: Networks,
    *,
    captions: Sequence[str] = (),
    paired: bool = False,
    chosen_here: bool = False,
    config: Config | None = None,
    report: Callable[[str], None] = lambda line: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Comparison:
    """Measure both sets of drawn pictures and the difference.

    Args:
        reference: held-out pictures, of any size; each is cut to the proportions of the drawn ones and scaled.
        base: drawn without the LoRA, all of one size, 64 px or more on each side.
        tuned: drawn with it; picture k has the seed and the prompt of picture k in `base`.
        networks: from `engine.metrics.networks.load_networks`.
        captions: the prompt of each pair, for CLIP scores; empty leaves them out.
        paired: pair k was drawn from the caption of reference picture k. Then pairs are compared picture by
            picture too, and resampled together with their reference picture.
        chosen_here: the LoRA's checkpoint or weight was chosen on some of the reference pictures, which is noted.
        report: shown a line now and then.
        should_stop: asked between batches and resamples; true ends the comparison.

    Raises:
        StudioError: too few pictures, or sets that do not fit each other.
        NotFound, UnsafeFile, ImageShapeError: see `engine.metrics.picture_sets`.
        Cancelled: `should_stop` said so.
    """
    sets = picture_set(reference), picture_set(base), picture_set(tuned)
    _check(*sets, captions, paired, by_name=isinstance(base, Path) and isinstance(tuned, Path))
    config = config or Config()
    rows = _draw(len(sets[0]), len(sets[1]), paired, config)
    run = _Run(*sets, _size(sets[1]), config, report, should_stop, *rows)
    changes: list[Change] = []
    for extractor in networks.extractors:
        features = _features(run, extractor)
        changes += _set_changes(run, extractor, features)
        if captions and networks.clip and extractor.name == networks.clip.extractor.name:
            texts = networks.clip.text_embeddings(captions)
            changes.append(_clip_change(run, extractor.name, features, texts))
            changes.append(_image_text_change(run, extractor.name, features, texts, paired))
    if paired:
        changes += _pair_changes(run, networks)
    notes = (*([CHOSEN_HERE] if chosen_here else []), *_notes(run, changes), *networks.missing)
    return Comparison(tuple(changes), len(run.reference), len(run.base), notes, networks.missing)


def _check(
    reference: PictureSet,
    base: PictureSet,
    tuned: PictureSet,
    captions: Sequence[str],
    paired: bool,
    by_name: bool,
) -> None:
    problems = []
    if min(len(reference), len(base)) < LEAST_PICTURES:
        problems.append(
            f"A comparison needs {LEAST_PICTURES} held-out and {LEAST_PICTURES} drawn pictures or more; "
            f"got {len(reference)} and {len(base)}."
        )
    if len(base) != len(tuned):
        problems.append(
            f"Each picture without the LoRA needs one with it; got {len(base)} and {len(tuned)}. "
            "Draw both sets from the same seeds and prompts."
        )
    elif by_name and base.names != tuned.names:
        first = next(pair for pair in zip(base.names, tuned.names, strict=True) if pair[0] != pair[1])
        problems.append(
            f"Two folders are paired by the names of their files; {first[0]} would meet {first[1]}. "
            "Give both pictures of a seed one name, or pass lists of files."
        )
    if paired and len(reference) != len(base):
        problems.append(
            f"Pairs by caption need one drawn picture for each held-out one; got {len(base)} and {len(reference)}."
        )
    if captions and len(captions) != len(base):
        problems.append(f"Each drawn picture needs its caption; got {len(captions)} for {len(base)}.")
    if problems:
        raise StudioError(" ".join(problems))


def _size(drawn: PictureSet) -> tuple[int, int]:
    _, height, width = drawn.read(0).shape
    if min(height, width) < LEAST_SIDE:
        raise ImageShapeError(
            f"Pictures to compare need {LEAST_SIDE} px or more on each side; got {width}x{height}. Draw larger ones."
        )
    return height, width


def _draw(references: int, pairs: int, paired: bool, config: Config) -> tuple[Tensor, Tensor]:
    """Rows for every resample; one and the same for both where picture k belongs to reference picture k."""
    generator = torch.Generator().manual_seed(config.seed)
    reference_rows = draw_rows(references, config.resamples, generator)
    return reference_rows, reference_rows if paired else draw_rows(pairs, config.resamples, generator)


def _features(run: _Run, extractor: Extractor) -> tuple[Tensor, Tensor, Tensor]:
    """(N, D), (M, D) and (M, D) float64 of reference, base and tuned."""
    run.report(f"{extractor.name}: features of {len(run.reference) + 2 * len(run.base)} pictures")
    reference, base, tuned = (
        features_of(extractor, run.batches(pictures)) for pictures in (run.reference, run.base, run.tuned)
    )
    return reference, base, tuned


def _set_changes(run: _Run, extractor: Extractor, features: tuple[Tensor, Tensor, Tensor]) -> Iterator[Change]:
    kernel, frechet = distances_in(extractor)
    yield _set_change(run, kernel, features)
    run.report(f"{frechet.name}: intervals")
    yield _set_change(run, frechet, shortened(*features))


def _set_change(run: _Run, distance: Distance, features: tuple[Tensor, ...]) -> Change:
    reference, *drawn = features
    n = min(len(run.reference), len(run.base))
    measure = _measure(distance.name, distance.extractor, distance.reference, n, distance.note(n))
    values = [distance.value(reference, fake) for fake in drawn]
    numbers = [distance.resampled(reference, fake, run.reference_rows, run.pair_rows, run.check) for fake in drawn]
    counted = f"{len(run.reference)} held-out pictures"
    if len(run.base) != len(run.reference):
        counted += f" and {len(run.base)} drawn ones"
    return change(
        measure, (values[0], values[1]), (numbers[0], numbers[1]), counted, run.config.confidence, RESAMPLED_TOO_FAR
    )


def _clip_change(run: _Run, network: str, features: tuple[Tensor, Tensor, Tensor], texts: Tensor) -> Change:
    measure = _measure("CLIP score", network, "Hessel et al. 2021, arXiv 2104.08718, as 100 max(cos, 0)", len(run.base))
    scores = [PairScores(clip_score(images, texts.double())) for images in features[1:]]
    return _mean_change(run, replace(measure, lower_is_better=False), scores, "captioned pictures")


def _image_text_change(
    run: _Run, network: str, features: tuple[Tensor, Tensor, Tensor], texts: Tensor, paired: bool
) -> Change:
    reference, *drawn = features
    sigma = median_distance(torch.cat(drawn), texts)
    values = [image_text_mmd(images, texts, sigma).item() for images in drawn]
    counts = counts_of(run.pair_rows, len(texts))
    numbers = [image_text_mmd(images, texts, sigma, counts) for images in drawn]
    note = IMAGE_TEXT_NOTE
    if paired:
        note += (
            f" Of the held-out pictures and these captions it is {image_text_mmd(reference, texts, sigma).item():.4g}."
        )
    source = "Gretton et al. 2012, unbiased and unscaled; sigma is the median distance of pictures and captions"
    measure = _measure(f"CLIP image-text MMD (sigma {sigma:.3g})", network, source, len(texts), note)
    counted = f"{len(texts)} captioned pictures"
    return change(measure, (values[0], values[1]), (numbers[0], numbers[1]), counted, run.config.confidence)


def _pair_changes(run: _Run, networks: Networks) -> Iterator[Change]:
    """Each drawn picture beside the held-out picture of its caption."""
    n = len(run.base)
    psnr = _measure("PSNR", "", "mean squared error in decibels, pixels in [0, 1]", n, PIXELS_NOTE)
    ssim = _measure("SSIM", "", "Wang et al. 2004, Gaussian window of 11 px", n, PIXELS_NOTE)
    measures: list[tuple[Figure, Callable[[Tensor, Tensor], PairScores]]] = [
        (replace(psnr, lower_is_better=False), image_quality.psnr),
        (replace(ssim, lower_is_better=False), image_quality.ssim),
    ]
    if seen := networks.perceptual:
        measures.insert(0, (_measure(seen.name, seen.network, seen.source, n), seen))
    for measure, score in measures:
        run.report(f"{measure.name}: {n} pairs")
        yield _mean_change(run, measure, [_scores(run, drawn, score) for drawn in (run.base, run.tuned)], "pairs")


def _scores(run: _Run, drawn: PictureSet, score: Callable[[Tensor, Tensor], PairScores]) -> PairScores:
    pairs = zip(run.batches(drawn), run.batches(run.reference), strict=True)
    return PairScores(torch.cat([score(preds, target).values for preds, target in pairs]))


def _mean_change(run: _Run, measure: Figure, scores: Sequence[PairScores], counted: str) -> Change:
    base, tuned = scores
    means = base.values[run.pair_rows].mean(1), tuned.values[run.pair_rows].mean(1)
    found = change(measure, (base.mean, tuned.mean), means, f"{len(run.base)} {counted}", run.config.confidence)
    return replace(found, base_values=tuple(base.values.tolist()), tuned_values=tuple(tuned.values.tolist()))


def _measure(name: str, extractor: str, reference: str, n: int, note: str = "") -> Figure:
    return Figure(name, math.nan, math.nan, math.nan, n, extractor, reference, note)


def _notes(run: _Run, changes: Sequence[Change]) -> Iterator[str]:
    n = min(len(run.reference), len(run.base))
    if n < FEW:
        yield f"Intervals from {n} pictures are too narrow: take them as a hint. {FEW} pictures or more tell more."
    if len(changes) > 1:
        yield (
            f"{len(changes)} measures were taken; with {100 * run.config.confidence:g} % intervals some may show a "
            "change by chance. The first is the one to trust most."
        )
