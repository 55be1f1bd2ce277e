"""A folder of rendered scenes with captions: training data that needs no download."""

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from engine.errors import InvalidRequest, Problem
from engine.files import replacing
from engine.scenes.captions import caption, plain_caption
from engine.scenes.labels import coloured, label_map
from engine.scenes.render import MAX_SIZE, MIN_SIZE, render
from engine.scenes.scene import LANDMARKS, LOOKS, MAX_SEED, TIMES, Scene, random_scene

MAX_COUNT = 1_000_000
_RECIPE = "recipe.json"


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """What `write_dataset` did."""

    folder: Path
    written: int
    kept: int


def write_dataset(
    folder: str | Path,
    count: int,
    seed: int = 0,
    size: int = 256,
    look: str = "painterly",
    time: str | None = None,
    landmark: str | None = None,
    labels: bool = False,
    report: Callable[[int, int], None] | None = None,
) -> DatasetReport:
    """Write `count` scenes as 000000.png ... with captions.csv and metadata.jsonl.

    Image i shows the scene of seed + i. Images that are already there are kept, so a stopped run goes on where it
    was; files appear whole or not at all.

    Args:
        folder: created when missing; a folder that holds scenes of another seed, size or look is refused.
        count: number of images, 1 to 1,000,000.
        seed: of the first scene.
        size: pixels of each side, 64 to 512.
        look: painterly, ink, cel or mono.
        time: of day in all of them, one of `TIMES`; None draws it for each.
        landmark: in all of them, one of `LANDMARKS`; None draws it for each.
        labels: write the pictures of their label maps instead, see `engine.scenes.labels`.
        report: called with (done, count) after every image.

    Raises:
        InvalidRequest: an argument is out of range, or the folder holds something else.
    """
    problems = _problems(count, seed, size, look, time, landmark)
    if problems:
        raise InvalidRequest(problems)
    folder = Path(folder)
    given = {"look": look, "time": time, "landmark": landmark}
    fixed = {name: value for name, value in given.items() if value is not None}
    _open(folder, {"seed": int(seed), "size": int(size)} | fixed | ({"labels": 1} if labels else {}))
    rows, written = [], 0
    for index in range(count):
        scene = random_scene(seed + index, **fixed)
        path = folder / f"{index:06d}.png"
        if not path.exists():
            _write(path, _png(coloured(label_map(scene, size)) if labels else render(scene, size)))
            written += 1
        rows.append(
            {"file_name": path.name, "text": text_of(scene)} | scene.as_dict() | {"plain": plain_caption(scene)}
        )
        if report:
            report(index + 1, count)
    _write(folder / "captions.csv", _csv(rows))
    _write(folder / "metadata.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    return DatasetReport(folder, written, count - written)


def text_of(scene: Scene) -> str:
    """The caption that belongs to a scene in a data set; drawn from the scene's own seed."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([scene.seed, 11])))
    return caption(scene, rng)


# ---------------------------------------------------------------- checks


def _problems(count: object, seed: object, size: object, look: object, time: object, landmark: object) -> list[Problem]:
    rules = (
        ("count", count, 1, MAX_COUNT, "The number of scenes"),
        ("seed", seed, 0, MAX_SEED - MAX_COUNT, "The seed"),
        ("size", size, MIN_SIZE, MAX_SIZE, "The size in pixels"),
    )
    problems = [
        Problem(field, f"{name} must be a whole number from {low:,} to {high:,}; got {value!r}.")
        for field, value, low, high, name in rules
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high
    ]
    if look not in LOOKS:
        problems.append(Problem("look", f"The look must be one of {', '.join(LOOKS)}; got {look!r}."))
    if time is not None and time not in TIMES:
        problems.append(Problem("time", f"The time of day must be one of {', '.join(TIMES)}; got {time!r}."))
    if landmark is not None and landmark not in LANDMARKS:
        problems.append(Problem("landmark", f"The landmark must be one of {', '.join(LANDMARKS)}; got {landmark!r}."))
    return problems


def _open(folder: Path, recipe: dict[str, str | int]) -> None:
    """Make the folder, or check that what it holds is the same series."""
    if folder.exists() and not folder.is_dir():
        raise InvalidRequest(
            [Problem("folder", f"Scenes are written into a folder; {folder} is a file. Name another.")]
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _RECIPE
    if path.exists():
        found = _read_recipe(path)
        if found != recipe:
            message = f"{folder} already holds scenes of {_words(found)}; asked for {_words(recipe)}. Use a new folder."
            raise InvalidRequest([Problem("folder", message)])
    elif any(re.fullmatch(r"\d{6}\.png", name.name) for name in folder.iterdir()):
        message = f"{folder} holds numbered images that are not a series of scenes. Use a new folder."
        raise InvalidRequest([Problem("folder", message)])
    else:
        _write(path, json.dumps(recipe).encode())


def _read_recipe(path: Path) -> dict:
    try:
        found = json.loads(path.read_text())
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"recipe": "unreadable"}


def _words(recipe: dict[str, str | int]) -> str:
    return ", ".join(f"{name} {value}" for name, value in recipe.items())


# ---------------------------------------------------------------- files


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _csv(rows: list[dict]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, ["file_name", "text"], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as file:
        file.write(data)
