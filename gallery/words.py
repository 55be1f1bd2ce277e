"""What a picture is called, and what other tools read in it: said by the kind of work that made it, never guessed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gallery.recipe import Recipe

Pairs = tuple[tuple[str, Any], ...]

# How a picture came to be, as the IPTC's news codes call it (cv.iptc.org/newscodes/digitalsourcetype).
TRAINED = "trainedAlgorithmicMedia"  # made by a trained model
COMPOSITE = "compositeWithTrainedAlgorithmicMedia"  # made by one from something else, such as a photo


@dataclass(frozen=True, slots=True)
class Parameters:
    """What AUTOMATIC1111's `parameters` text says; pairs whose value is None or empty are left out.

    Attributes:
        prompt: with LoRA tags.
        core: key and value of the last line, the fields that stay when room is short.
        optional: further ones.
    """

    prompt: str
    negative_prompt: str = ""
    core: Pairs = ()
    optional: Pairs = ()


@dataclass(frozen=True, slots=True)
class Words:
    """About one picture.

    Attributes:
        title: what it is listed under and found by.
        negative_prompt: what was to be avoided.
        parameters: for other tools; None where that text could say nothing true, and none is written then.
        digital_source: the mark that its file carries, `TRAINED` or `COMPOSITE`; empty where nobody knows.
        rights: of the photos that it was made from: creator, rights, credit; see `gallery.xmp.CARRIED`.
    """

    title: str
    negative_prompt: str = ""
    parameters: Parameters | None = None
    digital_source: str = TRAINED
    rights: Mapping[str, Sequence[str]] = field(default_factory=dict)


Describe = Callable[[Recipe], Words]


def by_kind(recipe: Recipe) -> Words:
    """Of a picture about whose kind nothing is known."""
    return Words(title=recipe.kind)
