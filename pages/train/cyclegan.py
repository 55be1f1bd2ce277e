"""Trainings of two translators, there and back, from two folders: their form and their runs."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st
from ulid import ULID

from engine.cyclegan.config import LOSSES, PRESETS, Config
from engine.cyclegan.plan import RUNS, Plan, write_plan
from engine.cyclegan.request import TrainCycleGan
from engine.errors import InvalidRequest
from engine.prepared import prepared
from engine.studio import Studio
from engine.translation.training_runs import RunInfo
from pages.parts.attention import show_status
from pages.parts.common import OWNER, plain
from pages.parts.dataset_picker import pick_dataset
from pages.parts.fields import show_refusal
from pages.parts.submit import Press, said_by
from pages.train.training import Training
from pages.train.translator_runs import Runs, show_chart
from pages.train.two_folders import BLOCKED, checked, is_blocked

PLACES = {
    "name": "cyclegan_name",
    "dataset": "way_x_pictures",
    "x": "way_x_pictures",
    "y": "way_y_pictures",
    "x_name": "kind_x",
    "y_name": "kind_y",
    "epochs": "epochs_",
    "identity": "identity_",
    "learning_rate": "rate_",
    "loss": "loss_",
    "seed": "seed_",
}
PRESS = Press("train_cyclegan", places=PLACES)
ABOUT = {
    "paper": "As published, 200 epochs of crops of 256 px: many hours on a GPU.",
    "short": "As published, but 40 epochs: some hours on a GPU.",
    "cpu": "Crops of 64 px and 3,000 steps of a small network: about an hour on two busy cores, a coarse result.",
}
LOSSES_IN_WORDS = dict(zip(LOSSES, ("Least squares", "Log"), strict=True))
CURVES = {  # which numbers stand in one chart
    "How far pictures are from themselves after the way there and back": ("held_out/cycle_x", "held_out/cycle_y"),
    "Losses of both discriminators; they should swing, neither fall to 0": (
        "loss_discriminator_x",
        "loss_discriminator_y",
    ),
}
SHEETS = {
    "there.png": "As they are, translated, and back",
    "back.png": "The other kind as they are, translated, and back",
}


def _form(studio: Studio) -> None:
    x, x_name = _kind(studio, "x", "## Pictures of one kind", "photo")
    y, y_name = _kind(studio, "y", "## Pictures of the other kind", "anime")
    if x is None or y is None:
        st.caption("A hundred pictures of each kind are a good start; nothing in them has to belong together.")
        return
    config = _settings(studio)
    name = st.text_input("Name", value="mine", key="cyclegan_name", help="Of the pair of translators")
    check_up = checked(x, y, config.crop, config.side, PLACES) if config else None
    if config is None or check_up is None:
        return
    blocked = is_blocked(check_up)
    pressed = PRESS.button("Train", ":material/model_training:", disabled=blocked, help=BLOCKED if blocked else None)
    show_status(studio, [TrainCycleGan.kind])
    values = {"name": name, "x": x, "y": y, "x_name": x_name, "y_name": y_name, "config": config}
    PRESS.show_problems(values)
    if pressed:
        PRESS.ask(tuple(values.values()), lambda key: _submit(studio, values, key), values)


def _kind(studio: Studio, place: str, title: str, usual: str) -> tuple[Path | None, str]:
    """A folder, and what its pictures are."""
    st.markdown(title)
    name = st.text_input("What they are", value=usual, key=f"kind_{place}", bind="query-params", help="One word or two")
    return pick_dataset(studio, f"{place}_pictures", captions=False), name


def _settings(studio: Studio) -> Config | None:
    """The preset with what was changed; None while a value breaks a rule, which is said."""
    usual = "short" if studio.engine().accelerated else "cpu"
    preset = st.segmented_control("Preset", list(PRESETS), default=usual, required=True, key="cyclegan_preset")
    base = PRESETS[preset]
    st.caption(plain(ABOUT[preset]))
    with st.expander("Advanced", icon=":material/tune:"):
        changed = _advanced(base, preset)
    try:
        return replace(base, decay_epochs=changed["epochs"] // 2, **changed)
    except InvalidRequest as error:
        problems = said_by(error)
        if "epochs" in problems:  # the half of them in which the rate falls is no field of the form
            problems.pop("decay_epochs", None)
        show_refusal(problems, PLACES)
        return None


def _advanced(base: Config, key: str) -> dict[str, Any]:
    return {
        "epochs": st.number_input(
            "Epochs", value=base.epochs, step=10, key=f"epochs_{key}", help="The learning rate falls in the second half"
        ),
        "identity": st.number_input(
            "Keep colours",
            value=base.identity,
            step=0.1,
            key=f"identity_{key}",
            help="How much a picture that is of the other kind already should stay as it is; 0 to 0.5 is usual",
        ),
        "learning_rate": st.number_input(
            "Learning rate", value=base.learning_rate, step=1e-5, format="%.5f", key=f"rate_{key}"
        ),
        "loss": st.selectbox(
            "Loss", LOSSES, LOSSES.index(base.loss), format_func=LOSSES_IN_WORDS.get, key=f"loss_{key}"
        ),
        "seed": st.number_input("Seed", value=base.seed, step=1, key=f"seed_{key}"),
    }


def _submit(studio: Studio, values: dict[str, Any], key: str) -> None:
    plan, run = Plan(**values), str(ULID())
    write_plan(prepared(studio.settings.home, studio.settings.runs_dir / run), plan, time.time())
    studio.submit(TrainCycleGan(run=run, name=plan.name), key=key, owner=OWNER)


# -- the runs


def _curves(info: RunInfo[Plan]) -> None:
    kinds = {"_x": info.plan.x_name, "_y": info.plan.y_name}
    for title, names in CURVES.items():
        show_chart(info, title, names, lambda name: kinds[name[-2:]])
    for path in info.sheets:
        st.image(str(path), caption=SHEETS[path.name], width=420, alt=SHEETS[path.name])


def _finished(info: RunInfo[Plan]) -> str:
    return f"Finished: {info.plan.x_name} to {info.plan.y_name}, and back."


SHOWN_RUNS = Runs(
    kind=TrainCycleGan.kind,
    trainings=RUNS,
    request=lambda info: TrainCycleGan(run=info.run, name=info.plan.name),
    curves=_curves,
    finished=_finished,
)
TRAINING = Training(
    name="cyclegan",
    label="CycleGAN",
    about="Two translators for Anime-ify, there and back, from two folders of pictures that need not belong together.",
    form=_form,
    runs=SHOWN_RUNS.show,
)
