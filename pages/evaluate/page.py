"""Evaluate: LoRAs with and without, their checkpoints and weights; translators beside each other; two folders."""

from typing import Any

import streamlit as st
from ulid import ULID

from engine.datasets.pictures import CaptionedPicture
from engine.diffusion.request import GUIDANCE_SCALE, LORA_WEIGHT, STEPS
from engine.lora import evaluations, preparing
from engine.lora.evaluations import HELD_OUT, Subject
from engine.lora.requests import SEEDS, EvaluateLora
from engine.rules import counted
from engine.studio import Studio
from engine.weights.loras import LoraInfo
from pages.evaluate.by_eye import BY_EYE, by_eye_form, show_rounds
from pages.evaluate.folders import show_folders
from pages.evaluate.grid import grid_form, show_grids
from pages.evaluate.networks import show_networks
from pages.evaluate.on_pairs import show_pairs
from pages.evaluate.report import show_reports
from pages.evaluate.stopped import MEASURING, show_stopped
from pages.evaluate.translators import show_translators
from pages.parts.attention import show_status
from pages.parts.common import OWNER, PEOPLE_ERRORS, TRAIN, open_studio
from pages.parts.dataset_picker import pick_dataset
from pages.parts.fields import show_refusal
from pages.parts.jobs import show_jobs
from pages.parts.submit import Press, said_by

PLACES = {
    "lora": "lora",
    "loras": "lora",
    "model": "judge_model",
    "pictures": "way",
    "weight": "weight_of_",
    "seeds": "seeds",
    "num_inference_steps": "evaluation_steps",
    "guidance_scale": "evaluation_guidance",
}
PRESS = Press("evaluate", together=[("model", "loras", "lora")], places=PLACES)
LORAS, TRANSLATORS, PAIRS, FOLDERS = "LoRAs", "Translators", "On pairs", "Two folders"
OWN, OTHERS = "Held out by its training", "Others"
REPORT, GRID = "With and without", "Checkpoints and weights"


def main() -> None:
    """Lay out the page."""
    studio = open_studio()
    about = st.segmented_control(
        "Evaluate",
        [LORAS, TRANSLATORS, PAIRS, FOLDERS],
        default=LORAS,
        required=True,
        key="about",
        bind="query-params",
        wrap=True,
    )
    shown = {LORAS: _loras, TRANSLATORS: show_translators, PAIRS: show_pairs, FOLDERS: show_folders}
    shown[about](studio)


def _loras(studio: Studio) -> None:
    subjects = evaluations.subjects(studio.settings, studio.loras())
    if not subjects:
        _empty()
        show_networks(studio)
        return
    left, right = st.columns([1, 2], gap="large")
    with left:
        subject = _chosen(subjects)
        view = _view(subject)
        if view == REPORT and subject.lora is not None:
            _form(studio, subject, subject.lora)
        elif subject.run is not None and view == BY_EYE:
            by_eye_form(studio, subject.run)
        elif subject.run is not None:
            grid_form(studio, subject.run)
        show_networks(studio)
    with right:
        show_jobs(studio, MEASURING)
        show_stopped(studio, subject)
        if view == REPORT and subject.lora is not None:
            show_reports(studio, subject.lora)
        elif subject.run is not None and view == BY_EYE:
            show_rounds(studio, subject.run)
        elif subject.run is not None:
            show_grids(studio, subject.run, subject.lora)


def _empty() -> None:
    st.markdown("## There is no LoRA yet")
    st.caption("Train one on your own pictures, or put .safetensors files into the studio's folder of LoRAs.")
    st.page_link(TRAIN, label="Train a LoRA", icon=":material/model_training:")


def _chosen(subjects: dict[str, Subject]) -> Subject:
    key = st.selectbox(
        "LoRA",
        list(subjects),
        format_func=lambda key: subjects[key].title,
        key="lora",
        bind="query-params",
    )
    return subjects[key]


