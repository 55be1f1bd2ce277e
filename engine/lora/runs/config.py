"""What a LoRA training is asked to do: every setting, four presets, and the rules; no torch is loaded.

A LoRA (Hu et al. 2021) adds to a frozen weight W the product (alpha / rank) B A of two small matrices, so that a
style costs some megabytes in place of gigabytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from engine.datasets.augment import Augmentation
from engine.diffusion.request import RANDOM_SEED_LIMIT
from engine.errors import InvalidRequest, Problem
from engine.rules import cleaned, text
from engine.training.config import Rule, broken
from engine.training.lora_layers import ATTENTION, LAYERS
from engine.weights.safetensors_file import MAX_LORA_RANK

OPTIMIZERS = ("adamw", "adafactor", "sgd")
LR_SCHEDULERS = ("constant_with_warmup", "linear", "cosine", "cosine_with_restarts")  # as diffusers calls them


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of a run. The defaults are those of the study that the studio follows.

    Attributes:
        rank: of the two matrices, 1 to 512.
        alpha: the LoRA's strength is alpha / rank; None takes the rank, so strength 1.
        dropout: share of the LoRA's inputs that a step leaves out, 0 to below 1.
        target_modules: layers of the UNet that get a LoRA, some of `LAYERS`: those of its attention, of the rest of
            its transformer blocks, and of its residual blocks.
        text_encoder: whether the text encoder's attention layers get one too.
        resolution: pixels of each side, a multiple of 8; None takes the model's native size.
        random_crop: a square anywhere in the picture; off, the square in its middle.
        min_scale: with random crops, the smallest square as a share of the picture's shorter side, 0.25 to 1.
        horizontal_flip: probability of mirroring a picture, 0 to 1.
        color_jitter: change of brightness, contrast and saturation, 0 to 0.5 of their value.
        batch_size: pictures that are in memory together, per process.
        gradient_accumulation: batches per optimizer step.
        steps: optimizer steps in all.
        optimizer: one of `OPTIMIZERS`: AdamW (Loshchilov and Hutter 2019), Adafactor (Shazeer and Stern 2018), or
            stochastic gradient descent with momentum 0.9.
        learning_rate: of the optimizer, at its highest.
        lr_scheduler: one of `LR_SCHEDULERS`.
        lr_cycles: of "cosine_with_restarts"; the others have one.
        warmup_steps: optimizer steps in which the learning rate rises from 0, fewer than `steps`.
        weight_decay: of the optimizer.
        max_grad_norm: gradients with a larger norm are scaled down to it.
        gradient_checkpointing: compute activations twice in place of keeping them, where memory asks for it; off,
            never. Saves memory, costs time.
        min_snr_gamma: the cap on the signal-to-noise ratio in the loss weights (Hang et al. 2023); None weighs
            all timesteps alike.
        noise_offset: strength of noise that is equal over a whole channel, which teaches dark and bright pictures;
            0 is none.
        empty_captions: share of pictures that are shown without their caption, for guidance, 0 to 1.
        checkpoint_every: steps between LoRA files that are kept for comparison; None, an epoch.
        validation_prompt: drawn on the way; empty takes a caption.
        validation_every: steps between validation pictures; 0 draws none, None draws one after every epoch.
        held_out_every: steps between measurements of the held-out loss; 0 measures none, None measures after every
            epoch.
        patience: measurements without a better held-out loss after which the run ends; None never ends early.
        seed: of everything random.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    rank: int = 16
    alpha: float | None = None
    dropout: float = 0.0
    target_modules: tuple[str, ...] = ATTENTION
    text_encoder: bool = False
    resolution: int | None = None
    random_crop: bool = False
    min_scale: float = 0.8
    horizontal_flip: float = 0.0
    color_jitter: float = 0.0
    batch_size: int = 1
    gradient_accumulation: int = 4
    steps: int = 400
    optimizer: str = "adamw"
    learning_rate: float = 2e-5
    lr_scheduler: str = "cosine_with_restarts"
    lr_cycles: int = 1
    warmup_steps: int = 100
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    gradient_checkpointing: bool = True
    min_snr_gamma: float | None = None
    noise_offset: float = 0.0
    empty_captions: float = 0.0
    checkpoint_every: int | None = 100
    validation_prompt: str = ""
    validation_every: int | None = 100
    held_out_every: int | None = 50
    patience: int | None = None
    seed: int = 42

    def __post_init__(self) -> None:
        object.__setattr__(self, "target_modules", tuple(self.target_modules))
        if isinstance(self.validation_prompt, str):
            object.__setattr__(self, "validation_prompt", cleaned(self.validation_prompt))
        if problems := list(_problems(self)):
            raise InvalidRequest(problems)

    @property
    def lora_alpha(self) -> float:
        """Alpha as a number."""
        return float(self.rank if self.alpha is None else self.alpha)

    @property
    def varies(self) -> bool:
        """Whether a picture looks different at every look; if not, its latents are computed once."""
        return self.random_crop or self.horizontal_flip > 0 or self.color_jitter > 0

    @property
    def pictures_per_step(self) -> int:
        """That one process sees in an optimizer step."""
        return self.batch_size * self.gradient_accumulation

    def augmentation(self, native_size: int) -> Augmentation:
        """How pictures are cropped and varied, for a model of that native size in pixels."""
        return Augmentation(
            self.resolution or native_size, self.random_crop, self.min_scale, self.horizontal_flip, self.color_jitter
        )

    def steps_per_epoch(self, looks: int, processes: int = 1) -> int:
        """Optimizer steps in a pass over the pictures, rounded up; 1 or more.

        Args:
            looks: in one pass, the pictures with their repeats.
            processes: that train together.
        """
        return max(1, -(-looks // (self.pictures_per_step * processes)))

    def in_steps(self, looks: int, processes: int = 1) -> "Config":
        """The same with every interval of an epoch as its number of steps; see `steps_per_epoch`."""
        epoch = self.steps_per_epoch(looks, processes)
        changes: dict[str, Any] = {name: epoch for name in INTERVALS if getattr(self, name) is None}
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field.

        AdamW is left out: runs of versions that knew no other optimizer go on with the settings they began with.
        """
        values = asdict(self) | {"target_modules": list(self.target_modules)}
        return {name: value for name, value in values.items() if (name, value) != ("optimizer", OPTIMIZERS[0])}


