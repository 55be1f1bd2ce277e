"""Inception v3: torch-fidelity's network, our distance; no names without the weights."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch_fidelity import FeatureExtractorInceptionV3
from torchmetrics.image.fid import FrechetInceptionDistance

from engine.errors import ModelUnavailable
from engine.images import from_array
from engine.metrics import inception
from engine.metrics.frechet import frechet_distance
from engine.metrics.inception import DIMENSIONS, NAME, inception_features


class Unread(FeatureExtractorInceptionV3):
    """The network with random weights: it does not read its file."""

    def load_state_dict(self, state_dict, *_):
        assert state_dict == {}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_features_are_torch_fidelitys_of_the_8_bit_picture(hub, monkeypatch):
    torch.save({}, hub / "empty.pth")
    torch.manual_seed(0)
    network = Unread(NAME, [str(DIMENSIONS)], str(hub / "empty.pth")).eval()
    path = hub / inception.WEIGHTS.name
    torch.save(network.state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(inception, "WEIGHTS", replace(inception.WEIGHTS, sha256=digest))
    pictures = np.random.default_rng(0).integers(0, 256, (2, 64, 48, 3), np.uint8)

    extractor = inception_features()

    expected = network(torch.from_numpy(pictures).permute(0, 3, 1, 2))[0]
    torch.testing.assert_close(extractor(from_array(pictures)), expected.double(), rtol=1e-4, atol=1e-5)
    assert (extractor.name, extractor.dimensions) == ("Inception v3 pool3", 2048)
    assert expected.shape == (2, 2048)


def test_without_its_weights_it_says_what_to_bring(hub):
    with pytest.raises(
        ModelUnavailable,
        match=r"FID and KID \(Inception v3\) needs a network that is not here: "
        r"get .*weights-inception-2015-12-05-6726825d.pth \(95.6 MB\) into ",
    ):
        inception_features()


class Means(nn.Module):
    """Six numbers of a picture, for torchmetrics in the place of Inception."""

    def forward(self, pixels):
        return torch.cat([pixels.mean((2, 3)), pixels.std((2, 3))], dim=1)


def test_our_frechet_distance_is_torchmetrics_fid_on_the_same_features():
    generator = torch.Generator().manual_seed(0)
    real = torch.rand(60, 3, 16, 16, generator=generator) * torch.rand(60, 3, 1, 1, generator=generator)
    fake = torch.rand(40, 3, 16, 16, generator=generator) * 0.8
    metric = FrechetInceptionDistance(feature=Means(), normalize=True, input_img_size=(3, 16, 16)).set_dtype(
        torch.float64
    )
    metric.update(real.double(), real=True)
    metric.update(fake.double(), real=False)
    assert frechet_distance(Means()(real.double()), Means()(fake.double())) == pytest.approx(
        metric.compute().item(), rel=1e-5
    )
