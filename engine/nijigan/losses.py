"""The contrastive losses of NijiGAN and of its parents CUT and Scenimefy: tensors in, scalars out.

Patch features are (N, P, D): P places of each of N pictures, as vectors of length 1. Places of different
pictures are never compared.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.errors import InvalidRequest, Problem

EXCLUDED = -10.0  # a similarity whose exponential vanishes: a patch is no negative of itself


def loss_patch_nce(query: Tensor, key: Tensor, temperature: float = 0.07) -> Tensor:
    """PatchNCE (Park et al. 2020, equation 3): a patch should be found among all patches of its picture.

    StylePatchNCE (Jiang et al. 2023, Scenimefy, equation 3) is this loss between a translated photo and its
    pseudo ground truth.

    Args:
        query: (N, P, D) of the translation; key: (N, P, D) of what it should resemble, without gradient.
    """
    _check_patches(query, key)
    similarity = query @ key.detach().transpose(1, 2) / temperature
    places = torch.arange(query.shape[1], device=query.device).expand(query.shape[:2])
    return F.cross_entropy(similarity.flatten(0, 1), places.flatten())


def relation_weights(key: Tensor, gamma: float) -> Tensor:
    """How hard a negative every patch is for every other: softmax of their similarity (Jung et al. 2022, eq. 8).

    Args:
        key: (N, P, D) of the photo.
        gamma: temperature; large ones make all negatives equal.

    Returns:
        (N, P, P) in [0, 1], the hardest negative of each patch at 1, the patch itself near 0; no gradient.
    """
    key = key.detach()
    similarity = (key @ key.transpose(1, 2)).masked_fill(_itself(key), EXCLUDED)
    weights = (similarity / gamma).softmax(2)
    return weights / weights.amax(2, keepdim=True)


def loss_hdce(query: Tensor, key: Tensor, weights: Tensor, temperature: float = 0.07) -> Tensor:
    """Hard-negative decoupled contrastive loss (Jung et al. 2022, equation 7): the positive is not in the sum.

    Args:
        query: (N, P, D) of the translation; key: (N, P, D) of the photo, without gradient.
        weights: (N, P, P) from `relation_weights`, factors of the negatives' similarities.
    """
    _check_patches(query, key)
    similarity = query @ key.detach().transpose(1, 2)
    positive = similarity.diagonal(dim1=1, dim2=2)
    negative = (similarity * weights).masked_fill(_itself(key), EXCLUDED)
    return (negative / temperature).logsumexp(2).sub(positive / temperature).mean()


def loss_relation(query: Tensor, key: Tensor) -> Tensor:
    """Semantic relation consistency (Jung et al. 2022, equation 4): patches keep their likeness to each other.

    Jensen-Shannon divergence, 0 to log 2, between the distributions of a patch's similarity to all others before
    and after the translation, summed over the patches as the published weight 0.05 assumes, mean over pictures.

    Args:
        query: (N, P, D) of the translation; key: (N, P, D) of the photo, without gradient.
    """
    _check_patches(query, key)
    p = (query @ query.transpose(1, 2)).log_softmax(2)
    q = (key @ key.transpose(1, 2)).log_softmax(2).detach()
    middle = torch.logaddexp(p, q) - torch.log(torch.tensor(2.0))
    divergence = 0.5 * (p.exp() * (p - middle) + q.exp() * (q - middle)).sum(2)
    return divergence.sum(1).mean()


def curriculum(start: float, end: float, progress: float) -> float:
    """The temperature of `relation_weights`, from many equal negatives to few hard ones.

    Args:
        progress: share of the training that is done, 0 to 1.
    """
    return start + (end - start) * min(1.0, max(0.0, progress))


def _check_patches(query: Tensor, key: Tensor) -> None:
    if query.ndim != 3 or query.shape != key.shape:
        message = f"Patch features must be two (N, P, D) of one shape; got {tuple(query.shape)} and {tuple(key.shape)}."
        raise InvalidRequest([Problem("patches", message)])


def _itself(key: Tensor) -> Tensor:
    return torch.eye(key.shape[1], dtype=torch.bool, device=key.device)
