"""The commands for jobs."""

from typing import Any

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.jobs.records import Job

commands = typer.Typer()


@commands.command()
def jobs(home: Home = None, as_json: Json = False) -> None:
    """List the newest jobs."""
    studio = open_studio(home)
    for job in studio.jobs():
        if as_json:
            print_json(_job_facts(job))
        else:
            text = studio.title(job)
            print(f"{job.id}  {job.state:10} {job.step}/{job.steps}  {' '.join(text.split())}")


@commands.command()
def cancel(job_id: str, home: Home = None) -> None:
    """Stop a job; what it finished stays."""
    open_studio(home).cancel(job_id)


def _job_facts(job: Job) -> dict[str, Any]:
    facts = ("id", "kind", "state", "step", "steps", "seconds", "error", "notes")
    return {
        **{fact: getattr(job, fact) for fact in facts},
        "request": job.request.to_dict() if job.request else None,
    }
