"""TensorBoard beside the studio."""

import sys
from urllib.request import urlopen

import pytest

from engine.errors import ModelUnavailable
from engine.training import board


@pytest.fixture(autouse=True)
def closed():
    yield
    board.close_boards()


def test_tensorboard_answers_on_this_machine_alone_and_ends_with_the_studio(tmp_path):
    assert board.board_at(tmp_path) is None
    address = board.open_board(tmp_path)
    assert address.startswith("http://127.0.0.1:")
    assert urlopen(f"{address}data/logdir", timeout=120).status == 200
    assert board.open_board(tmp_path) == board.board_at(tmp_path) == address  # one is enough

    process, _ = board._boards[tmp_path]
    process.stdin.close()  # what is left of a studio that was killed
    assert process.wait(timeout=120) == 0
    assert board.board_at(tmp_path) is None


def test_without_the_package_it_is_said_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ModelUnavailable, match="pip install tensorboard"):
        board.open_board(tmp_path)
