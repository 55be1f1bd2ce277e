"""What turns a photo into an anime scene: the translator that ships, those the artist imported, and three that need
no trained generator. Imports no torch.

A translator is a .safetensors file and a .json of the same name beside it, see `Sidecar`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.errors import ModelBroken, NotFound
from engine.files import printable, read_json
from engine.settings import Settings
from engine.translation.request import DEFAULT_TRANSLATOR
from engine.weights.manifest import damaged

ChannelOrder = Literal["rgb", "bgr"]


@dataclass(frozen=True, slots=True)
class Translator:
    """A way to translate photos, as the pages show it and the worker loads it.

    Attributes:
        name: short, unique, used in requests.
        title: for people.
        architecture: a key of `ARCHITECTURES`, or the name of one of `WITHOUT_WEIGHTS`; "unknown" with a problem.
        native_size: long side in pixels to which its own tool resizes a photo; None where it takes any.
        size_multiple: sides must be multiples of this many pixels.
        min_size: shortest side in pixels that it can take.
        channel_order: that of the pixels it takes and gives.
        licence: of its weights, in words.
        non_commercial: whether the licence is known to forbid commercial use.
        path: of the .safetensors file; None where there are no weights.
        problem: why it cannot be used, and what to do; empty when there is none.
        sha256: of that file; empty where there is none.
    """

    name: str
    title: str
    architecture: str
    native_size: int | None
    size_multiple: int
    min_size: int
    channel_order: ChannelOrder
    licence: str
    non_commercial: bool
    path: Path | None
    problem: str = ""
    sha256: str = ""

    @property
    def takes_style(self) -> bool:
        """Whether it is asked with a picture whose style it takes."""
        return self.architecture in (NEURAL_STYLE, VQI2I)

    @property
    def does(self) -> str:
        """What it does, in one plain sentence."""
        return DOES.get(self.architecture, "")


@dataclass(frozen=True, slots=True)
class Limits:
    """What all translators of one architecture share; the fields are those of `Translator`."""

    size_multiple: int
    min_size: int
    channel_order: ChannelOrder = "rgb"


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known about published weights.

    Attributes:
        architecture: a key of `ARCHITECTURES`.
        in_name: what their files' names hold, in small letters.
        title: for people.
        native_size, licence, non_commercial: as in `Translator`.
    """

    architecture: str
    in_name: str
    title: str
    native_size: int | None
    licence: str
    non_commercial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """The .json beside the weights.

    Attributes:
        architecture, title, native_size, channel_order, licence, non_commercial: as in `Translator`.
        settings: what the generator is built with.
        source: name of the file that was imported, or how the weights were made.
        source_sha256: of that file, 64 hexadecimal characters; empty where there is none.
        sha256: of the .safetensors file.
    """

    architecture: str
    settings: dict[str, Any]
    title: str
    native_size: int | None
    channel_order: ChannelOrder
    licence: str
    non_commercial: bool
    source: str
    source_sha256: str
    sha256: str


ARCHITECTURES = {
    "nijigan": Limits(4, 16),
    "cut": Limits(4, 16),
    "cyclegan": Limits(4, 16),
    "cartoongan": Limits(4, 16, "bgr"),
    "animegan2": Limits(32, 256),
    "vqi2i": Limits(16, 32),
}

# Of each architecture, what it makes of a photo.
DOES = {
    "painter": "Paints a background without a network: clean skies, leaves in dabs, warm light; shapes stay.",
    "classical": "Calm areas, clean lines and painted skies, computed without a network; broader than Painter.",
    "nijigan": "A small network's illustration; often softer than Painter, with blobs or halos on some photos.",
    "cut": "Draws the photo anew in the manner that its network learnt from unpaired pictures.",
    "cyclegan": "Repaints the photo in the manner that its network learnt from unpaired pictures.",
    "cartoongan": "Flat areas and dark contours, as its network learnt from frames of cartoons.",
    "animegan2": "Bright, simplified shapes, as its network learnt from frames of anime.",
    "vqi2i": "Draws the photo anew in the style of a picture that you choose, as its networks learnt from two folders.",
    "neural-style": "Gives the photo the colours and strokes of a picture that you choose, step by step.",
}

UNKNOWN = "licence unknown"
_ANIMEGAN2 = "AnimeGANv2: weights for non-commercial use only"
# The first that fits tells; the last of each architecture fits every file.
ORIGINS = (
    Origin("nijigan", "", "NijiGAN", 256, UNKNOWN),
    Origin(
        "cut",
        "shinkai_net_g",
        "Scenimefy",
        None,
        "S-Lab License 1.0: non-commercial use only; trained on frames of films",
        True,
    ),
    Origin("cut", "", "CUT", 256, f"{UNKNOWN} (Scenimefy's weights: S-Lab License 1.0, non-commercial use only)"),
    Origin("cyclegan", "", "CycleGAN", 256, f"{UNKNOWN} (CycleGAN's code: BSD)"),
    Origin("cartoongan", "", "CartoonGAN", 450, "terms of the CartoonGAN authors, unclear; the port's code: MIT"),
    Origin("animegan2", "face_paint_512", "AnimeGANv2 faces", 512, _ANIMEGAN2, True),
    Origin("animegan2", "celeba_distill", "AnimeGANv2 webtoon faces", 256, _ANIMEGAN2, True),
    Origin("animegan2", "", "AnimeGANv2", None, _ANIMEGAN2, True),
)

