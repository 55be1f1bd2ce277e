"""What a picture of another tool says of how it was made, in one shape for all tools."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
class ForeignRecipe:
    """A recipe as another tool wrote it: nothing filled in, no name translated.

    Attributes:
        tool: the tool's own name, such as `ComfyUI`.
        prompt, negative_prompt: without LoRA tags; those are in `loras`.
        sampler, schedule: in the tool's words, such as `Euler a` or `euler_ancestral`, and `Karras`.
        model: name without folder and suffix; `model_hash` hexadecimal digits of whatever length.
        strength: of image to image, 0 to 1.
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
    not_understood: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
