"""The LoRA inside a model while it is trained: put on with peft, in float32, the model itself frozen."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor, nn

from engine.lora.runs.config import Config

TEXT_ENCODER_TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj")


@dataclass(frozen=True)
class Adapter:
    """The parts of a pipeline that carry a LoRA, by the pipeline's names: "unet", and perhaps "text_encoder"."""

    parts: Mapping[str, nn.Module]

    def parameters(self) -> list[nn.Parameter]:
        """The LoRA's matrices, float32."""
        return [p for part in self.parts.values() for p in part.parameters() if p.requires_grad]

    def train(self, mode: bool) -> None:
        """Switch dropout on or off."""
        for part in self.parts.values():
            part.train(mode)

    def state_dict(self) -> dict[str, Tensor]:
        """The LoRA alone: "<part>.<module>.lora_A.weight" (rank, in) and ".lora_B.weight" (out, rank)."""
        return {
            f"{name}.{key}": tensor.detach()
            for name, part in self.parts.items()
            for key, tensor in get_peft_model_state_dict(part, save_embedding_layers=False).items()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        for name, part in self.parts.items():
            prefix = f"{name}."
            own = {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}
            set_peft_model_state_dict(part, own)

    def arrays(self) -> dict[str, np.ndarray]:
        """`state_dict` as float32 arrays."""
        return {name: tensor.float().cpu().numpy() for name, tensor in self.state_dict().items()}

    def settings(self, config: Config) -> dict[str, Any]:
        """What peft must know to put it on again, behind each part's name."""
        own = {"r": config.rank, "lora_alpha": config.lora_alpha}
        return {
            f"{name}.{key}": value
            for name in self.parts
            for key, value in {**own, "target_modules": list(targets_of(name, config))}.items()
        }

    @contextmanager
    def unharmed(self) -> Iterator[None]:
        """Give the weights back bit for bit afterwards: drawing may change the whole model's precision."""
        parameters = self.parameters()
        before = [parameter.detach().clone() for parameter in parameters]
        self.train(False)
        try:
            yield
        finally:
            for parameter, weights in zip(parameters, before, strict=True):
                parameter.data = weights
            self.train(True)


@contextmanager
def lora_on(pipeline: StableDiffusionPipeline, config: Config, checkpointing: bool | None = None) -> Iterator[Adapter]:
    """Train a new LoRA inside the `with` block; afterwards the model is the base model again, bit for bit.

    The LoRA changes nothing yet: A is random, the same for the same seed, and B is 0. The model is frozen.

    Args:
        checkpointing: of the UNet's gradients; None takes the settings'.
    """
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        part.requires_grad_(False)
    try:
        adapter = _put_on(pipeline, config)
        if config.gradient_checkpointing if checkpointing is None else checkpointing:
            pipeline.unet.enable_gradient_checkpointing()
        yield adapter
    finally:
        pipeline.unload_lora_weights()
        pipeline.unet.disable_gradient_checkpointing()
        for part in (pipeline.unet, pipeline.text_encoder):
            part.eval()


def _put_on(pipeline: StableDiffusionPipeline, config: Config) -> Adapter:
    names = ["unet", "text_encoder"] if config.text_encoder else ["unet"]
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        for name in names:
            getattr(pipeline, name).add_adapter(_peft_config(config, targets_of(name, config)))
    adapter = Adapter({name: getattr(pipeline, name) for name in names})
    for parameter in adapter.parameters():
        parameter.data = parameter.data.float()  # Adam's steps would vanish in float16
    adapter.train(True)
    return adapter


def targets_of(part: str, config: Config) -> tuple[str, ...]:
    """Names of the layers that get a LoRA in "unet" or "text_encoder"."""
    return config.target_modules if part == "unet" else TEXT_ENCODER_TARGETS


def _peft_config(config: Config, modules: tuple[str, ...]) -> LoraConfig:
    return LoraConfig(
        r=config.rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.dropout,
        init_lora_weights="gaussian",
        target_modules=list(modules),
    )
