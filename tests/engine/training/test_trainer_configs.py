"""The settings of all trainers: rules, all reported together."""

from types import SimpleNamespace

import pytest

from engine.errors import InvalidRequest
from engine.mini import autoencoder, denoiser, finish, sharpen, text_encoder
from engine.nijigan import config as nijigan
from engine.training.config import at_least, broken, multiple

WRONG = {
    autoencoder.Config: {"steps": 0, "crop": 48, "learning_rate": 1.0, "equivariance": 1.5, "average": 1.0},
    sharpen.Config: {"batch_size": 0, "crop": 8, "gan_weight": -0.1, "alone": -1},
    text_encoder.Config: {"steps": 0, "batch_size": 0, "learning_rate": 0.0, "latents_weight": -1.0},
    denoiser.Config: {"steps": -5, "empty_captions": -0.1, "min_snr_gamma": 0.0, "average": float("nan")},
    finish.Config: {"crop": 100, "window": 8, "real": 1, "aim_every": 0, "transport_weight": -1.0},
    nijigan.Config: {"crop": 66, "side": 64, "decay": 2.0, "perceptual_layer": "relu6_1", "discriminator_width": 0},
}


@pytest.mark.parametrize("config", WRONG, ids=lambda config: config.__module__)
def test_every_wrong_value_is_told_at_once(config):
    with pytest.raises(InvalidRequest) as caught:
        config(**WRONG[config])
    assert sorted(problem.field for problem in caught.value.problems) == sorted(WRONG[config])
    for field, value in WRONG[config].items():
        assert f"{field} must be " in str(caught.value)
        assert f"; got {value!r}." in str(caught.value)


@pytest.mark.parametrize("trainer", [autoencoder, sharpen, text_encoder, denoiser, finish])
def test_the_settings_for_a_gpu_are_within_the_rules(trainer):
    assert trainer.CUDA.batch_size > trainer.Config().batch_size


def test_a_broken_rule_says_the_rule_and_the_value():
    config = SimpleNamespace(rank=0, crop=30, steps=4)
    rules = {"rank": at_least(0, 1), "crop": multiple(30, 4, 64), "steps": at_least(4, 1)}
    rank, crop = broken(config, rules, {"rank": "Rank"})
    assert (rank.field, rank.message) == ("rank", "Rank must be 1 or more; got 0.")
    assert crop.message == "crop must be a multiple of 4 from 64 on; got 30."
