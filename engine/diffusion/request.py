"""Drawings as they can be asked for: immutable values, validated when they are made.

Requests travel as JSON through the job queue (`to_dict`, `text_to_image`) and into every
picture's recipe, so the field names are the ones the diffusers library uses.
"""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Self

from engine.diffusion.prompts.grammar import PLAIN, SYNTAXES, WEIGHTED, weight_problems
from engine.errors import InvalidRequest, Problem
from engine.rules import Real, Whole, choice, cleaned, multiple, text
from engine.settings import OPENVINO, TORCH

SEEDS = 2**64  # how many there are; other tools have seeds of up to 64 bits
RANDOM_SEED_LIMIT = 2**32  # drawn seeds stay in the range that other tools show and accept

SEED = Whole(0, SEEDS - 1)
STEPS = Whole(1, 150, default=25)
GUIDANCE_SCALE = Real(0, 30, default=7.5)
NO_GUIDANCE = 1  # up to it the prompt alone is followed: one pass through the model for each step, not two
NUM_IMAGES = Whole(1, 8, default=1)
LORA_WEIGHT = Real(-2.0, 2.0, default=1.0)
VARIATION_STRENGTH = Real(0, 1, default=0.0)
STRENGTH = Real(0, 1)  # how much of a start picture is given up

# The names artists know, in the order they are offered. `engine.diffusion.schedulers` builds them.
SCHEDULERS = (
    "DDIM",
    "Euler",
    "Euler a",
    "DPM++ 2M",
    "DPM++ 2M Karras",
    "DPM++ SDE Karras",
    "UniPC",
    "Heun",
    "LMS",
    "LCM",
    "Turbo",
)
LCM_STEPS = Whole(1, 50)  # its teacher had 50, of which it visits some
# What "sample" means to a model: it predicts the clean picture itself. The library has no formula for it in these.
SAMPLE = "sample"
NOT_FOR_SAMPLE = ("Euler a", "DPM++ SDE Karras")

ENLARGED = (1, 2, 4)  # times as large as it is drawn

BACKENDS = (TORCH, OPENVINO)
# What a request means that does not say, as those of earlier versions do not.
AS_BEFORE = {"backend": TORCH, "loras_merged": False, "enlarged": 1}

# Fields that may have words of their own for each image, and where those stand.
PER_IMAGE = {"prompt": "prompts", "negative_prompt": "negative_prompts"}


@dataclass(frozen=True, slots=True)
class LoraWeight:
    """A LoRA by name and how strongly it is applied: `LORA_WEIGHT`, 0 is off."""

    name: str
    weight: float = LORA_WEIGHT.default


