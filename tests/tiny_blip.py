"""A tiny BLIP of the real classes."""

from pathlib import Path

import torch

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "castle", "on", "hill"]


def save_blip(folder: Path) -> Path:
    """Into a folder; the beginning of a sentence is no word of its tokenizer, as in the real one."""
    from transformers import BlipConfig, BlipForConditionalGeneration
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    folder.mkdir(parents=True, exist_ok=True)
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    tokens = {"vocab_size": len(WORDS) + 1, "bos_token_id": len(WORDS), "eos_token_id": 2, "sep_token_id": 3}
    config = BlipConfig(
        text_config={**small, **tokens, "max_position_embeddings": 64},
        vision_config={**small, "image_size": 32, "patch_size": 16, "initializer_range": 0.02},
        projection_dim=16,
        image_text_hidden_size=16,
    )
    torch.manual_seed(0)
    BlipForConditionalGeneration(config).save_pretrained(folder)
    BlipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return folder
