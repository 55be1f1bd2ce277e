"""Train: what is to be trained, its form, and its runs.

A further kind is a `Training` with its form and its runs, in a file of its own, and a line in `TRAININGS`.
"""

import streamlit as st

from pages.parts.common import open_studio
from pages.parts.named_choice import named_choice
from pages.train import cyclegan, lora, networks, vqi2i
from pages.train.training import Training

TRAININGS: tuple[Training, ...] = (
    lora.TRAINING,
    networks.VAE,
    networks.GAN,
    cyclegan.TRAINING,
    vqi2i.TRAINING,
)


def main() -> None:
    """Lay out the page."""
    studio = open_studio()
    by_name = {training.name: training for training in TRAININGS}
    left, right = st.columns([1, 1], gap="large")
    with left:
        chosen = named_choice(
            st.segmented_control,
            "What to train",
            {training.name: training.label for training in TRAININGS},
            key="what",
            default=lora.TRAINING.name,
            required=True,
            wrap=True,
        )
        training = by_name[chosen]
        st.caption(training.about)
        training.form(studio)
    with right:
        training.runs(studio)


main()
