"""Captions for a whole folder of pictures: what was written stays written when it is stopped, and can be undone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.captioning.blip import Captioner
from engine.captioning.request import CaptionPictures
from engine.datasets.caption_edits import History
from engine.datasets.captions import CaptionRule, enriched, read_rules
from engine.datasets.index import relative_name
from engine.datasets.pictures import CaptionedPicture, PictureRefused, open_picture
from engine.datasets.reading import read_dataset
from engine.errors import Cancelled
from engine.files import read_json, write_json
from engine.rules import counted

KEEP_EVERY = 5  # captions; as many are written anew at most when the process is killed

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Written:
    """What became of it.

    Attributes:
        captions: how many were written.
        refused: pictures that could not be read, in words.
    """

    captions: int
    refused: tuple[str, ...]


def write_for(
    request: CaptionPictures,
    captioner: Captioner,
    home: Path,
    kept: Path,
    *,
    report: Report = lambda stage, step, steps: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Written:
    """Caption the pictures of a folder that have no caption, or all.

    Args:
        home: of the studio; the captions of before are kept there, so that a change can be undone.
        kept: file of the captions so far, from which an attempt that was killed goes on.
        report: called with the stage in words, the pictures done and all of them.
        should_stop: asked before each picture.

    Raises:
        NotFound: no such folder, no picture in it, or no such file of rules.
        InvalidRequest: the folder cannot be written into, or the rules are none.
        Cancelled: `should_stop` said so; the captions so far are in the folder.
    """
    folder = Path(request.folder)
    rules = read_rules(Path(request.rules)) if request.rules else ()
    pictures = [each for each in read_dataset(folder).pictures if request.everything or not each.caption.strip()]
    found = _kept(kept)
    refused: list[str] = []
    stopped = False
    try:
        for done, picture in enumerate(pictures):
            if stopped := should_stop():
                break
            report(f"Captioning {picture.path.name}", done, len(pictures))
            name = relative_name(folder, picture.path)
            if name not in found and (caption := _caption(captioner, picture.path, rules, refused)):
                found[name] = caption
                if len(found) % KEEP_EVERY == 0:
                    _keep(kept, found)
        else:
            report("Writing captions.csv", len(pictures), len(pictures))
    finally:  # after Ctrl+C too
        # First, should writing fail; and another attempt at all pictures would not tell the new captions from the old.
        _keep(kept, found)
        count = _write(request, found, home)
    if stopped:
        raise Cancelled(f"Stopped; {counted(count, 'caption was', 'captions were')} written, and they are kept.")
    kept.unlink(missing_ok=True)
    return Written(count, tuple(refused))


def _caption(captioner: Captioner, path: Path, rules: Sequence[CaptionRule], refused: list[str]) -> str:
    try:
        return enriched(captioner.caption(open_picture(path)), rules)
    except PictureRefused as error:  # changed since the folder was read
        refused.append(str(error))
        return ""


def _kept(path: Path) -> dict[str, str]:
    try:
        return dict(read_json(path)["captions"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _keep(path: Path, found: Mapping[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"captions": dict(found)})


def _write(request: CaptionPictures, found: Mapping[str, str], home: Path) -> int:
    """Into the folder as it is now: what somebody wrote meanwhile stays, unless all were asked for."""
    folder = Path(request.folder)
    pictures = read_dataset(folder).pictures
    changes = {
        each.path: caption
        for each in pictures
        if (caption := found.get(relative_name(folder, each.path))) and _may_change(request, each, caption)
    }
    if changes:
        History(home, folder).apply(pictures, changes)
    return len(changes)


def _may_change(request: CaptionPictures, picture: CaptionedPicture, caption: str) -> bool:
    return picture.caption != caption and (request.everything or not picture.caption.strip())
