"""The studies' testing module: a translator or a training's checkpoint on pairs, in three columns, each by its name.

"truth" is the picture that the translation should be, "photo" the one it began with. A good translation differs from
its photo, so nearness to that is no merit; identity asks whether a picture that is there already stays as it is.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from engine.comparing.measuring import as_picture, means, pair_figures, picture_at, save_picture
from engine.comparing.plan import TESTED, names_of, read_pictures
from engine.comparing.report import write_csv
from engine.comparing.request import TestOnPairs
from engine.device import Device
from engine.errors import Cancelled, ModelBroken, NotFound
from engine.files import write_json
from engine.images import from_pil
from engine.metrics.compare_report import json_values
from engine.settings import Settings
from engine.training.loop import CHECKPOINT, averaged_weights
from engine.translation.catalogue import translators
from engine.translation.checkpoints import import_checkpoint
from engine.translation.networks.generator import Architecture, Generator
from engine.translation.networks.ode import Solver
from engine.translation.running import LoadedTranslator

COLUMNS = {
    "truth": "Translation to its truth",
    "photo": "Translation to its photo",
    "identity": "Translated truth to the truth",
}
Translate = Callable[[Tensor], Tensor]


class Test:
    """One test at work.

    Args:
        folder: with its list of pictures; everything is written there.
        report: told a stage, steps done and steps in all.
        should_stop: asked before each pair.
    """

    __test__ = False  # no class of tests

    def __init__(
        self,
        folder: Path,
        request: TestOnPairs,
        settings: Settings,
        device: Device,
        report: Callable[[str, int, int], None],
        should_stop: Callable[[], bool] = lambda: False,
    ):
        self._folder = folder
        self._request = request
        self._settings = settings
        self._device = device
        self._report = report
        self._should_stop = should_stop
        self._pictures = read_pictures(folder)

    @torch.inference_mode()
    def run(self) -> dict[str, Any]:
        """Translate, measure and write the report, which is returned.

        Raises:
            Cancelled: `should_stop` said so.
            StudioError: the subject cannot be loaded, or a picture cannot be read.
        """
        translate = subject(self._request.subject, self._settings, self._device)
        pairs, photos = self._pictures.pairs, self._pictures.photos
        rows = []
        for place, (photo, truth) in enumerate(pairs):
            self._tick(place)
            rows.append({"name": photo.stem} | self._pair(place, photo, truth, translate))
        for place, name in enumerate(names_of(photos)):
            self._tick(len(pairs) + place)
            fake = as_picture(translate(from_pil(picture_at(photos[place], self._request.side))))
            save_picture(fake, self._folder / "pictures" / f"photo_{name}.png")
        return self._write(rows)

    def _pair(self, place: int, photo: Path, truth: Path, translate: Translate) -> dict[str, Any]:
        """The three columns of one pair; its pictures are saved."""
        before, wanted = (picture_at(path, self._request.side) for path in (photo, truth))
        if wanted.size != before.size:
            wanted = wanted.resize(before.size, Image.Resampling.LANCZOS)
        fake, again = (as_picture(translate(from_pil(each))) for each in (before, wanted))
        shown = {"photo": before, "translation": fake, "truth": wanted, "identity": again}
        for name, picture in shown.items():
            save_picture(picture, self._folder / "pictures" / f"test_{place + 1:04d}_{name}.png")
        compared = {"truth": (fake, wanted), "photo": (fake, before), "identity": (again, wanted)}
        return {column: pair_figures(*both) for column, both in compared.items()}

    def _write(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        values = json_values(
            {
                "subject": self._request.subject,
                "side": self._request.side,
                "pairs_from": self._pictures.pairs_from,
                "columns": COLUMNS,
                "means": {column: means([row[column] for row in rows]) for column in COLUMNS},
                "pairs": rows,
                "photos": len(self._pictures.photos),
                "device": self._device.name,
            }
        )
        flat = [
            {"picture": row["name"]}
            | {f"{column} {name}": row[column][name] for column in COLUMNS for name in ("mse", "psnr")}
            for row in [*values["pairs"], {"name": "mean"} | values["means"]]
        ]
        write_csv(self._folder / "test.csv", flat)
        write_json(self._folder / TESTED, values)
        return values

    def _tick(self, done: int) -> None:
        if self._should_stop():
            raise Cancelled("The test was stopped. It can be asked for again.")
        self._report("Testing", done, len(self._pictures.pairs) + len(self._pictures.photos))


def subject(name: str, settings: Settings, device: Device) -> Translate:
    """What is tested: (1, 3, H, W) in [-1, 1] to the same.

    Args:
        name: of a translator; or the path of a NijiGAN training's folder, whose average of weights is taken; or of a
            file of weights, whose generator is taken (`generator_state_dict`, where it holds several parts). The
            feature extractor in such a file plays no part in a translation.

    Raises:
        NotFound: there is none of that name.
        ModelBroken, UnsafeFile, InvalidRequest: it cannot be loaded.
    """
    known = {each.name: each for each in translators(settings)}
    if name in known:
        return LoadedTranslator(known[name], device)
    path = Path(name)
    if path.is_dir():
        return _of_training(path, device)
    if not path.is_file():
        raise NotFound(f"There is no translator and no training {name!r}; translators are: {', '.join(known)}.")
    with tempfile.TemporaryDirectory() as scratch:
        loaded = LoadedTranslator(import_checkpoint(path, Path(scratch), "tested"), device)
    return loaded


def _of_training(folder: Path, device: Device) -> Translate:
    path = folder / CHECKPOINT
    if not path.is_file():
        raise NotFound(f"A training to test has a {CHECKPOINT}; {folder} has none. Train first.")
    settings = torch.load(path, weights_only=True, mmap=True, map_location="cpu").get("settings", {})
    if not {"architecture", "solvers"} <= settings.keys():
        raise ModelBroken(f"{folder} is no training of NijiGAN's generator. Import what it made, and test that.")
    model = Generator(Architecture(**settings["architecture"]), Solver(**settings["solvers"][0])).eval()
    model.load_state_dict(averaged_weights(folder))
    model.to(device.torch_device, memory_format=torch.channels_last)
    return lambda pixels: model(pixels.to(device.torch_device)).cpu()
