"""The command for neural style, with everything that decides it."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.app import Home, Json, open_studio
from engine.cli.kept import kept_file
from engine.cli.photos import style_values, translated
from engine.translation.catalogue import NEURAL_STYLE
from engine.translation.request import STRENGTH, STYLE_STEPS
from engine.translation.styling import (
    AS_EVER,
    CONTENT_WEIGHT,
    LAYERS,
    NOISE_SEED,
    OPTIMIZERS,
    SHARE,
    STARTS,
    STYLE_WEIGHT,
    VARIATION_WEIGHT,
    VARIATIONS,
    layers_in_words,
    styling_from,
)

commands = typer.Typer()

OF_VGG19 = f"of VGG19, {LAYERS[0]} to {LAYERS[-1]}, with commas; NAME:WEIGHT weighs one."


@commands.command()
def neural_style(
    photos: Annotated[list[Path], typer.Argument(help="PNG, JPEG, WebP or HEIC files, or folders of them.")],
    style: Annotated[list[Path], typer.Option(help="A picture whose style is taken; several are blended.")],
    share: Annotated[list[float] | None, typer.Option(help=f"Of each style in turn, {SHARE}; else equal.")] = None,
    start: Annotated[str, typer.Option(help=f"What the pixels begin as: {', '.join(STARTS)}.")] = AS_EVER.start,
    seed: Annotated[int, typer.Option(help=f"Of the noise, {NOISE_SEED}.")] = AS_EVER.noise_seed,
    content_layers: Annotated[str, typer.Option(help=f"Layers {OF_VGG19}")] = layers_in_words(AS_EVER.content_layers),
    style_layers: Annotated[str, typer.Option(help=f"Layers {OF_VGG19}")] = layers_in_words(AS_EVER.style_layers),
    content_weight: Annotated[float, typer.Option(help=f"{CONTENT_WEIGHT}.")] = CONTENT_WEIGHT.default,
    style_weight: Annotated[float, typer.Option(help=f"{STYLE_WEIGHT}.")] = STYLE_WEIGHT.default,
    variation_weight: Annotated[float, typer.Option(help=f"{VARIATION_WEIGHT}.")] = VARIATION_WEIGHT.default,
    variation: Annotated[str, typer.Option(help=f"Of pixels: {', '.join(VARIATIONS)}.")] = AS_EVER.variation,
    optimizer: Annotated[str, typer.Option(help=f"{' or '.join(OPTIMIZERS)}.")] = AS_EVER.optimizer,
    keep_colours: Annotated[bool, typer.Option("--keep-colours", help="Paint light and dark alone.")] = False,
    steps: Annotated[int | None, typer.Option(help=f"{STYLE_STEPS}; fewer on a CPU when left out.")] = None,
    strength: Annotated[float, typer.Option(help="0 (the photo) to 1 (the translation).")] = STRENGTH.default,
    long_side: Annotated[int | None, typer.Option(help="Pixels; smaller on a CPU when left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also copy the pictures into this folder.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Give photos the style of pictures; they are kept in the gallery like those of the page."""
    studio = open_studio(home)
    first, *more = [kept_file(studio, file) for file in style]
    styling = styling_from(
        {
            "start": start,
            "noise_seed": seed,
            "content_layers": content_layers,
            "style_layers": style_layers,
            "content_weight": content_weight,
            "style_weight": style_weight,
            "variation_weight": variation_weight,
            "variation": variation,
            "optimizer": optimizer,
            "keep_colours": keep_colours,
            "more_styles": more,
            "shares": share or (),
        }
    )
    options = {"translator": NEURAL_STYLE, "strength": strength, "style": first, "styling": styling}
    translated(studio, photos, options | style_values(studio, NEURAL_STYLE, steps, long_side), out, as_json)
