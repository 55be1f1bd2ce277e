"""The names of the stages in `stages`, in order, for who reads them without torch."""

STAGE_NAMES = (
    "scenes",
    "autoencoder",
    "sharpen",
    "latents",
    "tokenizer",
    "captions",
    "text",
    "denoiser",
    "export",
    "drawings",
    "finish",
    "draft",
)
