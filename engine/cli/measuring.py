"""The commands that measure pictures, and bring the networks for it."""

import math
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.cli.waiting import done
from engine.measuring.request import FetchNetwork
from engine.metrics.published.catalogue import captioner, network_named, networks

commands = typer.Typer()


@commands.command()
def measuring_networks(as_json: Json = False) -> None:
    """List the networks that measure or caption pictures: what for, size and licence, and where their files lie."""
    for network in (*networks(), captioner()):
        if as_json:
            facts = ("name", "title", "measures", "licence", "size_bytes", "available")
            said = {fact: getattr(network, fact) for fact in facts}
            print_json(said | {"folder": str(network.place), "files": [file.name for file in network.files]})
        else:
            state = "ready" if network.available else f"not here, {network.size_bytes / 1e6:,.0f} MB"
            print(f"{network.name:10} {network.title}, for {network.measures}  [{state}]  {network.licence}")


@commands.command()
def fetch_network(
    name: Annotated[str, typer.Argument(help="One of those that `measuring-networks` lists.")],
    folder: Annotated[
        Path | None, typer.Option("--from", help="Copy its files from this folder in place of a download.")
    ] = None,
    home: Home = None,
) -> None:
    """Download a network that measures or captions pictures; an interrupted download continues."""
    network = network_named(name)
    request = FetchNetwork(network=name, folder=str(folder.absolute()) if folder else "")
    done(open_studio(home), request, "copy" if folder else "download")
    print(f"{network.title} is ready, for {network.measures}.")


@commands.command()
def compare_folders(
    one: Annotated[Path, typer.Argument(help="Folder of pictures.")],
    other: Annotated[Path, typer.Argument(help="Folder to compare it with.")],
    leave_out_broken: Annotated[
        bool, typer.Option("--leave-out-broken", help="Go on without files that cannot be read, and say which.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say how far two folders of pictures are from each other: CMMD, FID and KID, or their named stand-ins."""
    from engine.device import choose  # here: imports torch
    from engine.measuring.folders import compare_folders as compare
    from engine.metrics.networks import load_networks

    networks = load_networks(device=choose(open_studio(home).settings.device).torch_device)
    report = _report if sys.stderr.isatty() and not as_json else _silent
    found = compare(one, other, networks, leave_out_broken=leave_out_broken, report=report)
    if as_json:
        print_json({"folders": [str(one), str(other)]} | found.to_dict())
        return
    print(f"{found.counts[0]} pictures in {one}, {found.counts[1]} in {other}; lower is nearer; 95 % intervals.")
    width = max(len(measure.name) for measure in found.measured)
    for measure in found.measured:
        interval = "" if math.isnan(measure.low) else f" ({measure.low:.4g} to {measure.high:.4g})"
        print(f"  {measure.name:{width}}  {measure.value:.4g}{interval}  {measure.note}".rstrip())
    for line in (*found.notes, *found.missing):
        print(f"  {line}")


def _report(folder: str, done_pictures: int, total: int) -> None:
    typer.echo(f"\r\x1b[K{folder}, {done_pictures}/{total}", nl=done_pictures == total, err=True)


def _silent(folder: str, done_pictures: int, total: int) -> None:
    pass
