"""A recipe beside the form, field by field: what is there, what comes, and what it becomes here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.diffusion.prompts.grammar import PLAIN, WEIGHTED, weight_problems
from engine.diffusion.request import (
    GUIDANCE_SCALE,
    LORA_WEIGHT,
    SEED,
    STEPS,
    STRENGTH,
    TextToImage,
    drawing_problems,
    sampler_problems,
)
from engine.errors import Problem
from engine.image_to_image.fitting import shape_of
from engine.incoming.matching import LORA, MODEL, Match, found_here, loras_here, models_here
from engine.incoming.samplers import counterpart
from engine.incoming.weights import notes_on_weights
from engine.prompting.parsing import literal
from engine.rules import Real, Whole, cleaned, field_label, multiple, text
from engine.weights.loras import LoraInfo
from engine.weights.models import ModelInfo, size_problems
from gallery.foreign.recipe import ForeignLora, ForeignRecipe
from gallery.metadata import MOST_IN_WORDS, can_keep

SAME, DIFFERS, ASKS, CANNOT = "same", "differs", "asks", "cannot"
NONE = "none"
PROMPTS = ("prompt", "negative_prompt")
READ_ANEW = {
    PLAIN: "It is read as by earlier versions: brackets are characters.",
    WEIGHTED: "It is read with weights: brackets are no characters.",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One row.

    Attributes:
        name: unique among the rows.
        label: for people.
        current, incoming: what the form has and what the recipe says, in words.
        state: `SAME`; `DIFFERS`, and it can be taken; `ASKS`, it is taken only where the artist says so; `CANNOT`.
        becomes: what the form would have, in words; empty where that is what comes.
        said: sentences on it; empty where all is plain.
        values: what the form takes, by its own names.
        links: where a model or LoRA that is not here may be had, as words and address.
        unhashed: files to be hashed before one can be found by its hash.
    """

    name: str
    label: str
    current: str
    incoming: str
    state: str = DIFFERS
    becomes: str = ""
    said: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()
    unhashed: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Here:
    """What is on this machine.

    Attributes:
        hashes: where hashes of files are remembered.
    """

    models: Sequence[ModelInfo]
    loras: Sequence[LoraInfo]
    hashes: Path | None = None


def compare(recipe: ForeignRecipe, current: Mapping[str, Any], here: Here, syntax: str = WEIGHTED) -> list[Field]:
    """The rows of a recipe: of all that it says, and of what the form has beyond it.

    Args:
        current: the form's values, by the names of requests; LoRAs as pairs of name and weight.
        syntax: how the recipe's prompts are read, one of `SYNTAXES`.
    """
    match = found_here(MODEL, recipe.model, recipe.model_hash, models_here(here.models, here.hashes))
    known = {info.name: info for info in here.models}
    model = known.get(match.name) if match.sure else None
    drawn_with = model or known.get(current.get("model", ""))
    return [
        *_prompts(recipe, current, syntax),
        *_model(recipe, current, match, known),
        *_size(recipe, current, drawn_with),
        *_numbers(recipe, current),
        *_scheduler(recipe, current, drawn_with),
        *_loras(recipe, current, here, drawn_with),
        *_beginning(recipe, current),
        *_variation(current),
        *_clip_skip(recipe),
    ]


def _prompts(recipe: ForeignRecipe, current: Mapping[str, Any], syntax: str) -> Iterator[Field]:
    """Both, where the recipe has any: that there is no negative prompt is a part of it."""
    if not (recipe.prompt or recipe.negative_prompt):
        return
    styles = [str(name) for name in current.get("styles") or ()]
    for name in PROMPTS:
        words = cleaned(getattr(recipe, name))
        now = str(current.get(name) or "")
        notes = notes_on_weights(recipe.tool, words)
        if styles and name == "prompt":
            notes.append(f"The styles chosen now are taken out: {', '.join(styles)}.")
        if read_anew := bool(words) and current.get("prompt_syntax", WEIGHTED) != syntax:
            notes.append(READ_ANEW[syntax])
        values = {name: literal(words), "prompt_syntax": syntax, "styles": []}
        is_same = now == values[name] and not read_anew and not styles
        problems = text(name, words) or (weight_problems(name, words) if syntax == WEIGHTED else [])
        yield _row(name, now or NONE, words or NONE, values, is_same, problems, notes)


