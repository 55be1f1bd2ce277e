"""Whether pictures show what their prompts name, with every number that is needed to believe it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.errors import NotFound
from engine.images import from_array
from engine.mini.judging import scene_classifier
from engine.mini.judging.pictures import BATCH, batches
from engine.mini.judging.prompts import JudgedPrompt, majority_share
from engine.mini.judging.scene_classifier import ATTRIBUTES, SceneClassifier, reduced
from engine.scenes.scene import CHOICES
from engine.scenes.shards import HELD_OUT_SEED, SHARD, TRAINING_SEED, SceneData

MOST_PICTURES = 8192  # that the classifier is trained on: as many as it sees twice in its minutes


def rendered_data(folder: Path, first_seed: int, size: int, most: int) -> SceneData:
    """The whole files of rendered scenes that are there, up to `most` pictures.

    Raises:
        NotFound: there is none.
    """
    count, one = 0, SceneData(folder, 1, first_seed, size)
    while count < most and one.path(count // SHARD).exists():
        count += SHARD
    if not count:
        raise NotFound(
            f"Judging needs rendered scenes of {size} px in {folder}; {one.path(0).name} is not there. "
            "Render them: python -m engine train-mini scenes"
        )
    return SceneData(folder, min(count, most), first_seed, size)


def judge(
    path: Path,
    data_folder: Path,
    size: int,
    config: scene_classifier.Config,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[SceneClassifier, dict]:
    """The classifier in `path`, or one that is trained now and written there, and its held-out accuracy.

    Args:
        data_folder: with files of rendered scenes, for training and held-out seeds.
        size: pixels of their sides.
        report: shown a line now and then.
    """
    if path.exists():
        return scene_classifier.load(path)
    data = rendered_data(data_folder, TRAINING_SEED, size, MOST_PICTURES)
    held_out = rendered_data(data_folder, HELD_OUT_SEED, size, 1024)
    report(f"Training the classifier on {len(data)} rendered scenes")
    model = scene_classifier.train(
        reduced_pictures(data),
        _labels(data),
        config,
        lambda step, loss: report(f"classifier, step {step} of {config.steps}, loss {loss:.3f}"),
    )
    right = scene_classifier.accuracy(scene_classifier.verdicts(model, reduced_pictures(held_out)), _labels(held_out))
    facts = {"trained_on": len(data), "held_out": len(held_out), "accuracy": right}
    scene_classifier.save(model, path, facts)
    return model, facts


def reduced_pictures(data: SceneData) -> Tensor:
    """All pictures as the classifier sees them, (N, 3, 64, 64) float32 in [-1, 1]."""
    places = range(len(data))
    return torch.cat([reduced(from_array(data.pictures(places[k : k + BATCH]))) for k in places[::BATCH]])


def _labels(data: SceneData) -> dict[str, Tensor]:
    return scene_classifier.labels_of([data.scene(place) for place in range(len(data))])


def right_answers(
    model: SceneClassifier, prompts: Sequence[JudgedPrompt], paths: Sequence[Path]
) -> dict[str, list[tuple[str, bool]]]:
    """For each attribute the true value and whether the picture shows it, of the prompts that name it."""
    judged = scene_classifier.verdicts(model, torch.cat([reduced(pixels) for pixels in batches(paths)]))
    return {
        name: [
            (getattr(prompt.scene, name), CHOICES[name][place] == getattr(prompt.scene, name))
            for prompt, place in zip(prompts, judged[name].tolist(), strict=True)
            if name in prompt.names
        ]
        for name in ATTRIBUTES
    }


def accuracies(
    model: SceneClassifier,
    facts: dict[str, Any],
    prompts: Sequence[JudgedPrompt],
    drawn: Sequence[Path],
    rendered: Sequence[Path],
) -> dict[str, dict[str, Any]]:
    """Per attribute: the model's accuracy beside chance, the renderer's and the judge's own.

    Args:
        facts: of the judge, with its held-out accuracy.
        drawn, rendered: a picture of each prompt, by the model and by the renderer.
    """
    model_right = right_answers(model, prompts, drawn)
    renderer_right = right_answers(model, prompts, rendered)
    return {
        name: {
            "prompts": len(model_right[name]),
            "model": share(model_right[name]),
            "interval": wilson(sum(right for _, right in model_right[name]), len(model_right[name])),
            "renderer": share(renderer_right[name]),
            "judge_held_out": facts["accuracy"][name],
            "chance": majority_share(prompts, name),
            "values": _by_value(model_right[name]),
        }
        for name in ATTRIBUTES
    }


def share(answers: Sequence[tuple[str, bool]]) -> float | None:
    """Of right answers, 0 to 1; None without answers."""
    return sum(right for _, right in answers) / len(answers) if answers else None


def wilson(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927): good also near 0 and 1 and for few answers."""
    if not count:
        return 0.0, 1.0
    z, p = 1.96, right / count
    middle = p + z * z / (2 * count)
    reach = z * (p * (1 - p) / count + z * z / (4 * count * count)) ** 0.5
    return max(0.0, (middle - reach) / (1 + z * z / count)), min(1.0, (middle + reach) / (1 + z * z / count))


def _by_value(answers: Sequence[tuple[str, bool]]) -> dict[str, dict[str, int]]:
    values = sorted({value for value, _ in answers})
    return {
        value: {
            "right": sum(right for other, right in answers if other == value),
            "prompts": sum(other == value for other, _ in answers),
        }
        for value in values
    }
