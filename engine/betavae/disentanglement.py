"""How well single latents stand for single factors of pictures whose factors are known, as rendered scenes' are.

Mutual information gap (Chen et al. 2018): for each factor the gap between the two latents that tell most about it, as a
share of the factor's entropy. Factor score: how often a linear classifier on all latents names a factor of pictures
that it has not seen, beside the share of the commonest value.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BINS = 20  # of a latent, with as many pictures each
RIDGE = 1e-2  # of the classifier, for each picture
METADATA = "metadata.jsonl"  # as `engine.scenes` writes it beside pictures
FACTORS = ("time", "weather", "land", "water", "plants", "landmark", "mood")


@dataclass(frozen=True, slots=True)
class FactorScore:
    """About one factor.

    Attributes:
        gap: mutual information gap, 0 to 1.
        latent: the one that tells most, 0 for the first.
        accuracy: of the classifier, 0 to 1.
        commonest: share of the commonest value: what guessing reaches.
    """

    gap: float
    latent: int
    accuracy: float
    commonest: float


def known_factors(folder: Path, names: Sequence[str]) -> dict[str, list[str]]:
    """The factors of these pictures by factor, from the folder's metadata; empty where one of them is not told."""
    try:
        lines = (folder / METADATA).read_text(encoding="utf-8").splitlines()
        rows = {row["file_name"]: row for row in map(json.loads, filter(None, lines))}
        return {factor: [str(rows[name][factor]) for name in names] for factor in FACTORS}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def factor_scores(
    train: np.ndarray, held_out: np.ndarray, factors: Mapping[str, Sequence[str]]
) -> dict[str, FactorScore]:
    """The scores by factor; one that has a single value is left out.

    Args:
        train, held_out: means of the latents, (N, D) and (M, D).
        factors: of all N + M pictures in that order.
    """
    found = {}
    for name, values in factors.items():
        labels = np.unique(np.asarray(values), return_inverse=True)[1]
        if labels.max(initial=0) > 0:
            found[name] = _score(train, held_out, labels)
    return found


def mutual_information(latents: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(D,) in nats, of latents (N, D), each cut into bins of as many pictures, and whole numbers (N,)."""
    places = latents.argsort(0).argsort(0)
    bins = places * min(BINS, len(latents)) // len(latents)
    return np.array([_information(column, labels) for column in bins.T])


def _score(train: np.ndarray, held_out: np.ndarray, labels: np.ndarray) -> FactorScore:
    told = mutual_information(np.concatenate([train, held_out]), labels)
    order = np.argsort(-told)
    shares = np.bincount(labels) / len(labels)
    entropy = -float(np.sum(shares * np.log(np.maximum(shares, 1e-12))))
    second = told[order[1]] if len(order) > 1 else 0.0
    known, asked = labels[: len(train)], labels[len(train) :]
    return FactorScore(
        gap=float(told[order[0]] - second) / entropy,
        latent=int(order[0]),
        accuracy=_accuracy(train, known, held_out, asked),
        commonest=float(np.bincount(asked).max() / len(asked)),
    )


def _information(one: np.ndarray, other: np.ndarray) -> float:
    """Mutual information of two columns of whole numbers, in nats."""
    joint = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(joint, (one, other), 1 / len(one))
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    there = joint > 0
    return float(np.sum(joint[there] * np.log(joint[there] / apart[there])))


def _accuracy(train: np.ndarray, known: np.ndarray, held_out: np.ndarray, asked: np.ndarray) -> float:
    """Of least squares on one number for each value, with a little ridge."""

    def with_one(latents: np.ndarray) -> np.ndarray:
        return np.concatenate([latents, np.ones((len(latents), 1))], axis=1).astype(np.float64)

    x, wanted = with_one(train), np.eye(max(known.max(), asked.max()) + 1)[known]
    weights = np.linalg.solve(x.T @ x + RIDGE * len(x) * np.eye(x.shape[1]), x.T @ wanted)
    return float(np.mean((with_one(held_out) @ weights).argmax(1) == asked))
