"""The commands for making pictures larger."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.cli.upscaling import drawn_again
from engine.errors import InvalidRequest, StudioError
from engine.studio import Studio
from engine.upscaling.catalogue import own_folder
from tests.gallery.samples import picture, recipe

runner = CliRunner()


def called(studio: Studio, *arguments: object) -> str:
    result = runner.invoke(cli, [*map(str, arguments), "--home", str(studio.settings.home)], catch_exceptions=False)
    return result.stdout


@pytest.fixture(autouse=True)
def tiny(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_WEIGHTS_DIR", str(studio.settings.weights_dir))
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")


def test_files_folders_and_pictures_of_the_gallery_are_enlarged(
    studio: Studio, tmp_path: Path, worker_beside: None
) -> None:
    drawn = studio.gallery.save(picture(), recipe("a castle"))
    (tmp_path / "pictures").mkdir()
    picture(1, size=(30, 20)).save(tmp_path / "pictures" / "a.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    words = ["upscale", tmp_path / "pictures", drawn.id, tmp_path / "bad.png", "--factor", 4, "--out", tmp_path / "out"]
    result = runner.invoke(cli, [*map(str, words), "--json", "--home", str(studio.settings.home)])
    said = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(each["picture"], each["width"], each["height"]) for each in said] == [
        ("a.png", 120, 80),
        ("a castle", 96, 64),
    ]
    assert {Path(each["path"]) for each in said} == set((tmp_path / "out").iterdir())
    assert isinstance(result.exception, StudioError)
    assert str(result.exception) == "1 of 3 pictures could not be used."
    assert "bad.png" in result.stderr


def test_what_cannot_be_done_is_said_before_anything_is_queued(studio: Studio, tmp_path: Path) -> None:
    picture(size=(4100, 20)).save(tmp_path / "wide.png")
    wrong = {
        "got none. Name a prompt": ["--redraw-strength", 0.3],
        "2 or 4 times": ["--factor", 3],
        "16400x80": ["--factor", 4],
        "known are": ["--upscaler", "x"],
    }
    for words, more in wrong.items():
        with pytest.raises(InvalidRequest, match=words):
            called(studio, "upscale", tmp_path / "wide.png", *more)
    assert not studio.jobs()


def test_a_prompt_that_is_typed_is_read_as_one_that_is_asked_for_anew(studio: Studio) -> None:
    drawn = studio.gallery.save(picture(), recipe("a castle", request={"prompt": "a castle", "seed": 7}))
    photo = studio.start_from(drawn.id)
    own = drawn_again(studio, photo, "")
    assert own == {"prompt": "a castle", "seed": 7, "prompt_syntax": "plain", "prompt_template": None}
    assert drawn_again(studio, photo, "a {red} fort") == {"prompt": "a {red} fort", "seed": 7}


def test_upscalers_are_listed_with_what_keeps_them_from_work(studio: Studio) -> None:
    own_folder(studio.settings).mkdir()
    (own_folder(studio.settings) / "old.pth").write_bytes(b"x")
    said = called(studio, "upscalers")
    assert "BSD 3-Clause" in said
    assert "old.pth is a pickle" in said
    listed = [json.loads(line) for line in called(studio, "upscalers", "--json").splitlines()]
    assert [(each["name"], each["scale"]) for each in listed] == [("realesr-animevideov3", 4), ("old", None)]
