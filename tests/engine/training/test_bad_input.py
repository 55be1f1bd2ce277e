"""What no training can begin with is said in a sentence, by the command and by the job, and leaves no run behind."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.__main__ import main
from engine.jobs.schema import FAILED
from engine.latent.catalogue import GAN
from engine.latent.preparing import begin, run_of
from engine.latent.requests import TrainNetwork
from engine.prepared import prepared
from engine.studio import Studio
from engine.vqi2i.plan import Plan, write_plan
from engine.vqi2i.request import TrainVqi2i
from tests.engine.training.killed import VQI2I
from tests.tiny_networks import GAN_CONFIG, save_pictures

MANY = 10_000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of pictures: good ones, and those that teach nothing."""
    root = tmp_path_factory.mktemp("pictures")
    save_pictures(root / "good", 16, side=64)
    for name in ("empty", "one", "copies", "alike", "tiny"):
        (root / name).mkdir()
    first = root / "good" / "00.png"
    os.link(first, root / "one" / "only.png")
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(root / "tiny.png")
    for number in range(MANY):
        os.link(root / "tiny.png", root / "tiny" / f"{number:05d}.png")
    for number in range(16):
        os.link(first, root / "alike" / f"{number}.png")
        os.link(root / "good" / f"{number:02d}.png", root / "copies" / f"other {number}.png")
    return root


OF_ONE_FOLDER = {  # by folder
    "missing": "Pictures are read from a folder",
    "empty": "needs 16 pictures or more; empty holds no .png",
    "one": "needs 16 pictures or more; one holds 1 picture. Add some.",
    "alike": "The pictures must differ from each other; of 16 only 1 do.",
    "tiny": "0 can be used. A picture for squares of 32 pixels must have 8 on its shorter side",
}
OF_TWO_FOLDERS = {  # by the second one, beside good pictures
    "missing": "There is no folder",
    "empty": "empty holds 0 files and no such picture. Choose another folder or add pictures.",
    "one": "one: a training needs 4 pictures or more of each kind; there is 1. Add some",
    "good": "The two folders must show different kinds of pictures",
    "copies": "The two folders must show different kinds of pictures",
    "tiny": "tiny: 50 pictures and more cannot be used, such as 00000.png: A training picture must have 64 pixels",
}
FEWEST = {"train-vae": "8 pictures", "train-gan": "16 pictures"}
COMMANDS = [
    *(
        ([name], folder, said.replace("16 pictures", fewest))
        for name, fewest in FEWEST.items()
        for folder, said in OF_ONE_FOLDER.items()
    ),
    *(
        ([name, "good"], folder, said)
        for name in ("train-cyclegan", "train-vqi2i")
        for folder, said in OF_TWO_FOLDERS.items()
    ),
]


@pytest.mark.parametrize(
    ("words", "folder", "said"), COMMANDS, ids=[f"{words[0]}-{folder}" for words, folder, _ in COMMANDS]
)
def test_a_command_says_it_and_leaves_no_run(
    words: list[str], folder: str, said: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    folders = [str(root / name) for name in (*words[1:], folder)]
    assert main([words[0], *folders, "--home", str(home)]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_a_job_says_it(root: Path, studio: Studio, work: Callable[[], None]) -> None:
    runs = studio.settings.runs_dir
    plan = Plan(name="towns", photos=root / "good", styles=root / "copies", config=VQI2I)
    write_plan(prepared(studio.settings.home, runs / "same"), plan, created_at=5.0)
    asked = run_of(GAN, "small", str(root / "tiny"), GAN_CONFIG)
    tiny = begin(studio.settings, asked, GAN_CONFIG.wanted)
    jobs = [
        studio.submit(TrainVqi2i(run="same", name="towns")).id,
        studio.submit(TrainNetwork(run=tiny, name="small")).id,
    ]
    work()
    told = [studio.job(job) for job in jobs]
    assert [job.state for job in told] == [FAILED, FAILED]
    assert "must show different kinds of pictures" in (told[0].error or "")
    assert "for squares of 16 pixels must have 4 on its shorter side" in (told[1].error or "")
