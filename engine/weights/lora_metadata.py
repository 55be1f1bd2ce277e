"""What is known of a trained LoRA, in the words that other tools read: kohya's `ss_*`, Stability's `modelspec.*`.

All values in a header are text, as kohya's sd-scripts write them: "True", "None", JSON for what is nested.
"""

import base64
import hashlib
import io
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import save

from engine.weights.facts import ModelInfo
from engine.weights.hashes import LEGACY_BYTES, LEGACY_START
from engine.weights.licensing.licences import UNKNOWN, known

SD1, SD2 = 768, 1024  # widths of the cross-attention
A1111_FAMILIES = {SD1: "SD1", SD2: "SD2"}
DATA_SET = "pictures"  # the name of the one folder that kohya's records speak of
MAX_TAGS = 500
THUMBNAIL = 256  # pixels


@dataclass(frozen=True, kw_only=True)
class LoraCard:
    """What a LoRA is and how it was made.

    Attributes:
        name: of its files.
        model: that it was trained on.
        model_sha256: of the model's file, when it is a single one.
        rank, alpha: its strength is alpha / rank.
        settings: every setting of the training, as JSON values.
        steps: optimizer steps that it was trained for.
        passes: over the pictures in these steps.
        resolution: pixels of each side.
        captions: of the training pictures, each as often as it is repeated.
        held_out_pictures: number of pictures that were never trained on.
        mixed_precision: "fp16" or "no".
        started_at, finished_at: of the training, seconds since 1970.
        trigger_words: that call it in a prompt.
        about: a sentence or two for people.
        preferred_weight: that suits it, -2 to 2.
        results: measurements, for the notes.
    """

    name: str
    model: ModelInfo
    model_sha256: str = ""
    rank: int
    alpha: float
    settings: Mapping[str, Any]
    steps: int
    passes: float
    resolution: int
    captions: Sequence[str]
    held_out_pictures: int = 0
    mixed_precision: str = "no"
    started_at: float
    finished_at: float
    trigger_words: Sequence[str] = ()
    about: str = ""
    preferred_weight: float = 1.0
    results: Mapping[str, Any] = field(default_factory=dict)


def kohya_metadata(
    card: LoraCard, tensors: Mapping[str, np.ndarray], preview: Image.Image | None = None
) -> dict[str, str]:
    """All metadata of a kohya file with these tensors; the hashes are of the tensors and the training records."""
    training = {name: str(value) for name, value in _training(card).items()}
    hashes = _hashes(save(dict(tensors), training))
    return training | hashes | _model_spec(card, hashes["sshs_model_hash"], preview)


def tensor_hash(content: bytes) -> str:
    """SHA-256 of everything after the header of a .safetensors file, hexadecimal; see `hashes.tensor_sha256`."""
    return hashlib.sha256(content[8 + int.from_bytes(content[:8], "little") :]).hexdigest()


def notes(card: LoraCard) -> dict[str, Any]:
    """The JSON beside the file: for the studio's picker, for A1111's, and the whole training to look up."""
    return {
        "trigger_words": list(card.trigger_words),
        "about": card.about,
        **({"licence": licence} if (licence := _licence(card)) else {}),
        "preferred_weight": card.preferred_weight,
        "activation text": ", ".join(card.trigger_words),
        "description": card.about,
        "preferred weight": card.preferred_weight,
        "sd version": A1111_FAMILIES.get(card.model.cross_attention_dim, "Unknown"),
        "training": {
            "model": card.model.name,
            "base": card.model.base,
            "steps": card.steps,
            "pictures": len(card.captions),
            "held_out_pictures": card.held_out_pictures,
            "finished_at": _date(card.finished_at),
            "results": dict(card.results),
            "settings": dict(card.settings),
        },
    }


def _convolutions(card: LoraCard) -> dict[str, str]:
    """kohya's arguments for a LoRA that changes convolutions of 3 pixels too; empty for one that does not."""
    changed = {"conv1", "conv2"} & set(card.settings["target_modules"])
    return {"conv_dim": str(card.rank), "conv_alpha": f"{card.alpha:g}"} if changed else {}


