"""The model that ships: what its parts look like, and how they become a folder that the studio loads.

It has the layout of Stable Diffusion 2.1 (CLIP text encoder, UNet with cross-attention, AutoencoderKL,
v-prediction) at a hundredth of its size, for 256 px landscapes.
"""

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.diffusion.tokens import TOKENS
from engine.training.noise import TIMESTEPS

LATENT_CHANNELS = 12
TEXT_WIDTH = 128
IMAGE_SIZE = 256
FACTOR = 16  # pixels per place of the latents

SCHEDULER = {
    "num_train_timesteps": TIMESTEPS,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "trailing",
}


def autoencoder() -> AutoencoderKL:
    """Pixels to latents a sixteenth of their size and back; begins near bilinear resampling.

    GroupNorm has one group per layer: with few channels per group it erases the colour of whole areas.
    """
    model = AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 5,
        up_block_types=["UpDecoderBlock2D"] * 5,
        block_out_channels=[8, 16, 48, 96, 128],
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=1,
        sample_size=IMAGE_SIZE,
        scaling_factor=1.0,
    )
    _begin_as_resampling(model)
    return model


def text_encoder(vocabulary: int) -> CLIPTextModel:
    """CLIP's text transformer; the last two of its tokens are start and end.

    Args:
        vocabulary: number of tokens, start and end included.
    """
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=TEXT_WIDTH,
            intermediate_size=3 * TEXT_WIDTH,
            num_hidden_layers=4,
            num_attention_heads=4,
            max_position_embeddings=TOKENS,
            hidden_act="gelu",
            projection_dim=TEXT_WIDTH,
            bos_token_id=vocabulary - 2,
            eos_token_id=vocabulary - 1,
            pad_token_id=vocabulary - 1,
        )
    )


def denoiser() -> UNet2DConditionModel:
    """(N, 12, 16, 16) noisy latents, timesteps and (N, 77, 128) text to v; attention at 16, 8 and 4."""
    return UNet2DConditionModel(
        sample_size=IMAGE_SIZE // FACTOR,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=["CrossAttnDownBlock2D"] * 3,
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=["CrossAttnUpBlock2D"] * 3,
        block_out_channels=[64, 128, 192],
        layers_per_block=1,
        attention_head_dim=4,  # the number of heads, in spite of its name
        cross_attention_dim=TEXT_WIDTH,
        norm_num_groups=8,
        use_linear_projection=True,
    )


def scheduler() -> DDIMScheduler:
    """The noise schedule of Stable Diffusion, trailing timesteps."""
    return DDIMScheduler(**SCHEDULER)


def pipeline(
    vae: AutoencoderKL, text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer, unet: UNet2DConditionModel
) -> StableDiffusionPipeline:
    """The parts as one; nothing is copied."""
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@torch.no_grad()
def _begin_as_resampling(model: AutoencoderKL) -> None:
    """Residual branches near nothing, halving as a mean, doubling as a bilinear kernel, the rest as identity.

    A small autoencoder from random weights takes an hour to find colours; this one has them at once.
    """
    mean = torch.zeros(3, 3)
    mean[:2, :2] = 0.25  # diffusers pads right and below
    tent = torch.tensor([0.25, 0.5, 0.25])
    for module in model.modules():
        kind = type(module).__name__
        if kind == "ResnetBlock2D":
            module.conv2.weight.mul_(0.1)
            if module.conv_shortcut is not None:
                _pass_through(module.conv_shortcut, torch.ones(1, 1))
        elif kind == "Downsample2D":
            _pass_through(module.conv, mean)
        elif kind == "Upsample2D":
            _pass_through(module.conv, torch.outer(tent, tent))
        elif kind == "Attention":
            module.to_out[0].weight.mul_(0.1)
    middle = torch.zeros(3, 3)
    middle[1, 1] = 1.0
    for conv in (model.encoder.conv_in, model.encoder.conv_out, model.decoder.conv_in, model.decoder.conv_out):
        _pass_through(conv, middle)
    for conv in (model.quant_conv, model.post_quant_conv):
        _pass_through(conv, torch.ones(1, 1))
    for conv in (model.encoder.conv_out, model.quant_conv):  # the latents' spread begins small
        conv.weight[LATENT_CHANNELS:].mul_(0.1)
        conv.bias[LATENT_CHANNELS:] = -4.0


def _pass_through(conv: nn.Conv2d, kernel: torch.Tensor) -> None:
    """Copy each input channel to the output channel of the same number; more outputs keep their random weights."""
    shared = min(conv.in_channels, conv.out_channels)
    conv.weight[:shared] *= 0.1
    for channel in range(shared):
        conv.weight[channel, channel] += kernel
    assert conv.bias is not None
    conv.bias.zero_()
