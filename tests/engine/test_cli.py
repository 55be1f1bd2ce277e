"""The command line, run as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.__main__ import cli
from engine.settings import PROJECT
from gallery.metadata import read_recipe


@pytest.fixture
def run(studio, monkeypatch):
    for name, value in studio.settings.to_environment().items():
        if name.startswith("STUDIO_"):
            monkeypatch.setenv(name, value)

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, words)

    return run


def test_models_and_loras_are_listed(run):
    said = run("models").stdout

    assert "mini" in said
    assert "sd21" in said
    assert run("loras").exit_code == 0


def test_wrong_values_are_all_named_and_nothing_is_queued(run, studio):
    result = run("generate", " ", "--steps", "500", "--width", "9")

    assert result.exit_code == 1
    for word in ("Prompt must not be empty", "got 500", "Width must be a multiple of 8; got 9"):
        assert word in result.stderr
    assert "Traceback" not in result.stderr
    assert studio.jobs() == []


def test_an_unknown_job_cannot_be_cancelled(run):
    result = run("cancel", "nope")

    assert result.exit_code == 1
    assert "no job with the id 'nope'" in result.stderr


def test_a_missing_folder_is_no_model(run):
    result = run("add-model", "/no/such/folder")

    assert result.exit_code == 1
    assert "/no/such/folder" in result.stderr


def test_a_wrong_setting_is_explained(run, monkeypatch):
    monkeypatch.setenv("STUDIO_QUEUE_LIMIT", "many")
    result = run("jobs")

    assert result.exit_code == 1
    assert "STUDIO_QUEUE_LIMIT must be a number; got 'many'" in result.stderr


def test_generate_without_a_running_studio_starts_a_worker_for_it(studio, tmp_path):
    command = [sys.executable, "-m", "engine", "generate", "a castle", "--steps", "2", "--images", "2"]
    done = subprocess.run(
        [*command, "--seed", "4", "--out", str(tmp_path / "out"), "--json"],
        cwd=PROJECT,
        env=studio.settings.to_environment() | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["state"] == "succeeded"
    assert [read_recipe(Path(file)).seed for file in facts["files"]] == [4, 5]
    assert all(Path(file).parent == tmp_path / "out" for file in facts["files"])