@dataclass(frozen=True, slots=True, kw_only=True)
class TextToImage:
    """Images from a prompt with Stable Diffusion.

    Attributes:
        prompt: what to draw, 1 to 4000 characters; `cleaned`, as is the negative prompt.
        negative_prompt: what to avoid, up to 4000 characters.
        seed: `SEED`; image i is drawn from `seed + i`, and after the highest seed comes 0. None means random, drawn on
            submission.
        num_inference_steps: denoising steps, `STEPS`.
        guidance_scale: how closely to follow the prompt, `GUIDANCE_SCALE`; 0 to 1 is without guidance.
        width, height: pixels with which it is drawn, multiples of 8; the model sets further limits.
        num_images: `NUM_IMAGES`.
        scheduler: one of `SCHEDULERS`.
        model: name of a model in the catalogue.
        loras: applied together, each name once.
        variation_seed: the seed whose noise is mixed into that of `seed`; image i takes `variation_seed + i`, and all
            take `seed`. None is as `seed`: drawn on submission where it is used.
        variation_strength: `VARIATION_STRENGTH`; 0 is the noise of `seed`, 1 that of `variation_seed`.
        variation_of: id of the gallery's picture that more are wanted of; None for a drawing of its own.
        prompt_syntax: how both prompts are read, one of `SYNTAXES`: `plain` is every character as it stands, and no
            more than the text encoder reads at once, which is what requests without this field mean; `a1111` has
            weights and any length (`engine.diffusion.prompts`).
        prompt_template, negative_prompt_template: what was typed, where the words come of it; see `engine.prompting`.
        styles: names of the saved styles that are in the words already.
        backend: what computes it, one of `BACKENDS`; requests without this field mean PyTorch. A recipe says which
            one really did.
        loras_merged: whether LoRAs are added to the weights while it is drawn, instead of running beside them, as they
            do for requests without this field: quicker, and apart from that by rounding alone.
        enlarged: how many times as large the drawn picture is made by the upscaler that ships, one of `ENLARGED`;
            requests without this field mean 1.
        prompts, negative_prompts: the words of each image where they differ; `prompt` is then that of the first.

    Raises:
        InvalidRequest: one or more values break a rule; all are reported together.
    """

    prompt: str
    negative_prompt: str = ""
    seed: int | None = None
    num_inference_steps: int = STEPS.default
    guidance_scale: float = GUIDANCE_SCALE.default
    width: int
    height: int
    num_images: int = NUM_IMAGES.default
    scheduler: str = SCHEDULERS[0]
    model: str
    loras: tuple[LoraWeight, ...] = ()
    variation_seed: int | None = None
    variation_strength: float = VARIATION_STRENGTH.default
    variation_of: str | None = None
    prompt_syntax: str = PLAIN
    prompt_template: str | None = None
    negative_prompt_template: str | None = None
    prompts: tuple[str, ...] = ()
    negative_prompts: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    backend: str = TORCH
    loras_merged: bool = False
    enlarged: int = 1

    kind: ClassVar[str] = "text_to_image"

    def __post_init__(self) -> None:
        for name in ("prompt", "negative_prompt"):
            if isinstance(words := getattr(self, name), str):
                object.__setattr__(self, name, cleaned(words))
        for name in (*PER_IMAGE.values(), "styles"):
            if isinstance(several := getattr(self, name), list):  # as JSON has it
                object.__setattr__(self, name, tuple(several))
        if problems := self.problems({spec.name: getattr(self, spec.name) for spec in fields(self)}):
            raise InvalidRequest(problems)

    @staticmethod
    def problems(values: Mapping[str, Any]) -> list[Problem]:
        """Every rule that the values of all fields break."""
        return text_to_image_problems(values)

    def with_seed(self) -> Self:
        """This request with its seeds: its own, or drawn now."""
        drawn = {name: random.SystemRandom().randrange(RANDOM_SEED_LIMIT) for name in self._open_seeds()}
        if not drawn:
            return self
        seeded = copy(self)  # not `replace`, which would check all rules again: a drawn seed keeps them
        for name, seed in drawn.items():
            object.__setattr__(seeded, name, seed)
        return seeded

    def _open_seeds(self) -> list[str]:
        varied = ["variation_seed"] if self.variation_strength else []
        return [name for name in ("seed", *varied) if getattr(self, name) is None]

    def parents(self) -> list[dict[str, Any]]:
        """What its pictures are made from, as `gallery.recipe.Recipe.parents` has it."""
        return [{"role": "variation", "image": self.variation_of, "photo": None}] if self.variation_of else []

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        values = asdict(self)
        values["loras"] = [asdict(lora) for lora in self.loras]
        for name in (*PER_IMAGE.values(), "styles"):
            if several := values.pop(name):
                values[name] = list(several)
        for name, meant in AS_BEFORE.items():
            if values[name] == meant:
                del values[name]
        return values

    def of_image(self, index: int) -> Self:
        """This request with the words of one of its images for all."""
        own: dict[str, Any] = {
            name: getattr(self, several)[index] for name, several in PER_IMAGE.items() if getattr(self, several)
        }
        if not own:
            return self
        own |= dict.fromkeys(PER_IMAGE.values(), ())
        return replace(self, **own)

    def alone(self, index: int) -> Self:
        """This request for one of its images by itself, from the same noise; its words come of no template any more."""
        seeds = {"seed": seed_of(self, index)}
        if self.variation_strength:
            seeds["variation_seed"] = variation_seed_of(self, index)
        own: dict[str, Any] = {"num_images": 1, "prompt_template": None, "negative_prompt_template": None, **seeds}
        return replace(self.of_image(index), **own)

    @property
    def words(self) -> str:
        """What the whole job is called: the template, where its images have words of their own."""
        return (self.prompts and self.prompt_template) or self.prompt


