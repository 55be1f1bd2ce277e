"""A widened autoencoder computes the same."""

import pytest
import torch

from engine.errors import InvalidRequest
from engine.mini import networks
from engine.mini.widening import widened_autoencoder


def test_a_widened_autoencoder_computes_the_same_both_ways() -> None:
    torch.manual_seed(0)
    model = networks.autoencoder()
    for parameter in model.parameters():
        if parameter.ndim == 1:  # norms begin at 1 and 0, which would hide them
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    wide = widened_autoencoder(model, (16, 32, 48, 192, 128), torch.Generator().manual_seed(1))
    pixels = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.no_grad():
        latents = model.encode(pixels).latent_dist.mean
        torch.testing.assert_close(wide.encode(pixels).latent_dist.mean, latents, atol=1e-4, rtol=0)
        torch.testing.assert_close(wide.decode(latents).sample, model.decode(latents).sample, atol=1e-4, rtol=0)
    assert wide.config["block_out_channels"] == [16, 32, 48, 192, 128]


@pytest.mark.parametrize(
    "widths", [(16, 32, 50, 96, 128), (16, 32, 48, 96), (8, 48, 48, 96, 128), (8, 16, 48, 96, 256)]
)
def test_an_autoencoder_that_cannot_be_widened_so_is_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(InvalidRequest, match=r"widths \[8, 16, 48, 96, 128\] can grow to .* got \[") as refusal:
        widened_autoencoder(networks.autoencoder(), widths, torch.Generator())
    assert str(list(widths)) in str(refusal.value)