def config_from(values: Mapping[str, Any]) -> Config:
    """The inverse of `Config.to_dict`.

    Raises:
        InvalidRequest: unknown names, or values out of range.
    """
    known = {field.name for field in fields(Config)}
    if unknown := sorted(set(values) - known):
        raise InvalidRequest([Problem(name, f"A LoRA training has no setting named {name!r}.") for name in unknown])
    return Config(**values)


# Field, name in sentences, lowest, highest.
_WHOLE = (
    ("rank", "Rank", 1, MAX_LORA_RANK),
    ("batch_size", "Batch size", 1, 64),
    ("gradient_accumulation", "Gradient accumulation", 1, 256),
    ("steps", "Steps", 1, 1_000_000),
    ("lr_cycles", "Cycles of the learning rate", 1, 100),
    ("warmup_steps", "Warm-up steps", 0, 1_000_000),
    ("checkpoint_every", "Steps between checkpoints", 1, 1_000_000),
    ("validation_every", "Steps between validation pictures", 0, 1_000_000),
    ("held_out_every", "Steps between held-out measurements", 0, 1_000_000),
    ("patience", "Patience", 1, 10_000),
    ("seed", "Seed", 0, RANDOM_SEED_LIMIT - 1),
)
_REAL = (
    ("alpha", "Alpha", 1e-3, 4096.0),
    ("dropout", "Dropout", 0.0, 0.9),
    ("learning_rate", "Learning rate", 1e-8, 1.0),
    ("weight_decay", "Weight decay", 0.0, 1.0),
    ("max_grad_norm", "Largest gradient norm", 1e-3, 1e3),
    ("min_snr_gamma", "Min-SNR gamma", 0.1, 100.0),
    ("noise_offset", "Noise offset", 0.0, 1.0),
    ("empty_captions", "Share of empty captions", 0.0, 1.0),
)
_SWITCHES = (
    ("text_encoder", "Training the text encoder"),
    ("gradient_checkpointing", "Gradient checkpointing"),
)
INTERVALS = ("checkpoint_every", "validation_every", "held_out_every")
_OPTIONAL = ("alpha", "min_snr_gamma", "patience", *INTERVALS)


