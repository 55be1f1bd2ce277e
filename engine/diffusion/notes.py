"""What an artist should know before a drawing begins: words and sizes of which the model makes nothing good.

They are notes, not rules: the drawing is made as it was asked for.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from engine.diffusion.few_steps import misfits
from engine.diffusion.prompts.embeddings import Names
from engine.diffusion.prompts.grammar import PLAIN, words_of
from engine.diffusion.request import TextToImage, steps_run
from engine.rules import MAX_PROMPT_CHARACTERS, counted
from engine.scenes import words
from engine.scenes.captions import vocabulary
from engine.settings import EMBEDDED_MODEL
from engine.weights.embeddings.listing import EmbeddingInfo
from engine.weights.loras import LoraInfo
from engine.weights.models import ModelInfo

LARGE, SMALL = 1.5, 0.5  # of the model's own side: beyond, scenes repeat or lose their detail
MOST_NAMED = 8
COARSE = 0.2  # of the whole strength: what fewer steps than were meant may differ by before it is said
_TAG = re.compile(r"<\s*\w+:[^<>]{1,200}>")
_MARKS = re.compile(
    r"(?<!\\)\([^()]{1,200}:\s*[0-9]*\.?[0-9]+\s*\)"  # (word:1.3)
    r"|(?<!\\)\({2,}[^()]{1,200}\){2,}"  # ((word))
    r"|(?<!\\)\[[^\[\]]{1,200}\]|\{[^{}]{1,200}\}|__[\w/*-]{1,60}__"  # [word], {one|other}, __list__
    r"|\b(?:BREAK|AND)\b"
)
# What AUTOMATIC1111's grammar has beyond weights and BREAK.
_UNREAD_MARKS = re.compile(
    r"(?<!\\)\[[^\[\]:|]{0,200}(?::[^\[\]:|]{0,200})?:\s*[0-9.]+\s*\]"  # [from:to:0.5], [to:0.5], [from::0.5]
    r"|(?<!\\)\[[^\[\]|]{0,200}\|[^\[\]]{0,200}\]|\{[^{}]{1,200}\}|__[\w/*-]{1,60}__|\bAND\b"  # [one|other]
)
_OPERATOR = re.compile(r"\b(?:BREAK|AND)\b")
_WORD = re.compile(r"[^\s\d.,;:!?()\[\]{}<>\"“”‘|/\\_*+=#&%~…、。・-]+")
_LITTLE = frozenset(
    re.findall(
        r"\w+",
        """a above across after also an and are as at be before behind below beneath beside between but by during for
        from has have in into is it its near no not of on or over some that the their there these this those through to
        under very was were where which while who with without""",
    )
)


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence about one field of a request."""

    field: str
    text: str


def request_notes(
    request: TextToImage,
    model: ModelInfo,
    loras: Sequence[LoraInfo] = (),
    embeddings: Sequence[EmbeddingInfo] = (),
) -> list[str]:
    """All that can be said of a request before it is drawn, each sentence once.

    Args:
        request: to be drawn.
        model: that draws it.
        loras: those that it names.
        embeddings: those that its prompts may name.
    """
    active = {lora.name for lora in request.loras if lora.weight}
    applied = [lora for lora in loras if lora.name in active]
    notes = (
        *prompt_notes(Names(embeddings).without(request.prompt), model, loras, request.prompt_syntax),
        *negative_notes(request.negative_prompt, request.prompt_syntax),
        *size_notes(request.width, request.height, model),
        *drawing_notes(request.num_inference_steps, request.guidance_scale, request.scheduler, model, applied),
        *_start_notes(request),
    )
    return list(dict.fromkeys(note.text for note in notes))


def prompt_notes(prompt: str, model: ModelInfo, loras: Sequence[LoraInfo] = (), syntax: str = PLAIN) -> list[Note]:
    """What the model cannot use of a prompt.

    Args:
        prompt: as typed.
        model: that draws it.
        loras: that are chosen beside it, since they may know more words.
        syntax: how it is read, one of `engine.diffusion.prompts.grammar.SYNTAXES`.
    """
    found = [*_mark_texts(prompt, syntax), *_unknown_texts(prompt, model, loras, syntax)]
    return [Note("prompt", text) for text in found]


def negative_notes(negative_prompt: str, syntax: str = PLAIN) -> list[Note]:
    """What no model here can use of a negative prompt."""
    return [Note("negative_prompt", text) for text in _mark_texts(negative_prompt, syntax)]


