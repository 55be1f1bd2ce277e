"""Disks that are full, may only be read, or went away: said in words, once, and over when it is over."""

import logging
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.jobs.records import Progress
from engine.jobs.schema import DRAW, QUEUED, RUNNING
from engine.jobs.status import worker_name
from engine.jobs.supervisor import LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS, Supervisor, next_pause
from engine.jobs.trouble import Trouble
from engine.jobs.watch import LeaseWatch
from engine.studio import Studio
from engine.worker import PatientFile
from gallery.errors import GalleryError, StorageFull, StorageReadOnly
from tests.gallery.samples import picture, recipe


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A small disk of its own, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", place], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def on_disk(disk, settings) -> Iterator[Studio]:
    studio = Studio(replace(settings, home=disk / "home", lora_dir=None, database_url=""))
    yield studio
    studio.database.dispose()


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return filler


@pytest.mark.parametrize("mode", ["truncate", "wal"])
def test_a_home_that_may_only_be_read_can_be_looked_at(on_disk, disk, mode, capsys):
    record = on_disk.gallery.save(picture(), recipe())
    job = on_disk.submit(on_disk.request("text_to_image", {"prompt": "a castle"}))
    on_disk.database.dispose()
    with closing(sqlite3.connect(on_disk.database.file)) as connection:
        assert connection.execute(f"PRAGMA journal_mode={mode}").fetchone() == (mode,)
    remount(disk, "ro")
    try:
        studio = Studio(on_disk.settings)
        assert [image.id for image in studio.gallery.page().images] == [record.id]
        assert studio.gallery.png(record.id)
        assert studio.gallery.thumbnail(record.id)
        assert [found.id for found in studio.jobs()] == [job.id]
        (said,) = studio.health.troubles()[:1]
        assert "can only be read" in said
        with pytest.raises(StorageReadOnly, match="can only be read"):
            studio.submit(studio.request("text_to_image", {"prompt": "a tree"}))
        home = ["--home", str(studio.settings.home)]
        assert main(["gallery", "list", *home]) == main(["jobs", *home]) == main(["storage", *home]) == 0
        studio.database.dispose()
    finally:
        remount(disk, "rw")


def test_a_disk_that_may_be_written_again_is_without_a_restart(on_disk, disk):
    job = on_disk.submit(on_disk.request("text_to_image", {"prompt": "a castle"}))
    on_disk.database.dispose()  # the system refuses while files are open to be written
    remount(disk, "ro")
    try:
        for _ in range(2):
            with pytest.raises(StorageReadOnly):
                on_disk.cancel(job.id)
    finally:
        remount(disk, "rw")
    on_disk.cancel(job.id)
    assert on_disk.gallery.save(picture(), recipe()).id
    assert not [said for said in on_disk.health.troubles() if "only be read" in said]


def test_a_full_disk_is_said_while_it_lasts(on_disk, disk):
    record = on_disk.gallery.save(picture(), recipe())
    assert on_disk.health.troubles() == []
    filler = fill(disk)
    assert on_disk.health.troubles()[0].startswith("Disk full")
    assert on_disk.gallery.png(record.id)
    with pytest.raises(StorageFull, match="Disk full"):
        on_disk.gallery.save(picture(size=(200, 200)), recipe())
    filler.unlink()
    assert on_disk.health.troubles() == []
    assert on_disk.gallery.save(picture(), recipe()).id


def test_a_job_outlives_a_disk_that_was_full_for_longer_than_its_lease(on_disk, disk):
    job = on_disk.submit(on_disk.request("text_to_image", {"prompt": "a castle"}))
    assert on_disk.queue.claim(worker_name(os.getpid()), DRAW)
    supervisor, moment = Supervisor(on_disk.settings, on_disk.queue), 0.0
    supervisor._watch = LeaseWatch(lambda: moment)
    supervisor._look_at_leases(None)

    filler = fill(disk)
    moment += on_disk.settings.lease_seconds + 1
    supervisor._look_at_leases(None)
    filler.unlink()
    moment += 1
    supervisor._look_at_leases(None)
    assert on_disk.job(job.id).state == RUNNING
    moment += on_disk.settings.lease_seconds + 1
    supervisor._look_at_leases(None)
    assert on_disk.job(job.id).state == QUEUED


def test_a_log_on_a_full_disk_says_so_once(on_disk, disk, capsys):
    log = logging.Logger("full")
    log.addHandler(PatientFile(disk / "worker.log", maxBytes=10_000_000, backupCount=1))
    log.warning("before")
    filler = fill(disk)
    for number in range(300):
        log.warning("line %d %s", number, "x" * 1000)
    assert len(capsys.readouterr().err.splitlines()) == 1
    filler.unlink()
    log.warning("after")
    assert (disk / "worker.log").read_text().splitlines()[-2:] == ["after", "log lines were lost"]


def test_a_home_that_is_taken_away_is_called_gone(on_disk, disk):
    on_disk.gallery.save(picture(), recipe())
    on_disk.database.dispose()
    subprocess.run(["umount", "-l", disk], check=True)
    try:
        with pytest.raises(GalleryError, match=r"not there any more.*its disk was taken away"):
            on_disk.gallery.count()
        (said,) = on_disk.health.troubles()
        assert "not there any more" in said
        assert list(disk.iterdir()) == []  # no empty studio begins on the mount point
    finally:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], check=True)


def test_what_lasts_is_said_once_and_when_it_changes_and_when_it_is_over(caplog):
    trouble = Trouble(logging.getLogger("tests.trouble"))
    with caplog.at_level(logging.INFO):
        for free in range(50):
            trouble.met("the beat failed", OSError(f"Disk full: {free} MB free"))
        trouble.met("the beat failed", OSError("read-only"))
        trouble.passed()
        trouble.passed()
        trouble.met("the beat failed", OSError("read-only"))
    assert [record.getMessage() for record in caplog.records] == [
        "the beat failed (said once until it changes)",
        "the beat failed (said once until it changes)",
        "over: the beat failed",
        "the beat failed (said once until it changes)",
    ]


@pytest.mark.parametrize(
    ("lived", "finished", "before", "pause"),
    [
        (1.0, 3, LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS),  # it finished jobs between its crashes
        (1.0, 0, 2.0, 4.0),
        (1.0, 0, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS),
        (100.0, 0, LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS),
    ],
)
def test_a_worker_that_finishes_jobs_is_followed_at_once(lived, finished, before, pause):
    assert next_pause(before, lived_seconds=lived, finished=finished) == pause


def test_jobs_that_ended_well_are_counted(studio):
    assert studio.queue.count_succeeded() == 0
    studio.submit(studio.request("text_to_image", {"prompt": "a castle"}))
    claim = studio.queue.claim(f"host:{os.getpid()}:0", "draw")
    studio.queue.succeed(claim, Progress())
    assert studio.queue.count_succeeded() == 1