def _training(card: LoraCard) -> dict[str, Any]:
    """kohya's records (sd-scripts, train_network.py), as far as they have a meaning here."""
    settings, rate = card.settings, card.settings["learning_rate"]
    per_step = settings["batch_size"] * settings["gradient_accumulation"]
    return {
        "ss_v2": card.model.cross_attention_dim == SD2,  # without "True", A1111 hides the LoRA from SD 2.x
        "ss_base_model_version": _base_version(card.model),
        "ss_network_module": "networks.lora",
        "ss_network_dim": card.rank,
        "ss_network_alpha": card.alpha,
        "ss_network_dropout": settings["dropout"],
        "ss_network_args": json.dumps(_convolutions(card)),
        "ss_output_name": card.name,
        "ss_sd_model_name": card.model.path.name,
        **({"ss_new_sd_model_hash": card.model_sha256} if card.model_sha256 else {}),
        "ss_resolution": (card.resolution, card.resolution),
        "ss_clip_skip": None,
        "ss_num_train_images": len(card.captions),
        "ss_num_validation_images": card.held_out_pictures,
        "ss_num_reg_images": 0,
        "ss_batch_size_per_device": settings["batch_size"],
        "ss_total_batch_size": per_step,
        "ss_gradient_accumulation_steps": settings["gradient_accumulation"],
        "ss_gradient_checkpointing": settings["gradient_checkpointing"],
        "ss_learning_rate": rate,
        "ss_unet_lr": rate,
        "ss_text_encoder_lr": rate if settings["text_encoder"] else None,
        "ss_optimizer": f"torch.optim.adamw.AdamW(weight_decay={settings['weight_decay']})",
        "ss_lr_scheduler": settings["lr_scheduler"],
        "ss_lr_warmup_steps": settings["warmup_steps"],
        "ss_max_grad_norm": settings["max_grad_norm"],
        "ss_min_snr_gamma": settings["min_snr_gamma"],
        "ss_noise_offset": settings["noise_offset"] or None,
        "ss_caption_dropout_rate": settings["empty_captions"],
        "ss_seed": settings["seed"],
        "ss_steps": card.steps,
        "ss_max_train_steps": settings["steps"],
        "ss_epoch": math.ceil(card.passes),
        "ss_num_epochs": math.ceil(card.passes * settings["steps"] / card.steps) if card.steps else 0,
        "ss_mixed_precision": card.mixed_precision,
        "ss_training_started_at": card.started_at,
        "ss_training_finished_at": card.finished_at,
        "ss_training_comment": card.about or None,
        "ss_dataset_dirs": json.dumps({DATA_SET: {"n_repeats": 1, "img_count": len(card.captions)}}),
        "ss_tag_frequency": json.dumps({DATA_SET: _tags(card.captions)}, ensure_ascii=False),
    }


def _model_spec(card: LoraCard, tensor_sha256: str, preview: Image.Image | None) -> dict[str, str]:
    """Stability's Model Metadata Standard 1.0.1."""
    values = {
        "sai_model_spec": "1.0.1",
        "architecture": f"{_architecture(card.model)}/lora",
        "implementation": "diffusers",
        "title": card.name,
        "description": card.about,
        "resolution": f"{card.resolution}x{card.resolution}",
        "prediction_type": "v" if card.model.prediction_type == "v_prediction" else card.model.prediction_type,
        "date": _date(card.finished_at),
        "trigger_phrase": ", ".join(card.trigger_words),
        "usage_hint": f"Weight {card.preferred_weight:g}.",
        "license": _licence(card),
        "hash_sha256": f"0x{tensor_sha256}",
        "thumbnail": _data_url(preview) if preview else "",
    }
    return {f"modelspec.{name}": value for name, value in values.items() if value}


def _licence(card: LoraCard) -> str:
    """What is trained on a model is under the model's licence, or at least under its restrictions."""
    licence = known(card.model.licence)
    return "" if licence.id == UNKNOWN else licence.name


def _hashes(content: bytes) -> dict[str, str]:
    """The hashes by which A1111 and Civitai know a LoRA."""
    hashes = {"sshs_model_hash": tensor_hash(content)}
    # The old one is of 64 KiB at 1 MiB. Of a smaller file it would be the hash of nothing, equal for all of them.
    piece = content[LEGACY_START : LEGACY_START + LEGACY_BYTES]
    return hashes | ({"sshs_legacy_hash": hashlib.sha256(piece).hexdigest()[:8]} if piece else {})


def _base_version(model: ModelInfo) -> str:
    """kohya's name of the base; models that its tools do not know get a name of their own."""
    if model.cross_attention_dim not in A1111_FAMILIES:
        return _slug(model.base)
    version = "sd_v2" if model.cross_attention_dim == SD2 else "sd_v1"
    return f"{version}_v" if model.prediction_type == "v_prediction" else version


def _architecture(model: ModelInfo) -> str:
    if model.cross_attention_dim == SD2:
        return "stable-diffusion-v2-768-v" if model.prediction_type == "v_prediction" else "stable-diffusion-v2-512"
    return "stable-diffusion-v1" if model.cross_attention_dim == SD1 else _slug(model.base)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")


def _tags(captions: Sequence[str]) -> dict[str, int]:
    """How often each part between commas comes, the most frequent first."""
    tags = Counter(tag.strip() for caption in captions for tag in caption.split(",") if tag.strip())
    return dict(tags.most_common(MAX_TAGS))


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _data_url(preview: Image.Image) -> str:
    """A small JPEG inside text."""
    small = preview.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
