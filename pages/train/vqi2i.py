"""Trainings of a translator that draws photos in the style of a picture: their form and their runs."""

import time
from dataclasses import replace
from typing import Any

import streamlit as st
from ulid import ULID

from engine.errors import InvalidRequest
from engine.prepared import prepared
from engine.studio import Studio
from engine.translation.training_runs import RunInfo
from engine.vqi2i.config import PRESETS, Config
from engine.vqi2i.plan import RUNS, Plan, write_plan
from engine.vqi2i.request import TrainVqi2i
from pages.parts.attention import show_status
from pages.parts.common import OWNER, plain
from pages.parts.dataset_picker import pick_dataset
from pages.parts.fields import show_refusal
from pages.parts.submit import Press, said_by
from pages.train.training import Training
from pages.train.translator_runs import Runs, show_chart
from pages.train.two_folders import BLOCKED, checked, is_blocked

PLACES = {
    "name": "vqi2i_name",
    "preset": "vqi2i_preset",
    "dataset": "way_photo_pictures",
    "photos": "way_photo_pictures",
    "styles": "way_style_pictures",
    "steps": "vqi2i_steps_",
    "learning_rate": "vqi2i_rate_",
    "style": "vqi2i_style_",
    "seed": "vqi2i_seed_",
}
PRESS = Press("train_vqi2i", places=PLACES)
ABOUT = {
    "default": "The published networks, 570 million parameters, at crops of 256 px: for a GPU; it was not run yet.",
    "small": "Crops of 64 px and 2,000 steps of a small network: an hour or more on two cores, a coarse result.",
}
CURVES = {  # which numbers stand in one chart
    "How far pictures are from themselves, drawn again": ("held_out/again_a", "held_out/again_b"),
    "Losses of both discriminators; they should swing, neither fall to 0": (
        "loss_discriminator_a",
        "loss_discriminator_b",
    ),
    "Codes in use; with few of them all photos become alike": ("perplexity",),
}
KINDS = {"_a": "photos", "_b": "style pictures"}
SHEET = "Photo, style picture, and the photo in that style"


def _form(studio: Studio) -> None:
    st.markdown("## Photos")
    photos = pick_dataset(studio, "photo_pictures", captions=False)
    st.markdown("## Pictures whose styles are to be taken")
    styles = pick_dataset(studio, "style_pictures", captions=False)
    if photos is None or styles is None:
        st.caption("A hundred pictures of each kind are a good start; nothing in them has to belong together.")
        return
    config, too_large = _settings(studio)
    name = st.text_input("Name", value="my-styles", key="vqi2i_name", help="Of the translator")
    check_up = checked(photos, styles, config.crop, config.side, PLACES) if config else None
    if config is None or check_up is None:
        return
    why = too_large or (BLOCKED if is_blocked(check_up) else "")
    pressed = PRESS.button("Train", ":material/model_training:", disabled=bool(why), help=why or None)
    show_status(studio, [TrainVqi2i.kind])
    values = {"name": name, "photos": photos, "styles": styles, "config": config}
    fields = values | {"preset": config}  # a refused preset stays said until the settings are others
    PRESS.show_problems(fields)
    if pressed:
        PRESS.ask(tuple(values.values()), lambda key: _submit(studio, values, key), fields)


def _settings(studio: Studio) -> tuple[Config | None, str]:
    """The preset with what was changed, None while a value breaks a rule, which is said; and why it is too large."""
    accelerated = studio.engine().accelerated
    usual = "default" if accelerated else "small"
    preset = st.segmented_control("Preset", list(PRESETS), default=usual, required=True, key="vqi2i_preset")
    base = PRESETS[preset]
    st.caption(plain(ABOUT[preset]))
    if too_large := base.device_problem(accelerated):
        st.warning(plain(too_large), icon=":material/memory:")
    with st.expander("Advanced", icon=":material/tune:"):
        changed = _advanced(base, preset)
    try:
        return replace(base, **changed), too_large
    except InvalidRequest as error:
        show_refusal(said_by(error), PLACES)
        return None, too_large


def _advanced(base: Config, key: str) -> dict[str, Any]:
    return {
        "steps": st.number_input(
            "Steps",
            value=base.steps,
            step=500,
            key=f"vqi2i_steps_{key}",
            help="The learning rate falls in the second half",
        ),
        "style": st.number_input(
            "Hold to the style",
            value=base.style,
            step=0.5,
            key=f"vqi2i_style_{key}",
            help="How much a drawn picture must give the style back that it was drawn in",
        ),
        "learning_rate": st.number_input(
            "Learning rate", value=base.learning_rate, step=1e-5, format="%.5f", key=f"vqi2i_rate_{key}"
        ),
        "seed": st.number_input("Seed", value=base.seed, step=1, key=f"vqi2i_seed_{key}"),
    }


def _submit(studio: Studio, values: dict[str, Any], key: str) -> None:
    plan, run = Plan(**values), str(ULID())
    write_plan(prepared(studio.settings.home, studio.settings.runs_dir / run), plan, time.time())
    studio.submit(TrainVqi2i(run=run, name=plan.name), key=key, owner=OWNER)


# -- the runs


def _curves(info: RunInfo[Plan]) -> None:
    for title, names in CURVES.items():
        show_chart(info, title, names, lambda name: KINDS.get(name[-2:], "codes"))
    for path in info.sheets:
        st.image(str(path), caption=SHEET, width=420, alt=SHEET)


def _finished(info: RunInfo[Plan]) -> str:
    return f"Finished after {info.plan.config.steps} steps: choose a photo and a style picture on Anime-ify."


TRAINING = Training(
    name="vqi2i",
    label="VQ-I2I",
    about="A translator for Anime-ify that draws a photo in the style of a picture you choose with it.",
    form=_form,
    runs=Runs(
        kind=TrainVqi2i.kind,
        trainings=RUNS,
        request=lambda info: TrainVqi2i(run=info.run, name=info.plan.name),
        curves=_curves,
        finished=_finished,
    ).show,
)
