"""The commands for LoRAs; what they do is tested where it is done."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.cli.lora_settings import lora_config
from engine.errors import InvalidRequest, NotFound, StudioError
from engine.jobs.schema import SUCCEEDED
from engine.lora import preparing
from engine.lora.admission import training_time
from engine.lora.pace import planned_with
from engine.lora.preparing import RunSettings
from engine.lora.requests import TrainLora
from engine.lora.runs.config import PRESETS
from engine.settings import Settings
from engine.studio import Studio

runner = CliRunner()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(12):
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((96, 96), Image.Resampling.NEAREST).save(folder / f"{seed:02}.png")
        (folder / f"{seed:02}.txt").write_text(f"a castle number {seed}")
    return folder


@pytest.fixture(autouse=True)
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.to_environment().items():
        if name.startswith("STUDIO_"):
            monkeypatch.setenv(name, value)


def called(*arguments: object) -> tuple[str, str]:
    result = runner.invoke(cli, list(map(str, arguments)), catch_exceptions=False)
    return result.stdout, result.stderr


def test_checking_says_what_is_there_and_begins_nothing(pictures: Path, settings: Settings) -> None:
    _, said = called("train-lora", pictures, "--check")
    assert "12 of 12 captions found" in said
    assert "10 pictures to train on, 2 held out" in said
    assert "400 steps of 4 pictures, 160 epochs" in said
    assert "About" in said
    assert not settings.runs_dir.exists()


def test_a_check_for_programs_is_one_object_and_its_exit_code_says_whether_training_can_begin(pictures: Path) -> None:
    result = runner.invoke(cli, ["train-lora", str(pictures), "--check", "--json"])
    facts = json.loads(result.stdout)
    assert (result.exit_code, facts["can_train"], facts["pictures"], facts["held_out"]) == (0, True, 10, 2)

    (pictures / "00.txt").unlink()
    result = runner.invoke(cli, ["train-lora", str(pictures), "--check", "--json"])
    facts = json.loads(result.stdout)
    assert (result.exit_code, facts["can_train"]) == (1, False)
    assert any(finding["severity"] == "blocks training" for finding in facts["findings"])
    assert runner.invoke(cli, ["train-lora", str(pictures), "--check"]).exit_code == 1


def test_a_killed_training_that_waits_in_the_queue_goes_on_with_the_printed_command(
    pictures: Path, settings: Settings, studio: Studio, worker_beside: None
) -> None:
    """Its job is put back by the next supervisor; nothing is asked for twice."""
    model = studio.default_model()
    order = RunSettings("castles", model, replace(PRESETS["recommended"], steps=2, rank=2, warmup_steps=0))
    prepared = preparing.prepare(pictures, order)
    run = preparing.begin_run(settings, prepared, order)
    studio.submit(TrainLora(run=run, name="castles"))

    said, _ = called("train-lora", "--resume", run, "--json")
    assert json.loads(said)["run"] == run
    jobs = studio.jobs()
    planned = planned_with(order.config, model, prepared.train, prepared.held_out)
    time = training_time(settings, planned, jobs, studio.engine(), studio.gallery)
    assert time.endswith(", by 1 earlier training here.")  # this machine's own time
    assert [job.state for job in studio.jobs()] == [SUCCEEDED]


def test_every_setting_can_be_given_and_the_last_one_counts(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(PRESETS["thesis"].to_dict() | {"batch_size": 3, "rank": 5}))
    single = ["batch_size=2", "optimizer=adafactor", "validation_every=null", 'target_modules=["to_q"]']
    config = lora_config("study", file, single, {"rank": 7, "steps": 40, "warmup_steps": 3, "seed": None})
    assert (config.batch_size, config.rank, config.optimizer, config.validation_every) == (2, 7, "adafactor", None)
    assert (config.target_modules, config.color_jitter, config.seed) == (("to_q",), 0.1, 42)
    assert lora_config("study", None, ["steps=40"], {}).warmup_steps == 10
    for wrong in ("batches=2", "batch_size", "=2"):
        with pytest.raises(InvalidRequest, match="A setting is NAME=VALUE"):
            lora_config("study", None, [wrong], {})
    with pytest.raises(InvalidRequest, match="Batch size must be a whole number from 1 to 64; got 'many'"):
        lora_config("study", None, ["batch_size=many"], {})


def test_wrong_orders_are_refused(pictures: Path) -> None:
    with pytest.raises(NotFound, match="A data set must be named"):
        called("train-lora")
    with pytest.raises(NotFound, match="preset must be one of study, thesis, recommended, look; got 'best'"):
        called("train-lora", pictures, "--preset", "best")
    with pytest.raises(InvalidRequest, match="Rank"):
        called("train-lora", pictures, "--rank", "0")
    (pictures / "00.txt").unlink()
    with pytest.raises(InvalidRequest, match="caption"):
        called("train-lora", pictures, "--name", "castles")


def test_a_lora_is_trained_and_its_run_is_named(pictures: Path, settings: Settings, worker_beside: None) -> None:
    said, _ = called("train-lora", pictures, "--name", "castles", "--steps", "2", "--rank", "2", "--json")
    facts = json.loads(said)
    assert facts["held_out_before"] > 0
    assert (Path(facts["result"]) / "castles.safetensors").exists()
    assert (settings.lora_folders[0] / "castles.safetensors").exists()


def test_captions_need_blip(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    with pytest.raises(StudioError, match="blip-image-captioning-base"):
        called("caption", pictures, "--blip", tmp_path)


def test_noising_writes_a_sheet(pictures: Path, tmp_path: Path) -> None:
    said, _ = called("noising", pictures / "00.png", "--out", tmp_path / "sheet.png")
    assert said.strip() == str(tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > sheet.height
