"""The queue's commands."""

import json
from collections.abc import Callable

import pytest

from engine.__main__ import main
from engine.jobs.schema import DRAW, FETCH, QUEUED
from engine.weights.request import FetchModel


@pytest.fixture
def run(studio, monkeypatch, capsys) -> Callable[..., tuple[int, list[str], str]]:
    """Run a command in this process; its exit code, lines of standard output, and standard error."""
    for name, value in studio.settings.to_environment().items():
        if name.startswith("STUDIO_"):
            monkeypatch.setenv(name, value)

    def run(*words: str) -> tuple[int, list[str], str]:
        capsys.readouterr()
        code = main(words)
        out, err = capsys.readouterr()
        return code, out.splitlines(), err

    return run


def asked(studio, *prompts: str, **more) -> list[str]:
    return [studio.submit(studio.request("text_to_image", {"prompt": prompt, **more})).id for prompt in prompts]


def test_the_queue_is_listed_in_its_order_and_changed(run, studio):
    first, second, third = asked(studio, "one", "two", "three")
    download = studio.queue.submit(FetchModel(model="sd21")).id
    assert run("queue", "front", third) == (0, [f"{third}: next in line"], "")
    assert run("queue", "move", first)[1] == [f"{first}: 2 ahead of it"]
    code, (line,), _ = run("queue", "move", second, "--before", third, "--json")
    assert (code, json.loads(line)["ahead"], json.loads(line)["lane"]) == (0, 0, DRAW)

    _, lines, _ = run("queue")
    assert [line.split()[0] for line in lines] == [second, third, first, download]
    _, lines, _ = run("queue", "--json")
    assert [(json.loads(line)["lane"], json.loads(line)["place"]) for line in lines] == [
        (DRAW, 0),
        (DRAW, 1),
        (DRAW, 2),
        (FETCH, 0),
    ]


def test_a_paused_lane_is_said(run, studio):
    (job,) = asked(studio, "one")
    said = "Drawings are paused; `python -m engine queue resume draw` has them go on.\n"
    assert run("queue", "pause", "draw") == (0, ["Drawings are paused."], "")
    assert run("queue", "pause", "draw", "--json")[1] == ['{"lane": "draw", "paused": true}']

    assert run("jobs")[2] == run("queue")[2] == run("queue", "front", job)[2] == said
    assert run("queue", "resume", "draw")[1] == ["Drawings go on."]
    assert run("jobs")[2] == ""


def test_all_are_cancelled_after_a_second_question(run, studio):
    ids = asked(studio, "one", "two")
    code, _, err = run("queue", "cancel-all")
    assert (code, err) == (1, "Nothing was cancelled. Say --yes to cancel without being asked.\n")
    assert {studio.job(job_id).state for job_id in ids} == {QUEUED}

    assert run("queue", "cancel-all", "--yes", "--lane", "fetch", "--json")[1] == ['{"cancelled": 0}']
    assert run("queue", "cancel-all", "--yes")[1] == ["2 jobs cancelled; what was finished is kept."]


def test_a_job_is_asked_for_again(run, studio):
    (job,) = asked(studio, "one", seed=7)
    same, other = (json.loads(run("queue", "again", job, *more, "--json")[1][0]) for more in ([], ["--new-seed"]))
    assert same["request"] == studio.job(job).request.to_dict()
    assert same["id"] != job
    assert other["request"] != same["request"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("front", "nope"), "There is no job with the id 'nope'."),
        (("move", "nope"), "There is no job with the id 'nope'."),
        (("again", "nope"), "There is no job with the id 'nope'."),
        (("pause", "sketch"), "A lane is one of draw, train, fetch; got 'sketch'."),
        (("resume", ""), "A lane is one of draw, train, fetch; got ''."),
        (("cancel-all", "--yes", "--lane", "sketch"), "A lane is one of draw, train, fetch; got 'sketch'."),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, words, said):
    code, lines, err = run("queue", *words)
    assert (code, lines, len(err.splitlines())) == (1, [], 1)
    assert said in err
