"""How steps are computed changes their time and their memory, and nothing of what is learnt."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.device import choose
from engine.lora.runs.checkpoints import CHECKPOINTS
from engine.lora.runs.computing import (
    MOST_PICTURES,
    Computing,
    as_begun,
    choose_computing,
    computing_of,
    fits,
    keep_computing,
    read_computing,
)
from engine.lora.runs.config import PRESETS
from engine.lora.runs.memory import estimate_memory
from engine.lora.runs.plan import RunPlan
from engine.lora.training.adapter import lora_on
from engine.lora.training.run import start
from engine.lora.training.trainer import learner_of
from engine.lora.training.validation import draw_sample
from engine.training.parallel import Ranks
from tests.engine.lora.lora_runs import CONFIG, save_pictures, tiny_model
from tests.tiny import save_tiny_pipeline, tiny_info

torch.set_num_threads(1)
STUDY = PRESETS["study"]
# Every source of chance but dropout, whose masks follow the batches.
VARIED = replace(CONFIG, dropout=0.0, batch_size=2, gradient_accumulation=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return save_tiny_pipeline(tmp_path_factory.mktemp("models") / "tiny")


def gradients(folder, pictures, config, computing) -> tuple[float, torch.Tensor]:
    """The loss and the LoRA's gradients of the second step; the first makes the captions known."""
    model = tiny_model(folder)
    with lora_on(model.pipeline, config, computing.gradient_checkpointing) as adapter:
        for name, part in adapter.parts.items():
            torch.manual_seed(len(name))
            for parameter in part.parameters():
                if parameter.requires_grad:
                    torch.nn.init.normal_(parameter, std=0.1)
        learner = learner_of(Ranks(), config, model, adapter, pictures, computing)
        for number in (0, 1):
            learner.optimizer.zero_grad()
            loss = learner._gradients(number, torch.Generator().manual_seed(number)).item()
        return loss, torch.cat([parameter.grad.flatten() for parameter in adapter.parameters()])


@pytest.mark.parametrize(
    ("config", "computing"),
    [
        (VARIED, Computing(2, False, keep_texts=True)),
        (replace(VARIED, text_encoder=False, batch_size=1, gradient_accumulation=3), Computing(2, True, True)),
    ],
)
def test_together_the_gradients_are_those_of_one_after_the_other(folder, tmp_path, config, computing):
    pictures = save_pictures(tmp_path)
    loss, found = gradients(folder, pictures, config, computing)
    expected_loss, expected = gradients(folder, pictures, config, as_begun(config))
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert (found - expected).norm() < 1e-4 * expected.norm()
    assert expected.norm() > 0


def test_checkpointing_and_kept_texts_change_no_bit_of_single_pictures(folder, tmp_path):
    config, pictures = replace(VARIED, text_encoder=False, batch_size=1), save_pictures(tmp_path)
    loss, expected = gradients(folder, pictures, config, as_begun(config))
    again, found = gradients(folder, pictures, config, Computing(1, False, keep_texts=True))
    assert loss == again
    assert torch.equal(found, expected)


def test_memory_decides(folder):
    info = tiny_info(folder)
    plenty = choose_computing(info, STUDY, 10**12, on_gpu=False)
    assert plenty == Computing(4, False, keep_texts=True)
    least = choose_computing(info, STUDY, 0, on_gpu=False)
    assert least == Computing(1, True, keep_texts=True)
    needed = [
        estimate_memory(info, replace(STUDY, gradient_checkpointing=on), False, pictures=pictures).total
        for on in (False, True)
        for pictures in (4, 2, 1)
    ]
    for free in range(min(needed), 2 * max(needed), max(needed) // 40):
        chosen = choose_computing(info, STUDY, free, on_gpu=False)
        assert chosen == least or fits(info, STUDY, chosen, free, on_gpu=False)


@pytest.mark.parametrize(
    ("config", "pictures", "checkpointing"),
    [
        (PRESETS["look"], MOST_PICTURES, False),
        (replace(STUDY, gradient_accumulation=64), MOST_PICTURES, False),
        (replace(STUDY, batch_size=64), 64, False),
        (replace(STUDY, dropout=0.1), 1, False),
    ],
)
def test_what_goes_together_is_bounded(folder, config, pictures, checkpointing):
    chosen = choose_computing(tiny_info(folder), config, 10**13, on_gpu=False)
    assert (chosen.pictures(config), chosen.gradient_checkpointing) == (pictures, checkpointing)


def test_settings_without_checkpointing_never_get_it(folder):
    config = replace(STUDY, gradient_checkpointing=False)
    assert not choose_computing(tiny_info(folder), config, 0, on_gpu=False).gradient_checkpointing


def test_a_run_goes_on_as_it_began(folder, tmp_path):
    info, plenty = tiny_info(folder), 10**12
    (tmp_path / CHECKPOINTS).mkdir()  # begun before there was a choice
    assert computing_of(tmp_path, info, STUDY, plenty, False) == as_begun(STUDY)
    keep_computing(tmp_path, Computing(2, False, keep_texts=True))
    assert computing_of(tmp_path, info, STUDY, plenty, False) == Computing(2, False, keep_texts=True)
    assert computing_of(tmp_path, info, STUDY, 0, False) == Computing(1, True, keep_texts=True)
    (tmp_path / "computing.json").write_text("[]")
    assert computing_of(tmp_path, info, STUDY, plenty, False) == as_begun(STUDY)


def test_where_the_estimate_was_too_low_the_run_goes_on_with_less(folder, tmp_path):
    pictures = save_pictures(tmp_path / "pictures", 3)
    config = replace(STUDY, steps=2, warmup_steps=0, rank=2, validation_every=0, held_out_every=0)
    seen: list[int] = []

    def report(now) -> None:
        seen.append(now.step)
        if seen == [0, 1]:
            raise MemoryError

    plan = RunPlan(name="small", model=tiny_info(folder), config=config, pictures=pictures)
    outcome = start(tmp_path / "run", plan, device=choose("cpu"), report=report)
    assert outcome.finished
    assert read_computing(tmp_path / "run") == Computing(1, True, keep_texts=True)


def test_a_sample_is_drawn_with_what_the_model_was_made_for(folder):
    model = tiny_model(folder)
    steps: list[int] = []
    for kind, expected in (("turbo", 1), ("lcm", 4)):
        quick = replace(model, info=replace(model.info, few_steps=kind))
        assert draw_sample(quick, CONFIG, "a cat", report=lambda done: steps.append(done.steps)) is not None
        assert steps[-1] == expected
