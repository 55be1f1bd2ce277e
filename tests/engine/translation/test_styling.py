"""Neural style's options: each does what it says, on pictures of 32 pixels; the defaults are what always was."""

import pytest
import torch
from torch.testing import assert_close

from engine.errors import InvalidRequest
from engine.kept_photos import PhotoRef
from engine.metrics import vgg19
from engine.translation.neural_style import StyleSettings, Watched, _start, transfer
from engine.translation.request import Translate, translate
from engine.translation.style_losses import gram_matrix, loss_content, loss_style
from engine.translation.styling import AS_EVER, LAYERS, Styling, layers_from, layers_in_words, styling_from
from tests.engine.translation.test_neural_style import needs_weights, picture

PHOTO, STYLE, OTHER = picture(0), picture(1, 32, 48) * 0.3 - 0.5, picture(2) * 0.2 + 0.6
LUMA = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
SOME = PhotoRef("a" * 64, "a.png")


def styled(steps: int = 1, styles: tuple[torch.Tensor, ...] = (STYLE,), **styling: object):
    """The result, and what was watched."""
    seen: list[Watched] = []
    more = (SOME,) * (len(styles) - 1)
    settings = StyleSettings(steps, 64, Styling(more_styles=more, **styling))
    return transfer(PHOTO, styles, settings, seen.append), seen


@pytest.fixture(scope="module")
def model():
    return vgg19.load_vgg19()


def test_requests_know_every_layer():
    assert tuple(f"relu{name}" for name in vgg19.make_layers()[1]) == LAYERS


@needs_weights
def test_the_defaults_are_what_always_was(model):
    """The loop as it is in the paper, with the weights 1, 10 and 2."""
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    content = model(PHOTO, ("relu4_2",))["relu4_2"]
    grams = {name: gram_matrix(features) for name, features in model(STYLE, layers).items()}
    pixels = PHOTO.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([pixels], max_iter=1, history_size=20)

    def evaluate() -> torch.Tensor:
        optimizer.zero_grad()
        found = model(pixels, (*layers, "relu4_2"))
        steps = pixels.diff(dim=2).square().mean() + pixels.diff(dim=3).square().mean()
        loss = loss_content(found["relu4_2"], content) + 10 * loss_style(found, grams) + 2 * steps
        loss.backward()
        return loss

    for _ in range(2):
        optimizer.step(evaluate)
    assert torch.equal(styled(2)[0], pixels.detach().clamp(-1, 1))


@needs_weights
def test_where_it_starts_is_where_the_losses_start():
    content, style = (styled(start=start)[1][0].losses for start in ("photo", "style"))
    assert content["content"] == 0 < content["style"]
    # The middle of the style picture, 32 of its 48 columns, has nearly its textures.
    assert style["style"] < 0.2 * content["style"]
    assert style["content"] > 0.1
    noise = styled(start="noise", noise_seed=5)[1][0].losses
    assert min(noise["content"], noise["style"]) > 0.1


def test_noise_is_that_of_its_seed():
    first, again, other = (
        _start(PHOTO, [STYLE], Styling(start="noise", noise_seed=seed)) for seed in (5, 5, 2**40 + 5)
    )
    assert first.shape == PHOTO.shape
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.1
    assert first.abs().max() <= 1


@needs_weights
def test_losses_are_weighted_means_over_layers_and_over_styles(model):
    layers = {
        "content_layers": (("relu1_1", 3.0), ("relu2_2", 1.0)),
        "style_layers": (("relu1_2", 1.0), ("relu3_1", 2.0)),
    }
    weights = {"content_weight": 4.0, "style_weight": 7.0, "variation_weight": 0.5, "variation": "absolute"}
    _, (watched,) = styled(styles=(STYLE, OTHER), start="style", shares=(1.0, 3.0), **layers, **weights)
    start = STYLE[..., 8:40]
    at_start, at_photo = (model(x, ("relu1_1", "relu1_2", "relu2_2", "relu3_1")) for x in (start, PHOTO))
    content = [loss_content(at_start[name], at_photo[name]) for name in ("relu1_1", "relu2_2")]
    styles = []
    for each in (STYLE, OTHER):
        grams = {name: gram_matrix(x) for name, x in model(each, ("relu1_2", "relu3_1")).items()}
        one, two = (loss_style(at_start, {name: gram}) for name, gram in grams.items())
        styles.append((one + 2 * two) / 3)
    expected = {
        "content": (3 * content[0] + content[1]) / 4,
        "style": (styles[0] + 3 * styles[1]) / 4,
        "variation": start.diff(dim=2).abs().mean() + start.diff(dim=3).abs().mean(),
    }
    expected["total"] = 4 * expected["content"] + 7 * expected["style"] + 0.5 * expected["variation"]
    assert watched.losses == pytest.approx({name: value.item() for name, value in expected.items()}, rel=1e-3)


