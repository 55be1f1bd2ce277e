"""What `gallery export` writes: a folder of pictures, a ZIP file, a contact sheet."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from engine import __version__
from engine.diffusion.exporting.comfyui import workflow
from engine.errors import StudioError
from engine.files import replacing
from engine.rules import counted
from engine.signing import signed
from engine.studio import Studio
from gallery.errors import GalleryError
from gallery.exporting.archive import Wanted, picture_bytes, write_zip
from gallery.exporting.contact_sheet import MOST_PICTURES, write_sheet
from gallery.exporting.names import Names
from gallery.foreign import imported
from gallery.metadata import read_digital_source
from gallery.records import ImageRecord
from gallery.store import Gallery

METADATA = "metadata.jsonl"

Records = Callable[[], Iterable[ImageRecord]]
Facts = Callable[[ImageRecord], dict[str, Any]]


class Format(StrEnum):
    """How pictures are exported; all carry the recipe."""

    png = "png"
    jpg = "jpg"
    webp = "webp"


class RecipeList(StrEnum):
    """How the recipes in a ZIP file are written."""

    csv = "csv"
    json = "json"


@dataclass(frozen=True, slots=True)
class Beside:
    """What a folder gets beyond the pictures and their list.

    Attributes:
        studio: which one writes it.
        workflow: of ComfyUI, a file for each drawing.
        sign: each picture's file with a C2PA manifest.
    """

    studio: Studio
    workflow: bool = False
    sign: bool = False

    def signed(self, record: ImageRecord, data: bytes) -> bytes:
        """The file, with its manifest if one is wished for. Raises StudioError where it cannot be signed."""
        if not self.sign:
            return data
        source, elsewhere = read_digital_source(data), record.kind == imported.KIND
        return signed(self.studio.settings.home, data, source, record.title, __version__, brought_in=elsewhere)

    def facts(self, picture: Path, record: ImageRecord) -> dict[str, Any]:
        """Write the workflow if one is wished for; what ComfyUI does otherwise, or why there is none, in sentences."""
        if not self.workflow:
            return {}
        try:
            made = workflow(record.recipe.to_dict())
        except StudioError as error:
            return {"comfyui": [str(error)]}
        _write(picture.with_suffix(".comfyui.json"), json.dumps(made.graph, indent=2, ensure_ascii=False).encode())
        return {"comfyui": list(made.notes)}


def these(store: Gallery, image_ids: Iterable[str]) -> Iterator[ImageRecord]:
    """The pictures of these ids, also from the trash, each once.

    Raises:
        ImageNotFound: no picture has one of them.
    """
    return map(store.get, dict.fromkeys(image_ids))


def to_folder(store: Gallery, records: Records, facts: Facts, folder: Path, wanted: Wanted, beside: Beside) -> None:
    """Copy the pictures into a folder with their recipes in metadata.jsonl; a second export adds to the first.

    Raises:
        StudioError: the folder has a list of something else, or some pictures could not be copied.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = _rows_of_earlier_exports(folder / METADATA)
    names = Names(wanted.pattern, {name: str(row.get("id")) for name, row in rows.items()} | {METADATA: ""})
    count, unreadable, failures = 0, 0, []
    for record in records():
        try:
            data = beside.signed(record, picture_bytes(store, record.id, wanted.form, wanted.quality))
        except (GalleryError, StudioError) as error:  # one damaged picture is no reason to keep the others
            failures.append(str(error))
            continue
        name = names.of(record, f".{wanted.form}")
        _write(folder / name, data)
        rows[name] = {"file_name": name, **facts(record), "recipe": record.recipe.to_dict()}
        rows[name] |= beside.facts(folder / name, record)
        count += 1
        unreadable += record.unreadable
    _write(folder / METADATA, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows.values()).encode())
    print(f"{counted(count, 'image was', 'images were')} copied into {folder}.")
    if unreadable:
        print(f"The recipes of {unreadable} cannot be read in the database; `gallery check --rebuild` repairs that.")
    _raise_failures(failures)


def to_zip(store: Gallery, records: Records, path: Path, wanted: Wanted) -> None:
    """Write the pictures and their recipes as a ZIP file.

    Raises:
        StudioError: some pictures could not be read; the others are in it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written = write_zip(path, store, records(), wanted)
    print(f"{counted(written.count, 'image')} with recipes.{wanted.recipes} in {path}.")
    _raise_failures(written.failures)


def to_sheet(store: Gallery, records: Records, path: Path) -> None:
    """Write a contact sheet of the first 500 pictures.

    Raises:
        SheetRefused: there is none, or the path ends in neither .pdf nor .png.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    chosen = list(islice(records(), MOST_PICTURES + 1))
    for file in write_sheet(path, store, chosen[:MOST_PICTURES]):
        print(f"The contact sheet is {file}.")
    if len(chosen) > MOST_PICTURES:
        print(f"It has the first {MOST_PICTURES} images; a contact sheet takes no more.")


def _raise_failures(failures: Iterable[str]) -> None:
    texts = list(failures)
    if texts:
        raise StudioError(f"{counted(len(texts), 'image')} could not be copied; the first: {texts[0]}")


def _rows_of_earlier_exports(path: Path) -> dict[str, dict[str, Any]]:
    """By file name: a second search into the same folder adds to the first."""
    try:
        return {row["file_name"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError):
        raise StudioError(f"{path} is not of an earlier export. Export into another folder.") from None


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    with replacing(path) as file:
        file.write(data)
