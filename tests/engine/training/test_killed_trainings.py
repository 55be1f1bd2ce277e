"""Each training that was killed by kill -9 ends as one that was not, to the last bit."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from engine.settings import PROJECT
from engine.training.curves import read_curves
from engine.training.loop import CHECKPOINT, step_of
from tests.engine.training.killed import DIES, train
from tests.tiny_networks import save_pictures


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of pictures, and what was left of each training when it was killed."""
    root = tmp_path_factory.mktemp("killed")
    save_pictures(root / "x", 16, side=64)
    save_pictures(root / "y", 4, side=68)
    command = [sys.executable, "-m", "tests.engine.training.killed", str(root)]
    killed = subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=170)
    assert killed.returncode == 0, killed.stderr.decode()
    return root


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def kept(folder: Path) -> dict[str, object]:
    """Everything in a run's checkpoint, by its way there."""
    found: dict[str, object] = {}

    def walk(way: str, value: object) -> None:
        if isinstance(value, (dict, list, tuple)):
            for name, each in value.items() if isinstance(value, dict) else enumerate(value):
                walk(f"{way}.{name}", each)
        else:
            found[way] = value

    walk("", torch.load(folder / CHECKPOINT, weights_only=True))
    return found


@pytest.mark.parametrize("name", DIES)
def test_it_goes_on_to_the_same_weights(name: str, root: Path) -> None:
    folder, whole = root / "killed" / name, root / "whole" / name
    assert step_of(folder) == DIES[name] - 1  # the step in which it died is done again
    train(name, root, folder)
    train(name, root, whole)
    one, other = kept(folder), kept(whole)
    tensors = [way for way, value in one.items() if isinstance(value, torch.Tensor)]
    assert len(tensors) > 20
    assert one.keys() == other.keys()
    assert [way for way in tensors if not torch.equal(one[way], other[way])] == []
    assert [way for way in one.keys() - {*tensors} if one[way] != other[way]] == []
    assert read_curves(folder) == read_curves(whole) != {}