@needs_weights
def test_a_style_without_a_share_does_nothing():
    assert torch.equal(styled(styles=(STYLE, OTHER), shares=(2.0, 0.0))[0], styled()[0])


@needs_weights
def test_adam_moves_every_pixel_by_its_step():
    pixels = styled(optimizer="Adam", start="photo")[1][0].pixels
    assert ((pixels - PHOTO).abs() <= 0.0301).all()
    assert (pixels - PHOTO).abs().median() == pytest.approx(0.03, rel=0.01)


@needs_weights
def test_colours_are_kept_and_brightness_is_painted():
    result, _ = styled(3, keep_colours=True)
    change = result - PHOTO
    free = (result.abs() < 0.999).all(1, keepdim=True).expand_as(result)  # where nothing was clipped
    assert free.float().mean() > 0.3
    grey = (change * LUMA).sum(1, keepdim=True).expand_as(change)
    assert_close(change[free], grey[free], atol=1e-4, rtol=0)
    assert change.abs().mean() > 0.01


@pytest.mark.parametrize(
    ("styling", "message"),
    [
        ({"start": "middle"}, "Start must be one of photo, noise, style; got 'middle'."),
        ({"noise_seed": -1}, f"Noise seed must be a whole number from 0 to {2**64 - 1}; got -1."),
        ({"content_layers": "relu6_1"}, "Content layers must be among relu1_1 to relu5_4 of VGG19; got 'relu6_1'."),
        ({"style_layers": "relu1_1, relu1_1:2"}, "Style layers must be named once each; got relu1_1 more than once."),
        ({"style_layers": "relu1_1:much"}, "Style layers must have weights from 0 to 1000; got 'much' for relu1_1."),
        ({"content_layers": {"relu4_2": 0}}, "must have one with a weight above 0. Name one, such as relu4_2."),
        ({"content_layers": ""}, "Content layers must have one with a weight above 0."),
        ({"variation": "cubed"}, "Variation must be one of squared, absolute; got 'cubed'."),
        ({"optimizer": "SGD"}, "Optimizer must be one of L-BFGS, Adam; got 'SGD'."),
        ({"variation_weight": 1e9}, "Variation weight must be a number from 0 to 1000; got 1000000000.0."),
        ({"content_weight": 0, "style_weight": 0}, "must not both be 0; nothing would be painted."),
        ({"keep_colours": "yes"}, "Keep colours must be true or false; got 'yes'."),
        ({"more_styles": [SOME] * 8}, "At most 8 style pictures are blended; got 9."),
        ({"more_styles": [SOME], "shares": [1]}, "Shares must be one for each of 2 style pictures; got 1."),
        ({"shares": [0]}, "Shares must not all be 0."),
        ({"shares": [float("nan")]}, "Shares must be a number from 0 to 1000; got nan."),
    ],
)
def test_rules_are_said_in_words(styling, message):
    with pytest.raises(InvalidRequest) as refusal:
        translate({"photos": [SOME], "style": SOME, "styling": styling})
    assert message in str(refusal.value)


def test_a_request_travels_as_json_and_earlier_ones_mean_what_they_meant():
    styling = Styling(content_layers=(("relu1_1", 0.5),), more_styles=(SOME,), shares=(1.0, 2.0), start="noise")
    request = Translate(photos=(SOME,), translator="neural-style", style=SOME, styling=styling)
    assert translate(request.to_dict()) == request
    earlier = {name: value for name, value in request.to_dict().items() if name != "styling"}
    assert translate(earlier).styling == AS_EVER == styling_from({})


def test_layers_are_read_as_they_are_written():
    layers = (("relu3_1", 1.0), ("relu4_1", 0.5))
    assert layers_from(" relu3_1, relu4_1:0.5,") == layers
    assert layers_from(layers_in_words(layers)) == layers == layers_from(dict(layers))
