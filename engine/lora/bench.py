"""The bench of the thesis on LoRA: three prompts, each with its seed and shape, with and without a LoRA, on one sheet.

Seeds, guidance and shapes are those of the thesis's tables 4.5 to 4.10, for Stable Diffusion 2.1's 768 pixels; for
other models the shapes stay. The prompts are in the studio's own words: the thesis's own can be given in their place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from engine.errors import InvalidRequest, Problem
from engine.files import read_json, replacing, write_json
from engine.grids.sheet import labelled
from engine.marked import COMPOSITE, save_png

GUIDANCE = 7.5
PICTURES = 6
NEGATIVE = "blurry, low quality, deformed, text, watermark, frame"
FILE, SHEET = "bench.json", "bench.png"
SIDES = ("without", "with")
_GRAIN, _LEAST = 16, 64  # pixels


@dataclass(frozen=True)
class Scene:
    """A prompt of the bench.

    Attributes:
        name: short, for the sheet.
        seed: of the first picture; each next one has the next.
        height: as a share of the width.
    """

    name: str
    prompt: str
    seed: int
    height: float

    def size(self, native: int) -> tuple[int, int]:
        """Width and height in pixels for a model of that native side."""
        return native, max(_LEAST, round(native * self.height / _GRAIN) * _GRAIN)


SCENES = (
    Scene(
        "castle",
        "A majestic castle on a hill above a misty valley, tall towers, fantasy landscape painting, highly detailed",
        777,
        2 / 3,
    ),
    Scene(
        "forest",
        "An enchanted forest at dawn, ancient trees, soft rays of light, a winding path beside a clear stream, fantasy "
        "landscape painting, highly detailed",
        42,
        2 / 3,
    ),
    Scene(
        "village",
        "A small village by a lake below snowy mountains at sunset, fantasy landscape painting, highly detailed",
        1332,
        1.0,
    ),
)


def scenes(prompts: Sequence[str]) -> tuple[Scene, ...]:
    """The bench's own, or these prompts with its seeds and shapes.

    Raises:
        InvalidRequest: there are others than three.
    """
    if not prompts:
        return SCENES
    if len(prompts) != len(SCENES):
        text = f"The bench has {len(SCENES)} prompts, each with seed and shape; got {len(prompts)}. Give all or none."
        raise InvalidRequest([Problem("prompt", text)])
    return tuple(
        Scene(f"prompt {number}", prompt, scene.seed, scene.height)
        for number, (scene, prompt) in enumerate(zip(SCENES, prompts, strict=True), 1)
    )


def drawn_before(folder: Path, asked: dict[str, Any]) -> dict[str, list[str]]:
    """The pictures, by row, of a bench that was stopped; none where the folder has none.

    Raises:
        InvalidRequest: the folder has another bench, or one that cannot be read; it stays as it is.
    """
    try:
        kept = read_json(folder / FILE)
        if kept["asked"] == asked:
            return dict(kept["pictures"])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise InvalidRequest([Problem("out", f"{folder} has another bench. Choose another folder.")])


def keep(folder: Path, asked: dict[str, Any], pictures: dict[str, list[str]]) -> None:
    """Write what was drawn so far."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / FILE, {"asked": asked, "pictures": pictures})


def write_sheet(folder: Path, title: str, rows: Sequence[tuple[str, Sequence[Image.Image]]]) -> Path:
    """All pictures under their names; returns the file."""
    columns = [f"picture {number}" for number in range(1, len(rows[0][1]) + 1)]
    tile = max((picture.size for _, pictures in rows for picture in pictures), key=lambda size: size[0] * size[1])
    path = folder / SHEET
    with replacing(path) as file:
        save_png(labelled(title, columns, rows, tile), file, COMPOSITE)
    return path