def size_notes(width: int, height: int, model: ModelInfo) -> list[Note]:
    """A size in pixels that is far from what the model was trained on."""
    side = model.native_size
    if side and max(width, height) >= LARGE * side:
        what = "parts of the scene will repeat"
    elif side and min(width, height) <= SMALL * side:
        what = "the scene will lose its detail"
    else:
        return []
    return [Note("width", f"{_called(model)} was trained at {side}x{side} pixels: at {width}x{height} {what}.")]


def drawing_notes(
    steps: int, guidance: float, scheduler: str, model: ModelInfo, loras: Iterable[LoraInfo] = ()
) -> list[Note]:
    """Steps, guidance and scheduler that the model, or a LoRA that is applied, was not made for."""
    return [Note("scheduler", text) for text in misfits(steps, guidance, scheduler, model, loras)]


def _start_notes(request: TextToImage) -> Iterable[Note]:
    """A strength that so few steps cannot tell from another."""
    strength, steps = getattr(request, "strength", 1), request.num_inference_steps
    run = steps_run(steps, strength)
    if strength and run / steps - strength > COARSE:
        verb = "is" if run == 1 else "are"
        text = (
            f"At strength {strength:g} {run} of {counted(steps, 'step')} {verb} run, so more of the start is given up."
        )
        yield Note("strength", f"{text} Use more steps, or the strength that you mean.")


def _mark_texts(prompt: str, syntax: str) -> Iterable[str]:
    """Other tools' marks, which are read here as words; nothing of a text that is too long, which is refused anyway."""
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        return
    if tags := _TAG.findall(prompt):
        yield f"Typed into a prompt, {_named(tags)} applies nothing. Choose LoRAs in their own field."
    text = _TAG.sub(" ", prompt)
    pattern = _MARKS if syntax == PLAIN else _UNREAD_MARKS
    marks = [mark for mark in pattern.findall(text) if not (mark.isalpha() and text.isupper())]
    if marks:
        yield f"Other tools' marks are read here as plain words: {_named(marks)}. Say it in words instead."


def _unknown_texts(prompt: str, model: ModelInfo, loras: Sequence[LoraInfo], syntax: str) -> Iterable[str]:
    """Words that the shipped model was not trained on; what other models know is not known here."""
    too_long = len(prompt) > MAX_PROMPT_CHARACTERS
    if too_long or model.name != EMBEDDED_MODEL or any(not (lora.trigger_words or lora.few_steps) for lora in loras):
        return
    taught = {word for lora in loras for trigger in lora.trigger_words for word in _words(trigger)}
    read = _OPERATOR.sub(" ", words_of(_TAG.sub(" ", prompt), syntax))
    said = [word for word in dict.fromkeys(_words(read)) if word not in _LITTLE]
    unknown = [word for word in said if word not in known_words() | taught]
    if unknown and len(unknown) == len(said):
        yield f"{_draws(model)} It knows no word of this prompt: {_named(map(_hinted, unknown))}."
    elif unknown:
        yield f"{_called(model)} does not know these words: {_named(map(_hinted, unknown))}."


@cache
def known_words() -> frozenset[str]:
    """Lower case: the words of the captions that the shipped model was trained on, all of painterly scenes."""
    return frozenset(vocabulary(looks=False))


def _draws(model: ModelInfo) -> str:
    *most, last = words.PLAIN["landmark"].values()
    landmarks = f"{', '.join(most)} or {last}"
    return (
        f"{_called(model)} draws painted fantasy landscapes: any land, water, plants, weather and time of day, and in "
        f"them a {landmarks}."
    )


def _called(model: ModelInfo) -> str:
    return model.title.partition(" (")[0]


def _hinted(word: str) -> str:
    """The word, with a known one that is nearly the same."""
    near = get_close_matches(word, known_words(), 1, 0.85)
    return f"{word} (it knows {near[0]})" if near else word[:40]


def _words(text: str) -> list[str]:
    """Words of letters, and emoji; a single Latin letter is none."""
    return [word for word in _WORD.findall(text.lower()) if any(map(_says, word)) and not re.fullmatch("[a-z']", word)]


def _says(character: str) -> bool:
    return character.isalpha() or unicodedata.category(character) == "So"


def _named(found: Iterable[str]) -> str:
    different = list(dict.fromkeys(found))
    more = len(different) - MOST_NAMED
    return ", ".join(different[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
