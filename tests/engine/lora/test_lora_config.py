"""Settings of a LoRA training: rules, presets, and that pages can read them."""

import json
from dataclasses import replace

import pytest

from engine.errors import InvalidRequest
from engine.lora.runs.config import PRESETS, Config, config_from
from engine.lora.runs.epochs import epoch_at, short, step_in_words


def test_every_wrong_value_is_reported_at_once():
    with pytest.raises(InvalidRequest) as caught:
        Config(
            rank=0,
            learning_rate=float("nan"),
            text_encoder=1,
            target_modules=("to_q", "to_q"),
            lr_scheduler="steps",
            warmup_steps=400,
            patience=3,
            held_out_every=0,
            min_scale=0.1,
            validation_prompt="x" * 4001,
        )
    texts = {problem.field: problem.message for problem in caught.value.problems}
    assert texts["rank"] == "Rank must be a whole number from 1 to 512; got 0."
    assert texts["learning_rate"] == "Learning rate must be a number from 1e-08 to 1; got nan."
    assert texts["text_encoder"] == "Training the text encoder is on or off; got 1."
    assert texts["target_modules"].startswith("Target modules must be some of to_q, to_k, to_v, to_out.0, proj_in")
    assert texts["lr_scheduler"].startswith("The scheduler must be one of constant_with_warmup, linear, cosine")
    assert texts["warmup_steps"].startswith("The warm-up must be shorter than the run; got 400 of 400 steps.")
    assert texts["patience"].startswith("Stopping early needs the held-out loss; it is never measured.")
    assert "from 0.25 to 1; got 0.1" in texts["min_scale"]
    assert "4000 characters; got 4001" in texts["validation_prompt"]


@pytest.mark.parametrize("config", [*PRESETS.values(), Config(rank=8, target_modules=("to_q",), patience=2)])
def test_settings_come_back_from_json(config):
    assert config_from(json.loads(json.dumps(config.to_dict()))) == config


def test_the_thesis_draws_its_long_prompt_after_every_epoch_of_varied_pictures():
    thesis, study = PRESETS["thesis"], PRESETS["study"]
    assert (thesis.random_crop, thesis.horizontal_flip, thesis.color_jitter) == (True, 0.5, 0.1)
    assert len(thesis.validation_prompt) > 300
    assert (thesis.steps, thesis.rank, thesis.learning_rate) == (study.steps, study.rank, study.learning_rate)
    assert thesis.in_steps(looks=40).validation_every == 10  # 400 steps of 4 of 40 pictures: 40 epochs
    assert short(epoch_at(thesis, 400, 40)) == "40"
    assert step_in_words(thesis, 5, 33) == "step 5 (epoch 0.61)"
    assert [Config().steps_per_epoch(looks, processes) for looks, processes in ((1, 1), (5, 1), (41, 2))] == [1, 2, 6]


def test_runs_that_knew_no_optimizer_have_the_settings_they_began_with():
    assert "optimizer" not in Config().to_dict()
    assert config_from(Config().to_dict()).optimizer == "adamw"
    assert config_from(Config(optimizer="sgd").to_dict()).optimizer == "sgd"
    with pytest.raises(InvalidRequest, match="optimizer must be one of adamw, adafactor, sgd; got 'lion'"):
        Config(optimizer="lion")


def test_a_setting_that_does_not_exist_is_named():
    with pytest.raises(InvalidRequest, match="no setting named 'ranks'"):
        config_from({"ranks": 4})


def test_alpha_follows_the_rank_until_it_is_set():
    assert replace(PRESETS["study"], rank=8).lora_alpha == 8
    assert Config(rank=8, alpha=2).lora_alpha == 2


def test_pictures_are_prepared_at_the_models_own_size():
    assert Config().augmentation(768).resolution == 768
    assert Config(resolution=512).augmentation(768).resolution == 512


@pytest.mark.parametrize("change", [{"random_crop": True}, {"horizontal_flip": 0.5}, {"color_jitter": 0.1}])
def test_pictures_vary_with_any_augmentation(change):
    assert Config(**change).varies
    assert not Config().varies
