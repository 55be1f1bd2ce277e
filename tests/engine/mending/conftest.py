"""A home with pictures, a waiting job and no snapshot; each test has a copy to hurt."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.settings import Settings
from engine.studio import Studio
from tests.engine.mending.damages import PICTURES, recipes
from tests.gallery.samples import picture, recipe


@pytest.fixture(scope="session")
def template(tmp_path_factory, tiny_weights) -> Path:
    """A home with pictures of long prompts and a waiting job, and no snapshot."""
    home = tmp_path_factory.mktemp("template") / "home"
    studio = Studio(Settings(home=home, weights_dir=tiny_weights, device="cpu"))
    for number in range(PICTURES):
        studio.gallery.save(picture(number), recipe(f"number {number}, " + "a red dragon " * 40))
    studio.submit(studio.request("text_to_image", {"prompt": "a castle"}))
    studio.database.dispose()
    return home


@pytest.fixture
def home(template, tmp_path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "home"))


@pytest.fixture
def file(home) -> Path:
    return home / "studio.sqlite3"


@pytest.fixture
def opened(home, tiny_weights):
    """Opens the studio of the home; everything that was opened is closed at the end."""
    studios = []

    def open_it() -> Studio:
        studios.append(Studio(Settings(home=home, weights_dir=tiny_weights, device="cpu")))
        return studios[-1]

    yield open_it
    for studio in studios:
        studio.database.dispose()


@pytest.fixture
def rebuilt(home, capsys) -> Callable[[], str]:
    """Runs the command; gives what it said."""

    def run() -> str:
        code = main(["gallery", "check", "--rebuild", "--home", str(home)])
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out

    return run


@pytest.fixture(scope="session")
def expected(template, tiny_weights) -> dict:
    studio = Studio(Settings(home=template, weights_dir=tiny_weights, device="cpu"))
    found = recipes(studio)
    studio.database.dispose()
    assert len(found) == PICTURES
    return found
