"""Pictures in one ZIP file with their recipes beside them, written picture by picture: memory holds one at a time."""

import csv
import io
import json
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from gallery.atomic import replacing
from gallery.errors import GalleryError, storage_error
from gallery.exporting.names import NamePattern, Names
from gallery.records import ImageRecord
from gallery.store import Gallery

Form = Literal["png", "jpg", "webp"]
Recipes = Literal["csv", "json"]
FORMS: tuple[Form, ...] = ("png", "jpg", "webp")
RECIPES: tuple[Recipes, ...] = ("csv", "json")
COLUMNS = (
    *("file_name", "id", "created_at", "kind", "title", "prompt", "negative_prompt", "model", "seed"),
    *("width", "height", "num_inference_steps", "guidance_scale", "scheduler", "loras", "file_sha256", "recipe"),
)
_IN_MEMORY = 8_000_000  # bytes of recipes; more go to a file while the pictures are written
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # https://owasp.org/www-community/attacks/CSV_Injection


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an archive is made of.

    Attributes:
        form: of the pictures. PNG is the file as it was saved; JPEG carries its recipe too.
        quality: of JPEG, 1 to 95, and WebP, 1 to 100.
        pattern: how the pictures' files are named.
        recipes: `csv` for spreadsheets, `json` with every value as it is.
    """

    form: Form = "png"
    quality: int = 92
    pattern: NamePattern = field(default_factory=NamePattern)
    recipes: Recipes = "csv"


@dataclass(frozen=True, slots=True)
class Written:
    """What came of an export.

    Attributes:
        count: pictures that are in it.
        failures: why others are not, one text each.
    """

    count: int
    failures: tuple[str, ...]


def write_zip(
    target: Path | BinaryIO,
    gallery: Gallery,
    records: Iterable[ImageRecord],
    wanted: Wanted | None = None,
    report: Callable[[int], None] = lambda count: None,
) -> Written:
    """Write pictures and `recipes.csv` or `recipes.json` as a ZIP file; one that cannot be read keeps no other out.

    Args:
        target: a path, whose file appears whole or not at all, or an open file.
        gallery: whose pictures they are.
        records: the pictures, read one by one.
        wanted: forms, names; pictures as PNG and a CSV file when left out.
        report: told after each picture how many were looked at.

    Raises:
        StorageFailed: the disk did not take it.
    """
    if not isinstance(target, Path):
        return _write(target, gallery, records, wanted or Wanted(), report)
    try:
        with replacing(target) as file:
            return _write(file, gallery, records, wanted or Wanted(), report)
    except OSError as error:
        raise storage_error(error, target.parent) from error


def picture_bytes(gallery: Gallery, image_id: str, form: Form, quality: int) -> bytes:
    """A picture's file in that form. Raises as `Gallery.png` does."""
    if form == "png":
        return gallery.png(image_id)
    return (gallery.jpg if form == "jpg" else gallery.webp)(image_id, quality)


def recipe_row(record: ImageRecord, file_name: str) -> dict[str, Any]:
    """What a list of recipes says of a picture, by the names in `COLUMNS`; `recipe` is complete."""
    recipe = record.recipe
    settings = {name: recipe.request.get(name) for name in ("num_inference_steps", "guidance_scale", "scheduler")}
    loras = [{name: lora.get(name) for name in ("name", "weight")} for lora in recipe.loras]
    found = {"file_name": file_name, **record.facts(), **settings, "loras": loras, "recipe": recipe.to_dict()}
    return {name: found[name] for name in COLUMNS}


def _write(
    file: BinaryIO, gallery: Gallery, records: Iterable[ImageRecord], wanted: Wanted, report: Callable[[int], None]
) -> Written:
    names, count, failures = Names(wanted.pattern, {f"recipes.{wanted.recipes}": "", "not-included.txt": ""}), 0, []
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,  # pictures are compressed already
        tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool,
    ):
        rows = _Rows(spool, wanted.recipes)
        for looked_at, record in enumerate(records, 1):
            try:
                data = picture_bytes(gallery, record.id, wanted.form, wanted.quality)
            except GalleryError as error:
                failures.append(str(error))
            else:
                name = names.of(record, f".{wanted.form}")
                archive.writestr(_entry(name, record.created_at), data)
                rows.add(recipe_row(record, name))
                count += 1
            report(looked_at)
        rows.end()
        spool.seek(0)
        entry = _entry(f"recipes.{wanted.recipes}", time.time(), zipfile.ZIP_DEFLATED)
        with archive.open(entry, "w", force_zip64=True) as written:
            shutil.copyfileobj(spool, written)
        if failures:
            archive.writestr(_entry("not-included.txt", time.time()), "\n".join(failures) + "\n")
    return Written(count, tuple(failures))


def _entry(name: str, moment: float, compression: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    """An entry of the archive; ZIP knows the years from 1980 to 2107, in local time."""
    date = time.localtime(moment)[:6]
    entry = zipfile.ZipInfo(name, date if 1980 <= date[0] <= 2107 else (1980, 1, 1, 0, 0, 0))
    entry.compress_type = compression
    entry.external_attr = 0o644 << 16
    return entry


class _Rows:
    """Writes rows as CSV, with a mark so that spreadsheets read it as UTF-8, or as one JSON list."""

    def __init__(self, file: Any, form: Recipes):
        self._text = io.TextIOWrapper(file, "utf-8-sig" if form == "csv" else "utf-8", newline="", write_through=True)
        self._form = form
        self._count = 0
        if form == "csv":
            self._csv = csv.DictWriter(self._text, COLUMNS)
            self._csv.writeheader()

    def add(self, row: dict[str, Any]) -> None:
        """One picture's row."""
        if self._form == "csv":
            self._csv.writerow({name: _cell(value) for name, value in row.items()})
        else:
            self._text.write(f"{',' if self._count else '['}\n{json.dumps(row, ensure_ascii=False)}")
        self._count += 1

    def end(self) -> None:
        """All rows are there; the file stays open."""
        if self._form == "json":
            self._text.write("\n]\n" if self._count else "[]\n")
        self._text.flush()
        self._text.detach()


def _cell(value: Any) -> Any:
    """A value in a spreadsheet: lists and mappings as JSON, texts that it would take for a formula behind a quote."""
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