_NAMES = {field: name for field, name, *_ in (*_WHOLE, *_REAL)}
_CHOICES = {"target_modules": "Target modules", "lr_scheduler": "The scheduler", "optimizer": "The optimizer"}


def _problems(config: Config) -> Iterator[Problem]:
    whole = {field: _number(config, field, low, high, whole=True) for field, _, low, high in _WHOLE}
    real = {field: _number(config, field, low, high) for field, _, low, high in _REAL}
    yield from broken(config, whole | real, _NAMES)
    for field, name in _SWITCHES:
        if not isinstance(value := getattr(config, field), bool):
            yield Problem(field, f"{name} is on or off; got {value!r}.")
    yield from broken(config, _choices(config), _CHOICES)
    for problem in text("prompt", config.validation_prompt):
        yield replace(problem, field="validation_prompt")
    yield from _together(config)
    try:
        config.augmentation(64)  # any size, where the model's own is taken
    except InvalidRequest as error:
        yield from error.problems


def _number(config: Config, field: str, low: float, high: float, whole: bool = False) -> Rule:
    value, kinds = getattr(config, field), int if whole else (int, float)
    kept = isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high
    kind = "whole number" if whole else "number"
    return kept or (value is None and field in _OPTIONAL), f"a {kind} from {low:g} to {high:g}"


def _choices(config: Config) -> dict[str, Rule]:
    targets = config.target_modules
    some = bool(targets) and len(set(targets)) == len(targets) and set(targets) <= set(LAYERS)
    return {
        "target_modules": (some, f"some of {', '.join(LAYERS)}, each once"),
        "lr_scheduler": (config.lr_scheduler in LR_SCHEDULERS, f"one of {', '.join(LR_SCHEDULERS)}"),
        "optimizer": (config.optimizer in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}"),
    }


def _together(config: Config) -> Iterator[Problem]:
    """Rules on more than one field; fields that are wrong by themselves are reported elsewhere."""
    whole = isinstance(config.warmup_steps, int) and isinstance(config.steps, int)
    if whole and config.warmup_steps >= config.steps:
        yield Problem(
            "warmup_steps",
            f"The warm-up must be shorter than the run; got {config.warmup_steps} of {config.steps} steps. "
            "Lower it, or train longer.",
        )
    if config.patience is not None and config.held_out_every == 0:
        yield Problem(
            "patience", "Stopping early needs the held-out loss; it is never measured. Measure it, or unset patience."
        )


# `recommended` and `look` were measured on the shipped model: see docs/fine-tuning.md. On Stable Diffusion 2.1 they
# have not been tried.
_RECOMMENDED = Config(
    learning_rate=5e-4,
    lr_scheduler="cosine",
    warmup_steps=20,
    min_snr_gamma=5.0,
    random_crop=True,
    horizontal_flip=0.5,
    empty_captions=0.1,
)
# In the studio's own words, as long and of the same kind as the study's.
_ENCHANTED_FOREST = (
    "An enchanted forest at dawn, ancient trees with twisted roots and glowing moss, soft rays of light falling "
    "through the leaves, a winding path beside a clear stream, small blue flowers, thin mist between the trunks, a "
    "ruined stone arch in the distance, fantasy landscape painting, highly detailed, vivid colours, deep perspective"
)
PRESETS: dict[str, Config] = {
    "study": Config(),
    # The study with the augmentation that it describes; how strong each part was is not in its text.
    "thesis": Config(
        random_crop=True,
        min_scale=0.8,
        horizontal_flip=0.5,
        color_jitter=0.1,
        validation_prompt=_ENCHANTED_FOREST,
        validation_every=None,
    ),
    "recommended": _RECOMMENDED,
    # For a look that the model has never drawn. Guidance draws away from what the model makes of no caption at all, so
    # that has to learn the look as well; colours are decided where noise is strong, which min-SNR weighs little.
    "look": replace(
        _RECOMMENDED,
        target_modules=LAYERS,
        learning_rate=2e-3,
        batch_size=4,
        steps=300,
        min_snr_gamma=None,
        empty_captions=0.3,
    ),
}
