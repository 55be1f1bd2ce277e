"""The training of a LoRA from one's own captioned pictures: its form."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from engine.datasets.captions import DEFAULT_RULES
from engine.errors import InvalidRequest, NotFound
from engine.lora import preparing
from engine.lora.admission import training_time
from engine.lora.pace import ABOUT, planned_with
from engine.lora.preparing import PreparedRun, RunSettings
from engine.lora.requests import TrainLora
from engine.lora.runs.config import PRESETS, Config
from engine.lora.runs.epochs import looks_of, run_in_words
from engine.rules import counted
from engine.studio import Studio
from engine.weights.models import ModelInfo
from pages.parts.attention import show_status
from pages.parts.common import OWNER, plain
from pages.parts.dataset_picker import pick_dataset
from pages.parts.fields import show_refusal
from pages.parts.licences import show_licence
from pages.parts.submit import Press, said_by
from pages.train.augmentation import augmentation_settings, show_preview
from pages.train.caption_tools import chosen_rules, show_captions, show_changes
from pages.train.findings import show_findings
from pages.train.lora_settings import all_settings, places, warmup_setting
from pages.train.runs import show_runs
from pages.train.training import Training

PLACES = {
    "dataset": "way",
    "pictures": "way",
    "folder": "way",
    "name": "lora_name",
    "trigger": "trigger",
    "model": "train_model",
    **places(),
}
PRESS = Press("train", places=PLACES)


def show_form(studio: Studio) -> None:
    """Pictures, settings and the button."""
    st.markdown("## Your pictures")
    folder = pick_dataset(studio)
    if folder is None:
        st.caption("Twenty to fifty pictures of one style are a good start.")
    else:
        _form(studio, folder)


def _form(studio: Studio, folder: Path) -> None:
    info = _model(studio)
    name, trigger = st.columns(2)
    values: dict[str, Any] = {
        "name": name.text_input("Name", value="mystyle", key="lora_name", bind="query-params"),
        "trigger": trigger.text_input(
            "Trigger word",
            key="trigger",
            bind="query-params",
            help="Put in front of every caption; typed into a prompt it calls the style",
        ),
        "enrich": st.toggle(
            "Extend captions by keywords",
            key="enrich",
            bind="query-params",
            help="A caption that mentions a castle, a forest, mist and so on gets a sentence about it",
        ),
    }
    rules = chosen_rules(studio, "form") if values["enrich"] else DEFAULT_RULES
    config, looks = _settings(info)
    if config is None:
        return
    try:
        order = RunSettings(values["name"], info, config, values["trigger"], values["enrich"], rules=rules)
        prepared = preparing.prepare(folder, order, on_gpu=studio.engine().accelerated)
    except (InvalidRequest, NotFound) as error:
        show_refusal(said_by(error, "dataset"), PLACES)
        return
    with looks:
        show_preview(prepared.train, config.augmentation(info.native_size))
    _report(prepared)
    if order.enrich or order.trigger:
        _what_captions_become(folder, prepared)
    with st.expander("Pictures and captions", icon=":material/edit_note:"):
        show_captions(studio, folder, prepared.dataset.pictures)
    looks = looks_of(prepared.train)
    st.caption(
        plain(
            f"{counted(len(prepared.train), 'picture')} to train on, {len(prepared.held_out)} held out to measure "
            f"with. {run_in_words(order.config, looks)}. {prepared.memory.in_words()} {_time(studio, order, prepared)}"
        )
    )
    _train_button(studio, folder, prepared, order)


def _model(studio: Studio) -> ModelInfo:
    known = studio.models()
    models = {info.name: info for info in known if info.available}
    names = list(models)
    default = studio.default_model(known).name
    name = st.selectbox(
        "Model",
        names,
        index=names.index(default) if default in names else 0,
        format_func=lambda name: models[name].title,
        key="train_model",
        bind="query-params",
    )
    show_licence(models[name].licence)  # the LoRA will carry it
    return models[name]


def _settings(info: ModelInfo) -> tuple[Config | None, Any]:
    """The preset with what was changed, None while a value breaks a rule, which is said; and where looks are shown."""
    preset = st.segmented_control(
        "Preset",
        list(PRESETS),
        default="recommended",
        required=True,
        key="preset",
        bind="query-params",
    )
    base = PRESETS[preset]
    st.caption(plain(ABOUT[preset]))
    with st.expander("All settings", icon=":material/tune:"):
        changed = all_settings(base, preset)
        changed["warmup_steps"] = warmup_setting(base, preset, changed["steps"])
    with st.expander("What the model will see", icon=":material/crop:"):
        seen = augmentation_settings(base, preset, info.native_size)
        looks = st.container()
    try:
        return replace(base, **changed, **seen), looks
    except InvalidRequest as error:
        show_refusal(said_by(error), PLACES)
        return None, looks


def _what_captions_become(folder: Path, prepared: PreparedRun) -> None:
    """The folder keeps its captions; the training gets these."""
    before = {each.path: each.caption for each in prepared.dataset.pictures}
    after = {each.path: each.caption for each in (*prepared.train, *prepared.held_out)}
    with st.expander("What the captions become", icon=":material/format_quote:"):
        st.caption("For this training alone; the files stay as they are.")
        changes = {path: caption for path, caption in after.items() if caption != before[path]}
        show_changes(folder, prepared.dataset.pictures, changes)


def _report(prepared: PreparedRun) -> None:
    st.markdown(f"**{plain(prepared.dataset.report.summary)}**")
    show_findings([*prepared.dataset.report.findings, *prepared.check_up.findings])


def _time(studio: Studio, order: RunSettings, prepared: PreparedRun) -> str:
    jobs = studio.jobs(kind=TrainLora.kind, limit=50)
    planned = planned_with(order.config, order.model, prepared.train, prepared.held_out)
    return training_time(studio.settings, planned, jobs, studio.engine(), studio.gallery)


def _train_button(studio: Studio, folder: Path, prepared: PreparedRun, order: RunSettings) -> None:
    def submit(key: str) -> None:
        run = preparing.begin_run(studio.settings, prepared, order)
        studio.submit(TrainLora(run=run, name=order.name), key=key, owner=OWNER)

    blocked = prepared.check_up.blocks
    why = "What the findings call a block has to be mended first" if blocked else None
    pressed = PRESS.button("Train", ":material/model_training:", disabled=blocked, help=why)
    show_status(studio, [TrainLora.kind])
    fields = {"name": order.name, "dataset": (folder, prepared.train), "run": order}
    PRESS.show_problems(fields)
    if pressed:
        PRESS.ask((folder, order), submit, fields)


TRAINING = Training(
    name="lora",
    label="LoRA",
    about="A style or a subject that Generate can draw: from captioned pictures.",
    form=show_form,
    runs=show_runs,
)
