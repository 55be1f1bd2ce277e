"""What speaks against training on these pictures, before hours are spent on it."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.datasets.buckets import Bucket, buckets_of, square_loss
from engine.datasets.captions import mentions
from engine.datasets.findings import REDUCED, Finding, Severity, counted, named
from engine.datasets.fingerprints import NEAR, look_alikes
from engine.datasets.index import relative_name
from engine.datasets.pictures import CaptionedPicture, PictureFacts, PictureRefused, facts_of
from engine.datasets.texts import one_line

MAX_TOKENS = 77  # what CLIP's text encoder reads, start and end included; where no model says another number
FEWEST = 2
FEW = 10
MUCH_LOST = 0.25  # of a picture's area


@dataclass(frozen=True, slots=True)
class CheckUp:
    """The doctor's answer.

    Attributes:
        findings: the gravest first.
        buckets: the pictures' shapes.
    """

    findings: tuple[Finding, ...]
    buckets: tuple[Bucket, ...]

    @property
    def blocks(self) -> bool:
        """Whether training on these pictures is refused."""
        return any(finding.severity == Severity.BLOCKS for finding in self.findings)


def rough_token_count(text: str) -> int:
    """A rough count without a tokenizer: words and punctuation marks, and the two marks of start and end."""
    return 2 + len(re.findall(r"\w+|[^\w\s]", text))


def examine(
    folder: Path,
    pictures: Sequence[CaptionedPicture],
    *,
    resolution: int,
    held_out: Sequence[CaptionedPicture] = (),
    trigger: str = "",
    count_tokens: Callable[[str], int] = rough_token_count,
    max_tokens: int = MAX_TOKENS,
) -> CheckUp:
    """Look for everything that makes training worse or its test worthless.

    Args:
        folder: of the data set.
        pictures: to be trained on.
        resolution: pixels of the square that is trained on.
        held_out: to be tested on; checked in the same way, and against the others.
        trigger: the word that calls the style or thing, if there is one.
        count_tokens: tokens of a caption as the text encoder gets them, start and end included.
        max_tokens: how many of them the text encoder reads.
    """
    known, unreadable = _known(folder, pictures, held_out)
    findings = [
        *unreadable,
        *_number(known),
        *_captions(known),
        *_lengths(known, count_tokens, max_tokens),
        *_trigger(known, trigger),
        *_copies(known),
        *_small(known, resolution),
        *_colours(known),
        *_crops(known),
    ]
    order = list(Severity)
    findings.sort(key=lambda finding: order.index(finding.severity))
    sizes = [(picture.facts.width, picture.facts.height) for picture in known]
    return CheckUp(tuple(findings), buckets_of(sizes, resolution))


@dataclass(frozen=True, slots=True)
class _Known:
    """A picture with all that is known of it."""

    name: str
    caption: str
    held_out: bool
    facts: PictureFacts


def _known(
    folder: Path, pictures: Sequence[CaptionedPicture], held_out: Sequence[CaptionedPicture]
) -> tuple[list[_Known], list[Finding]]:
    """Every picture's facts, and a finding for each that can no longer be read."""
    known, findings = [], []
    sides = [*((picture, False) for picture in pictures), *((picture, True) for picture in held_out)]
    for picture, side in sides:
        name = relative_name(folder, picture.path)
        try:
            known.append(_Known(name, picture.caption.strip(), side, facts_of(picture.path)))
        except PictureRefused as error:
            findings.append(Finding("unreadable", Severity.BLOCKS, f"{name}: {error.reason}", (name,)))
    return known, findings


def _finding(code: str, severity: Severity, message: str, pictures: Iterable[_Known]) -> list[Finding]:
    """A finding if there are such pictures; "{count}" and "{names}" in the message stand for them."""
    files = tuple(picture.name for picture in pictures)
    if not files:
        return []
    text = message.replace("{count}", counted(len(files), "picture")).replace("{names}", named(files))
    return [Finding(code, severity, text, files)]


# ---------------------------------------------------------------- number and captions


def _number(known: Sequence[_Known]) -> list[Finding]:
    count = sum(not picture.held_out for picture in known)
    if count >= FEW:
        return []
    if count < FEWEST:
        message = f"Training needs {FEWEST} pictures or more; there {'is' if count == 1 else 'are'} {count}. Add some."
        return [Finding("too_few", Severity.BLOCKS, message)]
    message = f"{count} pictures are few: a LoRA learns them by heart. {FEW} or more, all different, work better."
    return [Finding("few", Severity.LOOK, message)]


def _captions(known: Sequence[_Known]) -> list[Finding]:
    written = [picture for picture in known if picture.caption]
    again = _grouped(written, [picture.caption.casefold() for picture in written])
    missing = "Every picture needs a caption; {count} without: {names}. Write one or leave the picture out."
    return [
        *_finding("missing_caption", Severity.BLOCKS, missing, [picture for picture in known if not picture.caption]),
        *_finding(
            "same_caption",
            Severity.LOOK,
            f"{{count}} share {counted(len(again), 'caption')}: {_equal(again)}. Say in each what is special about it.",
            _members(again),
        ),
    ]


