"""The command that compares translators blind."""

import secrets
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.cli.photos import style_values
from engine.errors import InvalidRequest, NotFound, Problem
from engine.files import printable
from engine.opinions.pictures import Matched
from engine.opinions.studies import Studies
from engine.opinions.study import PAIRS, Study, check_study
from engine.picture_files import pictures_in
from engine.studio import Studio
from engine.translation.blind.answers import read_answers
from engine.translation.blind.key import PHOTO, Key, read_key, shuffled
from engine.translation.blind.wins import counted_wins, table
from engine.translation.catalogue import NEURAL_STYLE, Translator
from engine.translation.request import LONG_SIDE, STYLE_STEPS

commands = typer.Typer()
REPEATS = 4  # questions of a study that come a second time
LONG = 1024  # pixels


@commands.command()
def compare_blind(
    photos: Annotated[Path | None, typer.Argument(help="Folder of photos that nothing was tuned on.")] = None,
    translators: Annotated[
        str, typer.Option(help="Names with commas between; see `translators`.")
    ] = "painter,classical,nijigan",
    out: Annotated[
        Path | None, typer.Option(help="A new folder for pictures, sheets and an empty answers.csv.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="The file that says who is who; OUT-key.json beside the folder when left out.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all orders; drawn when left out.")] = None,
    long_side: Annotated[int, typer.Option(help=f"Pixels; larger photos are made smaller. {LONG_SIDE}.")] = LONG,
    style: Annotated[Path | None, typer.Option(help="The picture whose style neural-style takes.")] = None,
    style_steps: Annotated[int | None, typer.Option(help=f"Of neural style, {STYLE_STEPS}.")] = None,
    style_side: Annotated[int | None, typer.Option(help="Pixels at which neural style works.")] = None,
    study: Annotated[str | None, typer.Option(help="Also make an opinion study of pairs, with this title.")] = None,
    read: Annotated[
        tuple[Path, Path] | None, typer.Option(metavar="KEY ANSWERS", help="Count the wins in answers instead.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Lay photos and translations out without names and shuffled, to be judged by eye; `--read` counts the wins."""
    if read:
        _count(*read, as_json)
        return
    if photos is None or out is None:
        raise NotFound("A comparison needs a folder of photos and --out FOLDER; or --read KEY ANSWERS to count one.")
    studio = open_studio(home)
    names = [name.strip() for name in translators.split(",") if name.strip()]
    styling = style_values(studio, NEURAL_STYLE, style_steps, style_side)
    chosen = _chosen(studio, names, style)
    _require_side(long_side)
    key = key or out.parent / f"{out.name}-key.json"
    if seed is None:
        seed = read_key(key).seed if key.exists() else secrets.randbits(32)  # of a comparison that goes on
    uses_style = any(info.takes_style for info in chosen)
    options = {"long_side": long_side} | ({"style": style.name, **_named(styling)} if style and uses_style else {})
    files = pictures_in(photos)
    drawn = shuffled(files, names, seed, options)
    if study is not None:
        _require_study(study, drawn)
    _make(studio, drawn, {printable(path.name): path for path in files}, chosen, styling, style, out, key)
    print(f"Look at {out / drawn.photos[0].folder}.jpg and so on, fill in {out / 'answers.csv'}, then count:")
    print(f"compare-blind --read {key} {out / 'answers.csv'}")
    if study is not None:
        made = _study(studio, study, drawn, out)
        print(f"Study {made.id}; its link ends in /?study={made.token}, and `study serve` opens it.")


def _count(key_file: Path, answers_file: Path, as_json: bool) -> None:
    key = read_key(key_file)
    wins = counted_wins(key, read_answers(answers_file, key))
    print_json(wins.to_dict()) if as_json else print(table(wins))


def _chosen(studio: Studio, names: list[str], style: Path | None) -> list[Translator]:
    known = {info.name: info for info in studio.translators() if not info.problem}
    if unknown := [name for name in names if name not in known]:
        raise NotFound(f"Translators must be among {', '.join(known)}; got {', '.join(unknown)}.")
    chosen = [known[name] for name in names]
    if not style and (takers := [info.name for info in chosen if info.takes_style]):
        text = f"{', '.join(takers)} takes its style from a picture. Name one with --style FILE, or leave it out."
        raise InvalidRequest([Problem("style", text)])
    return chosen


def _require_side(long_side: int) -> None:
    if problems := LONG_SIDE.problems("long_side", long_side):
        raise InvalidRequest(problems)


def _named(styling: dict[str, int | None]) -> dict[str, int | None]:
    return {"style_steps": styling["style_steps"], "style_side": styling["long_side"]}


def _make(
    studio: Studio,
    drawn: Key,
    files: dict[str, Path],
    chosen: list[Translator],
    styling: dict[str, int | None],
    style: Path | None,
    out: Path,
    key: Path,
) -> None:
    from engine.device import choose
    from engine.images import from_pil
    from engine.picture_files import read_picture
    from engine.translation.blind.making import keep_key, make  # here: imports torch
    from engine.translation.running import LoadedTranslator, Options

    styles: tuple[Any, ...] = (from_pil(read_picture(style)),) if style else ()
    keep_key(drawn, key, out)
    device = choose(studio.settings.device)
    steps = styling["style_steps"] or STYLE_STEPS.default
    translate = {}
    for info in chosen:
        side = styling["long_side"] if info.name == NEURAL_STYLE else None
        options = Options(long_side=side, styles=styles, style_steps=steps)
        translate[info.name] = partial(LoadedTranslator(info, device), options=options)
    report = partial(typer.echo, err=True)
    make(drawn, files, translate, out, drawn.options["long_side"], report)


def _require_study(title: str, drawn: Key) -> None:
    contents = tuple(judged.folder for judged in drawn.photos)
    check_study(PAIRS, title, drawn.names, contents, _repeats(drawn), (1.0, 1.0))


def _repeats(drawn: Key) -> int:
    return min(REPEATS, len(drawn.photos) * len(drawn.names) * (len(drawn.names) - 1) // 2)


def _study(studio: Studio, title: str, drawn: Key, out: Path) -> Study:
    """Which of two is better, of the same pictures; the photo stands beside and does not compete."""
    paths = {
        judged.folder: {
            name: out / judged.folder / f"{letter}.png" for name, letter in sorted(judged.letter_of.items())
        }
        for judged in drawn.photos
    }
    originals = {content: of_content.pop(PHOTO) for content, of_content in paths.items()}
    return Studies(studio.settings.home).create(title, PAIRS, Matched(paths, originals, ()), repeats=_repeats(drawn))
