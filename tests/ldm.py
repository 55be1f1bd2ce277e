"""Turn a pipeline in diffusers layout into one single-file checkpoint in the original (LDM) layout.

The inverse of what `from_single_file` does, written from the original code's module names, for the UNet,
the VAE and OpenCLIP's text encoder as Stable Diffusion 2.x combines them.
"""

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
TEXT_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def ldm_checkpoint(pipeline: StableDiffusionPipeline) -> dict[str, Tensor]:
    """Every tensor of the pipeline under its original name."""
    return {
        **_renamed(pipeline.unet.state_dict(), "model.diffusion_model", _unet_names(pipeline.unet.config)),
        **_vae(pipeline.vae.state_dict(), pipeline.vae.config),
        **_text_encoder(pipeline.text_encoder.state_dict(), pipeline.text_encoder.config),
    }


def _renamed(tensors: dict[str, Tensor], prefix: str, names: dict[str, str]) -> dict[str, Tensor]:
    """Longest matching module name wins; each tensor must have one."""
    result = {}
    for name, tensor in tensors.items():
        module = max((known for known in names if name.startswith(f"{known}.")), key=len)
        result[f"{prefix}.{names[module]}{name.removeprefix(module)}"] = tensor
    return result


def _resnet(ours: str, theirs: str, parts: dict[str, str] = RESNET) -> dict[str, str]:
    return {f"{ours}.{part}": f"{theirs}.{name}" for part, name in parts.items()}


def _unet_names(config) -> dict[str, str]:
    names = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
        "mid_block.attentions.0": "middle_block.1",
        **_resnet("mid_block.resnets.0", "middle_block.0"),
        **_resnet("mid_block.resnets.1", "middle_block.2"),
    }
    layers, blocks = config.layers_per_block, len(config.block_out_channels)
    for block in range(blocks):
        for layer in range(layers):
            place = 1 + block * (layers + 1) + layer
            names |= _resnet(f"down_blocks.{block}.resnets.{layer}", f"input_blocks.{place}.0")
            names[f"down_blocks.{block}.attentions.{layer}"] = f"input_blocks.{place}.1"
        place = (block + 1) * (layers + 1)
        names[f"down_blocks.{block}.downsamplers.0.conv"] = f"input_blocks.{place}.0.op"
        for layer in range(layers + 1):
            place = block * (layers + 1) + layer
            names |= _resnet(f"up_blocks.{block}.resnets.{layer}", f"output_blocks.{place}.0")
            names[f"up_blocks.{block}.attentions.{layer}"] = f"output_blocks.{place}.1"
        attends = "CrossAttn" in config.up_block_types[block]
        place = block * (layers + 1) + layers
        names[f"up_blocks.{block}.upsamplers.0.conv"] = f"output_blocks.{place}.{1 + attends}.conv"
    return names


def _vae(tensors: dict[str, Tensor], config) -> dict[str, Tensor]:
    blocks, layers = len(config.block_out_channels), config.layers_per_block
    names = {"quant_conv": "quant_conv", "post_quant_conv": "post_quant_conv"}
    same = {part: part for part in ("norm1", "conv1", "norm2", "conv2")} | {"conv_shortcut": "nin_shortcut"}
    for half in ("encoder", "decoder"):
        names |= {f"{half}.{name}": f"{half}.{name}" for name in ("conv_in", "conv_out")}
        names |= {f"{half}.conv_norm_out": f"{half}.norm_out"}
        for i in range(2):
            names |= _resnet(f"{half}.mid_block.resnets.{i}", f"{half}.mid.block_{i + 1}", same)
        names |= _resnet(f"{half}.mid_block.attentions.0", f"{half}.mid.attn_1", VAE_ATTENTION)
    for block in range(blocks):
        up = blocks - 1 - block
        for layer in range(layers):
            ours, theirs = f"encoder.down_blocks.{block}.resnets.{layer}", f"encoder.down.{block}.block.{layer}"
            names |= _resnet(ours, theirs, same)
        for layer in range(layers + 1):
            ours, theirs = f"decoder.up_blocks.{block}.resnets.{layer}", f"decoder.up.{up}.block.{layer}"
            names |= _resnet(ours, theirs, same)
        names[f"encoder.down_blocks.{block}.downsamplers.0.conv"] = f"encoder.down.{block}.downsample.conv"
        names[f"decoder.up_blocks.{block}.upsamplers.0.conv"] = f"decoder.up.{up}.upsample.conv"
    renamed = _renamed(tensors, "first_stage_model", names)
    # The original attention is made of 1x1 convolutions.
    return {
        name: tensor[..., None, None] if ".attn_1." in name and tensor.ndim == 2 else tensor
        for name, tensor in renamed.items()
    }


def _text_encoder(tensors: dict[str, Tensor], config) -> dict[str, Tensor]:
    prefix = "cond_stage_model.model"
    result = {
        f"{prefix}.token_embedding.weight": tensors["embeddings.token_embedding.weight"],
        f"{prefix}.positional_embedding": tensors["embeddings.position_embedding.weight"],
        f"{prefix}.ln_final.weight": tensors["final_layer_norm.weight"],
        f"{prefix}.ln_final.bias": tensors["final_layer_norm.bias"],
        f"{prefix}.text_projection": torch.eye(config.hidden_size),
        f"{prefix}.logit_scale": torch.tensor(4.6),
    }
    for layer in range(config.num_hidden_layers):
        ours, theirs = f"encoder.layers.{layer}", f"{prefix}.transformer.resblocks.{layer}"
        for kind in ("weight", "bias"):
            for part, name in TEXT_LAYER.items():
                result[f"{theirs}.{name}.{kind}"] = tensors[f"{ours}.{part}.{kind}"]
            parts = [tensors[f"{ours}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
            result[f"{theirs}.attn.in_proj_{kind}"] = torch.cat(parts)
    return result
