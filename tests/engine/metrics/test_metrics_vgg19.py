"""VGG19 as a whole: its layers by place, with and without batch norm and classifier, and files of its weights."""

import pytest
import safetensors.torch
import torch

from engine.errors import ImageShapeError, ModelBroken, ModelUnavailable, NotFound, UnsafeFile
from engine.metrics.vgg19 import VGG19, Vgg19Features, make_layers

PUBLISHED_PLACES = {
    "1_1": 0, "1_2": 2, "2_1": 5, "2_2": 7, "3_1": 10, "3_2": 12, "3_3": 14, "3_4": 16,
    "4_1": 19, "4_2": 21, "4_3": 23, "4_4": 25, "5_1": 28, "5_2": 30, "5_3": 32, "5_4": 34,
}  # fmt: skip


def count(model: torch.nn.Module | None) -> int:
    return sum(parameter.numel() for parameter in model.parameters()) if model else 0


@pytest.mark.parametrize(
    ("options", "features", "classifier", "layers"),
    [
        ({}, 20_024_384, 123_642_856, 37),
        ({"feature_mode": True}, 10_585_152, 0, 26),
        ({"batch_norm": True}, 20_024_384 + 11_008, 123_642_856, 53),
        ({"batch_norm": True, "feature_mode": True}, 10_585_152 + 2 * 2_944, 0, 37),
    ],
)
def test_parts_have_the_published_numbers_of_weights(options, features, classifier, layers):
    with torch.device("meta"):
        model = VGG19(**options)
    assert (count(model.features), count(model.classifier), len(model.features)) == (features, classifier, layers)


def test_convolutions_stand_where_the_published_ones_do():
    with torch.device("meta"):
        assert make_layers()[1] == PUBLISHED_PLACES
        assert make_layers(batch_norm=True)[1]["4_4"] == 36


@torch.no_grad()
def test_places_of_the_classifier_count_on():
    """With light layers in place of the heavy ones."""
    with torch.device("meta"):
        model = VGG19()
    model.features = torch.nn.Sequential(*[torch.nn.Identity()] * 36, torch.nn.MaxPool2d(32))
    model.classifier = torch.nn.Sequential(torch.nn.Linear(512 * 7 * 7, 2), torch.nn.ReLU())
    saved, verdicts = model(torch.zeros(1, 1, 1, 1).expand(1, 512, 224, 224), [36, 37, 38])
    assert {name: tuple(x.shape) for name, x in saved.items()} == {
        "layer_36": (1, 512, 7, 7),
        "layer_37": (1, 2),
        "layer_38": (1, 2),
    }
    assert verdicts is saved["layer_38"]


def test_what_the_network_cannot_do_is_said():
    with torch.device("meta"):
        with pytest.raises(ImageShapeError, match=r"pictures of 224x224 pixels; got 64x256\. Resize"):
            VGG19()(torch.empty(1, 3, 64, 256))
        with pytest.raises(ValueError, match=r"from 0 to 25 here; got 26, -1\."):
            VGG19(feature_mode=True)(torch.empty(1, 3, 32, 32), (26, 3, -1))


@pytest.fixture(scope="module")
def by_name():
    torch.manual_seed(0)
    return Vgg19Features().requires_grad_(False)


def test_a_file_gives_the_features_that_the_studio_s_own_network_has(by_name, tmp_path):
    """By place and by name; a saved convolution keeps what the ReLU behind it takes away."""
    weights = {name: tensor for name, tensor in by_name.state_dict().items() if int(name.split(".")[1]) <= 25}
    safetensors.torch.save_file(weights, tmp_path / "own.safetensors")
    by_place = VGG19(tmp_path / "own.safetensors", feature_mode=True).requires_grad_(False)
    pixels = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    found = by_name(pixels, ("relu1_1", "relu4_3", "relu4_4"))
    saved, cut = by_place((pixels.flip(1) + 1) * 127.5 - by_name.means, [0, 1, 24])
    assert saved["layer_0"].min() < 0
    assert torch.equal(saved["layer_0"].relu(), saved["layer_1"])
    assert torch.equal(saved["layer_1"], found["relu1_1"])
    assert torch.equal(saved["layer_24"], found["relu4_3"])
    assert torch.equal(cut.relu(), found["relu4_4"])
    assert cut.shape == (1, 512, 4, 4)


def test_other_files_are_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    torch.save(torch.zeros(1), tmp_path / "bare.pth")
    (tmp_path / "broken.safetensors").write_bytes(b"other")
    (tmp_path / "broken.pth").write_bytes(b"other")
    with torch.device("meta"):
        for named, error, text in (
            ("other.pth", ModelBroken, r"must hold the weights of this VGG19; got others: size mismatch"),
            ("bare.pth", ModelBroken, r"must hold a state dict; got one Tensor"),
            ("broken.safetensors", UnsafeFile, r"broken\.safetensors"),
            ("broken.pth", UnsafeFile, r"must hold tensors alone; it cannot be read"),
            ("none.pth", NotFound, r"There is no file \S+none\.pth"),
        ):
            with pytest.raises(error, match=text):
                VGG19(tmp_path / named, feature_mode=True)
        with pytest.raises(ModelUnavailable, match=r"get \S+/vgg19_bn-c79401a0\.pth \(574\.8 MB\)"):
            VGG19("vgg19", batch_norm=True)
