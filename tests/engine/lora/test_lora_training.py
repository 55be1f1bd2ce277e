"""A LoRA learns, nothing else moves, and a run that was killed or paused ends where it would have ended."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from engine.errors import InvalidRequest, OutOfMemory, StudioError
from engine.lora.runs.config import Config
from engine.lora.runs.progress import read_progress
from engine.lora.training import trainer
from engine.lora.training.adapter import lora_on
from engine.lora.training.validation import draw_sample
from engine.settings import PROJECT
from engine.training.parallel import Ranks
from gallery.metadata import read_digital_source
from tests.engine.lora.lora_runs import CONFIG, run, save_pictures, tiny_model
from tests.tiny import save_tiny_pipeline

torch.set_num_threads(1)  # bit-equality is promised for a fixed number of threads

# The fewest parts, so that each test turns on what it is about.
PLAIN = Config(
    rank=4,
    gradient_accumulation=2,
    gradient_checkpointing=False,
    steps=4,
    warmup_steps=0,
    learning_rate=1e-2,
    lr_scheduler="constant_with_warmup",
    validation_every=0,
    held_out_every=0,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return save_tiny_pipeline(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return save_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def whole(folder, pictures, tmp_path_factory) -> Path:
    """The folder of a run without interruption, with every source of chance."""
    place = tmp_path_factory.mktemp("runs") / "whole"
    run(place, folder, pictures)
    return place


def state(place: Path) -> dict[str, torch.Tensor]:
    """All tensors of a run's last state: the LoRA's and the optimizer's."""
    checkpoint = torch.load(place / "checkpoints" / "checkpoint.pt", weights_only=True)
    moments = checkpoint["optimizer"]["state"]
    return checkpoint["adapter"] | {f"{i}.{name}": value for i in moments for name, value in moments[i].items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_killed_run_goes_on_to_the_same_weights(whole, folder, pictures, tmp_path):
    arguments = [str(tmp_path / "run"), str(folder), str(pictures[0].path.parent), "3"]
    code = [sys.executable, "-m", "tests.engine.lora.lora_runs", *arguments]
    killed = subprocess.run(code, cwd=PROJECT, capture_output=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert torch.load(tmp_path / "run" / "checkpoints" / "checkpoint.pt", weights_only=True)["step"] == 2

    run(tmp_path / "run", folder, pictures)
    assert same(state(tmp_path / "run"), state(whole))
    assert read_progress(tmp_path / "run") == read_progress(whole)
    for name in ("step-000002", "step-000004", "best", "last"):
        files = [place / "checkpoints" / f"{name}.safetensors" for place in (tmp_path / "run", whole)]
        assert same(*map(load_file, files))


def test_a_paused_run_goes_on_to_the_same_weights(whole, folder, pictures, tmp_path):
    seen = []
    outcomes = [
        trainer.run(
            Ranks(),
            CONFIG,
            tmp_path,
            tiny_model(folder),
            pictures[:-1],
            pictures[-1:],
            report=lambda now: seen.append(now.step),
            should_stop=lambda last=last: bool(seen) and seen[-1] >= last,
        )
        for last in (1, 100)
    ]
    assert [outcome.step for outcome in outcomes] == [1, 4]
    assert [outcome.finished for outcome in outcomes] == [False, True]
    assert seen == list(range(5))
    assert same(state(tmp_path), state(whole))


def test_the_file_of_the_progress_has_every_step_once(whole):
    lines = [json.loads(line) for line in (whole / "progress.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(5))
    assert [line["step"] for line in lines if line["held_out"] is not None] == [0, 2, 4]
    assert lines[0]["loss"] is None
    assert all(line["loss"] > 0 for line in lines[1:])


def test_tensorboard_has_the_names_of_kohya(whole):
    events = EventAccumulator(str(whole / "logs")).Reload()
    names = {"loss/current", "loss/average", "lr/unet", "lr/textencoder", "loss/validation/step_average"}
    assert set(events.Tags()["scalars"]) == names
    losses = {event.step: event.value for event in events.Scalars("loss/current")}
    assert losses == pytest.approx({line.step: line.loss for line in read_progress(whole)[1:]})


def test_only_the_lora_moves(folder, pictures, tmp_path):
    model = tiny_model(folder)
    parts = (model.pipeline.unet, model.pipeline.text_encoder, model.pipeline.vae)
    before = [{name: weights.clone() for name, weights in part.state_dict().items()} for part in parts]
    config = replace(PLAIN, text_encoder=True)
    trainer.run(Ranks(), config, tmp_path, model, pictures)

    assert all(same(old, part.state_dict()) for old, part in zip(before, parts, strict=True))
    trained = load_file(tmp_path / "checkpoints" / "last.safetensors")
    assert {name.split(".")[0] for name in trained} == {"unet", "text_encoder"}
    assert all(tensor.abs().max() > 0 for tensor in trained.values())


def test_a_lora_that_has_not_learnt_changes_nothing_and_leaves_nothing(folder):
    model = tiny_model(folder)
    tokens = torch.tensor([[5, 6, 7]])
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))

    @torch.no_grad()
    def preds() -> torch.Tensor:
        states = model.pipeline.text_encoder(tokens).last_hidden_state
        return model.pipeline.unet(latents, 500, encoder_hidden_states=states).sample

    base = preds()
    with lora_on(model.pipeline, replace(PLAIN, text_encoder=True)) as adapter:
        untrained = preds()
        for parameter in adapter.parameters():
            parameter.data += 0.3
        moved = preds()
    assert torch.equal(untrained, base)
    assert not torch.allclose(moved, base, atol=0.01)
    assert torch.equal(preds(), base)


def test_drawing_in_another_precision_does_not_harm_the_lora(folder):
    model = tiny_model(folder)
    with lora_on(model.pipeline, PLAIN) as adapter:
        before = {name: tensor.clone() for name, tensor in adapter.state_dict().items()}
        parameters = adapter.parameters()
        with adapter.unharmed():
            model.pipeline.unet.half().float()
            assert not same(adapter.state_dict(), before)
        assert same(adapter.state_dict(), before)
        assert all(one is other for one, other in zip(adapter.parameters(), parameters, strict=True))


def test_a_picture_that_is_seen_again_and_again_is_learnt(folder, pictures, tmp_path):
    config = replace(PLAIN, steps=14, held_out_every=7)
    outcome = trainer.run(Ranks(), config, tmp_path, tiny_model(folder), pictures[:1], pictures[:1])
    assert outcome.best_held_out < 0.9 * outcome.held_out_before
    assert outcome.best_step in (7, 14)
    best = load_file(tmp_path / "checkpoints" / "best.safetensors")
    at_that_step = tmp_path / "checkpoints" / f"step-{outcome.best_step:06d}.safetensors"
    assert not at_that_step.exists()  # these come every 100 steps
    assert best.keys() == load_file(tmp_path / "checkpoints" / "last.safetensors").keys()


def test_a_run_that_no_longer_gets_better_ends_early_and_stays_ended(folder, pictures, tmp_path):
    config = replace(PLAIN, steps=50, learning_rate=0.5, held_out_every=1, patience=2)
    first, again = (
        trainer.run(Ranks(), config, tmp_path, tiny_model(folder), pictures[:3], pictures[3:]) for _ in range(2)
    )
    assert first.stopped_early
    assert first.finished
    assert first.step == first.best_step + 2 < 50
    assert again == first


def test_pictures_are_drawn_on_the_way_from_the_same_noise(folder, pictures, tmp_path):
    config = replace(PLAIN, steps=2, validation_prompt="a castle", validation_every=2)
    samples = []
    trainer.run(Ranks(), config, tmp_path, tiny_model(folder), pictures, report=lambda now: samples.append(now.sample))
    assert [sample and sample.name for sample in samples] == ["step-000000.png", None, "step-000002.png"]

    base = draw_sample(tiny_model(folder), config, "a castle")
    assert {read_digital_source(samples[i]) for i in (0, 2)} == {"trainedAlgorithmicMedia"}
    drawn = [np.asarray(Image.open(samples[i])).astype(int) for i in (0, 2)]
    assert (drawn[0] == np.asarray(base)).all()
    assert 0 < np.abs(drawn[1] - drawn[0]).mean() < 64


def test_reports_say_how_it_goes(folder, pictures, tmp_path):
    reports = []
    config = replace(PLAIN, steps=3, held_out_every=None)  # an epoch: 3 pictures are seen in 2 steps
    trainer.run(Ranks(), config, tmp_path, tiny_model(folder), pictures[:3], pictures[3:], report=reports.append)
    assert [report.held_out_loss is not None for report in reports] == [True, False, True, True]
    assert reports[0].seconds_left is None
    assert reports[1].seconds_left > 0 == reports[3].seconds_left
    assert reports[3].average_loss == pytest.approx(np.mean([report.loss for report in reports[1:]]))
    assert reports[3].learning_rate == 1e-2
    assert [(report.epoch, report.epochs) for report in reports] == [(step * 2 / 3, 2.0) for step in range(4)]


@pytest.mark.parametrize("name", ["adafactor", "sgd"])
def test_other_optimizers_learn_too_and_go_on_where_they_were(folder, pictures, tmp_path, name):
    config = replace(PLAIN, steps=2, optimizer=name)
    for place, stops in (("whole", [False] * 3), ("halves", [False, True]), ("halves", [False])):
        ask = partial(next, iter(stops), False)
        trainer.run(Ranks(), config, tmp_path / place, tiny_model(folder), pictures[:3], should_stop=ask)
    whole, halves = (load_file(tmp_path / place / "checkpoints" / "last.safetensors") for place in ("whole", "halves"))
    assert same(whole, halves)
    assert any(array.any() for key, array in whole.items() if "lora_B" in key)


def test_a_loss_that_is_no_number_ends_the_run_in_words(folder, pictures, tmp_path):
    model = tiny_model(folder)
    torch.nn.init.constant_(model.pipeline.unet.conv_out.weight, float("nan"))
    with pytest.raises(StudioError, match=r"Step 1: the loss must be a finite number; got nan.*learning rate of 0.002"):
        trainer.run(Ranks(), PLAIN, tmp_path, model, pictures)
    with pytest.raises(StudioError, match="Step 0: the held-out loss must be a finite number"):
        trainer.run(Ranks(), replace(PLAIN, held_out_every=1), tmp_path, model, pictures[:3], pictures[3:])


def test_gradients_that_are_no_numbers_do_not_reach_the_weights(folder, pictures, tmp_path):
    model = tiny_model(folder)
    model.pipeline.unet.conv_out.register_full_backward_hook(lambda module, into, out: (into[0] * float("nan"),))
    with pytest.raises(StudioError, match="Step 1: the gradients' norm must be a finite number; got nan"):
        trainer.run(Ranks(), PLAIN, tmp_path, model, pictures)
    assert not list(tmp_path.glob("checkpoints/*.safetensors"))


def test_what_cannot_be_trained_is_refused_before_anything_is_written(folder, pictures, tmp_path):
    model = tiny_model(folder)
    with pytest.raises(InvalidRequest, match="needs one picture or more; got none"):
        trainer.run(Ranks(), PLAIN, tmp_path, model, [])
    with pytest.raises(InvalidRequest, match="Stopping early needs held-out pictures; got none"):
        trainer.run(Ranks(), replace(PLAIN, held_out_every=1, patience=1), tmp_path, model, pictures)
    wide = replace(model, info=replace(model.info, size_multiple=16))
    with pytest.raises(InvalidRequest, match=r"multiple of 16 for tiny; got 72\. Use 64 or 80"):
        trainer.run(Ranks(), replace(PLAIN, resolution=72), tmp_path, wide, pictures)
    with pytest.raises(OutOfMemory, match="must lie whole on the CPU to be trained"):
        trainer.run(Ranks(), PLAIN, tmp_path, replace(model, offloaded=True), pictures)
    assert not list(tmp_path.iterdir())


def test_a_run_does_not_go_on_with_other_settings(whole, folder, pictures):
    with pytest.raises(InvalidRequest, match="rank was 4, now 8"):
        run(whole, folder, pictures, rank=8)
