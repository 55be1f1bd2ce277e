"""The command line: `python -m engine --help`."""

import sys

from engine.cli import (
    bench,
    blind,
    checkpoints,
    comparing,
    cyclegan,
    datasets,
    drawing,
    gallery,
    grids,
    importing,
    jobs,
    latent,
    lora,
    measuring,
    mini,
    models,
    neural_style,
    nijigan,
    noising,
    opinions,
    parameters,
    photos,
    presets,
    prompting,
    queue,
    recipes,
    reproducing,
    statistics,
    storage,
    upscaling,
    vqi2i,
)
from engine.cli.app import cli, main

cli.add_typer(drawing.commands)
cli.add_typer(grids.commands)
cli.add_typer(photos.commands)
cli.add_typer(neural_style.commands)
cli.add_typer(blind.commands)
cli.add_typer(upscaling.commands)
cli.add_typer(lora.commands)
cli.add_typer(checkpoints.commands)
cli.add_typer(bench.commands)
cli.add_typer(datasets.commands)
cli.add_typer(models.commands)
cli.add_typer(jobs.commands)
cli.add_typer(queue.commands, name="queue")
gallery.commands.add_typer(importing.commands)
gallery.commands.add_typer(statistics.commands)
gallery.commands.add_typer(reproducing.commands)
cli.add_typer(gallery.commands, name="gallery")
cli.add_typer(recipes.commands)
cli.add_typer(prompting.styles, name="styles")
cli.add_typer(prompting.wildcards, name="wildcards")
cli.add_typer(presets.commands, name="presets")
cli.add_typer(storage.commands, name="storage")
cli.add_typer(opinions.commands, name="study")
cli.add_typer(comparing.commands)
cli.add_typer(nijigan.commands)
cli.add_typer(cyclegan.commands)
cli.add_typer(vqi2i.commands)
cli.add_typer(mini.commands)
cli.add_typer(latent.commands)
cli.add_typer(noising.commands)
cli.add_typer(measuring.commands)
cli.add_typer(parameters.commands)

__all__ = ["cli", "main"]

if __name__ == "__main__":
    sys.exit(main())
