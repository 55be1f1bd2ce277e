"""VQ-I2I's networks: published counts, shapes, and losses by values worked out by hand."""

import pytest
import torch
from torch.testing import assert_close

from engine.errors import ImageShapeError, InvalidRequest, ModelUnavailable
from engine.translation.vqi2i.blocks import AdaIN, AdaINResBlock, Downsample, LinearAttention
from engine.translation.vqi2i.decoder import AdaINDecoder
from engine.translation.vqi2i.encoders import ContentEncoder, StyleEncoder
from engine.translation.vqi2i.networks import VQI2I_AdaIN, VQI2I_AdaIN_Cross, build
from engine.translation.vqi2i.quantizer import VectorQuantizer
from engine.translation.vqi2i.sizes import SMALL

T_LEVELS = (32, (1, 2), 1, (16,), 0.0, True, 32, 16)
DEFAULT_LEVELS = (128, (1, 1, 2, 4, 8), 2, (16,), 0.1, True, 256, 128)
COUNTS = {
    "style": (lambda: StyleEncoder(3, 128, 128, 3), 6_901_632),
    "style of 64": (lambda: StyleEncoder(3, 64, 8, 4), 2_764_936),
    "style of 32": (lambda: StyleEncoder(3, 32, 16, 3), 433_104),
    "content": (lambda: ContentEncoder(3, *DEFAULT_LEVELS), 101_217_024),
    "content, single z": (lambda: ContentEncoder(3, *DEFAULT_LEVELS, double_z=False), 100_037_248),
    "content, small": (lambda: ContentEncoder(3, *T_LEVELS), 286_848),
    "codebook": (lambda: VectorQuantizer(512, 512), 262_144),
    "AdaIN block": (lambda: AdaINResBlock(1024, 128), 19_404_800),
    "decoder": (lambda: AdaINDecoder(3, *DEFAULT_LEVELS), 226_993_283),
    "decoder, single z": (lambda: AdaINDecoder(3, *DEFAULT_LEVELS, double_z=False), 225_813_635),
    "decoder, small": (lambda: AdaINDecoder(3, *T_LEVELS, style_dim=16, n_adaresblock=2), 608_131),
    "all": (VQI2I_AdaIN, 569_531_910),
    "all, crossing": (VQI2I_AdaIN_Cross, 569_531_910),
    "all, small": (lambda: VQI2I_AdaIN(**SMALL), 2_372_454),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_the_published_ones(name):
    make, expected = COUNTS[name]
    with torch.device("meta"):
        model = make()
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_the_style_encoder_counts_by_layer():
    with torch.device("meta"):
        layers = [layer for layer in StyleEncoder().layers if list(layer.parameters())]
    counts = [sum(parameter.numel() for parameter in layer.parameters()) for layer in layers]
    assert counts == [18_944, 524_544, 2_097_664, 4_194_816, 65_664]


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return VQI2I_AdaIN_Cross(**SMALL).eval().requires_grad_(False)


def picture(seed: int, side: int = 32) -> torch.Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_a_style_has_no_place():
    torch.manual_seed(1)
    encoder = StyleEncoder(3, 8, 4, 3).requires_grad_(False)
    constant = torch.full((1, 3, 48, 48), 0.3)
    assert_close(encoder(constant[..., :24, :24]), encoder(constant[..., :48, :40]))
    # Once more in the middle of an even picture, so that what is rolled round its border is the same.
    scene = torch.full((1, 3, 64, 64), -0.5)
    scene[..., 20:36, 20:36] = picture(0, 16)[:1]
    assert_close(encoder(scene.roll((8, 8), (2, 3))), encoder(scene), rtol=1e-4, atol=1e-6)
    assert (encoder(-scene) - encoder(scene)).abs().max() > 1e-3


def test_sizes_that_the_encoders_cannot_take_are_said(small):
    assert StyleEncoder(3, 2, 2, 2)(torch.zeros(1, 3, 4, 4)).shape == (1, 2, 1, 1)
    with pytest.raises(ImageShapeError, match=r"must be 4 or more; got 3x8\."):
        StyleEncoder(3, 2, 2, 2)(torch.zeros(1, 3, 3, 8))
    with pytest.raises(ValueError, match="got n_downsampling 1"):
        StyleEncoder(3, 2, 2, 1)
    with pytest.raises(ImageShapeError, match=r"multiples of 2; got 32x31\."):
        small(torch.zeros(1, 3, 32, 31), 1)


def test_shapes_are_halved_once_for_each_level(small):
    before, after = small.encode_content(picture(0))
    assert before.shape == after.shape == (2, 32, 16, 16)
    assert small.encode_style(picture(0), 1).shape == (2, 16, 1, 1)
    drawn, loss, style = small(picture(0), 1)
    assert (drawn.shape, loss.shape, style.shape) == ((2, 3, 32, 32), (), (2, 16, 1, 1))


def test_half_the_size_begins_at_the_first_pixel():
    """A border right and below alone: the upper left output sees the upper left nine inputs."""
    halve = Downsample(1)
    torch.nn.init.zeros_(halve.conv.weight)
    torch.nn.init.zeros_(halve.conv.bias)
    halve.conv.weight.data[0, 0, 0, 0] = 1
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert halve(x).flatten().tolist() == [0, 2, 8, 10]
    assert Downsample(1, with_conv=False)(x).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]


