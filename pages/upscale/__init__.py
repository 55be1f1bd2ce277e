"""The Upscale page: pictures made larger."""
