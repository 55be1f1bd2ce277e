"""What is seen where in a picture, told by a small network that has seen rendered scenes only.

It stands for the FCN that judged the published label scores: a picture made from a label map is good where the
network finds the map's labels in it. Its verdict is worth no more than its own scores on real renders, which are kept
with its weights.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import StudioError
from engine.files import put, scratch_of
from engine.images import from_array
from engine.metrics.label_scores import LabelScores, confusion_matrix, label_scores
from engine.scenes.labels import LABELS, label_map
from engine.scenes.render import render
from engine.scenes.scene import LOOKS, random_scene

SIDE = 64  # pixels of what it is trained on
FIRST_SCENE, FIRST_HELD_OUT = 700_000_000, 800_000_000  # seeds that no data set begins with by itself


@dataclass(frozen=True)
class Config:
    """Settings of the training.

    Attributes:
        scenes, held_out: rendered, in all looks by turns.
        steps: optimizer steps.
        batch_size: pictures of a step.
        width: channels of the first layer; the last have four times as many.
        learning_rate: of Adam at its peak.
        seed: of everything random.
    """

    scenes: int = 800
    held_out: int = 64
    steps: int = 500
    batch_size: int = 12
    width: int = 16
    learning_rate: float = 3e-3
    seed: int = 0


class Segmenter(nn.Module):
    """A small U-Net (Ronneberger et al. 2015) with one score for each of `LABELS` in every pixel."""

    def __init__(self, width: int = Config.width) -> None:
        super().__init__()
        self.width = width
        self.fine = _layers(3, width)
        self.middle = _layers(width, 2 * width)
        self.coarse = nn.Sequential(*_layers(2 * width, 4 * width), *_layers(4 * width, 4 * width))
        self.join_middle = _layers(6 * width, 2 * width)
        self.join_fine = _layers(3 * width, width)
        self.head = nn.Conv2d(width, len(LABELS), 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) float32 in [-1, 1], H and W multiples of 4, to scores (N, 5, H, W) before the softmax."""
        fine = self.fine(x)
        middle = self.middle(F.max_pool2d(fine, 2))
        coarse = F.interpolate(self.coarse(F.max_pool2d(middle, 2)), scale_factor=2.0)
        middle = F.interpolate(self.join_middle(torch.cat([coarse, middle], 1)), scale_factor=2.0)
        return self.head(self.join_fine(torch.cat([middle, fine], 1)))


def _layers(inputs: int, outputs: int) -> nn.Sequential:
    norm = nn.GroupNorm(4, outputs)
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), norm, nn.ReLU())


@torch.no_grad()
def labels_seen(model: Segmenter, pixels: np.ndarray) -> np.ndarray:
    """(H, W) uint8, places in `LABELS`, of a picture (H, W, 3) uint8 with sides that are multiples of 4."""
    return model(from_array(pixels[None]))[0].argmax(0).to(torch.uint8).numpy()


def rendered(first: int, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pictures (64, 64, 3) uint8 and their label maps (64, 64) uint8, in all looks by turns."""
    for number in range(count):
        scene = random_scene(first + number, look=LOOKS[number % len(LOOKS)])
        yield render(scene, SIDE), label_map(scene, SIDE)


def train(config: Config = Config(), tell: Callable[[str], None] = lambda text: None) -> tuple[Segmenter, LabelScores]:
    """Train one on rendered scenes; takes some minutes on a CPU.

    Returns:
        The network, and its scores on scenes that it has not seen.
    """
    tell(f"A segmenter is trained on {config.scenes} rendered scenes, once.")
    pictures, maps = (np.stack(part) for part in zip(*rendered(FIRST_SCENE, config.scenes), strict=True))
    x, y = from_array(pictures), torch.from_numpy(maps).long()
    generator = torch.Generator().manual_seed(config.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = Segmenter(config.width).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, config.steps, pct_start=0.15)
    for _ in range(config.steps):
        chosen = torch.randint(config.scenes, (config.batch_size,), generator=generator)
        seen, wanted = x[chosen], y[chosen]
        if torch.rand((), generator=generator) < 0.5:
            seen, wanted = seen.flip(-1), wanted.flip(-1)
        seen = seen + 0.05 * torch.randn(seen.shape, generator=generator)
        loss = F.cross_entropy(model(seen), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval().requires_grad_(False)
    held_out = rendered(FIRST_HELD_OUT, config.held_out)
    pairs = ((labels, labels_seen(model, picture)) for picture, labels in held_out)
    return model, label_scores(confusion_matrix(pairs, len(LABELS)))


def save(model: Segmenter, scores: LabelScores, path: Path) -> None:
    """Write the weights, with the scores in the file's metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = scratch_of(path)
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, scratch, metadata={"width": str(model.width), "scores": json.dumps(asdict(scores))})
    put(scratch, path)


def load(path: Path) -> tuple[Segmenter, LabelScores]:
    """A network that `save` wrote, and its own scores.

    Raises:
        StudioError: the file is none.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata: dict[str, Any] = file.metadata() or {}
        model = Segmenter(int(metadata["width"]))
        model.load_state_dict(load_file(path))
        scores = LabelScores(**json.loads(metadata["scores"]))
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise StudioError(
            f"A segmenter must be a file that this studio wrote; {path} cannot be read ({type(error).__name__}). "
            "Delete it, and a new one is trained."
        ) from None
    return model.eval().requires_grad_(False), scores
