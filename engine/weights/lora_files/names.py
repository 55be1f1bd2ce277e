"""The names that LoRA files give their tensors, in every dialect, as one.

kohya          lora_unet_down_blocks_0_..._attn1_to_q.lora_down.weight, lora_te_..., lora_te1_..., <module>.alpha
diffusers      unet.down_blocks.0...to_q.lora.down.weight, text_encoder....q_proj.lora_linear_layer.up.weight
old diffusers  down_blocks.0...attn1.processor.to_q_lora.down.weight, text_encoder....to_q_lora.up.weight
PEFT           base_model.model.down_blocks.0...attn1.to_q.lora_A.weight, also behind unet. and text_encoder.
OneTrainer     lora_unet.down_blocks.0...attn1.to_q.lora_down.weight, lora_te.text_model...
ComfyUI        diffusion_model.input_blocks.1.1...attn1.to_q.lora_down.weight, text_encoders.clip_h.transformer....

kohya writes dots as underscores, which cannot be undone by rule; so every module is known by its name with
underscores, and the model's own modules say which one is meant. The names of the original checkpoints
("input_blocks") stay as they are here: which layer they mean depends on the model, see `engine.diffusion.ldm_names`.
"""

import re
from dataclasses import dataclass

UNET, TEXT_ENCODER = "unet", "text_encoder"
SECOND_TEXT_ENCODER = "text_encoder_2"  # SDXL's; no model here has one

_PEFT = "base_model.model."
_PREFIXES = {
    "lora_unet_": UNET,
    "lora_unet.": UNET,
    "lora_te2_": SECOND_TEXT_ENCODER,
    "lora_te2.": SECOND_TEXT_ENCODER,
    "lora_te1_": TEXT_ENCODER,
    "lora_te1.": TEXT_ENCODER,
    "lora_te_": TEXT_ENCODER,
    "lora_te.": TEXT_ENCODER,
    "unet.": UNET,
    "text_encoder.": TEXT_ENCODER,
    "text_encoder_2.": SECOND_TEXT_ENCODER,
    "model.diffusion_model.": UNET,
    "diffusion_model.": UNET,
    "cond_stage_model.transformer.": TEXT_ENCODER,
}
_COMFY_TEXT = re.compile(r"(?:text_encoders\.)?clip_(?P<which>[lhg])\.transformer\.")
# The optional word is the adapter's name, which PEFT leaves in some files: lora_A.default.weight.
_ROLES = {
    "down": re.compile(r"(?P<module>.+)\.(?:lora_down|lora_A|lora\.down|lora_linear_layer\.down)(?:\.\w+)?\.weight"),
    "up": re.compile(r"(?P<module>.+)\.(?:lora_up|lora_B|lora\.up|lora_linear_layer\.up)(?:\.\w+)?\.weight"),
    "alpha": re.compile(r"(?P<module>.+)\.alpha"),
    "mid": re.compile(r"(?P<module>.+)\.lora_mid\.weight"),
    "bias": re.compile(r"(?P<module>.+)\.(?:lora_up|lora_B|lora\.up|lora_linear_layer\.up)(?:\.\w+)?\.bias"),
    "magnitude": re.compile(r"(?P<module>.+)\.lora_magnitude_vector(?:\.\w+)?"),
    "dora_scale": re.compile(r"(?P<module>.+)\.dora_scale"),
}
_OLD = re.compile(r"(?P<module>.+?)(?:\.processor)?\.(?P<layer>to_q|to_k|to_v|to_out)_lora\.(?P<role>down|up)\.weight")
_OLD_LAYERS = {
    UNET: {"to_q": "to_q", "to_k": "to_k", "to_v": "to_v", "to_out": "to_out_0"},
    TEXT_ENCODER: {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"},
}
# Parts of other kinds, by how their names end, and what people call them.
_OTHER_KINDS = {
    "LoHa (LyCORIS)": re.compile(r"(?P<module>.+)\.hada_\w+"),
    "LoKr (LyCORIS)": re.compile(r"(?P<module>.+)\.lokr_\w+"),
    "OFT": re.compile(r"(?P<module>.+)\.(?:oft_\w+|oft_R(?:\.\w+)*\.weight)"),
    "GLoRA (LyCORIS)": re.compile(r"(?P<module>.+)\.[ab][12]\.weight"),
    "IA3": re.compile(r"(?P<module>.+)\.(?:on_input|ia3_l(?:\.\w+)?)"),
    "norm": re.compile(r"(?P<module>.+)\.[wb]_norm"),
    "full difference": re.compile(r"(?P<module>.+)\.(?:diff|diff_b|set_weight)"),
    "full copy": re.compile(r"(?P<module>.+)\.modules_to_save(?:\.\w+)*\.(?:weight|bias)"),
    "embedding LoRA": re.compile(r"(?P<module>.+)\.lora_embedding_[AB](?:\.\w+)?"),
}


@dataclass(frozen=True, slots=True)
class LoraKey:
    """What a tensor is.

    Attributes:
        component: "unet", "text_encoder" or "text_encoder_2"; None when its name does not say.
        module: its name inside the component with underscores for dots, without "text_model".
        role: "down" and "up", the two halves; "alpha"; "mid", between the halves of a Tucker LoCon; "bias", of the up
            half; "magnitude", DoRA's by output in peft's shape; "dora_scale", DoRA's in LyCORIS' shape.
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
    component, rest = _split_component(key)
    old = _OLD.fullmatch(rest)
    if old and component != SECOND_TEXT_ENCODER:
        layer = _OLD_LAYERS[component or UNET][old["layer"]]
        return LoraKey(component or UNET, module_key(f"{old['module']}.{layer}"), old["role"])
    for role, pattern in _ROLES.items():
        match = pattern.fullmatch(rest)
        if match:
            return LoraKey(component, module_key(match["module"]), role)
    return None


def other_kind(key: str) -> tuple[str, str] | None:
    """What people call the kind of a tensor that is no LoRA's, and its module; None when the kind is not known."""
    _, rest = _split_component(key)
    for kind, pattern in _OTHER_KINDS.items():
        match = pattern.fullmatch(rest)
        if match:
            return kind, match["module"]
    return None


def module_key(name: str) -> str:
    """The name that `parse` gives to a model's own module."""
    # transformers 5 dropped the text encoder's outer "text_model"; files still have it.
    return name.replace(".", "_").removeprefix("text_model_")


def _split_component(key: str) -> tuple[str | None, str]:
    key = key.removeprefix(_PEFT)
    for prefix, component in _PREFIXES.items():
        if key.startswith(prefix):
            return component, key.removeprefix(prefix).removeprefix(_PEFT)
    comfy = _COMFY_TEXT.match(key)
    if comfy:
        return (SECOND_TEXT_ENCODER if comfy["which"] == "g" else TEXT_ENCODER), key[comfy.end() :]
    return None, key
