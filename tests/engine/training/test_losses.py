"""The losses and the small pieces of the trainers, by what must be true of them."""

import pytest
import torch
from torch import nn

from engine.images import from_array
from engine.mini import networks
from engine.mini.autoencoder import Config, loss_kl, loss_reconstruction
from engine.mini.denoiser import even_timesteps, min_snr_weights, noised
from engine.mini.latents import balance
from engine.mini.sharpen import PatchDiscriminator, loss_discriminator, loss_features
from engine.mini.text_encoder import at_end_and_behind, begin_unknown_words_near_the_mean, coarse_latents
from engine.training.image_losses import loss_colours, loss_edges, loss_perceptual


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_kl_of_a_standard_normal_is_zero_and_of_others_known():
    zero = torch.zeros(2, 3)
    assert loss_kl(zero, zero).item() == 0
    assert loss_kl(zero + 2, zero).item() == pytest.approx(2.0)
    assert loss_kl(zero, zero + 1).item() == pytest.approx(0.5 * (torch.e - 2))


def test_a_constant_offset_costs_itself_and_its_areas_but_no_edges():
    picture = torch.rand(1, 3, 16, 16, generator=generator())
    config = Config(edge_weight=5.0, area_weight=0.5)
    assert loss_reconstruction(picture, picture, config).item() == 0
    assert loss_reconstruction(picture + 0.1, picture, config).item() == pytest.approx(0.15, abs=1e-6)


@pytest.mark.parametrize("alpha", [1.0, 0.6, 0.0])
def test_v_and_the_noisy_latents_give_the_clean_ones_back(alpha):
    clean, noise = torch.randn(2, 2, 8, 4, 4, generator=generator())
    a = torch.full((2,), alpha)
    noisy, v = noised(clean, noise, a)
    assert torch.allclose(alpha**0.5 * noisy - (1 - alpha) ** 0.5 * v, clean, atol=1e-6)
    assert torch.allclose((1 - alpha) ** 0.5 * noisy + alpha**0.5 * v, noise, atol=1e-6)


def test_min_snr_weights_are_even_where_the_signal_is_weak_and_fall_where_it_is_strong():
    alphas = networks.scheduler().alphas_cumprod
    weights = min_snr_weights(alphas, 5.0)
    snr = alphas / (1 - alphas)
    assert weights.mean().item() == pytest.approx(1.0)
    weak = snr < 5
    assert torch.allclose(weights[weak] / alphas[weak], (weights / alphas)[weak][0].expand(int(weak.sum())))
    assert (weights[~weak].diff() > 0).all()


def test_timesteps_of_a_batch_lie_one_in_each_range():
    for seed in range(5):
        timesteps = even_timesteps(10, generator(seed))
        assert sorted((timesteps // 100).tolist()) == list(range(10))


@torch.no_grad()
def test_balanced_latents_have_mean_zero_and_mean_square_one_and_decode_to_the_same():
    torch.manual_seed(0)
    model = networks.autoencoder()
    pictures = torch.randint(256, (6, 64, 64, 3), generator=generator(), dtype=torch.uint8).numpy()
    pictures[:3] //= 2
    pixels = from_array(pictures)

    def through() -> tuple[torch.Tensor, torch.Tensor]:
        mu = model.quant_conv(model.encoder(pixels)).chunk(2, 1)[0]
        return mu, model.decoder(model.post_quant_conv(mu))

    before, decoded = through()
    spread = before.std((0, 2, 3))
    balance(model, pictures)
    after, again = through()

    assert torch.allclose(again, decoded, atol=1e-4)
    assert after.mean((0, 2, 3)).abs().max().item() < 1e-4
    assert after.square().mean().item() == pytest.approx(1.0, rel=0.02)
    now = after.std((0, 2, 3))
    assert (now.max() / now.min()).item() == pytest.approx((spread.max() / spread.min()).sqrt().item(), rel=0.01)
    distribution = model.encode(pixels[:1]).latent_dist
    assert distribution.std.max().item() < 0.01


def test_hinge_losses_want_real_above_one_and_fake_below_minus_one():
    ones = torch.ones(2, 1, 4, 4)
    assert loss_discriminator(ones, -ones).item() == 0
    assert loss_discriminator(-ones, ones).item() == 4
    assert loss_features([ones, ones], [ones, ones * 3]).item() == 1


def test_the_discriminator_judges_patches():
    verdicts = PatchDiscriminator()(torch.zeros(2, 3, 64, 64))[-1]
    assert verdicts.shape == (2, 1, 8, 8)


def test_text_is_read_at_its_end_and_behind_it():
    tokens = torch.tensor([[8, 1, 9, 9, 9], [8, 1, 2, 3, 9]])
    hidden = torch.arange(10.0).view(2, 5, 1)
    for seed in range(20):
        end, behind = at_end_and_behind(hidden, tokens, 9, generator(seed))[..., 0]
        assert end.tolist() == [2, 9]
        assert 2 <= behind[0] <= 4
        assert behind[1] == 9


def test_coarse_latents_are_means_of_a_grid():
    latents = torch.zeros(1, 8, 16, 16)
    latents[:, 3, :4, :4] = 2.0
    coarse = coarse_latents(latents).view(8, 4, 4)
    assert coarse[3, 0, 0] == 2
    assert coarse.sum() == 2


def test_embeddings_begin_near_their_mean():
    model = networks.text_encoder(50)
    embedding = model.get_input_embeddings().weight
    mean, spread = embedding.mean(0).clone(), embedding.std().item()
    begin_unknown_words_near_the_mean(model)
    assert torch.allclose(embedding.mean(0), mean, atol=1e-6)
    assert embedding.std().item() < 0.5 * spread


def test_the_autoencoder_begins_with_the_picture_in_it():
    """Random weights would give a correlation of about nothing."""
    torch.manual_seed(0)
    model: nn.Module = networks.autoencoder()
    picture = nn.functional.interpolate(torch.rand(4, 3, 4, 4, generator=generator()) * 2 - 1, scale_factor=32)
    with torch.no_grad():
        preds = model(picture).sample
    for channel in range(3):
        pair = torch.stack([preds[:, channel].flatten(), picture[:, channel].flatten()])
        assert torch.corrcoef(pair)[0, 1] > 0.5


def test_perceptual_loss_has_no_unit() -> None:
    real, fake = torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4)
    assert loss_perceptual([real], [real]) == 0
    torch.testing.assert_close(loss_perceptual([fake], [real]), loss_perceptual([100 * fake], [100 * real]))
    assert loss_perceptual([torch.zeros(1, 3, 4, 4)], [real]).item() == pytest.approx(1)


def test_a_constant_offset_has_no_edges_and_a_step_counts_once_per_row():
    picture = torch.rand(1, 3, 8, 8, generator=generator())
    assert loss_edges(picture + 0.3, picture).item() == pytest.approx(0, abs=1e-6)
    step = torch.zeros(1, 1, 4, 4)
    step[..., 2:] = 1.0
    assert loss_edges(step, torch.zeros_like(step)).item() == pytest.approx(1 / 3)


def test_brightness_is_no_colour_and_green_is_one():
    picture = torch.rand(1, 3, 4, 4, generator=generator())
    assert loss_colours(picture + 0.2, picture).item() == pytest.approx(0, abs=1e-6)
    green = torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1, 1)
    assert loss_colours(picture + green, picture).item() == pytest.approx(0.587)
