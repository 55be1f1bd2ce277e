"""The names that the original checkpoints of Stable Diffusion give the U-Net's modules, for any depth of it.

They number the modules through all blocks ("input_blocks.4.1") where diffusers numbers them in each block
("down_blocks.1.attentions.0"). Source: CompVis latent-diffusion, ldm/modules/diffusionmodules/openaimodel.py.
"""

from collections.abc import Iterator

from diffusers import UNet2DConditionModel

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_OUTSIDE = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}


def ldm_names(unet: UNet2DConditionModel) -> dict[str, str]:
    """The original name of each module that has one, by diffusers' name."""
    starts = dict(_starts(unet))
    names = {}
    for name, _ in unet.named_modules():
        start = next((start for start in starts if name == start or name.startswith(f"{start}.")), None)
        if start:
            inside = name.removeprefix(start).removeprefix(".")
            inside = _RESNET.get(inside, inside) if ".resnets." in start else inside
            names[name] = f"{starts[start]}.{inside}".removesuffix(".")
    return names


def _starts(unet: UNet2DConditionModel) -> Iterator[tuple[str, str]]:
    """diffusers' and the original name of each part of a block, and of the modules outside the blocks."""
    yield from _OUTSIDE.items()
    yield from _down(unet)
    yield "mid_block.resnets.0", "middle_block.0"
    yield "mid_block.attentions.0", "middle_block.1"
    yield "mid_block.resnets.1", "middle_block.2"
    yield from _up(unet)


def _down(unet: UNet2DConditionModel) -> Iterator[tuple[str, str]]:
    number = 1  # 0 is conv_in
    for i, block in enumerate(unet.down_blocks):
        for j in range(len(block.resnets)):
            yield f"down_blocks.{i}.resnets.{j}", f"input_blocks.{number}.0"
            yield f"down_blocks.{i}.attentions.{j}", f"input_blocks.{number}.1"
            number += 1
        if block.downsamplers:
            yield f"down_blocks.{i}.downsamplers.0.conv", f"input_blocks.{number}.0.op"
            number += 1


def _up(unet: UNet2DConditionModel) -> Iterator[tuple[str, str]]:
    number = 0
    for i, block in enumerate(unet.up_blocks):
        for j in range(len(block.resnets)):
            yield f"up_blocks.{i}.resnets.{j}", f"output_blocks.{number}.0"
            yield f"up_blocks.{i}.attentions.{j}", f"output_blocks.{number}.1"
            number += 1
        if block.upsamplers:
            place = 2 if hasattr(block, "attentions") else 1
            yield f"up_blocks.{i}.upsamplers.0", f"output_blocks.{number - 1}.{place}"
