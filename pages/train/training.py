"""What the Train page asks of each kind of training."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.studio import Studio


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One kind, as the page offers it.

    Attributes:
        name: short, for keys of widgets, and in the address as `what`.
        label: for people.
        about: what it is good for, in a sentence.
        form: shows the left side: which pictures, the settings, and the button that begins it.
        runs: shows the right side: the training at work with its curves, and those that ended.
    """

    name: str
    label: str
    about: str
    form: Callable[[Studio], None]
    runs: Callable[[Studio], None]
