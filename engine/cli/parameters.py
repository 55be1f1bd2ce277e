"""The command that counts the networks' parameters."""

from typing import Annotated

import typer

from engine.architectures import ARCHITECTURES, Architecture, Counted, architecture_of, counts_of
from engine.cli.app import Json, print_json

FLOAT32_BYTES = 4

commands = typer.Typer()


@commands.command()
def parameters(
    name: Annotated[str | None, typer.Argument(help="Of one architecture; all that are quick when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Count the parameters of the studio's networks by part, in the published size and in that of tests."""
    quick = [architecture for architecture in ARCHITECTURES.values() if not architecture.slow]
    for architecture in [architecture_of(name)] if name else quick:
        for counted in counts_of(architecture):
            print_json(_facts(architecture, counted)) if as_json else print(_words(architecture, counted))
    left_out = [architecture.name for architecture in ARCHITECTURES.values() if architecture.slow]
    if not name and not as_json:
        print(f"Counted where they are named, as their libraries take seconds to read: {', '.join(left_out)}.")


def _facts(architecture: Architecture, counted: Counted) -> dict[str, object]:
    facts: dict[str, object] = {"name": architecture.name, "title": architecture.title, "source": architecture.source}
    total = {"total": counted.total, "float32_bytes": FLOAT32_BYTES * counted.total}
    return {**facts, "size": counted.size, "parts": dict(counted.parts), **total}


def _words(architecture: Architecture, counted: Counted) -> str:
    """A line for the total, and one for each part."""
    memory = f"{FLOAT32_BYTES * counted.total / 1e6:,.1f} MB"
    head = f"{architecture.name:22} {counted.size:10} {counted.total:>13,}  {architecture.title} ({memory} in float32)"
    return "\n".join([head, *(f"    {part:29} {count:>13,}" for part, count in counted.parts.items())])
