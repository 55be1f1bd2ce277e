"""Everything needed to make a picture again, as one immutable value that travels with it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

MAX_DEPTH = 16
SEEDS = 2**64  # how many there are


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What was asked, what really ran, and where.

    Attributes:
        kind: what was done, such as `text_to_image`.
        request: the request as it was submitted, with the engine's own field names.
        image_index: which image of the request this is, from 0.
        seed: this image's own seed (request seed + index), 0 to 2**64 - 1.
        model: name, title, sha256 (or None), base, prediction_type, single_file.
        loras: name, weight, sha256 (of the tensors only), rank, base; one mapping each.
        embeddings: those that the prompts name: name, sha256 (of the file), vectors, base; one mapping each.
        parents: what the picture was made from: `role` (start, mask, photo, variation, ...), `image` (the id of the
            gallery's picture, or None) and `photo` (the SHA-256 of the kept copy of its pixels, or None).
        software: versions by name: studio, torch, diffusers, ...
        device, dtype: where and in which precision it was computed.
        environment: what else of the machine changes how numbers are rounded: threads, instructions, CUDA.
        seconds: how long this image took.
        created_at: ISO 8601, UTC.
        notes: what the artist should know about this picture.
        extra: fields written by another version of the studio, kept as they are.
    """

    kind: str
    request: Mapping[str, Any] = field(default_factory=dict)
    image_index: int = 0
    seed: int | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    loras: tuple[Mapping[str, Any], ...] = ()
    embeddings: tuple[Mapping[str, Any], ...] = ()
    parents: tuple[Mapping[str, Any], ...] = ()
    software: Mapping[str, Any] = field(default_factory=dict)
    device: str = ""
    dtype: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    created_at: str = ""
    notes: tuple[str, ...] = ()
    version: int = 1
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for spec in fields(self):
            value = _plain(getattr(self, spec.name))
            if spec.name in ("loras", "embeddings", "parents", "notes"):
                value = tuple(value)
            object.__setattr__(self, spec.name, value)

    @property
    def prompt(self) -> str:
        """The prompt; empty where none was asked for."""
        return _text(self.request.get("prompt"))

    @property
    def negative_prompt(self) -> str:
        """What was to be avoided."""
        return _text(self.request.get("negative_prompt"))

    @property
    def model_name(self) -> str:
        """The name of the model that ran."""
        return _text(self.model.get("name")) or _text(self.request.get("model"))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field; unknown fields stand beside the known ones."""
        known = {spec.name: getattr(self, spec.name) for spec in fields(self) if spec.name != "extra"}
        known |= {name: list(known[name]) for name in ("loras", "embeddings", "parents", "notes")}
        for name in ("embeddings", "parents", "environment"):
            if not known[name]:  # as recipes were before there were any
                del known[name]
        return {**self.extra, **known}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """The inverse of `to_dict`; tolerates missing, unknown and badly typed fields.

        Raises:
            ValueError: the values are not a mapping, or nested too deeply.
        """
        if not isinstance(values, Mapping):
            raise ValueError(f"A recipe must be a JSON object; got {type(values).__name__}.")
        known: dict[str, Any] = {name: read(values[name]) for name, read in _READERS.items() if name in values}
        extra = {name: value for name, value in values.items() if name not in _READERS}
        return cls(**{"kind": "", **known}, extra=extra)

    def to_json(self) -> str:
        """The recipe as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """The inverse of `to_json`.

        Raises:
            ValueError: the text is not the JSON of a recipe.
        """
        try:
            return cls.from_dict(json.loads(text))
        except RecursionError:
            raise ValueError("The recipe's JSON is nested too deeply.") from None


def _plain(value: Any, depth: int = 0) -> Any:
    """The value as every JSON reader and database can keep it.

    NaN and infinities have no JSON number, so they become their names. Half surrogates cannot
    be encoded and PostgreSQL text holds no NUL; both become U+FFFD, the replacement character.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"A recipe may be nested {MAX_DEPTH} levels deep; it is deeper. Flatten it.")
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\0", "\ufffd")
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner, depth + 1) for inner in value]
    return _plain(str(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _seed(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < SEEDS else None


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and abs(value) < 1e15 else 0.0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> tuple[Mapping[str, Any], ...]:
    return tuple(item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else ()


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


_READERS = {
    "kind": _text,
    "request": _mapping,
    "image_index": _whole,
    "seed": _seed,
    "model": _mapping,
    "loras": _mappings,
    "embeddings": _mappings,
    "parents": _mappings,
    "software": _mapping,
    "device": _text,
    "dtype": _text,
    "environment": _mapping,
    "seconds": _seconds,
    "created_at": _text,
    "notes": _texts,
    "version": _whole,
}
