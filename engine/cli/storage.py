"""The commands for the disk: what takes how much, and clearing what is not needed."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.errors import StudioError
from engine.studio import Studio

commands = typer.Typer(
    help="What takes how much disk; `clear` removes what is not needed.", rich_markup_mode=None, no_args_is_help=False
)


@commands.callback(invoke_without_command=True)
def usage(context: typer.Context, home: Home = None, as_json: Json = False) -> None:
    """List what takes how much disk."""
    if context.invoked_subcommand:
        return
    for use in open_studio(home).storage.usage():
        if as_json:
            print_json(asdict(use))
        else:
            can = f"  {_size(use.clearable_bytes)} can be cleared" if use.clearable_bytes else ""
            print(f"{use.kind:11} {_size(use.size_bytes):>10}  {use.about}{can}")


@commands.command()
def clear(
    kind: Annotated[str, typer.Argument(help="Such as trash, photos, archives, thumbnails.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before something is gone for good.")] = False,
    home: Home = None,
) -> None:
    """Remove what of a kind can go. Pictures in the trash are gone for good then, so this asks first."""
    studio = open_studio(home)
    _require_consent(studio, kind, yes)
    print(f"{_size(studio.storage.clear(kind))} were cleared.")


def _require_consent(studio: Studio, kind: str, yes: bool) -> None:
    use = next((use for use in studio.storage.usage() if use.kind == kind), None)
    if yes or use is None or not use.final or not use.clearable_bytes:
        return
    question = f"{use.title} ({_size(use.clearable_bytes)}): {use.about}. Remove them for good?"
    agreed = sys.stdin.isatty() and typer.confirm(question, err=True)  # else nobody is there to answer
    if not agreed:
        raise StudioError("Nothing was removed. Say --yes to remove it without being asked.")


def _size(size_bytes: int) -> str:
    if size_bytes >= 1e9:
        return f"{size_bytes / 1e9:.1f} GB"
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.1f} kB"
