"""The commands about styles and wildcards."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.files import replacing
from engine.prompting.styles import Styles, read_table
from engine.prompting.wildcards import Wildcards
from engine.rules import counted

styles = typer.Typer(help="The saved styles, for `generate --style`.", no_args_is_help=True)
wildcards = typer.Typer(help="The files behind __names__ in prompts.", no_args_is_help=True)


@styles.command("list")
def list_styles(home: Home = None, as_json: Json = False) -> None:
    """List the styles with what they add."""
    for name, style in Styles(open_studio(home).settings.home).all().items():
        if as_json:
            print_json({"name": name, "prompt": style.prompt, "negative_prompt": style.negative_prompt})
        else:
            less = f"  without: {style.negative_prompt}" if style.negative_prompt else ""
            print(" ".join(f"{name}  {style.prompt}{less}".split("\n")))


@styles.command("import")
def import_styles(file: Annotated[Path, typer.Argument(help="AUTOMATIC1111's styles.csv.")], home: Home = None) -> None:
    """Take in the styles of a table; one whose name is here already stays as it is."""
    added, said = Styles(open_studio(home).settings.home).bring(read_table(file))
    for text in said:
        print(text, file=sys.stderr)
    print(f"{counted(len(added), 'style')} came in.")


@styles.command("export")
def export_styles(file: Annotated[Path, typer.Argument(help="The table to write.")], home: Home = None) -> None:
    """Write all styles as a styles.csv, which AUTOMATIC1111 reads."""
    table = Styles(open_studio(home).settings.home).table()
    with replacing(file) as out:
        out.write(table)
    print(file)


@wildcards.command("list")
def list_wildcards(home: Home = None, as_json: Json = False) -> None:
    """List the wildcards, as they are written in a prompt."""
    found = Wildcards(open_studio(home).settings.home)
    for name in found.names():
        if as_json:
            print_json({"name": name, "path": str(found.folder / f"{name}.txt")})
        else:
            print(f"__{name}__")
