"""The commands for opinion studies."""

import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.errors import StudioError
from engine.files import replacing
from engine.opinions.alone import Alone, alone_of
from engine.opinions.estimates import Estimate
from engine.opinions.export import as_csv, as_values
from engine.opinions.pictures import match
from engine.opinions.results import Question, Results, results_of
from engine.opinions.serving import names_of, start
from engine.opinions.studies import Studies
from engine.opinions.study import CONSENT, KINDS, RATINGS, REAL, Study, trials_of
from engine.rules import counted

commands = typer.Typer(help="Opinion studies: ask people, blind, which pictures are better.", rich_markup_mode=None)
StudyId = Annotated[str, typer.Argument(metavar="ID", help="Of the study, as `study list` shows it.")]


@commands.command()
def create(
    title: Annotated[str, typer.Argument(help="What participants see above it.")],
    method: Annotated[list[str], typer.Option(metavar="NAME=FOLDER", help="A method and its pictures; at least two.")],
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(KINDS)}.")] = RATINGS,
    originals: Annotated[Path | None, typer.Option(help="Folder of the photos; they are shown beside.")] = None,
    control: Annotated[
        bool, typer.Option("--control", help="Hide the originals among the pictures, as `real` does.")
    ] = False,
    most: Annotated[int | None, typer.Option(help="Contents at most, the first ones by name.")] = None,
    repeats: Annotated[int, typer.Option(help="How many questions come a second time.")] = 4,
    seed: Annotated[int | None, typer.Option(help="Of the orders; drawn if not given.")] = None,
    least_seconds: Annotated[float, typer.Option(help="How long one looks at least.")] = 1.0,
    glimpse_seconds: Annotated[float, typer.Option(help="Of real or made: how long it can be seen.")] = 1.0,
    question: Annotated[str, typer.Option(help="Asked in place of the usual questions.")] = "",
    consent: Annotated[Path | None, typer.Option(help="Text file that participants agree to first.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make a study. Pictures of the same content have the same file name in every folder."""
    folders = dict(_method(each) for each in method)
    if len(folders) != len(method):
        raise StudioError("Each method has a name of its own; two of them are the same.")
    matched = match(folders, originals, control or kind == REAL, most)
    study = _studies(home).create(
        title,
        kind,
        matched,
        repeats=repeats,
        seed=seed,
        least_seconds=least_seconds,
        glimpse_seconds=glimpse_seconds,
        consent=_text(consent) if consent else CONSENT,
        question=question,
    )
    if as_json:
        print_json({"id": study.id, "token": study.token, "contents": study.contents, "left_out": matched.left_out})
        return
    asked = trials_of(kind, len(study.methods), len(study.contents), repeats)
    print(f"{study.id}  {counted(len(study.contents), 'content')}, {counted(asked, 'question')} for each participant.")
    if matched.left_out:
        print(f"Not in every folder, and left out: {', '.join(matched.left_out[:20])}.")
    print(f"Its link ends in /?study={study.token}; `study serve` opens it.")


def _method(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not (name.strip() and equals and folder):
        raise StudioError(f"A method is written NAME=FOLDER; got {text!r}.")
    return " ".join(name.split()), Path(folder)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise StudioError(f"{path} must be a text file that can be read; got: {error}.") from None


@commands.command("list")
def list_studies(home: Home = None, as_json: Json = False) -> None:
    """List the studies, newest first."""
    studies = _studies(home)
    for study in studies.all():
        people = len(studies.participants(study))
        if as_json:
            facts = {name: value for name, value in asdict(study).items() if name not in ("pictures", "originals")}
            print_json({**facts, "participants": people})
        else:
            state = "closed" if study.closed_at else "open"
            print(f"{study.id}  {study.kind:8} {state:6} {counted(people, 'participant'):>16}  {study.title}")


@commands.command()
def results(
    study_id: StudyId,
    without_careless: Annotated[
        bool, typer.Option("--without-careless", help="Leave out who answers repeated questions by chance.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show what came out, with 95% intervals over participants and contents."""
    studies = _studies(home)
    study = studies.get(study_id)
    found = results_of(study, studies.participants(study), without_careless)
    if as_json:
        print_json(as_values(found))
        return
    if study.at_home:
        _print_alone(study, alone_of(study, next(iter(studies.participants(study)), None)))
        return
    print(f"{study.title}: {counted(sum(1 for person in found.people if person.answers), 'participant')}")
    for question in found.questions:
        _print_question(question)
    _print_people(found)


def _print_alone(study: Study, found: Alone) -> None:
    """Of rounds that one person judges; before the end nothing is told."""
    print(f"{study.title}: {found.answered} of {found.asked} questions answered")
    if not found.done and study.closed_at is None:
        print("Blind until every question is answered, or the study is closed.")
        return
    for each in found.chosen:
        print(f"  {each.method[:24]:24} chosen in {each.won:g} of {each.of}")
    print(f"  {found.verdict}")


def _print_question(question: Question) -> None:
    print(f"\n{question.text}")
    print(f"  {'method':24} {'score':>6} {'95% interval':>16} {'SD':>6} {'N':>5}  less than the best")
    for row in question.rows:
        less = _interval(row.to_best) if row.to_best else ""
        score = row.score
        mean, deviation = ("" if math.isnan(value) else f"{value:.2f}" for value in (score.mean, score.deviation))
        print(f"  {row.method[:24]:24} {mean:>6} {_range(score):>16} {deviation:>6} {score.answers:5}  {less}")
    alpha = "too little to tell" if question.alpha is None else f"{question.alpha:.2f}"
    print(f"  Agreement (Krippendorff's alpha): {alpha}\n  {question.verdict}")


def _print_people(found: Results) -> None:
    careless = [person.id for person in found.people if person.careless]
    if found.left_out:
        print(f"\nLeft out: {', '.join(careless)}; they answered repeated questions by chance.")
    elif careless:
        print(f"\nAnswered repeated questions by chance: {', '.join(careless)}. --without-careless leaves them out.")
    if found.first_place:
        share, chance = found.first_place
        print(f"\nWhat stood first was chosen in {share:.0%}; chance gives {chance:.0%}.")


def _range(score: Estimate) -> str:
    return "" if math.isnan(score.low) else f"{score.low:.2f} to {score.high:.2f}"


def _interval(score: Estimate) -> str:
    if math.isnan(score.mean):
        return ""
    return f"{score.mean:.2f}" if math.isnan(score.low) else f"{score.mean:.2f} ({_range(score)})"


@commands.command()
def export(
    study_id: StudyId,
    out: Annotated[Path, typer.Option(help="The file to write; .csv has every answer, .json the results.")],
    home: Home = None,
) -> None:
    """Write every answer as CSV, or the results as JSON."""
    import json

    studies = _studies(home)
    study = studies.get(study_id)
    participants = studies.participants(study)
    if out.suffix.lower() == ".json":
        text = json.dumps(as_values(results_of(study, participants)), ensure_ascii=False, indent=2) + "\n"
    elif out.suffix.lower() == ".csv":
        text = as_csv(study, participants)
    else:
        raise StudioError(f"A study is exported as .csv or .json; got {out.name}.")
    with replacing(out) as file:
        file.write(text.encode())
    print(out)


@commands.command()
def close(study_id: StudyId, home: Home = None) -> None:
    """Take no more answers; the results stay."""
    print(f"{_studies(home).close(study_id).title} is closed.")


@commands.command()
def delete(
    study_id: StudyId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask once more.")] = False,
    home: Home = None,
) -> None:
    """Delete a study with its pictures and everybody's answers, for good."""
    studies = _studies(home)
    study = studies.get(study_id)
    answered = sum(1 for each in studies.participants(study) if each.answers)
    question = f"Delete {study.title!r} with its pictures and the answers of {counted(answered, 'participant')}?"
    agreed = yes or (sys.stdin.isatty() and typer.confirm(question, err=True))  # else nobody is there to answer
    if not agreed:
        raise StudioError("Nothing was deleted. Say --yes to delete it without being asked.")
    studies.delete(study.id)
    print(f"{study.title} is deleted, with its pictures and answers.")


@commands.command("delete-participant")
def delete_participant(
    study_id: StudyId,
    participant: Annotated[str, typer.Argument(help="The participant's random number.")],
    home: Home = None,
) -> None:
    """Delete all answers of one participant for good."""
    studies = _studies(home)
    studies.delete_participant(studies.get(study_id), participant)
    print(f"The answers of {participant} are deleted.")


@commands.command()
def serve(
    port: Annotated[int, typer.Option(help="To listen at.")] = 8510,
    address: Annotated[str, typer.Option(help="127.0.0.1 is this machine alone; 0.0.0.0 the network.")] = "127.0.0.1",
    host: Annotated[list[str], typer.Option(help="A further name under which browsers reach it.")] = [],  # noqa: B006
    home: Home = None,
) -> None:
    """Open the studies to participants on a port of their own, and nothing else of the studio. Ends with Ctrl+C."""
    studio = open_studio(home)
    process = start(studio.settings.home, address, port, host)
    for study in Studies(studio.settings.home).open_to_others():
        print(f"{study.title}: http://{names_of(address)[-1]}:{port}/?study={study.token}", flush=True)
    try:
        process.wait()
    finally:
        process.kill()


def _studies(home: Path | None) -> Studies:
    return Studies(open_studio(home).settings.home)
