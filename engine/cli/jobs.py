"""The commands for jobs."""

from typing import Any

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.jobs.lanes import NAMES
from engine.jobs.records import Job
from engine.jobs.schema import LANES
from engine.rules import shortened
from engine.studio import Studio

commands = typer.Typer()


@commands.command()
def jobs(home: Home = None, as_json: Json = False) -> None:
    """List the newest jobs."""
    studio = open_studio(home)
    say_paused(studio)
    for job in studio.jobs():
        if as_json:
            print_json(job_facts(job))
        else:
            text = shortened(" ".join(studio.title(job).split()))
            print(f"{job.id}  {job.state:10} {job.step}/{job.steps}  {text}")


@commands.command()
def cancel(job_id: str, home: Home = None) -> None:
    """Stop a job; what it finished stays."""
    open_studio(home).cancel(job_id)


def say_paused(studio: Studio, *lanes: str) -> None:
    """Say on standard error which of these lanes are paused, of all where none is named."""
    for lane in LANES:
        if lane in studio.queue.lanes.paused() and lane in (lanes or LANES):
            typer.echo(f"{NAMES[lane]} are paused; `python -m engine queue resume {lane}` has them go on.", err=True)


def job_facts(job: Job) -> dict[str, Any]:
    """A job for other programs."""
    facts = ("id", "owner", "kind", "lane", "state", "step", "steps", "seconds", "error", "notes")
    return {
        **{fact: getattr(job, fact) for fact in facts},
        "request": job.request.to_dict() if job.request else None,
    }
