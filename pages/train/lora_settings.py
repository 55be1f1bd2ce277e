"""All settings of a LoRA training beside the pictures' looks, in groups and plain words, preset by preset."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import streamlit as st

from engine.lora.runs.config import LR_SCHEDULERS, OPTIMIZERS, Config
from engine.training.lora_layers import ATTENTION, CONVOLUTIONS, LAYERS, TRANSFORMER

OPTIMIZER_NAMES = {"adamw": "AdamW", "adafactor": "Adafactor, less memory", "sgd": "SGD with momentum"}
SCHEDULER_NAMES = {
    "constant_with_warmup": "Stays the same",
    "linear": "Falls in a line",
    "cosine": "Falls in a curve (cosine)",
    "cosine_with_restarts": "Falls in a curve, with restarts",
}
EPOCH, NEVER, STEPS = "Every epoch", "Never", "Every so many steps"
LAYER_SETS = {"Attention": ATTENTION, "Whole transformer blocks": (*ATTENTION, *TRANSFORMER), "All layers": LAYERS}
Values = dict[str, Any]


def places() -> dict[str, str]:
    """The key of each setting's widget, or how it begins."""
    return {field.name: f"set_{field.name}_" for field in fields(Config)} | OWN_PLACES


# Where a widget does not begin with "set_" and the field's name.
OWN_PLACES = {
    "steps": "train_steps_",
    "rank": "rank_",
    "learning_rate": "rate_",
    "seed": "train_seed",
    "resolution": "resolution_",
    "min_scale": "scale_",
    "horizontal_flip": "flip_",
    "color_jitter": "jitter_",
}


def all_settings(base: Config, preset: str) -> Values:
    """Fields of `Config` as they are set; `preset` keeps the widgets of different presets apart."""
    values: Values = {}
    for title, group in GROUPS.items():
        st.markdown(f"**{title}**")
        values |= group(base, preset)
    return values


def _length(base: Config, preset: str) -> Values:
    left, right = st.columns(2)
    steps = left.number_input("Steps", value=base.steps, step=50, key=f"train_steps_{preset}")
    batch = right.number_input(
        "Pictures at once",
        value=base.batch_size,
        step=1,
        key=f"set_batch_size_{preset}",
        help="Batch size: pictures that are in memory together",
    )
    accumulation = left.number_input(
        "Batches in a step",
        value=base.gradient_accumulation,
        step=1,
        key=f"set_gradient_accumulation_{preset}",
        help="Gradient accumulation: a step learns from so many batches, without more memory",
    )
    seed = right.number_input("Seed", value=base.seed, step=1, key="train_seed")
    return {"steps": steps, "batch_size": batch, "gradient_accumulation": accumulation, "seed": seed}


def _learning(base: Config, preset: str) -> Values:
    left, right = st.columns(2)
    rate = left.number_input("Learning rate", value=base.learning_rate, step=1e-5, format="%.6f", key=f"rate_{preset}")
    optimizer = right.selectbox(
        "Optimizer",
        OPTIMIZERS,
        index=OPTIMIZERS.index(base.optimizer),
        format_func=OPTIMIZER_NAMES.__getitem__,
        key=f"set_optimizer_{preset}",
    )
    scheduler = left.selectbox(
        "Learning rate over time",
        LR_SCHEDULERS,
        index=LR_SCHEDULERS.index(base.lr_scheduler),
        format_func=SCHEDULER_NAMES.__getitem__,
        key=f"set_lr_scheduler_{preset}",
        help="The scheduler; each of them begins with the warm-up",
    )
    restarts = scheduler == "cosine_with_restarts"
    cycles = right.number_input(
        "Cycles of the learning rate",
        value=base.lr_cycles,
        step=1,
        key=f"set_lr_cycles_{preset}",
        disabled=not restarts,
    )
    numbers = _numbers(base, preset, left, right, "weight_decay", "max_grad_norm")
    return {"learning_rate": rate, "optimizer": optimizer, "lr_scheduler": scheduler, "lr_cycles": cycles, **numbers}


