"""The thesis's bench: its prompts with their seeds and shapes, with and without a LoRA, on one sheet."""

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.errors import InvalidRequest
from engine.lora import bench
from tests.tiny_lora import save_lora


def test_seeds_and_shapes_are_the_theses():
    assert [(scene.seed, scene.size(768)) for scene in bench.SCENES] == [
        (777, (768, 512)),
        (42, (768, 512)),
        (1332, (768, 768)),
    ]
    own = bench.scenes(["a", "b", "c"])
    assert [(each.prompt, each.seed) for each in own] == [("a", 777), ("b", 42), ("c", 1332)]
    with pytest.raises(InvalidRequest, match=r"3 prompts, .*; got 2\. Give all or none"):
        bench.scenes(["a", "b"])


@pytest.mark.usefixtures("worker_beside")
def test_one_command_draws_one_sheet_and_goes_on_where_it_stopped(studio, tmp_path, monkeypatch):
    for name, value in studio.settings.to_environment().items():
        if name.startswith("STUDIO_"):
            monkeypatch.setenv(name, value)
    folder = studio.settings.lora_folders[0]
    folder.mkdir(parents=True, exist_ok=True)
    save_lora(folder / "style.safetensors")
    command = ["lora-bench", "style", "--count", "1", "--steps", "1", "--out", str(tmp_path), "--json"]
    said = json.loads(CliRunner().invoke(cli, command, catch_exceptions=False).stdout)
    assert list(said["pictures"])[:2] == ["castle, seed 777, without", "castle, seed 777, with"]
    names = [name for row in said["pictures"].values() for name in row]
    records = studio.gallery.several(names)
    assert len(records) == 6
    assert {record.seed for record in records} == {777, 42, 1332}
    with Image.open(said["sheet"]) as sheet:
        assert sheet.height > sheet.width  # six rows of one
    studio.gallery.delete(said["pictures"]["village, seed 1332, with"])
    again = json.loads(CliRunner().invoke(cli, command, catch_exceptions=False).stdout)["pictures"]
    same = [label for label in again if again[label] == said["pictures"][label]]
    assert same == list(again)[:5]
    other = CliRunner().invoke(cli, [*command, "--steps", "2"])
    assert "has another bench. Choose another folder." in str(other.exception)
    assert json.loads((tmp_path / bench.FILE).read_text())["pictures"] == again
    assert not [job for job in studio.jobs() if not job.ended]