def _model(
    recipe: ForeignRecipe, current: Mapping[str, Any], match: Match, known: Mapping[str, ModelInfo]
) -> Iterator[Field]:
    if not (recipe.model or recipe.model_hash):
        return
    now = known[current["model"]].title if current.get("model") in known else str(current.get("model") or NONE)
    is_same = match.sure and match.name == current.get("model")
    usable = bool(match.name) and not known[match.name].problem
    yield Field(
        "model",
        "Model",
        now,
        _named(recipe.model, recipe.model_hash),
        _state(is_same, match.sure, usable),
        match.title if usable else "",
        match.said,
        {"model": match.name} if usable else {},
        match.links,
        match.unhashed,
    )


def _size(recipe: ForeignRecipe, current: Mapping[str, Any], model: ModelInfo | None) -> Iterator[Field]:
    """As it is, where the model draws it; else the same shape in the model's own size, where the artist says so."""
    width, height = recipe.width, recipe.height
    if not width or not height:
        return
    now = current.get("width"), current.get("height")
    values, state, becomes, said = {"width": width, "height": height}, DIFFERS, "", ""
    if model and model.native_size and (size_problems(model, width, height) or width % 8 or height % 8):
        fitted = shape_of(width, height, model.native_size**2, model.size_multiple, model.min_size, model.max_size)
        values, state, becomes = dict(zip(values, fitted, strict=True)), ASKS, _sides(*fitted)
        said = (
            f"{model.title} draws sides of {model.min_size} to {model.max_size} pixels in steps of "
            f"{model.size_multiple}. In this shape it draws {becomes} best."
        )
    elif problems := _undrawable(width, height):
        values, state, said = {}, CANNOT, " ".join(problem.message for problem in problems)
    elif now == (width, height):
        state = SAME
    yield Field("size", "Size", _sides(*now), _sides(width, height), state, becomes, said, values)


def _undrawable(width: int, height: int) -> list[Problem]:
    """What no model draws, for one of which the sizes are not known yet; a form takes no numbers beyond 2**53."""
    if not can_keep(width, height):
        return [Problem("size", f"Pictures have at most {MOST_IN_WORDS}.")]
    return [*multiple("width", width, 8), *multiple("height", height, 8)]


def _sides(width: Any, height: Any) -> str:
    return f"{width} × {height}" if width and height else NONE


def _numbers(recipe: ForeignRecipe, current: Mapping[str, Any]) -> Iterator[Field]:
    told: dict[str, tuple[int | float | None, Whole | Real]] = {
        "seed": (recipe.seed, SEED),
        "num_inference_steps": (recipe.steps, STEPS),
        "guidance_scale": (recipe.guidance, GUIDANCE_SCALE),
    }
    for name, (value, rule) in told.items():
        if value is None:
            continue
        now = current.get(name)
        shown = "drawn anew" if name == "seed" and now is None else _number(now)
        yield _row(name, shown, _number(value), {name: value}, now == value, rule.problems(name, value))


def _scheduler(recipe: ForeignRecipe, current: Mapping[str, Any], model: ModelInfo | None) -> Iterator[Field]:
    if not recipe.sampler:
        return
    here = counterpart(recipe.sampler, recipe.schedule)
    now = str(current.get("scheduler") or NONE)
    incoming = ", ".join(filter(None, [recipe.sampler, recipe.schedule]))
    problems = sampler_problems(here.name, model.prediction_type) if here.name and model else []
    if here.name and not problems and recipe.steps is not None and not STEPS.problems("", recipe.steps):
        drawn = {"num_inference_steps": recipe.steps, "guidance_scale": GUIDANCE_SCALE.default, "scheduler": here.name}
        problems = drawing_problems(drawn)
    said = " ".join([here.said, *(problem.message for problem in problems)]).strip()
    usable = bool(here.name) and not problems
    state = _state(here.exact and here.name == now, here.exact, usable)
    values = {"scheduler": here.name} if usable else {}
    yield Field("scheduler", field_label("scheduler"), now, incoming, state, here.name if usable else "", said, values)


