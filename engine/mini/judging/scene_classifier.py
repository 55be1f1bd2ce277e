"""What a picture shows, judged by a small network that has seen rendered scenes only.

A verdict is worth no more than the judge, so every report of its verdicts names its accuracy on held-out renders.
It looks at 64 px means under flips, shifts, blur and noise: a picture must show its subject, not the renderer's
last pixels.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import StudioError
from engine.images import check_image_range
from engine.scenes.scene import CHOICES, Scene

ATTRIBUTES = ("time", "weather", "water", "landmark")
SIDE = 64  # pixels of what it looks at


@dataclass(frozen=True)
class Config:
    """Settings of the training.

    Attributes:
        steps: optimizer steps in all.
        batch_size: pictures per step.
        width: channels of the first layers; the last have four times as many.
        learning_rate: of AdamW at its peak.
        weight_decay: of AdamW.
        shift: up to so many pixels of 64 in each direction.
        blur: up to this standard deviation, in pixels of 64.
        noise: up to this standard deviation, of pixels in [-1, 1].
        smoothing: of the labels.
        seed: of everything random.
    """

    steps: int = 1400
    batch_size: int = 24
    width: int = 24
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    shift: int = 4
    blur: float = 0.8
    noise: float = 0.06
    smoothing: float = 0.05
    seed: int = 0


class SceneClassifier(nn.Module):
    """A small residual network with one head for each of `ATTRIBUTES`."""

    def __init__(self, width: int = Config.width):
        super().__init__()
        self.width = width
        self.stem = nn.Sequential(nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.blocks = nn.Sequential(
            _Block(width, width, 1),  # 32 x 32
            _Block(width, 2 * width, 2),  # 16 x 16
            _Block(2 * width, 2 * width, 1),
            _Block(2 * width, 4 * width, 2),  # 8 x 8
            _Block(4 * width, 4 * width, 1),
        )
        # Means tell the light; maxima tell a small tower.
        self.heads = nn.ModuleDict({name: nn.Linear(8 * width, len(CHOICES[name])) for name in ATTRIBUTES})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Scores before the softmax for each attribute.

        Args:
            x: (N, 3, 64, 64) float32 in about [-1, 1]; see `reduced`.

        Returns:
            (N, values) float32 for each attribute.
        """
        x = self.blocks(self.stem(x))
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1)
        return {name: head(F.dropout(pooled, 0.2, self.training)) for name, head in self.heads.items()}


class _Block(nn.Module):
    """Two convolutions around which the input is carried on."""

    def __init__(self, channels: int, out_channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out_channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.carry = nn.Identity() if channels == out_channels else nn.Conv2d(channels, out_channels, 1, bias=False)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.carry(F.avg_pool2d(x, self.stride) if self.stride > 1 else x))


def reduced(pixels: Tensor) -> Tensor:
    """Area means of (N, 3, H, W) pixels in [-1, 1]: (N, 3, 64, 64) float32.

    Raises:
        ValueError: pixels outside [-1, 1].
    """
    check_image_range(pixels)
    return F.adaptive_avg_pool2d(pixels.float(), SIDE)


def labels_of(scenes: Sequence[Scene]) -> dict[str, Tensor]:
    """(N,) whole numbers for each attribute: places in `CHOICES`."""
    return {name: torch.tensor([CHOICES[name].index(getattr(scene, name)) for scene in scenes]) for name in ATTRIBUTES}


def augmented(x: Tensor, config: Config, generator: torch.Generator) -> Tensor:
    """Pictures (N, 3, 64, 64), some of them flipped, all shifted, blurred and noisy to different degrees."""
    n = len(x)
    flip = torch.rand(n, generator=generator) < 0.5
    x = torch.where(flip[:, None, None, None], x.flip(-1), x)
    x = _shifted(x, config.shift, generator)
    sigma = torch.rand(n, generator=generator) * config.blur
    level = torch.rand(n, 1, 1, 1, generator=generator) * config.noise
    return _blurred(x, sigma) + level * torch.randn(x.shape, generator=generator)


