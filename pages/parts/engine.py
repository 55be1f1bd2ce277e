"""What computes a picture, as pages offer it."""

from engine.settings import OPENVINO, TORCH

AUTOMATIC = "Automatic"
QUICK, EXACT = "Quick (OpenVINO)", "Reference (PyTorch)"
CHOICES = {AUTOMATIC: None, QUICK: OPENVINO, EXACT: TORCH}
HELP = (
    "What computes the picture. OpenVINO takes half the time or less; its pictures differ from PyTorch's by at most "
    "one of 255 levels in a few places. Each picture's recipe says which one computed it, and Reproduce takes the same."
)


def becomes(choice: str, taken: str, thing: str) -> str:
    """What becomes of a choice, in words.

    Args:
        taken: the backend that will compute.
        thing: that is made ready, such as "model".
    """
    if choice == EXACT:
        return "The reference, as in earlier versions."
    if choice == QUICK:
        return f"Makes the {thing} ready first where it is not yet, once."
    return (
        "OpenVINO draws." if taken == OPENVINO else f"PyTorch draws; the {thing} is made ready for OpenVINO in a pause."
    )
