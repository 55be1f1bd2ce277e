"""What decides a neural style picture beside photo, style, steps and size: values and their rules. Imports no torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import Problem
from engine.kept_photos import PhotoRef, photo_problems, photos_from
from engine.rules import Real, Whole, choice, field_label

# Of VGG19; `engine.metrics.vgg19` has them.
BLOCKS = (2, 2, 4, 4, 4)
LAYERS = tuple(f"relu{block}_{place}" for block, count in enumerate(BLOCKS, 1) for place in range(1, count + 1))
STARTS = ("photo", "noise", "style")
VARIATIONS = ("squared", "absolute")
OPTIMIZERS = ("L-BFGS", "Adam")
CONTENT_WEIGHT, STYLE_WEIGHT = Real(0, 1000, default=1.0), Real(0, 1000, default=10.0)
VARIATION_WEIGHT = Real(0, 1000, default=2.0)
LAYER_WEIGHT, SHARE = Real(0, 1000, default=1.0), Real(0, 1000, default=1.0)
NOISE_SEED = Whole(0, 2**64 - 1)
MOST_STYLES = 8

Weighted = tuple[tuple[str, float], ...]  # layers, each with its weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Styling:
    """How a style is transferred; the defaults are what the studio always did. `styling_problems` has the rules.

    Attributes:
        start: the pixels begin as the photo, as noise, or as the first style picture.
        noise_seed: of that noise.
        content_layers, style_layers: of VGG19, with weights among themselves.
        content_weight, style_weight, variation_weight: of the three losses, 0 to 1000. The last one keeps pixels from
            becoming grainy.
        variation: steps between neighbouring pixels are squared, or taken as they are ("absolute"), which keeps edges.
        optimizer: one of `OPTIMIZERS`.
        more_styles: style pictures besides the first, at most 7.
        shares: of the style pictures, the first included; empty means equal ones.
        keep_colours: whether the result has the photo's colours, and only its brightness is painted.
    """

    start: str = STARTS[0]
    noise_seed: int = NOISE_SEED.default
    content_layers: Weighted = (("relu4_2", 1.0),)
    style_layers: Weighted = (("relu1_1", 1.0), ("relu2_1", 1.0), ("relu3_1", 1.0), ("relu4_1", 1.0), ("relu5_1", 1.0))
    content_weight: float = CONTENT_WEIGHT.default
    style_weight: float = STYLE_WEIGHT.default
    variation_weight: float = VARIATION_WEIGHT.default
    variation: str = VARIATIONS[0]
    optimizer: str = OPTIMIZERS[0]
    more_styles: tuple[PhotoRef, ...] = ()
    shares: tuple[float, ...] = ()
    keep_colours: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        layers = {name: dict(getattr(self, name)) for name in ("content_layers", "style_layers")}
        more = [photo.to_dict() for photo in self.more_styles]
        return asdict(self) | layers | {"more_styles": more, "shares": list(self.shares)}


AS_EVER = Styling()


def styling_from(value: Any) -> Styling:
    """From JSON-like values or a form's; None, as in recipes of earlier versions, means the defaults."""
    if value is None or isinstance(value, Styling):
        return value or AS_EVER
    values = dict(value)
    for name in {"content_layers", "style_layers"} & values.keys():
        values[name] = layers_from(values[name])
    if "more_styles" in values:
        values["more_styles"] = photos_from(values["more_styles"])
    if "shares" in values:
        values["shares"] = tuple(values["shares"])
    return Styling(**values)


def layers_from(value: Any) -> Weighted:
    """Layers from a mapping, or as people write them: "relu3_1, relu4_1:0.5"; what is no number stays for the rules."""
    if isinstance(value, Mapping):
        return tuple(value.items())
    if not isinstance(value, str):
        return tuple((name, weight) for name, weight in value)
    pairs = [part.partition(":") for part in value.split(",") if part.strip()]
    return tuple((name.strip(), _number(weight) if colon else LAYER_WEIGHT.default) for name, colon, weight in pairs)


def layers_in_words(layers: Weighted) -> str:
    """As `layers_from` reads them."""
    return ", ".join(name if weight == LAYER_WEIGHT.default else f"{name}:{weight:g}" for name, weight in layers)


def styling_problems(styling: Styling) -> list[Problem]:
    """Every rule that these values break."""
    weights = {"content_weight": CONTENT_WEIGHT, "style_weight": STYLE_WEIGHT, "variation_weight": VARIATION_WEIGHT}
    problems = [
        *choice("start", styling.start, STARTS),
        *NOISE_SEED.problems("noise_seed", styling.noise_seed),
        *_layers("content_layers", styling.content_layers),
        *_layers("style_layers", styling.style_layers),
        *(problem for name, rule in weights.items() for problem in rule.problems(name, getattr(styling, name))),
        *choice("variation", styling.variation, VARIATIONS),
        *choice("optimizer", styling.optimizer, OPTIMIZERS),
        *_styles(styling),
    ]
    if not isinstance(styling.keep_colours, bool):
        problems.append(Problem("keep_colours", f"Keep colours must be true or false; got {styling.keep_colours!r}."))
    if not problems and styling.content_weight == styling.style_weight == 0:
        text = "Content weight and style weight must not both be 0; nothing would be painted. Raise one of them."
        problems.append(Problem("style_weight", text))
    return problems


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text.strip()


def _layers(field: str, layers: Weighted) -> list[Problem]:
    label, names = field_label(field), [name for name, _ in layers]
    if unknown := [name for name in names if name not in LAYERS]:
        return [Problem(field, f"{label} must be among {LAYERS[0]} to {LAYERS[-1]} of VGG19; got {unknown[0]!r}.")]
    if twice := [name for name in LAYERS if names.count(name) > 1]:
        return [Problem(field, f"{label} must be named once each; got {twice[0]} more than once.")]
    if wrong := [(name, weight) for name, weight in layers if weight not in LAYER_WEIGHT]:
        name, weight = wrong[0]
        return [Problem(field, f"{label} must have weights from {LAYER_WEIGHT}; got {weight!r} for {name}.")]
    if not any(weight for _, weight in layers):
        return [Problem(field, f"{label} must have one with a weight above 0. Name one, such as relu4_2.")]
    return []


def _styles(styling: Styling) -> list[Problem]:
    problems = [problem for photo in styling.more_styles for problem in photo_problems("style", photo)]
    count = 1 + len(styling.more_styles)
    if count > MOST_STYLES:
        text = f"At most {MOST_STYLES} style pictures are blended; got {count}. Leave some out."
        problems.append(Problem("style", text))
    if not styling.shares:
        return problems
    problems += [problem for share in styling.shares for problem in SHARE.problems("shares", share)]
    if len(styling.shares) != count:
        text = f"Shares must be one for each of {count} style pictures; got {len(styling.shares)}."
        problems.append(Problem("shares", text))
    if not problems and not sum(styling.shares):
        problems.append(Problem("shares", "Shares must not all be 0. Raise that of one style picture."))
    return problems
