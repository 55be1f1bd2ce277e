"""What a picture of another tool says of how it was made, in one shape for all tools."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class ForeignLora:
    """A LoRA that another tool used.

    Attributes:
        name: as the tool writes it, without folder and suffix.
        weight: None where the tool does not say.
        hash: hexadecimal digits of whatever length the tool writes; empty where it writes none.
    """

    name: str
    weight: float | None = None
    hash: str = ""


@dataclass(frozen=True, slots=True)
class ForeignEmbedding:
    """An embedding (textual inversion) that another tool says it used.

    Attributes:
        name: as the tool writes it, without folder and suffix; the word that calls it in a prompt.
        hash: hexadecimal digits of the whole file's SHA-256, as many as the tool writes; empty where it writes none.
    """

    name: str
    hash: str = ""


@dataclass(frozen=True, slots=True)
class ForeignRecipe:
    """A recipe as another tool wrote it: nothing filled in, no name translated.

    Attributes:
        tool: the tool's own name, such as `ComfyUI`.
        prompt, negative_prompt: without LoRA tags; those are in `loras`.
        sampler, schedule: in the tool's words, such as `Euler a` or `euler_ancestral`, and `Karras`.
        model: as the tool writes it, with folder and suffix where it has them; `model_hash` hexadecimal digits of
            whatever length.
        strength: of image to image, 0 to 1.
        embeddings: as far as the tool lists them beside the prompts.
        not_understood: what the file says beyond these fields, by the tool's own keys, as text.
        notes: sentences for the reader, such as which of several samplers was taken.
    """

    tool: str
    prompt: str = ""
    negative_prompt: str = ""
    seed: int | None = None
    steps: int | None = None
    sampler: str = ""
    schedule: str = ""
    guidance: float | None = None
    width: int | None = None
    height: int | None = None
    model: str = ""
    model_hash: str = ""
    loras: tuple[ForeignLora, ...] = ()
    clip_skip: int | None = None
    strength: float | None = None
    embeddings: tuple[ForeignEmbedding, ...] = ()
    not_understood: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def with_texts(recipe: ForeignRecipe, change: Callable[[str], str]) -> ForeignRecipe:
    """The recipe with each of its texts changed, those of LoRAs, embeddings, notes and what was not understood too."""

    def changed(value: Any) -> Any:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, tuple):
            return tuple(changed(item) for item in value)
        if isinstance(value, Mapping):
            return {change(key): changed(item) for key, item in value.items()}
        if isinstance(value, (ForeignLora, ForeignEmbedding)):
            return replace(value, name=change(value.name), hash=change(value.hash))
        return value

    return replace(recipe, **{spec.name: changed(getattr(recipe, spec.name)) for spec in fields(recipe)})