def _view(subject: Subject) -> str:
    """What to look at: only what this LoRA can have."""
    views = [*([REPORT] if subject.lora else []), *([GRID, BY_EYE] if subject.run else [])]
    if len(views) == 1:
        return views[0]
    return st.segmented_control(
        "Measure", views, default=views[0], required=True, key="view", bind="query-params", wrap=True
    )


def _form(studio: Studio, subject: Subject, lora: LoraInfo) -> None:
    try:
        held_out, source = _pictures(studio, subject)
    except PEOPLE_ERRORS as error:
        show_refusal(said_by(error, "pictures"), PLACES)
        return
    values = _values(studio, subject, lora)
    if held_out is None:
        return
    drawn = 2 * len(held_out) * values["seeds"] if isinstance(values["seeds"], int) else 0
    st.caption(
        f"{counted(len(held_out), 'caption')}, each drawn with and without the LoRA: {counted(drawn, 'picture')}"
    )
    _evaluate_button(studio, held_out, source, values)


def _evaluate_button(studio: Studio, held_out: list[CaptionedPicture], source: str, values: dict[str, Any]) -> None:
    def submit(key: str) -> None:
        request = EvaluateLora(evaluation=str(ULID()), **values)
        preparing.begin_evaluation(studio.settings, request.evaluation, held_out, source)
        studio.submit(request, key=key, owner=OWNER)

    fields = {**values, "pictures": held_out, "loras": values["lora"]}
    pressed = PRESS.button("Evaluate", ":material/query_stats:")
    show_status(studio, MEASURING)
    PRESS.show_problems(fields)
    if pressed:
        PRESS.ask((values, source), submit, fields)


def _pictures(studio: Studio, subject: Subject) -> tuple[list[CaptionedPicture] | None, str]:
    """The pictures to judge by, None while none are chosen; and where they come from.

    Raises:
        StudioError: they cannot be read.
    """
    name = subject.key
    if subject.run is not None:
        choice = st.segmented_control(
            "Reference pictures", [OWN, OTHERS], default=OWN, required=True, key="reference", width="stretch"
        )
        if choice == OWN:
            return preparing.held_out_for(studio.settings, name, None), HELD_OUT
    else:
        st.caption("Choose captioned pictures that this LoRA was not trained on.")
    folder = pick_dataset(studio)
    if folder is None:
        return None, ""
    return preparing.held_out_for(studio.settings, name, folder), str(folder)


def _values(studio: Studio, subject: Subject, lora: LoraInfo) -> dict[str, Any]:
    values: dict[str, Any] = {"lora": lora.name, "model": _model(studio, subject)}
    with st.expander("Advanced", icon=":material/tune:"):
        suggested = lora.preferred_weight
        key = f"weight_of_{lora.name}_{suggested:g}"
        values["weight"] = st.slider("Weight", LORA_WEIGHT.low, LORA_WEIGHT.high, suggested, 0.05, key=key)
        values["seeds"] = st.number_input(
            "Pictures for each caption", value=1, step=1, key="seeds", help=f"{SEEDS}; more make the figures surer"
        )
        values["num_inference_steps"] = st.number_input("Steps", value=STEPS.default, step=5, key="evaluation_steps")
        values["guidance_scale"] = st.number_input(
            "Guidance scale", value=GUIDANCE_SCALE.default, step=0.5, key="evaluation_guidance"
        )
    return values


def _model(studio: Studio, subject: Subject) -> str:
    """The model to draw with; a training's own where there is one."""
    models = {info.name: info for info in studio.models() if info.available}
    own = preparing.plan_of(studio.settings, subject.run).model.name if subject.run else studio.default_model().name
    if subject.run and own in models:
        return own
    names = list(models)
    index = names.index(own) if own in names else 0
    return st.selectbox("Model", names, index=index, format_func=lambda name: models[name].title, key="judge_model")


main()
