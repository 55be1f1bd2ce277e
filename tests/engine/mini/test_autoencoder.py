"""The autoencoder of the small model: its losses, how it begins, and its latents."""

import pytest
import torch
from torch import nn

from engine.images import from_array
from engine.mini import networks
from engine.mini.autoencoder import Config, loss_kl, loss_reconstruction
from engine.mini.latents import balance


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
