"""Embeddings that ComfyUI and its children call by signs in a prompt, and the names that the studio has for them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.diffusion.prompts.embeddings import refusal
from engine.diffusion.prompts.grammar import PLAIN
from engine.incoming.matching import EMBEDDING, Candidate, Match, folded, found_here
from engine.incoming.weights import comfy_like
from engine.weights.embeddings.listing import EmbeddingInfo
from engine.weights.models import ModelInfo

# `embedding:name` ends where a word or its weight does (`comfy/sd1_clip.py`); `<embed:name>` is SwarmUI's, and
# `<embedding:name>` Stability Matrix's.
_SIGN = re.compile(r"<embed(?:ding)?:([^<>:]{1,200})(?::[^<>]{0,20})?>|(?<!\w)embedding:([^\s,:()<>\[\]{}]{1,200})")
_MARKS = re.compile(r"[\\()\[\]]")  # of weights: a name that has them is written with a backslash before each
MOST = 50


@dataclass(frozen=True, slots=True)
class Called:
    """An embedding that a recipe's prompts call.

    Attributes:
        sign: as the other tool writes it.
        name: in it, with folder and suffix as written.
        match: what it is here.
        problem: why it cannot be used; empty where it can, and where none is here.
    """

    sign: str
    name: str
    match: Match
    problem: str = ""


def called(
    tool: str, prompts: Iterable[str], embeddings: Sequence[EmbeddingInfo], model: ModelInfo | None
) -> list[Called]:
    """What these prompts call, each name once, at most `MOST`; nothing where the tool knows no such signs."""
    if not comfy_like(tool):
        return []
    signs = {folded(_name(match)): match for text in prompts for match in _SIGN.finditer(text)}
    return [_called(match, embeddings, model) for match in list(signs.values())[:MOST]]


def renamed(prompt: str, every: Iterable[Called], syntax: str) -> str:
    """The prompt with the studio's `<name>` for each of these that can be used here, and the others as they are."""
    names = {folded(one.name): one.match.name for one in every if one.match.sure and not one.problem}

    def change(match: re.Match[str]) -> str:
        name = names.get(folded(_name(match)))
        return match[0] if name is None else _tag(name, syntax)

    return _SIGN.sub(change, prompt) if names else prompt


def _called(match: re.Match[str], embeddings: Sequence[EmbeddingInfo], model: ModelInfo | None) -> Called:
    found = found_here(EMBEDDING, _name(match), "", [_candidate(info) for info in embeddings])
    info = next((info for info in embeddings if info.name == found.name), None)
    width = model.cross_attention_dim if model else 0
    return Called(match[0], _name(match), found, refusal(info, width, model.title if model else "") if info else "")


def _candidate(info: EmbeddingInfo) -> Candidate:
    names = frozenset(filter(None, map(folded, (info.name, info.path.name, info.token.strip("<>")))))
    return Candidate(info.name, info.name, info.path, names, problem=info.problem)


def _name(match: re.Match[str]) -> str:
    return str(match[1] or match[2])


def _tag(name: str, syntax: str) -> str:
    return f"<{name}>" if syntax == PLAIN else f"<{_MARKS.sub(lambda mark: chr(92) + mark[0], name)}>"
