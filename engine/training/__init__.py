"""Training: what the trainers share is in loop, parallel and scene_data; each trainer has a file of its own."""

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
)
"""The stages of `engine.mini.stages`, in order; here, where the command line reads them without torch."""
