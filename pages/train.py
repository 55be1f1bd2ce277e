"""Train: a LoRA from one's own captioned pictures."""

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st
from ulid import ULID

from engine import fine_tuning
from engine.datasets.captions import write_captions
from engine.datasets.findings import Finding, Severity
from engine.datasets.unpacking import unpack
from engine.errors import InvalidRequest, NotFound
from engine.fine_tuning import Order, Prepared
from engine.lora_requests import TrainLora
from engine.studio import Studio
from engine.training.lora import PRESETS, Config
from engine.weights.models import ModelInfo
from pages.caption_table import edited_captions
from pages.common import OWNER, PEOPLE_ERRORS, by_field, open_studio, plain, show_problems
from pages.training_runs import show_runs

STUDIO = "studio"  # the "field" of problems that no value is to blame for
UPLOAD, FOLDER = "Upload", "Folder on this machine"
KINDS = ["png", "jpg", "jpeg", "webp", "csv", "txt", "caption", "json", "jsonl", "zip"]
ICONS = {Severity.BLOCKS: ":material/block:", Severity.LOOK: ":material/visibility:", Severity.NOTE: ":material/info:"}


def main() -> None:
    """Lay out the page."""
    studio = open_studio()
    left, right = st.columns([1, 1], gap="large")
    with left:
        folder = _pictures(studio)
        if folder is not None:
            _form(studio, folder)
    with right:
        show_runs(studio)


# -- pictures


def _pictures(studio: Studio) -> Path | None:
    """The folder of the data set; the address names it, so it survives a refresh."""
    st.markdown("#### Your pictures")
    way = st.segmented_control("Where from", [UPLOAD, FOLDER], default=UPLOAD, required=True, key="way")
    if way == UPLOAD:
        _upload(studio)
    else:
        st.text_input(
            "Folder",
            key="folder",
            placeholder="the folder's path",
            help="Pictures with captions: a CSV, text files beside them, metadata.jsonl, or kohya's folders",
            on_change=_take_folder,
        )
    name = st.query_params.get("dataset", "")
    if not name:
        st.caption(
            "PNG, JPEG and WebP with captions in any usual layout, or one ZIP of all that. "
            "Twenty to fifty pictures of one style are a good start."
        )
        return None
    return Path(name) if Path(name).is_absolute() else studio.settings.home / "datasets" / Path(name).name


def _take_folder() -> None:
    st.query_params["dataset"] = str(Path(st.session_state.folder).expanduser().absolute())


def _upload(studio: Studio) -> None:
    files = st.file_uploader(
        "Pictures and captions",
        type=KINDS,
        accept_multiple_files=True,
        key=f"pictures_{st.session_state.setdefault('picture_uploads', 0)}",
    )
    if not files:
        return
    name = str(ULID())
    folder = studio.settings.home / "datasets" / name
    try:
        if len(files) == 1 and files[0].name.lower().endswith(".zip"):
            unpack(files[0], folder)
        else:
            folder.mkdir(parents=True)
            for file in files:
                (folder / Path(file.name).name).write_bytes(file.getvalue())
    except PEOPLE_ERRORS as error:
        show_problems({"upload": str(error)}, "upload")
        return
    st.query_params["dataset"] = name
    st.session_state.picture_uploads += 1
    st.rerun()


# -- what is to be trained


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
    config = _settings()
    if config is None:
        return
    try:
        order = Order(values["name"], info, config, values["trigger"], values["enrich"])
        prepared = fine_tuning.prepare(folder, order, on_gpu=studio.engine().accelerated)
    except (InvalidRequest, NotFound) as error:
        show_problems({"dataset": str(error)}, "dataset")
        return
    _report(prepared)
    _captions(folder, prepared)
    st.caption(
        plain(
            f"{len(prepared.train)} pictures to train on, {len(prepared.held_out)} held out to measure with. "
            f"{prepared.memory.in_words()}"
        )
    )
    _train_button(studio, prepared, order)


def _model(studio: Studio) -> ModelInfo:
    models = {info.name: info for info in studio.models() if info.available}
    names = list(models)
    default = studio.default_model().name
    name = st.selectbox(
        "Model",
        names,
        index=names.index(default) if default in names else 0,
        format_func=lambda name: models[name].title,
        key="train_model",
        bind="query-params",
    )
    return models[name]


def _settings() -> Config | None:
    """The preset with what was changed; None while a value breaks a rule, which is said."""
    preset = st.segmented_control(
        "Preset", list(PRESETS), default="recommended", required=True, key="preset", bind="query-params"
    )
    base = PRESETS[preset]
    with st.expander("Advanced", icon=":material/tune:"):
        steps = st.number_input("Steps", value=base.steps, step=50, key=f"train_steps_{preset}")
        rank = st.number_input("Rank", value=base.rank, step=4, key=f"rank_{preset}", help="1 to 512")
        rate = st.number_input(
            "Learning rate", value=base.learning_rate, step=1e-5, format="%.6f", key=f"rate_{preset}"
        )
        seed = st.number_input("Seed", value=base.seed, step=1, key="train_seed")
    try:
        warmup = base.warmup_steps if base.warmup_steps < steps else max(0, steps // 4)
        return replace(base, steps=steps, rank=rank, learning_rate=rate, seed=seed, warmup_steps=warmup)
    except InvalidRequest as error:
        show_problems({"settings": str(error)}, "settings")
        return None


def _report(prepared: Prepared) -> None:
    findings = [*prepared.dataset.report.findings, *prepared.check_up.findings]
    worst = Severity.BLOCKS if prepared.check_up.blocks else Severity.NOTE
    st.markdown(f"**{plain(prepared.dataset.report.summary)}**")
    if findings:
        with st.expander(f"{len(findings)} findings", expanded=worst == Severity.BLOCKS, icon=ICONS[worst]):
            for finding in findings:
                _finding(finding)


def _finding(finding: Finding) -> None:
    st.markdown(f"{ICONS[finding.severity]} {plain(finding.message)}")


def _captions(folder: Path, prepared: Prepared) -> None:
    with st.expander("Pictures and captions", icon=":material/edit_note:"):
        changed = edited_captions(prepared.dataset.pictures)
        if changed and st.button(f"Save {len(changed)} changed captions", key="save_captions", type="primary"):
            captions = {picture.path: picture.caption for picture in prepared.dataset.pictures}
            write_captions(folder, captions | changed)
            st.rerun()


def _train_button(studio: Studio, prepared: Prepared, order: Order) -> None:
    state = st.session_state
    nonce = state.setdefault("train_nonce", uuid.uuid4().hex)
    blocked = prepared.check_up.blocks
    pressed = st.button(
        "Train",
        key=f"train_{nonce}",
        type="primary",
        width="stretch",
        icon=":material/model_training:",
        disabled=blocked,
        help="What the findings call a block has to be mended first" if blocked else None,
    )
    show_problems(state.get("train_problems", {}), "name", "dataset", "run", STUDIO)
    if pressed:
        _begin(studio, prepared, order, nonce)


def _begin(studio: Studio, prepared: Prepared, order: Order, nonce: str) -> None:
    state = st.session_state
    try:
        run = fine_tuning.begin_run(studio.settings, prepared, order)
        studio.train_lora(TrainLora(run=run, name=order.name), key=nonce, owner=OWNER)
        state.train_problems, state.train_nonce = {}, uuid.uuid4().hex
    except InvalidRequest as error:
        state.train_problems = by_field(error.problems)
    except PEOPLE_ERRORS as error:
        state.train_problems = {STUDIO: str(error)}
    st.rerun()


main()
