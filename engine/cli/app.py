"""The command line's frame: its options, the studio that they name, and errors in words."""

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import NotFound
from engine.files import replacing
from engine.in_words import in_words
from engine.settings import Settings
from engine.studio import Studio

cli = typer.Typer(
    help="Niji Studio without the browser.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Home = Annotated[Path | None, typer.Option(help="Studio folder; the default is STUDIO_HOME or ./studio-home.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for other programs, one object a line.")]


def open_studio(home: Path | None) -> Studio:
    """The studio of these settings; its folder is made. An empty gallery over pictures is said on standard error."""
    studio = Studio(settings_of(home))
    if studio.is_empty() and (said := studio.health.lost_pictures()):
        typer.echo(said, err=True)
    return studio


def settings_of(home: Path | None) -> Settings:
    """The environment's settings, or those of the studio in `home` with everything of its own inside it."""
    settings = Settings.from_environment()
    return replace(settings, home=home, database_url="", lora_dir=None, embedding_dir=None) if home else settings


def print_json(facts: dict[str, Any]) -> None:
    """One object on one line."""
    print(json.dumps(facts, ensure_ascii=False))


def json_settings(file: Path | None) -> dict[str, Any]:
    """The JSON object in a file of settings; none without a file. Raises NotFound where it holds something else."""
    if file is None:
        return {}
    try:
        values = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise NotFound(f"{file} must be a JSON file of settings: {error}. Correct it.") from None
    if not isinstance(values, dict):
        raise NotFound(f"{file} must hold one JSON object; got a {type(values).__name__}. Correct it.")
    return values


def copied(path: Path, folder: Path | None) -> Path:
    """The path of a picture's copy in the folder, or its own path where there is no folder."""
    if folder is None:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / path.name
    with replacing(target) as file:
        file.write(path.read_bytes())
    return target


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; every failure is one line on standard error.

    Args:
        words: as typed after `python -m engine`; None means this process's own.

    Returns:
        The exit code: 0 well, 1 an error, 2 wrong options, 130 Ctrl+C.
    """
    # Standard error is for one line; the worker, which shares it, has a log for all else.
    logging.getLogger("engine").addHandler(logging.NullHandler())
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        return cli(words, prog_name="python -m engine", standalone_mode=False) or 0
    except typer.TyperException as error:
        typer.echo(error.format_message(), err=True)
        return error.exit_code
    except Exception as error:
        text = in_words(error)
        if text is None:
            raise
        return _failed(text)


def _failed(text: str) -> int:
    typer.echo(" ".join(text.split()), err=True)
    return 1
