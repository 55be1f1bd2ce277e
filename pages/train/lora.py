"""The training of a LoRA from one's own captioned pictures: its form."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from engine.datasets.captions import write_captions
from engine.errors import InvalidRequest, NotFound
from engine.lora import preparing
from engine.lora.admission import training_time
from engine.lora.pace import ABOUT
from engine.lora.preparing import PreparedRun, RunSettings
from engine.lora.requests import TrainLora
from engine.lora.runs.config import PRESETS, Config
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
from pages.train.caption_table import edited_captions
from pages.train.findings import show_findings
from pages.train.runs import show_runs
from pages.train.training import Training

PLACES = {
    "dataset": "way",
    "pictures": "way",
    "folder": "way",
    "name": "lora_name",
    "trigger": "trigger",
    "model": "train_model",
    "steps": "train_steps_",
    "warmup_steps": "train_steps_",
    "rank": "rank_",
    "learning_rate": "rate_",
    "seed": "train_seed",
    "resolution": "resolution_",
    "min_scale": "scale_",
    "horizontal_flip": "flip_",
    "color_jitter": "jitter_",
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
    config, looks = _settings(info)
    if config is None:
        return
    try:
        order = RunSettings(values["name"], info, config, values["trigger"], values["enrich"])
        prepared = preparing.prepare(folder, order, on_gpu=studio.engine().accelerated)
    except (InvalidRequest, NotFound) as error:
        show_refusal(said_by(error, "dataset"), PLACES)
        return
    with looks:
        show_preview(prepared.train, config.augmentation(info.native_size))
    _report(prepared)
    _captions(folder, prepared)
    st.caption(
        plain(
            f"{counted(len(prepared.train), 'picture')} to train on, {len(prepared.held_out)} held out to measure "
            f"with. {prepared.memory.in_words()} {_time(studio, order)}"
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
    with st.expander("Advanced", icon=":material/tune:"):
        steps = st.number_input("Steps", value=base.steps, step=50, key=f"train_steps_{preset}")
        rank = st.number_input("Rank", value=base.rank, step=4, key=f"rank_{preset}", help="1 to 512")
        rate = st.number_input(
            "Learning rate", value=base.learning_rate, step=1e-5, format="%.6f", key=f"rate_{preset}"
        )
        seed = st.number_input("Seed", value=base.seed, step=1, key="train_seed")
    with st.expander("What the model will see", icon=":material/crop:"):
        seen = augmentation_settings(base, preset, info.native_size)
        looks = st.container()
    try:
        warmup = base.warmup_steps if base.warmup_steps < steps else max(0, steps // 4)
        changed = {"steps": steps, "rank": rank, "learning_rate": rate, "seed": seed, "warmup_steps": warmup}
        return replace(base, **changed, **seen), looks
    except InvalidRequest as error:
        show_refusal(said_by(error), PLACES)
        return None, looks


def _report(prepared: PreparedRun) -> None:
    st.markdown(f"**{plain(prepared.dataset.report.summary)}**")
    show_findings([*prepared.dataset.report.findings, *prepared.check_up.findings])


def _captions(folder: Path, prepared: PreparedRun) -> None:
    with st.expander("Pictures and captions", icon=":material/edit_note:"):
        changed = edited_captions(prepared.dataset.pictures)
        if changed and st.button(
            f"Save {counted(len(changed), 'changed caption')}", key="save_captions", type="primary"
        ):
            captions = {picture.path: picture.caption for picture in prepared.dataset.pictures}
            write_captions(folder, captions | changed)
            st.rerun()


def _time(studio: Studio, order: RunSettings) -> str:
    jobs = studio.jobs(kind=TrainLora.kind, limit=50)
    return training_time(studio.settings, order.config, order.model, jobs, studio.engine().accelerated)


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