def test_attention_keeps_what_it_looks_at():
    attention = LinearAttention(32)
    torch.nn.init.zeros_(attention.out.weight)
    torch.nn.init.zeros_(attention.out.bias)
    x = torch.randn(1, 32, 4, 4)
    assert torch.equal(attention(x), x)


def test_adain_begins_as_instance_norm_and_takes_scale_and_shift():
    x = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(0)) * 3 + 5
    adain = AdaIN(2, 1)
    for layer, weights in ((adain.scale, (1.0, 0.0)), (adain.shift, (0.0, 4.0))):
        layer.weight.data = torch.tensor(weights).view(2, 1)
        torch.nn.init.zeros_(layer.bias)
    plain, styled = adain(x, torch.zeros(1, 1)), adain(x, torch.ones(1, 1))
    assert_close(plain.mean((2, 3)), torch.zeros(1, 2), atol=1e-5, rtol=0)
    assert_close(plain.std((2, 3), correction=0), torch.ones(1, 2), atol=1e-4, rtol=0)
    assert_close(styled[:, 0], 2 * plain[:, 0])
    assert_close(styled[:, 1], plain[:, 1] + 4)


@pytest.fixture
def quantizer():
    model = VectorQuantizer(2, 2, beta=0.25)
    model.codebook.data = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    return model


def test_places_take_the_nearest_code_and_losses_are_mean_squares(quantizer):
    """Places (0.2, 0.4) and (1, 0.5): squared distances 0.2 to (0, 0) and 0.25 to (1, 1), over four numbers."""
    z = torch.tensor([[[[0.2, 1.0]], [[0.4, 0.5]]]], requires_grad=True)
    quantised, loss, codes = quantizer(z)
    assert codes.indices.tolist() == [[[0, 1]]]
    assert_close(quantised, torch.tensor([[[[0.0, 1.0]], [[0.0, 1.0]]]]))
    assert loss.item() == pytest.approx((1 + 0.25) * 0.45 / 4)
    assert codes.perplexity.item() == pytest.approx(2)
    loss.backward()
    assert_close(z.grad, 0.25 * 2 / 4 * torch.tensor([[[[0.2, 0.0]], [[0.4, -0.5]]]]))  # commitment alone
    assert_close(quantizer.codebook.grad, 2 / 4 * torch.tensor([[-0.2, -0.4], [0.0, 0.5]]))  # no beta


def test_the_gradient_goes_straight_through(quantizer):
    z = torch.randn(1, 2, 3, 3, requires_grad=True)
    direction = torch.randn(1, 2, 3, 3)
    (quantizer(z)[0] * direction).sum().backward()
    assert torch.equal(z.grad, direction)


def test_codes_are_quantised_to_themselves():
    quantizer = VectorQuantizer(8, 4)
    assert quantizer.codebook.abs().max() <= 1 / 8
    every = quantizer.codebook.detach().t().reshape(1, 4, 2, 4)
    quantised, loss, codes = quantizer(every)
    assert torch.equal(quantised, every)
    assert (loss.item(), codes.perplexity.item()) == (0, pytest.approx(8))
    _, _, constant = quantizer(torch.ones(1, 4, 5, 5))
    assert constant.perplexity.item() == pytest.approx(1)


def test_each_domain_has_its_own_style_and_decoder(small):
    a, b, x = small.encode_style(picture(0), 1), small.encode_style(picture(0), 0), picture(1)
    quantised, loss, _codes, style = small.encode(x, 1)
    drawn, its_loss, its_style = small(x, 1)
    assert not torch.allclose(a, b)
    assert torch.equal(drawn, small.decode_a(quantised, style))
    assert torch.equal(its_style, small.encode_style(x, 1))
    assert its_loss == loss
    assert torch.equal(small(x, 0)[0], small.decode_b(quantised, small.encode_style(x, 0)))
    assert small.get_last_layer(1) is small.decoder_a.conv_out.weight
    assert small.get_last_layer(0) is small.decoder_b.conv_out.weight
    assert len(VQI2I_AdaIN.forward(small, x, 1)) == 2


def test_crossing_over_draws_with_the_other_decoder_in_the_given_style(small):
    x, style = picture(0), small.encode_style(picture(1), 0)
    quantised = small.encode_content(x)[1]
    drawn, _loss, used = small(x, 1, cross=True, s_given=style)
    assert torch.equal(drawn, small.decode_b(quantised, style))
    assert used is style
    assert torch.equal(small(x, 0, cross=True, s_given=style)[0], small.decode_a(quantised, style))
    with pytest.raises(InvalidRequest, match=r"a style of the other domain must be given; got none\."):
        small(x, 1, cross=True)


def test_the_published_size_asks_for_a_gpu():
    assert build(torch.device("cpu"), **SMALL).quantize.codebook.shape == (32, 32)
    with pytest.raises(ModelUnavailable, match=r"these sizes have 569,531,910 \(2\.28 GB\)\. Use a GPU"):
        build(torch.device("cpu"))
