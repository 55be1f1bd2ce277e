"""The button that brings what was found into the gallery."""

from collections.abc import Mapping
from typing import Any

from engine.errors import InvalidRequest
from engine.latent.requests import Explored
from engine.studio import Studio
from pages.parts.common import OWNER
from pages.parts.fields import show_refusal
from pages.parts.submit import Press, said_by


def keep_button(studio: Studio, asked: Mapping[str, Any], label: str, place: str) -> None:
    """Ask for this picture to be kept, by fields of `Explored`; `place` tells the page's buttons apart.

    Where a latent cannot be kept, that is said in the button's place.
    """
    try:
        request = Explored(**asked)
    except InvalidRequest as error:
        show_refusal(said_by(error), {})
        return
    press = Press(f"explored_{place}")
    pressed = press.button(label, ":material/save:", main=False)
    values = {"explorer": request.explorer, "begin": request.begin, "end": request.end}
    press.show_problems(values)
    if pressed:
        press.ask(request, lambda key: studio.submit(request, key=key, owner=OWNER), values)