def text_to_image(values: Mapping[str, Any]) -> TextToImage:
    """Build the request from JSON-like values (`loras` as mappings or pairs)."""
    return TextToImage(**{**values, "loras": loras_from(values.get("loras"))})


def seed_of(request: TextToImage, index: int) -> int:
    """The seed of one image of a request whose seed is drawn; after the highest comes 0."""
    assert request.seed is not None
    return (request.seed + (0 if request.variation_strength else index)) % SEEDS


def variation_seed_of(request: TextToImage, index: int) -> int:
    """The seed of one image's variation, where the request has any."""
    assert request.variation_seed is not None
    return (request.variation_seed + index) % SEEDS


def steps_run(steps: int, strength: float) -> int:
    """How many of the steps are run on a start picture: none at strength 0, else the last ones, at least one."""
    return min(steps, max(1, int(steps * strength + 1e-6))) if strength else 0


def prompts_of(request: TextToImage) -> list[str]:
    """All that is read for it: both prompts, and those of its images."""
    return [request.prompt, request.negative_prompt, *request.prompts, *request.negative_prompts]


def loras_from(values: Iterable[Any] | None) -> tuple[LoraWeight, ...]:
    """LoRAs from mappings, (name, weight) pairs or `LoraWeight`s; None means no LoRA."""
    return tuple(_lora(value) for value in values or ())


def text_to_image_problems(values: Mapping[str, Any]) -> list[Problem]:
    """Every rule of `TextToImage` that these values break, model limits aside."""
    return [
        *text("prompt", values["prompt"], required=True),
        *text("negative_prompt", values["negative_prompt"]),
        *([] if values["seed"] is None else SEED.problems("seed", values["seed"])),
        *drawing_problems(values),
        *multiple("width", values["width"], 8),
        *multiple("height", values["height"], 8),
        *NUM_IMAGES.problems("num_images", values["num_images"]),
        *_loras(values["loras"]),
        *([] if values["variation_seed"] is None else SEED.problems("variation_seed", values["variation_seed"])),
        *VARIATION_STRENGTH.problems("variation_strength", values["variation_strength"]),
        *_picture_id("variation_of", values["variation_of"]),
        *choice("prompt_syntax", values["prompt_syntax"], SYNTAXES),
        *_weights(values),
        *_texts(values),
        *choice("backend", values.get("backend", TORCH), BACKENDS),
        *_merging(values.get("loras_merged", False)),
        *_enlarging(values.get("enlarged", 1)),
    ]


def _merging(value: Any) -> list[Problem]:
    text = f"LoRAs are merged into the weights (true) or run beside them (false); got {str(value)[:60]!r}."
    return [] if isinstance(value, bool) else [Problem("loras_merged", text)]


def _enlarging(value: Any) -> list[Problem]:
    if type(value) is int and value in ENLARGED:
        return []
    times = ", ".join(map(str, ENLARGED))
    return [Problem("enlarged", f"Times as large must be one of {times}; got {str(value)[:60]!r}.")]


