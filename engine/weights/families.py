"""Families of base models, told apart by the width of their cross-attention."""

FAMILIES = {
    768: "Stable Diffusion 1.x",
    1024: "Stable Diffusion 2.x",
    2048: "SDXL",
    128: "Niji mini",
}


def base_of_width(width: int | None) -> str:
    """The family's readable name; a LoRA fits a model when both have the same width."""
    if not width:
        return "unknown"
    return FAMILIES.get(width, f"custom (width {width})")
