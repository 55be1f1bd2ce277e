"""The GAN: first weights, losses, the discriminator's rest, and who learns in which phase."""

import pytest
import torch
from torch.nn import functional as F

from engine.gan.networks import Discriminator, Generator
from engine.gan.trainer import Balance, coarse, copies, loss_discriminator, loss_generator


@pytest.mark.parametrize("start", ["convolution", "linear"])
def test_shapes_and_first_weights(start: str) -> None:
    torch.manual_seed(0)
    generator, discriminator = Generator(width=8, start=start), Discriminator(width=8, end=start)
    pictures = generator(torch.randn(3, 100))
    assert pictures.shape == (3, 3, 64, 64)
    assert pictures.abs().max() <= 1
    assert discriminator(pictures).shape == (3,)
    wide = max((p for p in generator.parameters() if p.ndim > 1), key=torch.numel)
    assert wide.std().item() == pytest.approx(0.02, rel=0.02)


def test_losses_are_cross_entropies() -> None:
    real, fake = torch.randn(6), torch.randn(6)
    ones, zeros = torch.ones(6), torch.zeros(6)
    both = (F.binary_cross_entropy_with_logits(real, ones) + F.binary_cross_entropy_with_logits(fake, zeros)) / 2
    torch.testing.assert_close(loss_discriminator(real, fake), both)
    torch.testing.assert_close(loss_generator(fake), F.binary_cross_entropy_with_logits(fake, ones))


def test_a_winning_discriminator_rests_and_each_rest_is_counted() -> None:
    balance = Balance()
    assert not balance.rests(0.3)  # nothing is known yet
    balance.add(0.1, rested=False)
    assert balance.rests(0.3)
    balance.add(0.1, rested=True)
    for _ in range(40):
        balance.add(1.0, rested=False)
    assert not balance.rests(0.3)
    again = Balance()
    again.load_state_dict(balance.state_dict())
    assert again == balance
    assert again.skipped == 1


def test_copies_of_training_pictures_are_counted_and_new_ones_are_not() -> None:
    torch.manual_seed(2)
    fields = torch.randn(60, 3, 8, 8)
    pictures = F.interpolate(fields[:50], (16, 16))
    drawn = torch.cat([pictures[:3] + 0.01 * torch.randn(3, 3, 16, 16), F.interpolate(fields[50:], (16, 16))])
    assert copies(coarse(drawn), coarse(pictures)) == 3
