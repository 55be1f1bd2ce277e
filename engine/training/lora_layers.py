"""The layers of a UNet that can get a LoRA, by the ends of their names. No torch."""

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")  # of the UNet's self- and cross-attention
TRANSFORMER = ("proj_in", "proj_out", "ff.net.0.proj", "ff.net.2")  # what else its transformer blocks have
CONVOLUTIONS = ("conv1", "conv2", "conv_shortcut", "time_emb_proj")  # of its residual blocks
LAYERS = (*ATTENTION, *TRANSFORMER, *CONVOLUTIONS)
