"""The button that brings what was found into the gallery."""

from engine.latent.requests import Explored
from engine.studio import Studio
from pages.parts.common import OWNER
from pages.parts.submit import Press


def keep_button(studio: Studio, request: Explored, label: str, place: str) -> None:
    """Ask for this picture to be kept; `place` tells the page's buttons apart."""
    press = Press(f"explored_{place}")
    pressed = press.button(label, ":material/save:", main=False)
    values = {"explorer": request.explorer, "begin": request.begin, "end": request.end}
    press.show_problems(values)
    if pressed:
        press.ask(request, lambda key: studio.submit(request, key=key, owner=OWNER), values)