SHIPPED = NIJIGAN = "nijigan"
VQI2I = "vqi2i"
NEURAL_STYLE, CLASSICAL, PAINTER = "neural-style", "classical", DEFAULT_TRANSLATOR
_NEURAL_STYLE, _CLASSICAL, _PAINTER = WITHOUT_WEIGHTS = (
    Translator(
        name=NEURAL_STYLE,
        title="Neural style",
        architecture=NEURAL_STYLE,
        native_size=None,
        size_multiple=1,
        min_size=32,
        channel_order="rgb",
        licence="VGG19 weights: public domain",
        non_commercial=False,
        path=None,
    ),
    Translator(
        name=CLASSICAL,
        title="Classical",
        architecture=CLASSICAL,
        native_size=None,
        size_multiple=1,
        min_size=16,
        channel_order="rgb",
        licence="MIT, as the studio",
        non_commercial=False,
        path=None,
    ),
    Translator(
        name=PAINTER,
        title="Painter",
        architecture=PAINTER,
        native_size=None,
        size_multiple=1,
        min_size=16,
        channel_order="rgb",
        licence="MIT, as the studio",
        non_commercial=False,
        path=None,
    ),
)
RESERVED = (SHIPPED, *(known.name for known in WITHOUT_WEIGHTS))


def own_folder(settings: Settings) -> Path:
    """Where imported translators lie."""
    return settings.home / "weights" / "translators"


def translators(settings: Settings) -> list[Translator]:
    """Every translator, the default first, also those that cannot be used, with the reason in `problem`; reads the
    disk anew."""
    shipped_and_own = [*_shipped(settings.weights_dir), *_own(own_folder(settings))]
    return [_PAINTER, _CLASSICAL, *shipped_and_own, _NEURAL_STYLE]


def translator(settings: Settings, name: str) -> Translator:
    """The translator of that name.

    Raises:
        NotFound: there is none; the message names those there are.
    """
    found = {known.name: known for known in translators(settings)}
    if name not in found:
        raise NotFound(f"There is no translator named {name!r}; known are: {', '.join(found)}.")
    return found[name]


def origin_of(architecture: str, file: str) -> Origin:
    """What is known about weights of this architecture in a file of this name."""
    fitting = (known for known in ORIGINS if known.architecture == architecture and known.in_name in file.lower())
    return next(fitting)


def describe(name: str, path: Path) -> Translator:
    """The translator in a .safetensors file, by its sidecar.

    Raises:
        ModelBroken: the sidecar is missing or cannot be read.
    """
    sidecar = read_sidecar(path)
    limits = ARCHITECTURES[sidecar.architecture]
    return Translator(
        name=name,
        title=sidecar.title,
        architecture=sidecar.architecture,
        native_size=sidecar.native_size,
        size_multiple=limits.size_multiple,
        min_size=limits.min_size,
        channel_order=sidecar.channel_order,
        licence=sidecar.licence,
        non_commercial=sidecar.non_commercial,
        path=path,
        sha256=sidecar.sha256,
    )


def read_sidecar(path: Path) -> Sidecar:
    """What is written beside a .safetensors file.

    Raises:
        ModelBroken: nothing is, or it is damaged.
    """
    beside = path.with_suffix(".json")
    try:
        values = read_json(beside)
        wrong = [name for name, fits in _SIDECAR_RULES.items() if not fits(values.get(name))]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelBroken(f"{beside.name} beside {path.name} cannot be read: {reason}. {_AGAIN}") from None
    if wrong:
        given = ", ".join(f"{name} {str(values.get(name))[:80]!r}" for name in wrong)
        raise ModelBroken(f"{beside.name} must describe {path.name}; got {given}. {_AGAIN}")
    known = {name: values[name] for name in _SIDECAR_RULES}
    texts = {name: printable(value) for name, value in known.items() if isinstance(value, str)}
    return Sidecar(**known | texts)


_AGAIN = "Import its original file again."
_SIDECAR_RULES = {
    "architecture": lambda value: isinstance(value, str) and value in ARCHITECTURES,
    "settings": lambda value: isinstance(value, dict),
    "title": lambda value: isinstance(value, str) and 0 < len(value) <= 200,
    "native_size": lambda value: value is None or (type(value) is int and 16 <= value <= 8192),
    "channel_order": lambda value: value in ("rgb", "bgr"),
    "licence": lambda value: isinstance(value, str) and 0 < len(value) <= 1000,
    "non_commercial": lambda value: isinstance(value, bool),
    "source": lambda value: isinstance(value, str) and len(value) <= 1000,
    "source_sha256": lambda value: isinstance(value, str) and len(value) in (0, 64),
    "sha256": lambda value: isinstance(value, str) and len(value) == 64,
}


def _shipped(weights_dir: Path) -> Iterator[Translator]:
    path = weights_dir / SHIPPED / "model.safetensors"
    if path.exists():
        yield _found(SHIPPED, path, " ".join(damaged(weights_dir, path.parent)))


def _own(folder: Path) -> Iterator[Translator]:
    for path in sorted(folder.glob("*.safetensors")):
        if path.stem not in RESERVED:
            yield _found(path.stem, path)


def _found(name: str, path: Path, problem: str = "") -> Translator:
    """The translator in a file, or an entry that says why it cannot be used."""
    try:
        if problem:
            raise ModelBroken(f"{problem} Fetch the studio's files anew.")
        return describe(name, path)
    except ModelBroken as error:
        return Translator(name, name, "unknown", None, 1, 1, "rgb", UNKNOWN, False, path, printable(str(error)))
