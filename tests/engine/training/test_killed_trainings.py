"""Each training that was killed by kill -9 ends as one that was not, to the last bit; what it cannot go on with."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from engine.errors import InvalidRequest, StudioError
from engine.settings import PROJECT
from engine.training.curves import read_curves
from engine.training.loop import CHECKPOINT, step_of
from tests.engine.training.killed import DIES, train
from tests.tiny_networks import save_pictures

pytestmark = pytest.mark.timeout(400)  # one fixture trains in another process


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of pictures, and what was left of each training when it was killed."""
    root = tmp_path_factory.mktemp("killed")
    save_pictures(root / "x", 16, side=64)
    save_pictures(root / "y", 4, side=68)
    command = [sys.executable, "-m", "tests.engine.training.killed", str(root)]
    killed = subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=380)
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
def test_it_goes_on_to_the_same_weights(name: str, root: Path, tmp_path: Path) -> None:
    folder, whole = shutil.copytree(root / "killed" / name, tmp_path / "killed"), tmp_path / "whole"
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


@pytest.mark.parametrize("name", DIES)
def test_what_it_cannot_go_on_with_is_said_and_the_checkpoint_stays(
    name: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(root / "killed" / name, tmp_path / "killed")
    before = (folder / CHECKPOINT).read_bytes()
    with pytest.raises(InvalidRequest, match=r"(?s)must go on with the settings it began with.*seed was \d, now 77"):
        train(name, root, folder, seed=77)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1_000_000}))
        for place in (folder, tmp_path / "new"):
            with pytest.raises(StudioError, match=r"needs \d+ MB on the disk for its checkpoints; 1 MB are free"):
                train(name, root, place)
    assert (folder / CHECKPOINT).read_bytes() == before
    assert not (tmp_path / "new" / CHECKPOINT).exists()

    state = torch.load(folder / CHECKPOINT, weights_only=True)
    for weights in state[next(iter(state))].values():
        if weights.is_floating_point():
            weights.fill_(torch.nan)
    torch.save(state, folder / CHECKPOINT)
    before = (folder / CHECKPOINT).read_bytes()
    with pytest.raises(
        StudioError, match=rf"must be finite numbers; in step {DIES[name]} .* became another. Begin anew"
    ):
        train(name, root, folder)
    assert (folder / CHECKPOINT).read_bytes() == before
