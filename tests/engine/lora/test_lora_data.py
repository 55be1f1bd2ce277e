"""Which pictures a step sees, and as what."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from engine.datasets.pictures import CaptionedPicture, open_picture
from engine.lora.runs.config import Config
from engine.lora.training.data import Deck, Encoder, draw_captions, in_batches, states_of
from engine.training.pixels import prepare
from tests.engine.lora.lora_runs import save_pictures, tiny_model
from tests.tiny import NATIVE_SIZE, save_tiny_pipeline


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> list[CaptionedPicture]:
    return save_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    return tiny_model(save_tiny_pipeline(tmp_path_factory.mktemp("models") / "tiny")).pipeline


def encoder(pipeline, **changes) -> Encoder:
    config = Config(**changes)
    return Encoder(pipeline, config.augmentation(NATIVE_SIZE), config.varies)


def test_a_pass_shows_each_picture_as_often_as_it_is_repeated(pictures):
    deck = Deck([replace(pictures[0], repeats=3), *pictures[1:]], seed=0)
    passes = [deck.looks(start, deck.size) for start in (0, 6)]
    assert all(Counter(seen) == {deck.pictures[0]: 3, **dict.fromkeys(pictures[1:], 1)} for seen in passes)
    assert passes[0] != passes[1]


def test_what_is_seen_does_not_depend_on_where_one_begins(pictures):
    deck = Deck(pictures, seed=3)
    assert deck.looks(0, 10) == [*deck.looks(0, 3), *deck.looks(3, 7)]
    assert deck.looks(0, 40) != Deck(pictures, seed=4).looks(0, 40)


def test_latents_are_those_of_the_models_autoencoder(pipeline, pictures):
    own = encoder(pipeline)
    pixels = prepare(open_picture(pictures[0].path), own.augmentation, None)[None]
    with torch.no_grad():
        expected = pipeline.vae.encode(pixels).latent_dist
    assert torch.equal(own.mean_latents(pictures[0]), expected.mode() * pipeline.vae.config.scaling_factor)
    drawn = own.latents(pictures[:1], generator())
    assert torch.equal(drawn, expected.sample(generator()) * pipeline.vae.config.scaling_factor)


def test_latents_of_pictures_that_do_not_vary_are_computed_once(pipeline, tmp_path):
    (picture,) = save_pictures(tmp_path, 1)
    kept = encoder(pipeline)
    before = kept.latents([picture], generator())
    picture.path.unlink()
    assert torch.equal(kept.latents([picture], generator()), before)


def test_augmented_pictures_differ_from_look_to_look(pipeline, pictures):
    own = encoder(pipeline, random_crop=True)
    looks = [own.latents(pictures[:1], generator(seed)) for seed in (1, 2, 1)]
    assert (looks[0] - looks[1]).abs().mean() > 0.05
    assert torch.equal(looks[0], looks[2])


def test_captions_are_left_out_by_their_share(pictures):
    assert draw_captions(pictures, 0.0, generator()) == [picture.caption for picture in pictures]
    assert draw_captions(pictures, 1.0, generator()) == [""] * len(pictures)
    kept = sum(bool(caption) for caption in draw_captions(pictures * 100, 0.25, generator()))
    assert kept == pytest.approx(300, abs=30)


def test_captions_are_read_as_the_pipeline_reads_prompts(pipeline):
    with torch.no_grad():
        states = states_of(pipeline, ["a castle", ""])
        prompts = [pipeline.encode_prompt(text, "cpu", 1, False)[0] for text in ("a castle", "")]
    assert torch.equal(states, torch.cat(prompts))


def test_batches_cover_everything_once():
    assert [list(range(10))[part] for part in in_batches(10, 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
