"""Embeddings (textual inversion) by their names in prompts; no torch.

As in AUTOMATIC1111 the bare name stands for the embedding wherever it is a word, in upper or lower case, and the
longest name wins; so does diffusers' `<name>`, and the token that the file itself names.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.diffusion.prompts.grammar import PLAIN, parse
from engine.errors import Problem
from engine.weights.embeddings.listing import EmbeddingInfo
from engine.weights.families import base_of_width
from engine.weights.models import ModelInfo

_UNKNOWN = re.compile(r"(?<!\\)<[^\W_][\w.+-]{0,100}>")


@dataclass(frozen=True, slots=True)
class Named:
    """A place of a text where an embedding is named.

    Attributes:
        info: of the embedding.
        text: as it is typed.
    """

    info: EmbeddingInfo
    text: str


class Names:
    """Finds the names of these embeddings in texts."""

    def __init__(self, embeddings: Iterable[EmbeddingInfo] = ()):
        self._embeddings = tuple(embeddings)
        spelled = _spellings(self._embeddings)
        self._infos = tuple(info for _, info in spelled)
        self._pattern = _pattern(tuple(spelling for spelling, _ in spelled))

    def __bool__(self) -> bool:
        return bool(self._embeddings)

    def split(self, text: str) -> list[str | Named]:
        """The text, cut where embeddings are named; put together again it is the text."""
        parts: list[str | Named] = []
        end = 0
        for match in self._pattern.finditer(text) if self._infos else ():
            parts += [text[end : match.start()]] if match.start() > end else []
            parts.append(Named(self._infos[(match.lastindex or 1) - 1], match[0]))
            end = match.end()
        return [*parts, text[end:]] if end < len(text) or not parts else parts

    def used(self, texts: Iterable[str], syntax: str) -> list[EmbeddingInfo]:
        """What these prompts name, each once, in their order."""
        parts = (part for text in texts for piece in _pieces(text, syntax) for part in self.split(piece))
        return list(dict.fromkeys(part.info for part in parts if isinstance(part, Named)))

    def without(self, prompt: str) -> str:
        """The prompt with a space where an embedding is named."""
        return "".join(part if isinstance(part, str) else " " for part in self.split(prompt))


def embedding_problems(
    embeddings: Sequence[EmbeddingInfo], field: str, prompts: Sequence[str], syntax: str, model: ModelInfo | None
) -> list[Problem]:
    """Why embeddings that these prompts name cannot be used, with the model where it is known.

    Args:
        embeddings: all that are here, also those that cannot be used.
        field: of the request that the prompts are.
    """
    names = Names(embeddings)
    texts = [text for info in names.used(prompts, syntax) if (text := refusal(info, _width(model), _called(model)))]
    if syntax != PLAIN:  # there every character is what it is
        texts += [_not_here(tag, embeddings) for tag in _tags(names, prompts)]
    return [Problem(field, text) for text in dict.fromkeys(texts)]


def refusal(info: EmbeddingInfo, width: int, called: str) -> str:
    """Why an embedding cannot be used with a text encoder, a sentence; empty where it can.

    Args:
        width: numbers in each vector that the encoder reads; 0 where that is not known.
        called: the model.
    """
    if info.problem:
        return (
            f"The embedding {info.name} cannot be used: {info.problem} Or take its name out of the prompt, or rename "
            "the file where the word itself is meant."
        )
    if width and info.width != width:
        return (
            f"An embedding must have vectors as long as those of the model's text encoder; {info.name} has "
            f"{info.width} numbers ({info.base}), {called} reads {width} ({base_of_width(width)}). Choose another "
            "model, take the name out of the prompt, or rename the file where the word itself is meant."
        )
    return ""


def _pieces(prompt: str, syntax: str) -> list[str]:
    return [prompt] if syntax == PLAIN else [piece.text for piece in parse(prompt)]


def _width(model: ModelInfo | None) -> int:
    return model.cross_attention_dim if model else 0


def _called(model: ModelInfo | None) -> str:
    return model.title if model else ""


def _tags(names: Names, prompts: Iterable[str]) -> list[str]:
    """What is typed as `<name>` and is none."""
    return list(dict.fromkeys(tag for prompt in prompts for tag in _UNKNOWN.findall(names.without(prompt))))


def _not_here(tag: str, embeddings: Sequence[EmbeddingInfo]) -> str:
    known = [info.name for info in embeddings if not info.problem]
    more = f" and {len(known) - 8} more" if len(known) > 8 else ""
    return (
        f"{tag} names an embedding that is not here; known are: {', '.join(known[:8]) or 'none'}{more}. Put its "
        rf".safetensors file into the folder of embeddings, or write \{tag} where the words themselves are meant."
    )


def _spellings(embeddings: Sequence[EmbeddingInfo]) -> list[tuple[str, EmbeddingInfo]]:
    """The longest first; where two share one, it is that of the embedding of that name, then of the first."""
    found: dict[str, tuple[str, EmbeddingInfo]] = {}
    for info in embeddings:
        for spelling in (info.name, f"<{info.name}>"):
            found.setdefault(spelling.casefold(), (spelling, info))
    for info in embeddings:
        if info.token:
            found.setdefault(info.token.casefold(), (info.token, info))
    return sorted(found.values(), key=lambda each: -len(each[0]))


@lru_cache(maxsize=16)
def _pattern(spellings: tuple[str, ...]) -> re.Pattern[str]:
    """A group for each spelling; one that begins or ends with a letter touches none there."""

    def of(spelling: str) -> str:
        before = r"(?<!\w)" if re.match(r"\w", spelling) else ""
        behind = r"(?!\w)" if re.search(r"\w\Z", spelling) else ""
        words = r"\s+".join(map(re.escape, spelling.split()))
        return f"({before}{words}{behind})"

    return re.compile("|".join(map(of, spellings)), re.IGNORECASE)


NO_NAMES = Names()
