"""What an artist does next with a picture: start from it, redraw a part, have more like it."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import streamlit as st

from engine.diffusion.prompts.grammar import PLAIN
from engine.diffusion.request import TextToImage
from engine.image_to_image.request import ImageToImage
from engine.inpainting.request import Inpaint
from engine.prompting.parsing import literal
from engine.studio import Studio
from gallery.records import ImageRecord
from pages.generate.details import KINDS
from pages.generate.kept import PART, PICTURE, START, START_FROM, start_from
from pages.parts.attention import toast
from pages.parts.common import GALLERY, GENERATE, OWNER
from pages.parts.fields import show_field
from pages.parts.submit import Press

MORE = 4  # pictures that one press of a variation asks for
HOLDING = 0.35  # strength that keeps where what stands
NEAR = 0.2  # variation strength that keeps most of a picture
# A template drew them from another seed; the key's presence says that nothing in them is to be drawn again.
WORDS_AS_THEY_ARE = {"prompt_template": None, "negative_prompt_template": None}
USES = {
    PICTURE: ("Use as start", ":material/image:", "Draw over this picture as a whole"),
    PART: ("Inpaint", ":material/format_paint:", "Redraw a part of this picture, or draw beyond its edges"),
}


def show_actions(studio: Studio, record: ImageRecord, place: str) -> None:
    """On Generate itself, where the form keeps everything else that it says; in a horizontal container.

    Args:
        place: keeps the widgets of the same picture apart when it is shown twice on a page.
    """
    for choice, (label, icon, why) in USES.items():
        key = f"{choice}_{place}_{record.id}"
        st.button(label, key=key, icon=icon, help=why, on_click=_use, args=(record, choice))
    _variations_menu(studio, record, place)


def open_link(record: ImageRecord) -> None:
    """To the picture's own view."""
    why = "Large, with the arrow keys from picture to picture"
    st.page_link(GALLERY, label="Open", icon=":material/open_in_full:", help=why, query_params={"image": record.id})


def _use(record: ImageRecord, choice: str) -> None:
    start_from(record.id, choice)
    show_field(START_FROM)  # it stands far above the picture
    toast("The form starts from this picture now.")


def show_links(studio: Studio, record: ImageRecord, place: str) -> None:
    """On other pages: the same as links to Generate, with the picture's own prompt and model where it was drawn."""
    recipe, drawn = record.recipe, record.kind in KINDS
    syntax = recipe.request.get("prompt_syntax", PLAIN)
    words = {
        "prompt": literal(recipe.prompt),
        "negative_prompt": literal(recipe.negative_prompt),
        "model": recipe.model_name,
        "prompt_syntax": syntax if syntax == PLAIN else "",
    }
    query = {name: word for name, word in words.items() if word} if drawn else {}
    for choice, (label, icon, why) in USES.items():
        asked = {**query, START: record.id, START_FROM: choice}
        st.page_link(GENERATE, label=label, icon=icon, help=why, query_params=asked)
    _variations_menu(studio, record, place)


def _variations_menu(studio: Studio, record: ImageRecord, place: str) -> None:
    if record.kind in KINDS:
        with st.popover("Variations", icon=":material/auto_awesome_motion:"):
            _variations(studio, record, place)


def _variations(studio: Studio, record: ImageRecord, place: str) -> None:
    """More like this; nothing where this version cannot read how it was made."""
    request = studio.kinds.read(record.kind, record.recipe.request)
    if request is None:
        st.caption("Its recipe is of another version of the studio.")
        return
    key = f"{place}_{record.id}"
    press = Press(f"more_{key}")

    def ask(label: str, icon: str, name: str, why: str, build: Callable[[], Any], **values: Any) -> None:
        def submit(nonce: str) -> None:
            studio.submit(build(), key=nonce, owner=OWNER)

        args = (submit, (name, values))
        st.button(label, key=f"{name}_{key}", icon=icon, help=why, on_click=press.now, args=args, width="stretch")

    ask(
        f"{MORE} more like this",
        ":material/library_add:",
        "more",
        "The same recipe with other seeds",
        lambda: _more(request, record),
    )
    ask(
        f"{MORE} with its composition",
        ":material/dashboard:",
        "hold",
        f"Drawn over this picture at strength {HOLDING}, so that everything stays where it is",
        lambda: _holding(studio, request, record),
    )
    if _can_be_near(request, record):
        strength = st.slider("Variation strength", 0.05, 1.0, NEAR, 0.05, key=f"near_strength_{key}")
        ask(
            f"{MORE} near this",
            ":material/blur_on:",
            "near",
            "The same seed, with that much noise of other seeds",
            lambda: _near(request, record, strength),
            strength=strength,
        )
    press.show_problems()


def _more(request: TextToImage, record: ImageRecord) -> TextToImage:
    other = {"seed": None, "variation_seed": None, "variation_strength": 0.0}
    return replace(request, num_images=MORE, variation_of=record.id, **other, **WORDS_AS_THEY_ARE)


def _can_be_near(request: TextToImage, record: ImageRecord) -> bool:
    """A variation mixes the noise of two seeds; a third does not go into a recipe."""
    return record.seed is not None and not request.variation_strength


def _near(request: TextToImage, record: ImageRecord, strength: float) -> TextToImage:
    mixed = {"seed": record.seed, "variation_seed": None, "variation_strength": strength}
    return replace(request, num_images=MORE, variation_of=record.id, **mixed, **WORDS_AS_THEY_ARE)


def _holding(studio: Studio, request: TextToImage, record: ImageRecord) -> ImageToImage:
    names = {spec.name for spec in fields(TextToImage)} - {"seed", "variation_seed"}
    values = {name: getattr(request, name) for name in names}
    values |= {"num_images": MORE, "variation_strength": 0.0, "variation_of": record.id, **WORDS_AS_THEY_ARE}
    fit = "crop"
    if isinstance(request, Inpaint):  # its size is that of the part; the picture has one of its own
        fit = "keep"
        del values["width"], values["height"]
    start = studio.start_from(record.id, OWNER)
    return studio.request(ImageToImage.kind, {**values, "image": start, "strength": HOLDING, "fit": fit})
