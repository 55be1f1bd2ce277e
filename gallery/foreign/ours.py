"""Recipes of this studio, in the shape of other tools' ones."""

from typing import Any

from gallery.foreign.recipe import ForeignEmbedding, ForeignLora, ForeignRecipe
from gallery.foreign.values import Fields, bare_name, hash_digits, number, plain
from gallery.recipe import Recipe

TOOL = "Niji Studio"
_KARRAS = " Karras"


def read(recipe: Recipe) -> ForeignRecipe:
    """What a recipe of ours says to those who know none of our kinds."""
    fields = Fields(recipe.request)
    fields.drop("seed", "model", "loras")  # the recipe says what really ran
    scheduler = fields.text("scheduler")
    return ForeignRecipe(
        tool=TOOL,
        prompt=fields.text("prompt"),
        negative_prompt=fields.text("negative_prompt"),
        seed=recipe.seed,
        steps=fields.whole("num_inference_steps"),
        sampler=scheduler.removesuffix(_KARRAS),
        schedule=_KARRAS.strip() if scheduler.endswith(_KARRAS) else "",
        guidance=fields.number("guidance_scale"),
        width=fields.whole("width", least=1),
        height=fields.whole("height", least=1),
        model=bare_name(recipe.model_name),
        model_hash=hash_digits(recipe.model.get("sha256")),
        loras=tuple(_lora(lora) for lora in recipe.loras),
        embeddings=tuple(_embedding(each) for each in recipe.embeddings),
        strength=fields.number("strength"),
        not_understood={"kind": recipe.kind, **fields.rest()} if recipe.kind else fields.rest(),
        notes=recipe.notes,
    )


def _lora(lora: Any) -> ForeignLora:
    return ForeignLora(bare_name(plain(lora.get("name"))), number(lora.get("weight")), hash_digits(lora.get("sha256")))


def _embedding(facts: Any) -> ForeignEmbedding:
    return ForeignEmbedding(bare_name(plain(facts.get("name"))), hash_digits(facts.get("sha256")))
