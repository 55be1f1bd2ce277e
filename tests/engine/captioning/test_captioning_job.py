"""Captions as a job, by a tiny BLIP of the real classes; and the commands that write and change them."""

import json
import os
import shutil

import pytest
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.captioning.blip import load_captioner
from engine.captioning.request import CaptionPictures
from engine.captioning.writing import write_for
from engine.datasets.caption_edits import History
from engine.datasets.captions import write_captions
from engine.datasets.reading import read_dataset
from engine.errors import Cancelled, InvalidRequest, StudioError
from engine.jobs.schema import CANCELLED, SUCCEEDED
from engine.leftovers import sweep
from engine.metrics.published.catalogue import captioner
from tests.captioned import save_captioned
from tests.tiny_blip import WORDS, save_blip

RULES = '[[rule]]\nwords = ["a", "castle", "on", "hill"]\nsentence = "It is old."\n'


@pytest.fixture
def blip(tmp_path, tmp_path_factory, monkeypatch):
    """A tiny one where `fetch-network blip` would bring the real one."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return save_blip(captioner().place)


@pytest.fixture
def folder(tmp_path):
    """Four pictures, two with a caption."""
    folder = save_captioned(tmp_path / "pictures", 4)
    for name in ("01.txt", "03.txt"):
        (folder / name).unlink()
    return folder


def captions(folder):
    return {each.path.name: each.caption for each in read_dataset(folder).pictures}


def test_a_job_captions_what_has_none_and_it_can_be_undone(blip, folder, studio, work, tmp_path):
    before = captions(folder)
    (tmp_path / "rules.toml").write_text(RULES)
    request = CaptionPictures(folder=str(folder), rules=str(tmp_path / "rules.toml"))
    job = studio.submit(request)
    assert studio.submit(request).id == job.id  # asking twice
    work()
    job = studio.job(job.id)
    assert (job.state, job.notes) == (SUCCEEDED, ("2 captions were written.",))
    after = captions(folder)
    assert {name for name in after if after[name] == before[name]} == {"00.png", "02.png"}
    for name in ("01.png", "03.png"):
        assert after[name].endswith(". It is old.")
        assert set(after[name].removesuffix(". It is old.").split()) <= set(WORDS[5:])
    History(studio.settings.home, folder).undo(read_dataset(folder).pictures)
    assert captions(folder) == before


def test_where_it_cannot_be_it_is_said_before_anything_begins(studio, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))
    with pytest.raises(InvalidRequest) as caught:
        studio.submit(CaptionPictures(folder=str(tmp_path / "gone"), rules=str(tmp_path / "gone.toml")))
    said = {problem.field: problem.message for problem in caught.value.problems}
    assert "about 1 GB, BSD-3-Clause (Salesforce)), which is not on this machine" in said["blip"]
    assert ("is none. Check its name." in said["folder"], "no file of caption rules" in said["rules"]) == (True, True)
    with pytest.raises(InvalidRequest, match="xxx is none"):
        studio.submit(CaptionPictures(folder="/" + "x" * 300))
    monkeypatch.setattr("engine.captioning.admission.access", lambda place, mode: False)  # root may write anywhere
    with pytest.raises(InvalidRequest, match="cannot be written to"):
        studio.submit(CaptionPictures(folder=str(tmp_path)))
    for values in ({"folder": 3}, {"folder": "x", "everything": "yes"}):
        with pytest.raises(InvalidRequest, match="got"):
            CaptionPictures(**values)


def test_what_was_written_before_a_stop_stays_and_what_people_wrote_meanwhile_too(blip, folder, tmp_path):
    home, kept = tmp_path / "home", tmp_path / "home" / "kept.json"
    request = CaptionPictures(folder=str(folder))
    pictures = read_dataset(folder).pictures

    def stop():
        """After the first one; the artist captions the other by hand."""
        if not asked:
            asked.append(1)
            return False
        write_captions(
            folder, {each.path: each.caption or "by hand" for each in pictures if "01" not in each.path.name}
        )
        return True

    asked: list[int] = []
    with pytest.raises(Cancelled, match="1 caption was written, and they are kept"):
        write_for(request, load_captioner(), home, kept, should_stop=stop)
    after = captions(folder)
    assert after["03.png"] == "by hand"
    assert set(after["01.png"].split()) <= set(WORDS[5:])
    assert write_for(request, load_captioner(), home, kept).captions == 0
    every = CaptionPictures(folder=str(folder), everything=True)
    assert write_for(every, load_captioner(), home, kept).captions >= 3
    assert not kept.exists()


def test_a_stopped_job_counts_what_it_wrote_and_a_cancelled_one_leaves_no_file(blip, folder, studio, work, monkeypatch):
    request = CaptionPictures(folder=str(folder))
    kept, asked = studio.settings.home / "captions" / "again.json", []

    def stop():
        """Before the second picture; the first one is none any more."""
        (folder / "01.png").write_bytes(b"no picture")
        asked.append(1)
        return len(asked) == 2

    with pytest.raises(Cancelled, match="0 captions were written"):
        write_for(request, load_captioner(), studio.settings.home, kept, should_stop=stop)
    job = studio.submit(request)
    monkeypatch.setattr("engine.jobs.context.JobContext.should_stop", lambda self: not studio.cancel(job.id))
    work()
    assert studio.job(job.id).state == CANCELLED
    assert [path.name for path in kept.parent.glob("*.json")] == ["again.json"]


def test_what_a_captioning_left_goes_once_its_job_has_ended(folder, blip, studio):
    job = studio.submit(CaptionPictures(folder=str(folder)))
    left = studio.settings.home / "captions" / f"job-{job.id}.json"
    left.parent.mkdir()
    left.write_text("{}")
    os.utime(left, (0, 0))
    sweep(studio.gallery, studio.settings.home)
    assert left.exists()  # the job goes on from there
    studio.cancel(job.id)
    sweep(studio.gallery, studio.settings.home)
    assert not left.exists()


def called(*words):
    """What a command said; its error is raised."""
    result = CliRunner().invoke(cli, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def test_commands_write_change_and_undo(tmp_path, folder):
    home, blip = tmp_path / "home", save_blip(tmp_path / "blip")
    (tmp_path / "rules.toml").write_text(RULES)
    said = called("caption", folder, "--blip", blip, "--rules", tmp_path / "rules.toml", "--home", home)
    assert said.startswith("2 captions were written into ")
    assert captions(folder)["01.png"].endswith("It is old.")
    before = captions(folder)
    edit = ("edit-captions", folder, "--find", "castle number", "--replace", "tower", "--trigger", "mystyle")
    shown = called(*edit, "--dry-run", "--home", home)
    assert "  - a castle number 0\n  + mystyle, a tower 0\n" in shown
    assert "4 captions would change" in shown
    assert captions(folder) == before
    changes = [json.loads(line) for line in called(*edit, "--json", "--home", home).splitlines()]
    assert {each["picture"]: each["after"] for each in changes} == captions(folder)
    assert "4 captions changed" in called("edit-captions", folder, "--undo", "--home", home)
    assert captions(folder) == before
    called("edit-captions", folder, "--redo", "--home", home)
    assert captions(folder)["00.png"] == "mystyle, a tower 0"
    shutil.rmtree(home)
    for words, message in (
        ((), "Say one thing"),
        (("--find", "a", "--undo"), "Say one thing"),
        (("--undo", "--dry-run"), "Leave it out"),
        (("--replace", "b", "--trigger", "c"), "Give both"),
        (("--undo",), "none can be undone"),
    ):
        with pytest.raises(StudioError, match=message):
            called("edit-captions", folder, *words, "--home", home)
