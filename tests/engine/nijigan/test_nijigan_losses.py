"""NijiGAN's losses: values on inputs made by hand, invariances, and gradients only where they belong."""

import math

import pytest
import torch
from torch.nn import functional as F

from engine.errors import InvalidRequest
from engine.nijigan import losses
from engine.nijigan.networks import Projector, draw_places
from engine.translation.networks.patch_discriminator import PatchDiscriminator


def patches(seed: int, shape: tuple[int, ...] = (2, 6, 5)) -> torch.Tensor:
    return F.normalize(torch.randn(shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_patch_nce_of_equal_patches_is_the_logarithm_of_their_number() -> None:
    same = torch.ones(1, 8, 4) / 2
    assert losses.loss_patch_nce(same, same).item() == pytest.approx(math.log(8), rel=1e-5)


def test_patch_nce_of_orthogonal_patches_knows_each() -> None:
    apart = torch.eye(4)[None]
    expected = math.log(1 + 3 * math.exp(-1 / 0.5))
    assert losses.loss_patch_nce(apart, apart, temperature=0.5).item() == pytest.approx(expected, rel=1e-5)


def test_patch_nce_compares_only_within_a_picture() -> None:
    query, key = patches(0), patches(1)
    both = losses.loss_patch_nce(query, key)
    each = [losses.loss_patch_nce(query[i : i + 1], key[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(both, torch.stack(each).mean())


@pytest.mark.parametrize("loss", ["nce", "hdce", "relation"])
def test_the_order_of_patches_does_not_matter(loss: str) -> None:
    query, key, order = patches(0), patches(1), torch.randperm(6, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(value(loss, query, key), value(loss, query[:, order], key[:, order]))


@pytest.mark.parametrize("loss", ["nce", "hdce", "relation"])
def test_only_the_translation_has_a_gradient(loss: str) -> None:
    query, key = patches(0).requires_grad_(), patches(1).requires_grad_()
    value(loss, query, key).backward()
    assert query.grad is not None
    assert query.grad.abs().sum() > 0
    assert key.grad is None


def value(loss: str, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    if loss == "nce":
        return losses.loss_patch_nce(query, key)
    if loss == "hdce":
        return losses.loss_hdce(query, key, losses.relation_weights(key, 0.5))
    return losses.loss_relation(query, key)


def test_relation_weights_single_out_the_hardest_negative() -> None:
    key = F.normalize(torch.tensor([[[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]]), dim=-1)
    sharp = losses.relation_weights(key, 0.05)
    assert sharp[0, 0, 1] == 1
    assert sharp[0, 0, 2] < 1e-6
    assert sharp[0].diagonal().max() < 1e-6
    even = losses.relation_weights(key, 1e6)
    assert even[0, 0, 2].item() == pytest.approx(1, abs=1e-4)


def test_hdce_leaves_the_positive_out_of_the_sum() -> None:
    key = torch.eye(3)[None]
    weights = torch.ones(1, 3, 3)
    expected = math.log(2 * math.exp(0) + math.exp(-10 / 0.5)) - 1 / 0.5
    assert losses.loss_hdce(key, key, weights, temperature=0.5).item() == pytest.approx(expected, rel=1e-5)


def test_relation_loss_is_zero_for_equal_relations_and_bounded() -> None:
    key = patches(0)
    rotation = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(1)))[0]
    assert losses.loss_relation(key @ rotation, key).item() == pytest.approx(0, abs=1e-5)
    other = losses.loss_relation(patches(3), key).item()
    assert 0 < other < 6 * math.log(2)


def test_curriculum_goes_from_start_to_end() -> None:
    assert [losses.curriculum(50, 10, p) for p in (-1, 0, 0.5, 1, 2)] == [50, 50, 30, 10, 10]


def test_refuses_patches_of_two_shapes() -> None:
    with pytest.raises(InvalidRequest, match=r"must be two \(N, P, D\) of one shape; got \(2, 6, 5\) and \(2, 5, 5\)"):
        losses.loss_patch_nce(patches(0), patches(0, (2, 5, 5)))


def test_a_verdict_sees_seventy_pixels() -> None:
    torch.manual_seed(0)
    model = PatchDiscriminator(width=4)
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.normal_(module.weight)
    # Without norms, which look at the whole picture, the gradient of one verdict shows what it sees.
    plain = torch.nn.Sequential(*(m for m in model.layers if not type(m).__name__.endswith("Norm")))
    pixels = torch.rand(1, 3, 160, 160).requires_grad_()
    verdicts = plain(pixels)
    assert verdicts.shape == model(pixels).shape == (1, 1, 18, 18)
    verdicts[0, 0, 9, 9].backward()
    seen = pixels.grad[0].abs().sum(0) > 0
    assert seen.any(0).sum() == seen.any(1).sum() == 70


def test_projector_gives_unit_vectors_at_the_drawn_places() -> None:
    torch.manual_seed(0)
    features = [torch.randn(2, 3, 8, 8), torch.randn(2, 6, 2, 2)]
    places = draw_places(features, 16, torch.Generator().manual_seed(0))
    assert [len(p.unique()) for p in places] == [16, 4]
    projector = Projector([3, 6], units=7)
    projected = projector(features, places)
    assert [tuple(p.shape) for p in projected] == [(2, 16, 7), (2, 4, 7)]
    torch.testing.assert_close(projected[0].norm(dim=2), torch.ones(2, 16))
    row, column = divmod(int(places[0][5]), 8)
    alone = F.normalize(projector.heads[0](features[0][:, :, row, column]), dim=1)
    torch.testing.assert_close(projected[0][:, 5], alone)
