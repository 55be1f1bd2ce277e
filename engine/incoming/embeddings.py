"""Embeddings that another tool's recipe names, and the names that the studio has for them.

ComfyUI and its children call them by signs in a prompt; AUTOMATIC1111 calls them by their bare names, as the studio
does, and lists beside the prompts which of the words were embeddings.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.diffusion.prompts.embeddings import refusal
from engine.diffusion.prompts.grammar import PLAIN
from engine.incoming.matching import EMBEDDING, Candidate, Match, folded, found_here
from engine.incoming.weights import comfy_like
from engine.weights.embeddings.listing import EmbeddingInfo
from engine.weights.models import ModelInfo
from gallery.foreign.recipe import ForeignRecipe

# `embedding:name` ends where a word or its weight does (`comfy/sd1_clip.py`); `<embed:name>` is SwarmUI's, and
# `<embedding:name>` Stability Matrix's.
_SIGN = re.compile(r"<embed(?:ding)?:([^<>:]{1,200})(?::[^<>]{0,20})?>|(?<!\w)embedding:([^\s,:()<>\[\]{}]{1,200})")
_MARKS = re.compile(r"[\\()\[\]]")  # of weights: a name that has them is written with a backslash before each
MOST = 50
MOST_NAME = 200  # characters of one


@dataclass(frozen=True, slots=True)
class Called:
    """An embedding that a recipe names.

    Attributes:
        sign: as it stands in the prompts.
        name: in it, with folder and suffix as written.
        hash: digits of its hash, empty where the recipe tells none.
        bare: whether its name alone is the sign, which the studio reads as the embedding of that name here.
        match: what it is here.
        problem: why it cannot be used; empty where it can, and where none is here.
        known_as: all that it may be called here, folded.
    """

    sign: str
    name: str
    hash: str = ""
    bare: bool = False
    match: Match = field(default_factory=Match)
    problem: str = ""
    known_as: frozenset[str] = frozenset()

    @property
    def usable(self) -> bool:
        """Whether it is here for certain and fits the model."""
        return self.match.sure and not self.problem


def called(
    recipe: ForeignRecipe, embeddings: Sequence[EmbeddingInfo], candidates: Sequence[Candidate], model: ModelInfo | None
) -> list[Called]:
    """What the recipe names, each name once, at most `MOST`.

    Args:
        embeddings, candidates: those here, the same in both.
        model: for which they must be made; None where it is not known.
    """
    infos = {info.name: info for info in embeddings}
    known = {each.name: each.names for each in candidates}
    found = []
    for one in list(_named_by(recipe))[:MOST]:
        match = found_here(EMBEDDING, one.name, one.hash, candidates)
        info = infos.get(match.name)
        width = model.cross_attention_dim if model else 0
        problem = refusal(info, width, model.title if model else "") if info else ""
        found.append(replace(one, match=match, problem=problem, known_as=known.get(match.name, frozenset())))
    return found


def renamed(prompt: str, every: Iterable[Called], syntax: str) -> str:
    """The prompt with the studio's `<name>` for each of these that can be used here, and the others as they are.

    A bare name that calls the same embedding here stays as it is too.
    """
    usable = [one for one in every if one.usable]
    names = {folded(one.name): one.match.name for one in usable if not one.bare}

    def change(match: re.Match[str]) -> str:
        name = names.get(folded(_name(match)))
        return match[0] if name is None else _tag(name, syntax)

    prompt = _SIGN.sub(change, prompt) if names else prompt
    bare = [one for one in usable if one.bare and folded(one.name) not in one.known_as]
    return _words_renamed(prompt, {one.sign.casefold(): one.match.name for one in bare}, syntax)


def _words_renamed(prompt: str, names: Mapping[str, str], syntax: str) -> str:
    """All at once, the longest first, and none within a tag: one name may be a word of another."""
    if not names:
        return prompt
    words = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    any_word = re.compile(rf"<[^<>]{{1,{MOST_NAME}}}>|(?<![\w<\\])(?:{words})(?![\w>])", re.IGNORECASE)

    def change(match: re.Match[str]) -> str:
        name = names.get(match[0].casefold())
        return match[0] if name is None else _tag(name, syntax)

    return any_word.sub(change, prompt)


def _named_by(recipe: ForeignRecipe) -> Iterator[Called]:
    """By signs in the prompts, with hashes from the recipe's list; then what the list has beyond them."""
    listed = {folded(each.name): each for each in recipe.embeddings if 0 < len(each.name) <= MOST_NAME}
    signs: dict[str, re.Match[str]] = {}
    if comfy_like(recipe.tool):
        prompts = recipe.prompt, recipe.negative_prompt
        signs = {folded(_name(match)): match for text in prompts for match in _SIGN.finditer(text)}
    for name, match in signs.items():
        yield Called(match[0], _name(match), listed[name].hash if name in listed else "")
    for name, each in listed.items():
        if name not in signs:
            yield Called(each.name, each.name, each.hash, bare=True)


def _name(match: re.Match[str]) -> str:
    return str(match[1] or match[2])


def _tag(name: str, syntax: str) -> str:
    return f"<{name}>" if syntax == PLAIN else f"<{_MARKS.sub(lambda mark: chr(92) + mark[0], name)}>"
