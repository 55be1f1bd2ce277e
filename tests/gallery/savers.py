"""Programs that the tests of killed and racing processes start."""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy  # noqa: F401  (before the forks: it is slow to import, and saves need it)

from gallery import Database, Gallery
from tests.gallery.samples import describe, picture, recipe


def race(url: str, home: str, images: int, seed: int) -> None:
    """Save images and read pages as fast as possible."""
    gallery = Gallery(Database(url), Path(home), describe=describe)
    for i in range(images):
        saved = gallery.save(picture(seed * 1000 + i), recipe())
        assert gallery.page(search="dragon").images
        gallery.delete([saved.id])
        gallery.restore([saved.id])


def kill(url: str, home: str, kills: int, seed: int) -> None:
    """Start a saver and kill it at a random moment, again and again."""
    _kill_at_random(_save_for_ever, url, home, kills, seed)


def purge(url: str, home: str, kills: int, seed: int) -> None:
    """Start a process that saves, throws away, restores and removes for good, and kill it at a random moment."""
    _kill_at_random(_purge_for_ever, url, home, kills, seed)


def _kill_at_random(work: Callable[[str, Path, int, int], None], url: str, home: str, kills: int, seed: int) -> None:
    """Each process has saved a picture before it is killed, however slow the machine is."""
    moments = random.Random(seed)
    for round_number in range(kills):
        begun, tell = os.pipe()
        child = os.fork()
        if child == 0:
            work(url, Path(home), round_number, tell)
        os.read(begun, 1)
        time.sleep(moments.random() * 0.15)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(begun)
        os.close(tell)


def migrate(url: str, home: str, processes: int, seed: int) -> None:
    """Migrate one new database in many processes at once; fails if one of them fails."""
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            Database(url).migrate()
            os._exit(0)
        children.append(child)
    sys.exit(max(os.waitpid(child, 0)[1] for child in children))


def _save_for_ever(url: str, home: Path, round_number: int, tell: int) -> None:
    gallery = Gallery(Database(url), home, describe=describe)
    acknowledged = os.open(home / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    number = round_number * 10_000
    while True:
        number += 1
        saved = gallery.save(picture(number, size=(96, 64)), recipe("a red dragon"), job_id=str(number), job_index=0)
        os.write(acknowledged, f"{saved.id}\n".encode())
        os.write(tell, b"!")


def _purge_for_ever(url: str, home: Path, round_number: int, tell: int) -> None:
    gallery = Gallery(Database(url), home, describe=describe)
    number = round_number * 10_000
    while True:
        number += 1
        thrown = [gallery.save(picture(number, size=(96, 64)), recipe("a red dragon")).id for _ in range(3)]
        os.write(tell, b"!")
        gallery.delete(thrown)
        gallery.restore(thrown[:1])
        gallery.delete_for_good(thrown)


if __name__ == "__main__":
    name, url, home, count, seed = sys.argv[1:]
    {"race": race, "kill": kill, "purge": purge, "migrate": migrate}[name](url, home, int(count), int(seed))
