"""The commands for the queue: its order, paused lanes, all at once, and once more."""

import sys
from typing import Annotated

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.cli.jobs import job_facts, say_paused
from engine.errors import StudioError
from engine.jobs.lanes import NAMES, RULE
from engine.jobs.schema import LANES
from engine.rules import counted
from engine.studio import Studio

commands = typer.Typer(
    help=f"What is at work and what waits, in its order. {RULE}", rich_markup_mode=None, no_args_is_help=False
)
Lane = Annotated[str, typer.Argument(help=f"One of {', '.join(LANES)}.")]
JobId = Annotated[str, typer.Argument(help="Of a job; see `jobs`.")]
Owner = Annotated[str, typer.Option(help="Whose jobs.")]


@commands.callback(invoke_without_command=True)
def show(context: typer.Context, home: Home = None, as_json: Json = False) -> None:
    """List what is at work and what waits, in the order in which it is begun."""
    if context.invoked_subcommand is None:
        _list(open_studio(home), as_json)


@commands.command()
def front(job_id: JobId, home: Home = None, as_json: Json = False) -> None:
    """Make a waiting job the next one of its owner in its lane."""
    studio = open_studio(home)
    studio.queue.to_front(job_id)
    _say_place(studio, job_id, as_json)


@commands.command()
def move(
    job_id: JobId,
    before: Annotated[
        str | None, typer.Option(help="A waiting job of the same owner and lane; the end if none.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put a waiting job before another one, or at the end."""
    studio = open_studio(home)
    studio.queue.move(job_id, before)
    _say_place(studio, job_id, as_json)


@commands.command()
def pause(lane: Lane, home: Home = None, as_json: Json = False) -> None:
    """Begin no more jobs of a lane; a training at work is put back, other work is finished."""
    studio = open_studio(home)
    studio.queue.lanes.pause(lane)
    _say_lane(lane, True, as_json)


@commands.command()
def resume(lane: Lane, home: Home = None, as_json: Json = False) -> None:
    """Have a paused lane go on."""
    studio = open_studio(home)
    studio.queue.lanes.resume(lane)
    _say_lane(lane, False, as_json)


@commands.command()
def cancel_all(
    lane: Annotated[str | None, typer.Option(help=f"Only of this lane, one of {', '.join(LANES)}.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind, such as text_to_image.")] = None,
    owner: Owner = "artist",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Cancel every unfinished job; what is finished stays."""
    studio = open_studio(home)
    if not yes:
        _require_consent(owner)
    cancelled = studio.queue.cancel_all(owner, lane=lane, kind=kind)
    if as_json:
        print_json({"cancelled": cancelled})
    else:
        print(f"{counted(cancelled, 'job')} cancelled; what was finished is kept.")


@commands.command()
def again(
    job_id: JobId,
    new_seed: Annotated[bool, typer.Option("--new-seed", help="Draw other seeds; else the same pictures.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Ask once more for what a job asked for: a new job at the end of the queue, which this does not wait for."""
    studio = open_studio(home)
    _say_place(studio, studio.again(job_id, new_seed=new_seed).id, as_json)


def _list(studio: Studio, as_json: bool) -> None:
    say_paused(studio)
    for lane in LANES:
        running = [job for job in studio.jobs(running=True) if job.lane == lane]
        for place, job in enumerate([*running, *studio.queue.waiting(lane)]):
            if as_json:
                print_json({**job_facts(job), "place": place})
            else:
                title = " ".join(studio.title(job).split())
                print(f"{job.id}  {lane:5} {job.state:7} {job.owner}  {title}")


def _say_place(studio: Studio, job_id: str, as_json: bool) -> None:
    job = studio.job(job_id)
    ahead = studio.ahead_of(job)
    if as_json:
        print_json({**job_facts(job), "ahead": ahead})
    else:
        print(f"{job.id}: {f'{ahead} ahead of it' if ahead else 'next in line'}")
        say_paused(studio, job.lane)


def _say_lane(lane: str, paused: bool, as_json: bool) -> None:
    if as_json:
        print_json({"lane": lane, "paused": paused})
    else:
        print(f"{NAMES[lane]} {'are paused.' if paused else 'go on.'}")


def _require_consent(owner: str) -> None:
    agreed = sys.stdin.isatty() and typer.confirm(f"Cancel the unfinished jobs of {owner}?", err=True)
    if not agreed:
        raise StudioError("Nothing was cancelled. Say --yes to cancel without being asked.")
