"""ComfyUI: the graph that drew a picture, walked from the node that saved it back to what it was drawn with."""

from gallery.foreign.comfyui.reading import read

__all__ = ["read"]