def warmup_setting(base: Config, preset: str, steps: int) -> int:
    """Steps of the warm-up; those of the preset, or a quarter of the run where that is shorter."""
    value = base.warmup_steps if base.warmup_steps < steps else max(0, steps // 4)
    return st.number_input(
        "Warm-up steps",
        value=value,
        step=10,
        key=f"set_warmup_steps_{preset}_{value}",  # another length of the run begins with its own
        help="The learning rate rises from 0 in so many steps",
    )


def _the_lora(base: Config, preset: str) -> Values:
    left, right = st.columns(2)
    rank = left.number_input("Rank", value=base.rank, step=4, key=f"rank_{preset}", help="1 to 512")
    alpha = right.number_input(
        "Alpha",
        value=base.alpha,
        placeholder="as the rank",
        key=f"set_alpha_{preset}",
        help="The LoRA's strength is alpha / rank; empty, 1",
    )
    names = list(LAYER_SETS)
    now = next((name for name, layers in LAYER_SETS.items() if set(layers) == set(base.target_modules)), names[0])
    layers = left.selectbox(
        "What is trained",
        names,
        index=names.index(now),
        key=f"set_target_modules_{preset}",
        help=f"All layers are {len(CONVOLUTIONS)} kinds more: those of the residual blocks, for colours and light",
    )
    numbers = _numbers(base, preset, right, left, "dropout")
    texts = st.toggle(
        "Train the text encoder too",
        value=base.text_encoder,
        key=f"set_text_encoder_{preset}",
        help="The words are learnt as well; more memory, and it forgets sooner",
    )
    return {"rank": rank, "alpha": alpha, "target_modules": LAYER_SETS[layers], "text_encoder": texts, **numbers}


def _loss(base: Config, preset: str) -> Values:
    left, right = st.columns(2)
    gamma = left.number_input(
        "Min-SNR gamma",
        value=base.min_snr_gamma,
        placeholder="off",
        key=f"set_min_snr_gamma_{preset}",
        help="Steps with little noise weigh at most so much; 5 is usual, empty weighs all alike",
    )
    return {"min_snr_gamma": gamma, **_numbers(base, preset, right, left, "noise_offset", "empty_captions")}


def _on_the_way(base: Config, preset: str) -> Values:
    prompt = st.text_area(
        "Validation prompt",
        value=base.validation_prompt,
        placeholder="the first caption",
        height=90,
        key=f"set_validation_prompt_{preset}",
        help="Drawn on the way from the same seed, so that the pictures show what was learnt",
    )
    return {
        "validation_prompt": prompt,
        "validation_every": _interval("A picture of it", base.validation_every, f"set_validation_every_{preset}"),
        "held_out_every": _interval("The held-out loss", base.held_out_every, f"set_held_out_every_{preset}"),
        "checkpoint_every": _interval(
            "A checkpoint", base.checkpoint_every, f"set_checkpoint_every_{preset}", never=False
        ),
        "patience": st.number_input(
            "Stop early after so many measurements without a gain",
            value=base.patience,
            placeholder="never",
            step=1,
            key=f"set_patience_{preset}",
            help=(
                "Early stopping: when the held-out loss was not better so many times in a row, more steps only learn "
                "the pictures by heart. What the run gives is the best checkpoint anyway, the one with the lowest "
                "held-out loss; stopping early saves time"
            ),
        ),
    }


def _memory(base: Config, preset: str) -> Values:
    saved = st.toggle(
        "Save memory where it is short",
        value=base.gradient_checkpointing,
        key=f"set_gradient_checkpointing_{preset}",
        help="Gradient checkpointing: some numbers are computed twice in place of being kept",
    )
    return {"gradient_checkpointing": saved}


GROUPS: dict[str, Callable[[Config, str], Values]] = {
    "Length": _length,
    "Learning": _learning,
    "The LoRA": _the_lora,
    "Loss and noise": _loss,
    "On the way": _on_the_way,
    "Memory": _memory,
}
_NUMBERS = {
    "weight_decay": ("Weight decay", "%.4f", "Pulls the LoRA towards 0"),
    "max_grad_norm": ("Largest gradient norm", "%.2f", "Larger steps are scaled down to it"),
    "dropout": ("Dropout", "%.2f", "Share of the LoRA's inputs that a step leaves out, 0 to 0.9"),
    "noise_offset": ("Noise offset", "%.3f", "Teaches dark and bright pictures; 0.05 is usual, 0 is none"),
    "empty_captions": ("Without caption", "%.2f", "Share of pictures that are shown without their caption, 0 to 1"),
}


def _numbers(base: Config, preset: str, first: Any, second: Any, *names: str) -> Values:
    """Plain numbers, left and right in turn."""
    found = {}
    for place, name in enumerate(names):
        label, shape, words = _NUMBERS[name]
        found[name] = (first, second)[place % 2].number_input(
            label, value=float(getattr(base, name)), format=shape, step=0.01, key=f"set_{name}_{preset}", help=words
        )
    return found


def _interval(label: str, value: int | None, key: str, never: bool = True) -> int | None:
    """Steps between two, 0 for never, None for every epoch."""
    choices = [EPOCH, STEPS, *([NEVER] if never else [])]
    now = EPOCH if value is None else NEVER if value == 0 else STEPS
    left, right = st.columns(2, vertical_alignment="bottom")
    chosen = left.selectbox(label, choices, index=choices.index(now), key=f"{key}_how")
    if chosen != STEPS:
        return None if chosen == EPOCH else 0
    return int(right.number_input(f"{label}: steps between", value=value or 100, step=10, key=key))
