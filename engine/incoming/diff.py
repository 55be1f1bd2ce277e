"""A recipe beside the form, field by field: what is there, what comes, and what it becomes here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.diffusion.prompts.grammar import WEIGHTED
from engine.incoming.embeddings import called
from engine.incoming.fields import Field
from engine.incoming.matching import MODEL, embeddings_here, found_here, loras_here, models_here
from engine.incoming.prompt_rows import embedding_row, prompt_rows
from engine.incoming.setting_rows import (
    beginning_rows,
    clip_skip_row,
    number_rows,
    scheduler_row,
    size_row,
    variation_row,
)
from engine.incoming.weight_rows import lora_rows, model_row
from engine.weights.embeddings.listing import EmbeddingInfo
from engine.weights.loras import LoraInfo
from engine.weights.models import ModelInfo
from gallery.foreign.recipe import ForeignRecipe


@dataclass(frozen=True, slots=True)
class Here:
    """What is on this machine.

    Attributes:
        hashes: where hashes of files are remembered.
        embeddings: also those that cannot be used.
    """

    models: Sequence[ModelInfo]
    loras: Sequence[LoraInfo]
    hashes: Path | None = None
    embeddings: Sequence[EmbeddingInfo] = ()


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
    embeddings = called(recipe, here.embeddings, embeddings_here(here.embeddings, here.hashes), drawn_with)
    return [
        *prompt_rows(recipe, current, syntax, embeddings),
        *model_row(recipe, current, match, known),
        *size_row(recipe, current, drawn_with),
        *number_rows(recipe, current),
        *scheduler_row(recipe, current, drawn_with),
        *lora_rows(recipe, current, here.loras, loras_here(here.loras, here.hashes), drawn_with),
        *map(embedding_row, range(len(embeddings)), embeddings),
        *beginning_rows(recipe, current),
        *variation_row(current),
        *clip_skip_row(recipe),
    ]
