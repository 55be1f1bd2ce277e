"""The judge learns, sees what it should, and is kept with its own accuracy."""

import pytest
import torch

from engine.errors import StudioError
from engine.mini.judging.scene_classifier import (
    ATTRIBUTES,
    SIDE,
    Config,
    SceneClassifier,
    accuracy,
    augmented,
    labels_of,
    load,
    loss_attributes,
    reduced,
    save,
    train,
    verdicts,
)
from engine.scenes.scene import CHOICES, random_scene

TINY = Config(steps=40, batch_size=8, width=8, shift=0, blur=0, noise=0, smoothing=0)


@pytest.fixture(scope="module")
def batch():
    """Eight pictures of noise and the attributes of eight scenes: nothing but memory can help."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.rand(8, 3, SIDE, SIDE, generator=generator) * 2 - 1
    return pictures, labels_of([random_scene(seed) for seed in range(8)])


@pytest.fixture(scope="module")
def judge(batch):
    return train(*batch, TINY)


def test_it_learns_one_batch_by_heart(judge, batch):
    pictures, labels = batch
    assert accuracy(verdicts(judge, pictures), labels) == dict.fromkeys(ATTRIBUTES, 1.0)
    with torch.no_grad():
        trained, untrained = (
            loss_attributes(model(pictures), labels, 0) for model in (judge, SceneClassifier(8).eval())
        )
    assert trained < 0.6 < 1 < untrained


def test_a_picture_and_its_mirror_image_get_the_same_verdict(judge, batch):
    pictures, _ = batch
    for name, judged in verdicts(judge, pictures.flip(-1)).items():
        assert (judged == verdicts(judge, pictures)[name]).all()


def test_what_is_saved_is_what_is_loaded(judge, batch, tmp_path):
    pictures, _ = batch
    save(judge, tmp_path / "judge.safetensors", {"accuracy": {"time": 0.5}})
    loaded, facts = load(tmp_path / "judge.safetensors")
    assert facts == {"accuracy": {"time": 0.5}}
    for name, scores in loaded(pictures).items():
        torch.testing.assert_close(scores, judge(pictures)[name])


def test_another_file_is_refused(tmp_path):
    (tmp_path / "judge.safetensors").write_bytes(b"no tensors here")
    with pytest.raises(StudioError, match=r"must be a file that .* wrote; .*judge.safetensors cannot be read"):
        load(tmp_path / "judge.safetensors")


def test_reducing_takes_means_of_areas():
    pixels = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0)) * 2 - 1
    small = reduced(pixels)
    assert small.shape == (1, 3, SIDE, SIDE)
    torch.testing.assert_close(small[0, :, 0, 0], pixels[0, :, :4, :4].mean((1, 2)))
    with pytest.raises(ValueError, match="Pixels must lie in"):
        reduced(pixels * 255)


def test_augmentation_changes_little_and_is_reproducible():
    ramp = torch.linspace(-1, 1, SIDE).expand(6, 3, SIDE, SIDE)
    drawn = [augmented(ramp, Config(), torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*drawn)
    assert drawn[0].shape == ramp.shape
    same_way = torch.minimum((drawn[0] - ramp).abs().mean((1, 2, 3)), (drawn[0] - ramp.flip(-1)).abs().mean((1, 2, 3)))
    assert same_way.max() < 0.2


def test_labels_are_places_among_the_choices():
    scene = random_scene(3)
    assert {name: CHOICES[name][label.item()] for name, label in labels_of([scene]).items()} == {
        name: getattr(scene, name) for name in ATTRIBUTES
    }
