"""Every photo through every translator, into a folder that names none of them."""

import io
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image
from torch import Tensor

from engine.errors import InvalidRequest, NotFound, Problem
from engine.files import put, replacing, write_json
from engine.images import from_pil, to_pil
from engine.picture_files import read_picture
from engine.translation.blind.answers import template
from engine.translation.blind.key import PHOTO, Judged, Key, read_key
from engine.translation.blind.sheet import overview, sheet_of
from engine.translation.running import brought_to

Translators = Mapping[str, Callable[[Tensor], Tensor]]


def keep_key(key: Key, path: Path, out: Path) -> None:
    """Write the key before anything is made; a comparison that was stopped goes on if its key is the same.

    Raises:
        InvalidRequest: the key would lie in the folder that is judged, or another comparison is there.
    """
    if out.resolve() in path.resolve().parents:
        raise InvalidRequest([Problem("key", f"The key must lie outside of {out}, which is shown to those who judge.")])
    if path.exists():
        if read_key(path) != key:
            text = f"{path} is the key of another comparison. Choose another folder, or delete both."
            raise InvalidRequest([Problem("key", text)])
    elif out.exists() and any(out.iterdir()):
        raise InvalidRequest([Problem("out", f"{out} must be empty or new; it holds something. Choose another.")])
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, key.to_dict())


def make(
    key: Key,
    photos: Mapping[str, Path],
    translators: Translators,
    out: Path,
    long_side: int,
    report: Callable[[str], None] = lambda line: None,
) -> None:
    """Make the pictures and sheets that are not there yet.

    out/01/A.png ...   the pictures of the first photo at full size, all of one size
    out/01.jpg ...     its sheet: small pictures, and crops at full size
    out/sheet.jpg      all photos
    out/answers.csv    to fill in

    Args:
        photos: the files by name.
        translators: what each makes of (1, 3, H, W) in [-1, 1], by name.
        long_side: pixels to which larger photos are brought first.
        report: told what is being done, without saying who is who.
    """
    out.mkdir(parents=True, exist_ok=True)
    for judged in key.photos:
        if not (out / judged.folder).exists():
            report(f"Photo {judged.number} of {len(key.photos)}")
            _keep(judged, _pictures(photos[judged.file], translators, long_side), out)
        _write_sheet(judged, out)
    _save(overview([(judged.folder, _kept(judged, out)) for judged in key.photos]), out / "sheet.jpg")
    if not (out / "answers.csv").exists():  # they may hold answers already
        with replacing(out / "answers.csv") as file:
            file.write(template(key).encode())


def _pictures(path: Path, translators: Translators, long_side: int) -> dict[str, Image.Image]:
    """By name, all of one size: another size would say who made it."""
    photo = brought_to(from_pil(read_picture(path)), long_side)
    pictures = {PHOTO: to_pil(photo)[0]}
    for name, translate in translators.items():
        made = to_pil(translate(photo))[0]
        pictures[name] = made.resize(pictures[PHOTO].size, Image.Resampling.LANCZOS)
    return pictures


def _keep(judged: Judged, pictures: Mapping[str, Image.Image], out: Path) -> None:
    """Write them by letter, whole or not at all, so that neither their order nor their times tell who is who."""
    growing = out / f".{judged.folder}.tmp"
    shutil.rmtree(growing, ignore_errors=True)
    growing.mkdir()
    for letter, name in sorted(judged.letters.items()):
        pictures[name].save(growing / f"{letter}.png", compress_level=3)  # pixels alone
    put(growing, out / judged.folder)


def _kept(judged: Judged, out: Path) -> dict[str, Image.Image]:
    return {letter: _own_picture(out / judged.folder / f"{letter}.png") for letter in sorted(judged.letters)}


def _own_picture(path: Path) -> Image.Image:
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            return picture.convert("RGB")
    except OSError as error:
        reason = error.strerror or "it is damaged"
        raise NotFound(f"{path} cannot be read: {reason}. Delete its folder, and it is made anew.") from None


def _write_sheet(judged: Judged, out: Path) -> None:
    path = out / f"{judged.folder}.jpg"
    if not path.exists():
        pictures = _kept(judged, out)
        _save(sheet_of(pictures, pictures[judged.letter_of[PHOTO]], f"Photo {judged.number}"), path)


def _save(sheet: Image.Image, path: Path) -> None:
    stream = io.BytesIO()
    sheet.save(stream, "JPEG", quality=92)
    with replacing(path) as file:
        file.write(stream.getvalue())