def _loras(recipe: ForeignRecipe, current: Mapping[str, Any], here: Here, model: ModelInfo | None) -> Iterator[Field]:
    """A row for each of the recipe's, and one for those that the form has beyond them."""
    chosen = {str(name): float(weight) for name, weight in current.get("loras") or ()}
    candidates = loras_here(here.loras, here.hashes)
    known = {lora.name: lora for lora in here.loras}
    met = set()
    for place, lora in enumerate(recipe.loras):
        match = found_here(LORA, lora.name, lora.hash, candidates)
        met.add(match.name)
        yield _lora(place, lora, match, known.get(match.name), chosen, model)
    if beyond := [name for name in chosen if name not in met]:
        named = ", ".join(f"{name} {chosen[name]:g}" for name in beyond)
        yield Field("loras_off", "Other LoRAs", named, NONE, values={"loras_off": tuple(beyond)})


def _lora(
    place: int,
    lora: ForeignLora,
    match: Match,
    info: LoraInfo | None,
    chosen: Mapping[str, float],
    model: ModelInfo | None,
) -> Field:
    weight = lora.weight if lora.weight is not None else info.preferred_weight if info else LORA_WEIGHT.default
    notes = [match.said]
    if info and lora.weight is None:
        notes.append(f"The picture tells no weight; {weight:g} is the LoRA's own.")
    wrong = [*LORA_WEIGHT.problems("weight", weight), *_other_base(info, model)] if info else []
    usable = bool(info) and not wrong and not (info and info.problem)
    now = f"{chosen[match.name]:g}" if match.name in chosen else NONE
    told = "" if lora.weight is None else f" at {lora.weight:g}"
    return Field(
        f"lora_{place}",
        f"LoRA {lora.name or lora.hash}",
        now,
        f"{_named(lora.name, lora.hash)}{told}",
        _state(match.sure and chosen.get(match.name) == weight, match.sure, usable),
        f"{match.name} at {weight:g}" if usable else "",
        " ".join([*notes, *(problem.message for problem in wrong)]),
        {"lora": (match.name, float(weight))} if usable else {},
        match.links,
        match.unhashed,
    )


def _other_base(info: LoraInfo | None, model: ModelInfo | None) -> list[Problem]:
    widths = (info.cross_attention_dim if info else 0), (model.cross_attention_dim if model else 0)
    if not (info and model and all(widths)) or widths[0] == widths[1]:
        return []
    return [Problem("loras", f"It is made for {info.base}; {model.title} is {model.base}.")]


def _beginning(recipe: ForeignRecipe, current: Mapping[str, Any]) -> Iterator[Field]:
    """From what it was drawn. The picture it began with is in no file; how strongly it was changed is."""
    starts = current.get("kind", TextToImage.kind) != TextToImage.kind
    strength = recipe.strength
    if strength is None:
        if starts:
            yield Field("start", "Start from", "a picture", "nothing", values={"start_from_nothing": True})
        return
    problems = STRENGTH.problems("strength", strength)
    if not starts and not problems:
        said = "It began with a picture that is not in this file: choose one under “Start from” and set it there."
        problems = [Problem("strength", said)]
    now = current.get("strength")
    yield _row("strength", _number(now), _number(strength), {"strength": strength}, now == strength, problems)


def _variation(current: Mapping[str, Any]) -> Iterator[Field]:
    """No other tool's recipe is read with one."""
    if strength := current.get("variation_strength"):
        yield Field("variation", "Variation", _number(strength), NONE, values={"variation": (0.0, None)})


def _clip_skip(recipe: ForeignRecipe) -> Iterator[Field]:
    """1, or 0 where a tool counts from there, is what everybody does who says nothing."""
    if (recipe.clip_skip or 0) > 1:
        said = "The studio reads the text encoder's layer that the model was trained with, and offers no other."
        yield Field("clip_skip", "Clip skip", "as trained", str(recipe.clip_skip), CANNOT, said=said)


def _row(
    name: str,
    now: str,
    incoming: str,
    values: Mapping[str, Any],
    is_same: bool,
    problems: Sequence[Problem],
    notes: Sequence[str] = (),
) -> Field:
    said = " ".join([*(problem.message for problem in problems), *notes])
    state = _state(is_same, True, not problems)
    return Field(name, field_label(name), now, incoming, state, "", said, {} if problems else values)


def _state(is_same: bool, sure: bool, usable: bool) -> str:
    if not usable:
        return CANNOT
    return SAME if is_same else DIFFERS if sure else ASKS


def _named(name: str, digits: str) -> str:
    """A name with the beginning of its hash, as much as tools show."""
    return f"{name} ({digits[:12]})" if name and digits else name or digits[:12]


def _number(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else NONE if value is None else str(value)
