"""The commands that measure translators as the studies do."""

import shutil
from pathlib import Path
from typing import Annotated

import typer
from ulid import ULID

from engine.cli.app import Home, Json, open_studio, print_json
from engine.cli.waiting import done
from engine.comparing import plan, report
from engine.comparing.request import COST_SIDE, RUNS, SIDE, CompareTranslators, TestOnPairs
from engine.files import read_json
from engine.studio import Studio

commands = typer.Typer()
PairsHelp = typer.Option(help="Folder with X_p and Y_p: photos and what they should become, by the same names.")


@commands.command()
def compare_translators(
    photos: Annotated[Path, typer.Argument(help="Folder of photos that no translator was trained on.")],
    styles: Annotated[Path, typer.Option(help="Folder of style pictures that none was trained on.")],
    translators: Annotated[str, typer.Option(help="Their names, with commas between; see `translators`.")],
    pairs: Annotated[Path | None, PairsHelp] = None,
    side: Annotated[int, typer.Option(help=f"Pixels of the photos' short side, {SIDE}.")] = SIDE.default,
    cost_side: Annotated[
        int, typer.Option(help=f"Pixels of the square that is timed, {COST_SIDE}.")
    ] = COST_SIDE.default,
    runs: Annotated[
        int, typer.Option(help=f"Timed runs beside the first five, {RUNS}; 0 times nothing.")
    ] = RUNS.default,
    study: Annotated[str, typer.Option(help="Id of an opinion study whose scores stand beside the figures.")] = "",
    out: Annotated[Path | None, typer.Option(help="Also copy the report, its sheets and all pictures there.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Compare translators: distances to a style, what they keep, what fails, what they take, a sheet of pictures."""
    studio, name = open_studio(home), str(ULID())
    names = tuple(part.strip() for part in translators.split(",") if part.strip())
    request = CompareTranslators(
        comparison=name, translators=names, side=side, cost_side=cost_side, runs=runs, study=study
    )
    plan.begin(studio.settings, name, plan.pictures_to_compare(photos, styles, pairs))
    done(studio, request, "comparison", as_json)
    values = _kept(studio, name, plan.COMPARED, out)
    if as_json:
        print_json(values)
        return
    photos_n, styles_n = values["photos"]["count"], values["styles"]["count"]
    print(f"N = {photos_n} photos, M = {styles_n} style pictures, features of {values['network']}\n")
    print(report.markdown(report.quality_rows(values)))
    print(f"\n{report.markdown(report.failure_rows(values))}\n{report.FAILURES_IN_WORDS}")
    if values["costs"]:
        print(f"\n{cost_side} x {cost_side} px on {values['device']}\n\n{report.markdown(report.cost_rows(values))}")
    for text in [*values["notes"], *values["missing"]]:
        print(f"\n{text}")
    print(f"\nPictures and files: {out or studio.settings.evaluations_dir / name}")


@commands.command("test-translator")
def on_pairs(
    subject: Annotated[str, typer.Argument(help="A translator's name, a NijiGAN training's folder, or its weights.")],
    pairs: Annotated[Path, typer.Argument(help="Folder with X_p and Y_p that it was not trained on.")],
    photos: Annotated[Path | None, typer.Option(help="Photos to translate too, without a figure.")] = None,
    side: Annotated[int, typer.Option(help=f"Pixels of the short side, {SIDE}; 0 leaves pictures as they are.")] = 256,
    out: Annotated[Path | None, typer.Option(help="Copies; RUN/test_results for a training when left out.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Translate pairs and say MSE and PSNR in three columns: to the truth, to the photo, and of the truth itself."""
    studio, name = open_studio(home), str(ULID())
    folder = Path(subject)
    if folder.exists():
        subject = str(folder.absolute())
        out = out or (folder / "test_results" if folder.is_dir() else None)
    request = TestOnPairs(test=name, subject=subject, side=side)
    plan.begin(studio.settings, name, plan.pictures_to_test(pairs, photos))
    done(studio, request, "test", as_json)
    values = _kept(studio, name, plan.TESTED, out)
    if as_json:
        print_json(values)
        return
    for place, row in enumerate(values["pairs"], 1):
        found = row["truth"]
        print(f"Test batch [{place}/{len(values['pairs'])}] {row['name']} {_scores(found)}")
    for column, title in values["columns"].items():
        print(f"{title}: {_scores(values['means'][column])}")
    print(f"Pictures and files: {out or studio.settings.evaluations_dir / name}")


def _scores(found: dict[str, float | str]) -> str:
    return f"MSE: {float(found['mse']):.4f}, PSNR: {float(found['psnr']):.2f} dB"


def _kept(studio: Studio, name: str, file: str, out: Path | None) -> dict:
    """The report, and copies of all its files where they are wanted."""
    folder = studio.settings.evaluations_dir / name
    if out:
        shutil.copytree(folder, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(plan.ASKED))
    return read_json(folder / file)
