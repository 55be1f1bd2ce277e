"""Rows of prompts and of the embeddings that they call."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.diffusion.prompts.grammar import PLAIN, WEIGHTED, weight_problems
from engine.incoming.embeddings import Called, renamed
from engine.incoming.fields import CANNOT, NONE, SAME, Field, named, row
from engine.incoming.weights import notes_on_weights
from engine.prompting.parsing import literal
from engine.rules import cleaned, text
from gallery.foreign.recipe import ForeignRecipe

PROMPTS = ("prompt", "negative_prompt")
READ_ANEW = {
    PLAIN: "It is read as by earlier versions: brackets are characters.",
    WEIGHTED: "It is read with weights: brackets are no characters.",
}


def prompt_rows(
    recipe: ForeignRecipe, current: Mapping[str, Any], syntax: str, embeddings: Sequence[Called]
) -> Iterator[Field]:
    """Both, where the recipe has any: that there is no negative prompt is a part of it."""
    if not (recipe.prompt or recipe.negative_prompt):
        return
    styles = [str(name) for name in current.get("styles") or ()]
    for name in PROMPTS:
        words = renamed(cleaned(getattr(recipe, name)), embeddings, syntax)
        now = str(current.get(name) or "")
        notes = notes_on_weights(recipe.tool, words)
        if styles and name == "prompt":
            notes.append(f"The styles chosen now are taken out: {', '.join(styles)}.")
        if read_anew := bool(words) and current.get("prompt_syntax", WEIGHTED) != syntax:
            notes.append(READ_ANEW[syntax])
        values = {name: literal(words), "prompt_syntax": syntax, "styles": []}
        is_same = now == values[name] and not read_anew and not styles
        problems = text(name, words) or (weight_problems(name, words) if syntax == WEIGHTED else [])
        yield row(name, now or NONE, words or NONE, values, is_same, problems, notes)


def embedding_row(place: int, one: Called) -> Field:
    """It comes and goes with the prompt that calls it, so there is nothing to take beside that."""
    return Field(
        f"embedding_{place}",
        f"Embedding {one.name}",
        "here" if one.match.name else NONE,
        named(one.sign, one.hash),
        SAME if one.usable else CANNOT,
        f"<{one.match.name}>" if one.usable else "",
        " ".join([one.problem or one.match.said, _in_the_prompt(one)]),
        links=one.match.links,
        unhashed=one.match.unhashed,
    )


def _in_the_prompt(one: Called) -> str:
    if one.usable:
        return "It comes with the prompt."
    if one.bare and one.match.name and not one.problem:
        return "Its word in the prompt calls the one that is here: take the word out if that is not wanted."
    return "The prompt keeps its words, which are read as words here."