def _weights(values: Mapping[str, Any]) -> list[Problem]:
    """Of prompts that are read with weights and not too long, which is said already."""
    if values["prompt_syntax"] != WEIGHTED:
        return []
    fields_of_text = ("prompt", "negative_prompt")
    read = [(name, each) for name in fields_of_text for each in (values[name], *_further(values, name))]
    found = [problem for name, each in read if not text(name, each) for problem in weight_problems(name, each)]
    return list(dict.fromkeys(found))


def _further(values: Mapping[str, Any], name: str) -> Sequence[str]:
    """The words of the images behind the first, where they have their own; what is no list is refused elsewhere."""
    several = values.get(PER_IMAGE[name])
    return several[1:] if isinstance(several, tuple) else ()


def _picture_id(field: str, value: Any) -> list[Problem]:
    if value is None or (isinstance(value, str) and re.fullmatch("[0-9A-Z]{26}", value)):
        return []
    return [Problem(field, f"A picture of the gallery is named by its id of 26 characters; got {str(value)[:60]!r}.")]


def _texts(values: Mapping[str, Any]) -> list[Problem]:
    """Of templates, and of the words that came of them."""
    problems = []
    styles = values.get("styles", ())
    if not isinstance(styles, tuple) or not all(isinstance(name, str) for name in styles):
        problems.append(Problem("styles", f"Styles are chosen by their names; got {str(styles)[:60]}."))
    for name, several in PER_IMAGE.items():
        template, texts = values.get(f"{name}_template"), values.get(several, ())
        problems += [] if template is None else text(name, template)
        if not isinstance(texts, tuple) or len(texts) not in (0, values["num_images"]):
            message = f"There must be words for each of the {values['num_images']} images; got {str(texts)[:60]}."
            problems.append(Problem(name, message))
            continue
        for index, words in enumerate(texts[1:], 2):  # the first is the prompt itself
            for problem in text(name, words, required=name == "prompt"):
                problems.append(Problem(name, f"Image {index}: {problem.message}"))
    return problems


def drawing_problems(values: Mapping[str, Any]) -> list[Problem]:
    """Every rule that steps, guidance scale and scheduler break."""
    return [
        *STEPS.problems("num_inference_steps", values["num_inference_steps"]),
        *GUIDANCE_SCALE.problems("guidance_scale", values["guidance_scale"]),
        *choice("scheduler", values["scheduler"], SCHEDULERS),
        *_lcm_problems(values["scheduler"], values["num_inference_steps"]),
    ]


def sampler_problems(scheduler: str, prediction_type: str) -> list[Problem]:
    """Why this scheduler cannot draw with a model that predicts `prediction_type`."""
    if prediction_type != SAMPLE or scheduler not in NOT_FOR_SAMPLE:
        return []
    others = ", ".join(name for name in SCHEDULERS if name not in NOT_FOR_SAMPLE)
    message = (
        f"{scheduler} needs a model that predicts noise or v; this one predicts the picture itself ({SAMPLE}). "
        f"Choose one of {others}."
    )
    return [Problem("scheduler", message)]


def _lcm_problems(scheduler: Any, steps: Any) -> list[Problem]:
    if scheduler != "LCM" or STEPS.problems("num_inference_steps", steps):
        return []
    field = "num_inference_steps"
    problems = LCM_STEPS.problems(field, steps)
    return [Problem(field, f"{problem.message} LCM has no more; it is made for 4 to 8.") for problem in problems]


def _lora(value: Any) -> LoraWeight:
    if isinstance(value, LoraWeight):
        return value
    if isinstance(value, Mapping):
        return LoraWeight(**value)
    return LoraWeight(*value)


def _loras(loras: tuple[LoraWeight, ...]) -> list[Problem]:
    problems = []
    names = [lora.name for lora in loras]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(Problem("loras", f"Each LoRA may be chosen once; got {name!r} {names.count(name)} times."))
    for lora in loras:
        for problem in LORA_WEIGHT.problems("weight", lora.weight):
            problems.append(Problem("loras", f"LoRA {lora.name!r}: {problem.message}"))
    return problems