def _shifted(x: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """The batch cut from its mirrored surroundings, four shifts in a batch."""
    wide = F.pad(x, (most,) * 4, mode="reflect")
    places = torch.randint(0, 2 * most + 1, (4, 2), generator=generator).tolist()
    parts = [
        part[..., row : row + x.shape[-2], column : column + x.shape[-1]]
        for part, (row, column) in zip(wide.chunk(4), places, strict=False)
    ]
    return torch.cat(parts)


def _blurred(x: Tensor, sigma: Tensor) -> Tensor:
    """Each picture under a Gaussian of its own width, over five pixels."""
    offsets = torch.arange(-2, 3, dtype=x.dtype)
    kernel = torch.exp(-offsets.square() / (2 * sigma.clamp_min(0.05).square())[:, None])
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)
    flat = F.pad(x.reshape(1, -1, *x.shape[2:]), (2, 2, 2, 2), mode="reflect")
    flat = F.conv2d(flat, kernel[:, None, None, :], groups=len(kernel))
    return F.conv2d(flat, kernel[:, None, :, None], groups=len(kernel)).view_as(x)


def loss_attributes(scores: dict[str, Tensor], labels: dict[str, Tensor], smoothing: float) -> Tensor:
    """Mean cross-entropy over the attributes, in nats."""
    losses = [F.cross_entropy(scores[name], labels[name], label_smoothing=smoothing) for name in ATTRIBUTES]
    return torch.stack(losses).mean()


def train(
    pictures: Tensor, labels: dict[str, Tensor], config: Config, report: Callable[[int, float], None] | None = None
) -> SceneClassifier:
    """Train a judge.

    Args:
        pictures: (N, 3, 64, 64) float32 in [-1, 1]; see `reduced`.
        labels: see `labels_of`.
        report: called with the step and its loss now and then.
    """
    generator = torch.Generator().manual_seed(config.seed)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        model = SceneClassifier(config.width).to(memory_format=torch.channels_last).train()
        optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, config.steps, pct_start=0.15)
        for step, chosen in enumerate(_batches(len(pictures), config, generator)):
            x = augmented(pictures[chosen], config, generator).contiguous(memory_format=torch.channels_last)
            loss = loss_attributes(model(x), {k: v[chosen] for k, v in labels.items()}, config.smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if report and step % 50 == 0:
                report(step, loss.item())
    return model.eval()


def _batches(count: int, config: Config, generator: torch.Generator) -> Iterator[Tensor]:
    """Places of pictures for each step: the whole set in a new order, again and again."""
    queue = torch.empty(0, dtype=torch.long)
    for _ in range(config.steps):
        while len(queue) < config.batch_size:
            queue = torch.cat([queue, torch.randperm(count, generator=generator)])
        yield queue[: config.batch_size]
        queue = queue[config.batch_size :]


@torch.no_grad()
def verdicts(model: SceneClassifier, pictures: Tensor) -> dict[str, Tensor]:
    """(N,) places in `CHOICES` for each attribute; a picture and its mirror image are judged together.

    Args:
        pictures: (N, 3, 64, 64) float32 in [-1, 1]; see `reduced`.
    """
    parts = []
    for x in pictures.split(128):
        x = x.contiguous(memory_format=torch.channels_last)
        one, other = model(x), model(x.flip(-1))
        parts.append({name: (one[name].softmax(1) + other[name].softmax(1)).argmax(1) for name in ATTRIBUTES})
    return {name: torch.cat([part[name] for part in parts]) for name in ATTRIBUTES}


def accuracy(judged: dict[str, Tensor], labels: dict[str, Tensor]) -> dict[str, float]:
    """Share of right verdicts for each attribute, 0 to 1."""
    return {name: (judged[name] == labels[name]).double().mean().item() for name in ATTRIBUTES}


def save(model: SceneClassifier, path: Path, facts: dict[str, Any]) -> None:
    """Write the weights, and beside them in the file's metadata what is known about the judge.

    Args:
        facts: JSON-ready; its own accuracy belongs in here.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, path, metadata={"width": str(model.width), "facts": json.dumps(facts)})


def load(path: Path) -> tuple[SceneClassifier, dict[str, Any]]:
    """The judge and what `save` was told about it.

    Raises:
        StudioError: the file is no scene classifier.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        model = SceneClassifier(int(metadata["width"]))
        model.load_state_dict(load_file(path))
        facts = json.loads(metadata["facts"])
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise StudioError(
            f"A scene classifier must be a file that engine.mini.judging.scene_classifier.save wrote; "
            f"{path} cannot be read ({type(error).__name__}). Delete it, and a new one is trained."
        ) from error
    return model.to(memory_format=torch.channels_last).eval(), facts
