"""A comparison of translators from its list of pictures to its report; what is there already is not made again."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from engine.comparing import cost
from engine.comparing.measuring import (
    Judge,
    Row,
    as_picture,
    features_at,
    judge_here,
    means,
    measured,
    pair_figures,
    picture_at,
    save_picture,
)
from engine.comparing.plan import COMPARED, names_of, read_pictures
from engine.comparing.report import write_files
from engine.comparing.request import FEW, CompareTranslators
from engine.device import Device
from engine.errors import Cancelled, StudioError
from engine.files import read_json, replacing, write_json
from engine.images import from_pil
from engine.marked import COMPOSITE, save_png
from engine.metrics.compare_report import json_values
from engine.metrics.sheets import TILE, grid_sheet
from engine.metrics.translation_failures import is_dark
from engine.opinions.results import results_of
from engine.opinions.studies import Studies
from engine.settings import Settings
from engine.translation.catalogue import Translator, translators
from engine.translation.running import LoadedTranslator

PHOTOS = "photos"
MOST_STAGE = 64  # characters that a job's stage has
ROWS = 10  # photos on one sheet, as many as the study shows
Report = Callable[[str, int, int], None]
Fakes = tuple[list[Path], list[Path]]  # of the photos, and of the pairs' photos


class Comparison:
    """One comparison at work.

    Args:
        folder: with its list of pictures; everything is written there.
        report: told a stage, steps done and steps in all.
        should_stop: asked between pictures and runs.
    """

    def __init__(
        self,
        folder: Path,
        request: CompareTranslators,
        settings: Settings,
        device: Device,
        report: Report,
        should_stop: Callable[[], bool],
    ):
        self._folder = folder
        self._request = request
        self._settings = settings
        self._device = device
        self._report = report
        self._should_stop = should_stop
        self._pictures = read_pictures(folder)
        known = {each.name: each for each in translators(settings)}
        self._methods = [known[name] for name in request.translators]
        self._done = 0

    def run(self) -> dict[str, Any]:
        """Translate, measure and write the report, which is returned.

        Raises:
            Cancelled: `should_stop` said so; what was made is kept.
            StudioError: a picture cannot be read, or a translator cannot be used.
        """
        fakes = {method.name: self._translated(method) for method in self._methods}
        judge = judge_here(self._device.torch_device)
        rows = self._rows(judge, fakes)
        costs, notes = self._costs()
        self._add_opinions(rows, notes)
        values = self._values(judge, rows, costs, notes)
        self._matrices(fakes)
        write_files(self._folder, values)
        write_json(self._folder / COMPARED, values)
        return values

    # -- pictures

    def _translated(self, method: Translator) -> Fakes:
        """What a translator makes of the photos, and of the pairs' photos."""
        loaded: list[LoadedTranslator] = []  # read when something is left to do

        def made(kind: str, paths: Sequence[Path]) -> list[Path]:
            folder = self._folder / "pictures" / method.name / kind
            files = [folder / f"{name}.png" for name in names_of(paths)]
            for path, file in zip(paths, files, strict=True):
                self._tick(f"Translating with {method.title}")
                if file.exists():
                    continue
                loaded[:] = loaded or [LoadedTranslator(method, self._device)]
                pixels = from_pil(picture_at(path, self._request.side))
                save_picture(as_picture(loaded[0](pixels, should_stop=self._should_stop)), file)
            return files

        return made(PHOTOS, self._pictures.photos), made("pairs", [photo for photo, _ in self._pictures.pairs])

    def _matrices(self, fakes: dict[str, Fakes]) -> None:
        """Figure 6.1: a row for each photo, ten on a sheet."""
        photos = self._pictures.photos
        columns = ["photo", *(method.title for method in self._methods)]
        for start in range(0, len(photos), ROWS):
            rows = []
            for place in range(start, min(start + ROWS, len(photos))):
                shown = [picture_at(photos[place], self._request.side)]
                shown += [picture_at(fakes[method.name][0][place], 0) for method in self._methods]
                rows.append((photos[place].stem[:14], [_square(picture) for picture in shown]))
            sheet = grid_sheet(f"{self._request.side} px, the middle of each", columns, rows)
            with replacing(self._folder / f"matrix-{start // ROWS + 1}.png") as file:
                save_png(sheet, file, COMPOSITE)

    # -- figures

    def _rows(self, judge: Judge, fakes: dict[str, Fakes]) -> list[Row]:
        photos, side = self._pictures.photos, self._request.side
        target = features_at(judge, self._pictures.styles, side, self._tick)
        rows = [measured(self._row(PHOTOS, "The photos themselves"), judge, target, photos, photos, side, self._tick)]
        for method in self._methods:
            of_photos, of_pairs = fakes[method.name]
            row = self._row(method.name, method.title)
            measured(row, judge, target, photos, of_photos, side, self._tick)
            row.pairs = self._pair_means([picture_at(path, 0) for path in of_pairs])
            rows.append(row)
        rows[0].pairs = self._pair_means([picture_at(photo, side) for photo, _ in self._pictures.pairs])
        return rows

    def _row(self, name: str, title: str) -> Row:
        return Row(name, title, len(self._pictures.photos), {}, {})

    def _pair_means(self, fakes: list[Image.Image]) -> dict[str, float]:
        truths = [picture_at(truth, self._request.side) for _, truth in self._pictures.pairs]
        return means([pair_figures(fake, truth) for fake, truth in zip(fakes, truths, strict=True)])

    def _costs(self) -> tuple[list[dict[str, Any]], list[str]]:
        """Table 6.2, and a sentence about each translator that could not be timed."""
        if not self._request.runs:
            return [], []
        found, notes = [], []
        self._device.release()
        for method in self._methods:
            file = self._folder / "cost" / f"{method.name}.json"
            before = self._done
            try:
                values = read_json(file) if file.exists() else self._cost(method)
                write_json(file, values)
                found.append(values | {"title": method.title})
            except Cancelled:
                raise
            except StudioError as error:
                notes.append(str(error))
            self._done = before + self._timed
        return found, notes

    def _cost(self, method: Translator) -> dict[str, Any]:
        before = self._done

        def tick(run: int) -> None:
            self._tell(f"Timing {method.title}", before + run)

        tick(0)
        photo, request = self._pictures.photos[0], self._request
        return cost.measure(
            self._settings, method.name, photo, request.cost_side, request.runs, tick, self._should_stop
        )

    def _add_opinions(self, rows: list[Row], notes: list[str]) -> None:
        """What people said, where a study names these translators; once, so the report says what it was then."""
        if not self._request.study:
            return
        studies = Studies(self._settings.home)
        study = studies.get(self._request.study)
        found = results_of(study, studies.participants(study))
        asked = {method.casefold() for method in study.methods}
        mine = {row.name: {row.name.casefold(), row.title.casefold()} for row in rows}
        if not asked & set().union(*mine.values()):
            notes.append(f"The study {study.title!r} is about {', '.join(study.methods)}: none of these translators.")
        for question in found.questions:
            for each in question.rows:
                for row in rows:
                    if each.method.casefold() in mine[row.name] and each.score.answers:
                        row.opinions[question.text] = {
                            "mean": each.score.mean,
                            "low": each.score.low,
                            "high": each.score.high,
                            "answers": each.score.answers,
                        }

    def _values(self, judge: Judge, rows: list[Row], costs: list[dict[str, Any]], notes: list[str]) -> dict[str, Any]:
        n, m = len(self._pictures.photos), len(self._pictures.styles)
        said = [each.note(min(n, m)) for each in judge.distances if each.note(min(n, m))]
        dark = sum(is_dark(_pixels(path, self._request.side)) for path in self._pictures.photos)
        return json_values(
            {
                "photos": {"count": n, "from": self._pictures.photos_from, "dark": dark},
                "styles": {"count": m, "from": self._pictures.styles_from},
                "pairs": {"count": len(self._pictures.pairs), "from": self._pictures.pairs_from},
                "request": self._request.to_dict(),
                "network": judge.extractor.name,
                "references": {each.name: each.reference for each in judge.distances},
                "rows": [asdict(row) for row in rows],
                "costs": costs,
                "device": self._device.name,
                "notes": [*said, *notes],
                "missing": [judge.missing] if judge.missing else [],
            }
        )

    # -- progress

    @property
    def _timed(self) -> int:
        """Steps of one translator's timing."""
        return FEW + self._request.runs if self._request.runs else 0

    @property
    def _steps(self) -> int:
        photos, pairs, styles = (
            len(each) for each in (self._pictures.photos, self._pictures.pairs, self._pictures.styles)
        )
        return styles + 2 * photos + len(self._methods) * (3 * photos + pairs + self._timed)

    def _tick(self, stage: str) -> None:
        if self._should_stop():
            raise Cancelled("The comparison was stopped. What was translated and timed is kept.")
        self._tell(stage, self._done)
        self._done += 1

    def _tell(self, stage: str, done: int) -> None:
        self._report(stage[:MOST_STAGE], done, self._steps)


def _square(picture: Image.Image) -> Image.Image:
    return ImageOps.fit(picture, (TILE, TILE), Image.Resampling.LANCZOS)


def _pixels(path: Path, side: int) -> np.ndarray:
    return np.asarray(picture_at(path, side))
