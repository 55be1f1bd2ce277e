"""Neural style: losses by what must be true of them, and a transfer that moves towards the style."""

import pytest
import torch

from engine.errors import Cancelled, ImageFailed, ImageShapeError, InvalidRequest
from engine.metrics import vgg19
from engine.translation.neural_style import StyleSettings, finished, transfer
from engine.translation.style_losses import gram_matrix, loss_content, loss_style, loss_total_variation
from engine.translation.styling import Styling

STYLE_LAYERS = tuple(name for name, _ in Styling().style_layers)
needs_weights = pytest.mark.skipif(not vgg19.WEIGHTS.installed, reason=f"needs {vgg19.WEIGHTS.requirement}")


def picture(seed: int, height: int = 32, width: int = 32) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_gram_ignores_the_order_of_pixels_and_not_their_channels():
    features = torch.randn(2, 5, 4, 6, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    shuffled = features.flatten(2)[:, :, order].view_as(features)
    torch.testing.assert_close(gram_matrix(shuffled), gram_matrix(features))
    assert (gram_matrix(features.flip(1)) - gram_matrix(features)).abs().max() > 0.1


def test_gram_is_the_mean_product_of_channels():
    features = torch.tensor([[1.0, 2, 3, 4], [0, 1, 0, 1]]).view(1, 2, 2, 2)
    assert gram_matrix(features).tolist() == [[[30 / 4, 6 / 4], [6 / 4, 2 / 4]]]


def test_losses_are_shares_of_their_targets():
    x = picture(0)
    grams = {"a": gram_matrix(x), "b": gram_matrix(2 * x)}
    assert loss_content(x, x) == 0
    assert loss_content(3 * x, x).item() == pytest.approx(4)
    assert loss_style({"a": x, "b": 2 * x}, grams) == 0
    assert loss_style({"a": 2 * x, "b": 2 * x}, grams).item() == pytest.approx(9 / 2)


def test_total_variation_sees_edges_only():
    halves = torch.zeros(1, 3, 4, 5)
    assert loss_total_variation(halves + 0.7) == 0
    halves[..., 2:] = 1
    assert loss_total_variation(halves).item() == pytest.approx(1 / 4)


@needs_weights
def test_the_picture_takes_on_the_style_the_same_way_each_time():
    photo, style = picture(0), picture(1, 32, 24) * 0.2 - 0.6
    model = vgg19.load_vgg19()
    grams = {name: gram_matrix(features) for name, features in model(style, STYLE_LAYERS).items()}

    def distance(pixels: torch.Tensor) -> float:
        return loss_style(model(pixels, STYLE_LAYERS), grams).item()

    steps = []
    settings = StyleSettings(steps=3, long_side=64)
    pixels = transfer(photo, [style], settings, lambda watched: steps.append((watched.step, watched.steps)))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert distance(pixels) < 0.6 * distance(photo)
    assert pixels.shape == photo.shape
    assert pixels.abs().max() <= 1
    assert torch.equal(transfer(photo, [style], settings), pixels)


@needs_weights
def test_a_photo_that_has_the_style_already_stays_as_it_is():
    photo = picture(0)
    settings = StyleSettings(steps=2, long_side=64, styling=Styling(variation_weight=0))
    assert torch.equal(transfer(photo, [photo], settings), photo)


@needs_weights
def test_large_photos_are_made_smaller():
    pixels = transfer(picture(0, 60, 128), [picture(1)], StyleSettings(steps=1, long_side=64))
    assert pixels.shape == (1, 3, 30, 64)


@needs_weights
def test_a_stop_is_heard_at_the_next_step():
    done = []
    with pytest.raises(Cancelled, match=r"Stopped before step 2 of 3\."):
        transfer(
            picture(0),
            [picture(1)],
            StyleSettings(steps=3, long_side=64),
            watch=lambda watched: done.append(watched.step),
            should_stop=lambda: bool(done),
        )
    assert done == [1]


def test_pictures_that_are_too_narrow_are_refused():
    text = r"Style height and width must be 16 or more when .* at most 64; got 8x64\. Crop it"
    with pytest.raises(ImageShapeError, match=text):
        transfer(picture(0), [picture(1, 16, 128)], StyleSettings(long_side=64))


def test_pixels_that_are_not_finite_are_no_picture():
    assert finished(torch.tensor([-3.0, 0.5])).tolist() == [-1, 0.5]
    with pytest.raises(ImageFailed, match=r"some pixels became infinite\. Lower the style weight"):
        finished(torch.tensor([float("nan")]))


def test_all_wrong_settings_are_said_at_once():
    with pytest.raises(InvalidRequest) as refusal:
        StyleSettings(0, 64.0, Styling(content_weight=float("nan"), style_weight=True))
    assert [problem.message for problem in refusal.value.problems] == [
        "Steps must be a whole number from 1 to 1000; got 0.",
        "Long side must be a whole number from 64 to 1024; got 64.0.",
        "Content weight must be a number from 0 to 1000; got nan.",
        "Style weight must be a number from 0 to 1000; got True.",
    ]