def _lengths(known: Sequence[_Known], count_tokens: Callable[[str], int], most: int) -> list[Finding]:
    lengths = [count_tokens(picture.caption) for picture in known]
    long = [picture for picture, length in zip(known, lengths, strict=True) if length > most]
    rough = count_tokens is rough_token_count
    how, who = (", by a rough count of words", "") if rough else ("", " by this model")
    message = (
        f"Captions are read up to {most} tokens{who}; {{count}} with more (at most {max(lengths, default=0)}{how}): "
        "{names}. Shorten them, the most important first."
    )
    return _finding("long_caption", Severity.LOOK, message, long)


def _trigger(known: Sequence[_Known], trigger: str) -> list[Finding]:
    trigger = one_line(trigger)
    without = [picture for picture in known if not mentions(picture.caption, trigger)] if trigger else []
    message = (
        f'The trigger word "{trigger}" is in {len(known) - len(without)} of {len(known)} captions; {{count}} without: '
        "{names}. Put it in front of all."
    )
    return _finding("trigger_missing", Severity.LOOK, message, without)


# ---------------------------------------------------------------- copies


def _copies(known: Sequence[_Known]) -> list[Finding]:
    """Exact copies, pictures that look alike, and both between training and test."""
    exact = _grouped(known, [picture.facts.sha256 for picture in known])
    near = [[known[place] for place in group] for group in look_alikes([picture.facts.hash for picture in known])]
    leaks = [group for group in near if len({picture.held_out for picture in group}) == 2]
    alike = [group for group in near if len({picture.facts.sha256 for picture in group}) > 1]
    rule = f"fingerprints differ in {NEAR} bits of 64 or less"
    return [
        *_finding(
            "held_out_copy",
            Severity.LOOK,
            f"{{count}} on both sides of the split, or alike ({rule}): {_equal(leaks)}. The test would measure memory: "
            "move each group to one side.",
            _members(leaks),
        ),
        *_finding(
            "exact_copy",
            Severity.LOOK,
            f"{{count}} as exact copies of each other: {_equal(exact)}. Each counts anew; keep one of a group.",
            _members(exact),
        ),
        *_finding(
            "near_copy",
            Severity.LOOK,
            f"{{count}} look alike ({rule}): {_equal(alike)}. Leave out what is the same picture again.",
            _members(alike),
        ),
    ]


def _grouped(known: Sequence[_Known], keys: Sequence[str]) -> list[list[_Known]]:
    """Pictures of equal keys, in groups of two or more."""
    groups: dict[str, list[_Known]] = {}
    for picture, key in zip(known, keys, strict=True):
        groups.setdefault(key, []).append(picture)
    return [group for group in groups.values() if len(group) > 1]


def _members(groups: Iterable[Iterable[_Known]]) -> list[_Known]:
    return [picture for group in groups for picture in group]


def _equal(groups: Sequence[Sequence[_Known]]) -> str:
    """ "a.png = b.png, c.png = d.png"."""
    return named([" = ".join(picture.name for picture in group) for group in groups])


# ---------------------------------------------------------------- pixels


def _small(known: Sequence[_Known], resolution: int) -> list[Finding]:
    small = [picture for picture in known if _short_side(picture) < resolution]
    smallest = min(map(_short_side, small), default=0)
    message = (
        f"Pictures should have {resolution} pixels or more on their shorter side; {{count}} with less (the smallest "
        f"has {smallest}): {{names}}. They are enlarged and teach blur; use larger versions or a lower resolution."
    )
    return _finding("small", Severity.LOOK, message, small)


def _short_side(picture: _Known) -> int:
    return min(picture.facts.width, picture.facts.height)


def _colours(known: Sequence[_Known]) -> list[Finding]:
    """Pictures that are not plain upright 8-bit RGB, and what is made of them."""
    kinds: list[tuple[str, Severity, str, Callable[[PictureFacts], bool]]] = [
        ("transparent", Severity.LOOK, "transparent; the model sees it on white", lambda facts: facts.transparent),
        ("grey", Severity.LOOK, "grey; the model learns grey from it", lambda facts: facts.mode[0] in "1LI"),
        (
            "cmyk",
            Severity.LOOK,
            "in CMYK; without a colour profile its colours are a guess",
            lambda facts: facts.mode == "CMYK",
        ),
        ("16_bit", Severity.NOTE, REDUCED, lambda facts: facts.bits == 16),
        ("turned", Severity.NOTE, "turned by EXIF; it is used upright", lambda facts: facts.turned),
    ]
    findings = []
    for code, severity, what, has in kinds:
        pictures = [picture for picture in known if has(picture.facts)]
        findings += _finding(code, severity, f"{{count}} {what}: {{names}}.", pictures)
    return findings


def _crops(known: Sequence[_Known]) -> list[Finding]:
    """What the square crop leaves out."""
    if not known:
        return []
    lost = {picture: square_loss(picture.facts.width, picture.facts.height) for picture in known}
    mean = sum(lost.values()) / len(lost)
    widest = max(known, key=lambda picture: lost[picture])
    message = (
        f"A centred square leaves out {mean:.0%} of a picture on average, at most {lost[widest]:.0%} ({widest.name})."
    )
    much = tuple(picture.name for picture in known if lost[picture] > MUCH_LOST)
    if mean > MUCH_LOST:
        return [Finding("square_crop", Severity.LOOK, f"{message} Crop by hand what must not be cut off.", much)]
    return [Finding("square_crop", Severity.NOTE, message, much)]
