"""Every command that the documents name exists, with the options that they give it."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from engine.__main__ import cli

ROOT = Path(__file__).parents[3]
STUDIES = ROOT / "docs" / "studies.md"
ON_THE_LINE = re.compile(r"python -m engine ([^`\n|)]+)")
SPAN = re.compile(r"`([^`]+)`")


@cache
def studio() -> Any:
    return get_command(cli)


def fault(words: list[str]) -> str:
    """What of a command line does not exist; empty where all does."""
    command: Any = studio()
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        name, *words = words
        if name not in command.commands:
            return f"no command {name}"
        command = command.commands[name]
    known = {option for each in command.params for option in [*each.opts, *each.secondary_opts]} | {"--help"}
    asked = [word.split("=")[0] for word in words if word.startswith("--")]
    return ", ".join(f"{command.name} has no {option}" for option in asked if option not in known)


def command_lines(text: str) -> Iterator[str]:
    for line in ON_THE_LINE.findall(text.replace("\\\n", " ")):
        yield line.split("#")[0].split(" > ")[0].split(" && ")[0].split("; ")[0]


def words_of(line: str) -> list[str]:
    return shlex.split(line.replace("[", "").replace("]", "").replace("...", ""))


def cells_of_commands() -> Iterator[list[str]]:
    """Of each row of the studies' tables the code in its last cell, where that column is of commands."""
    column = ""
    for line in STUDIES.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        column = cells[-1] if cells and not column else column if cells else ""
        if column == "command" and cells[-1] != column and "---" not in cells[-1]:
            yield SPAN.findall(cells[-1])


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "weights").glob("*/README.md"))]
)
def test_commands_of_the_documents_exist(path: Path) -> None:
    lines = list(command_lines(path.read_text()))
    assert not [f"{line}: {found}" for line in lines if (found := fault(words_of(line)))]


def test_each_row_of_the_studies_names_a_command_that_exists() -> None:
    cells = list(cells_of_commands())
    assert len(cells) > 35
    faults = []
    for spans in cells:
        command: list[str] = []
        for span in spans:
            words = words_of(span)
            command = [*command, *words] if words[0].startswith("--") else words
            faults += [f"{span}: {found}" for found in [fault(command)] if found]
    assert not faults


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("train-gan PICTURES --scales multi", ""),
        ("gallery check --rebuild", ""),
        ("paint", "no command paint"),
        ("gallery paint", "no command paint"),
        ("train-gan PICTURES --colour red", "train-gan has no --colour"),
    ],
)
def test_what_does_not_exist_is_found(line: str, found: str) -> None:
    assert fault(line.split()) == found
