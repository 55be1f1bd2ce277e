"""What can be asked of an upscaler: an immutable value, validated when it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from engine.diffusion.prompts.grammar import PLAIN
from engine.diffusion.request import TextToImage, loras_from, text_to_image
from engine.errors import InvalidRequest, Problem
from engine.kept_photos import PhotoRef, photo_problems, photos_from
from engine.rules import Real, field_label

MOST_PICTURES = 50
FACTORS = (2, 4)
REDRAW_STRENGTH = Real(0.2, 0.5, default=0.3)
DEFAULT_UPSCALER = "realesr-animevideov3"

_TAKEN_OVER = (
    "prompt",
    "negative_prompt",
    "prompt_syntax",
    "seed",
    "num_inference_steps",
    "guidance_scale",
    "scheduler",
    "model",
    "loras",
)

# How a recipe's words are read: plain where it does not say, and as words that came of any template already.
WORDS: dict[str, Any] = {"prompt_syntax": PLAIN, "prompt_template": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upscale:
    """Pictures made larger.

    Attributes:
        photos: 1 to 50 kept photos or pictures of the gallery.
        factor: how much wider and higher, one of `FACTORS`.
        upscaler: name of an upscaler in the catalogue.
        redraw_strength: 0, or `REDRAW_STRENGTH`: how freely the enlarged picture is drawn again in a second pass.
        redraw: what that draws: prompt, model, seed and so on; its width and height are those of the tiles, and tile i
            is drawn from its seed + i. None where there is no second pass.

    Raises:
        InvalidRequest: one or more values break a rule; all are reported together.
    """

    photos: tuple[PhotoRef, ...]
    factor: int = 2
    upscaler: str = DEFAULT_UPSCALER
    redraw_strength: float = 0.0
    redraw: TextToImage | None = None

    kind: ClassVar[str] = "upscale"

    def __post_init__(self) -> None:
        problems = upscale_problems({name: getattr(self, name) for name in self.__slots__})
        if problems:
            raise InvalidRequest(problems)

    def of(self, index: int) -> "Upscale":
        """The request for one of its pictures alone."""
        return replace(self, photos=(self.photos[index],))

    def alone(self, index: int) -> "Upscale":
        """The request for the picture of that index; one of a recipe names its own picture alone already."""
        return self.of(index) if len(self.photos) > 1 else self

    def with_seed(self) -> "Upscale":
        """This request with the seed of its second pass: its own, or drawn now."""
        return replace(self, redraw=self.redraw.with_seed()) if self.redraw else self

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        values = {name: getattr(self, name) for name in ("factor", "upscaler", "redraw_strength")}
        redraw = self.redraw.to_dict() if self.redraw else None
        return values | {"photos": [photo.to_dict() for photo in self.photos], "redraw": redraw}


def upscale(values: Mapping[str, Any]) -> Upscale:
    """Build the request from JSON-like values (photos and redraw as mappings)."""
    redraw = values.get("redraw")
    drawing = text_to_image(redraw) if isinstance(redraw, Mapping) else redraw
    return Upscale(**{**values, "photos": photos_from(values.get("photos")), "redraw": drawing})


def drawing_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """What a second pass takes over from the request of a drawing, as its recipe has it; empty for anything else, also
    where its model or LoRAs cannot be read.

    Size, variations and the number of pictures are its own. Its words are final and read as they were then: `WORDS` say
    so, and leave with them.
    """
    if not isinstance(request.get("prompt"), str) or not _tools_are_named(request):
        return {}
    return WORDS | {name: request[name] for name in _TAKEN_OVER if name in request}


def _tools_are_named(request: Mapping[str, Any]) -> bool:
    """Whether a model, where there is one, and LoRAs are named by texts; a damaged recipe may hold anything."""
    try:
        names = [request.get("model", ""), *(lora.name for lora in loras_from(request.get("loras")))]
    except TypeError:
        return False
    return all(isinstance(name, str) for name in names)


def upscale_problems(values: Mapping[str, Any]) -> list[Problem]:
    """Every rule of `Upscale` that these values break, those of the upscaler aside."""
    return [
        *_pictures(values["photos"]),
        *_factor(values["factor"]),
        *_named(values["upscaler"]),
        *_second_pass(values),
    ]


def _factor(value: Any) -> list[Problem]:
    if type(value) is int and value in FACTORS:
        return []
    factors = " or ".join(map(str, FACTORS))
    return [Problem("factor", f"{field_label('factor')} must be {factors} times; got {value!r}.")]


def _named(value: Any) -> list[Problem]:
    return [] if isinstance(value, str) else [Problem("upscaler", f"An upscaler is named by a text; got {value!r}.")]


def _second_pass(values: Mapping[str, Any]) -> list[Problem]:
    strength, redraw = values["redraw_strength"], values["redraw"]
    if strength == 0 and not isinstance(strength, bool):
        return []
    if problems := REDRAW_STRENGTH.problems("redraw_strength", strength):
        return [Problem("redraw_strength", f"{problems[0].message} 0 leaves the second pass out.")]
    if not isinstance(redraw, TextToImage):
        return [Problem("redraw", "A second pass draws by a prompt and a model; got none. Name a prompt.")]
    return []


def _pictures(photos: tuple[PhotoRef, ...]) -> list[Problem]:
    if not photos:
        return [Problem("photos", "There must be a picture. Choose one or more files.")]
    if len(photos) > MOST_PICTURES:
        text = f"At most {MOST_PICTURES} pictures go into one job; got {len(photos)}. Leave some out."
        return [Problem("photos", text)]
    return [problem for photo in photos for problem in photo_problems("photos", photo)]
