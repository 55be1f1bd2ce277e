"""The names that LoRA files give their tensors, in every dialect, as one.

kohya          lora_unet_down_blocks_0_..._attn1_to_q.lora_down.weight, lora_te_..., lora_te1_..., <module>.alpha
diffusers      unet.down_blocks.0...to_q.lora.down.weight, text_encoder....q_proj.lora_linear_layer.up.weight
old diffusers  down_blocks.0...attn1.processor.to_q_lora.down.weight, text_encoder....to_q_lora.up.weight
PEFT           base_model.model.down_blocks.0...attn1.to_q.lora_A.weight, also behind unet. and text_encoder.

kohya writes dots as underscores, which cannot be undone by rule; so every module is known by its name with
underscores, and the model's own modules say which one is meant.
"""

import re
from dataclasses import dataclass

UNET, TEXT_ENCODER = "unet", "text_encoder"

PREFIXES = {
    "lora_unet_": UNET,
    "lora_te1_": TEXT_ENCODER,
    "lora_te_": TEXT_ENCODER,
    "unet.": UNET,
    "text_encoder.": TEXT_ENCODER,
}
# The optional word is the adapter's name, which PEFT leaves in some files: lora_A.default.weight.
DOWN = re.compile(r"(?P<module>.+)\.(?:lora_down|lora_A|lora\.down|lora_linear_layer\.down)(?:\.\w+)?\.weight")
UP = re.compile(r"(?P<module>.+)\.(?:lora_up|lora_B|lora\.up|lora_linear_layer\.up)(?:\.\w+)?\.weight")
ALPHA = re.compile(r"(?P<module>.+)\.alpha")
OLD = re.compile(r"(?P<module>.+?)(?:\.processor)?\.(?P<layer>to_q|to_k|to_v|to_out)_lora\.(?P<role>down|up)\.weight")
OLD_LAYERS = {
    UNET: {"to_q": "to_q", "to_k": "to_k", "to_v": "to_v", "to_out": "to_out_0"},
    TEXT_ENCODER: {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"},
}


@dataclass(frozen=True, slots=True)
class LoraKey:
    """What a tensor is.

    Attributes:
        component: "unet" or "text_encoder"; None when its name does not say.
        module: its name inside the component with underscores for dots, without "text_model".
        role: "down", "up" or "alpha".
    """

    component: str | None
    module: str
    role: str

    @property
    def reads_text(self) -> bool:
        """Whether the module takes the text encoder's output, so that its width tells the base."""
        return self.module.endswith(("attn2_to_k", "attn2_to_v"))


def parse(key: str) -> LoraKey | None:
    """Read a tensor's name; None when it is not a LoRA's in any known dialect."""
    component, rest = _split_component(key.removeprefix("base_model.model."))
    old = OLD.fullmatch(rest)
    if old:
        layer = OLD_LAYERS[component or UNET][old["layer"]]
        return LoraKey(component or UNET, _module(f"{old['module']}.{layer}"), old["role"])
    for role, pattern in (("down", DOWN), ("up", UP), ("alpha", ALPHA)):
        match = pattern.fullmatch(rest)
        if match:
            return LoraKey(component, _module(match["module"]), role)
    return None


def module_key(name: str) -> str:
    """The name that `parse` gives to a model's own module."""
    return _module(name)


def _split_component(key: str) -> tuple[str | None, str]:
    for prefix, component in PREFIXES.items():
        if key.startswith(prefix):
            return component, key.removeprefix(prefix)
    return None, key


def _module(name: str) -> str:
    # transformers 5 dropped the text encoder's outer "text_model"; files still have it.
    return name.replace(".", "_").removeprefix("text_model_")
