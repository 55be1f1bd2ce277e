"""Trainings of two translators, there and back, from two folders: their form and their runs."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st
from ulid import ULID

from engine.cyclegan.config import LOSSES, PRESETS, Config
from engine.cyclegan.plan import Plan, RunInfo, newest_runs, run_info, write_plan
from engine.cyclegan.request import TrainCycleGan
from engine.datasets.findings import Severity
from engine.datasets.unpaired import CheckUp, examine
from engine.errors import InvalidRequest
from engine.jobs.records import Job
from engine.jobs.schema import FAILED
from engine.prepared import prepared
from engine.rules import counted
from engine.studio import Studio
from engine.translation.catalogue import own_folder
from pages.parts.attention import show_status
from pages.parts.common import ANIMEIFY, OWNER, PEOPLE_ERRORS, plain, when
from pages.parts.dataset_picker import pick_dataset
from pages.parts.fields import show_refusal
from pages.parts.jobs import show_jobs
from pages.parts.submit import Press, said_by
from pages.train.findings import show_findings
from pages.train.training import Training

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
SHOWN = 8
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
    check_up = _checked(x, y, config) if config else None
    if config is None or check_up is None:
        return
    show_findings(check_up.findings)
    st.caption(f"{counted(len(check_up.x.pictures), 'picture')} and {len(check_up.y.pictures)}; a tenth is held out.")
    blocked = any(finding.severity == Severity.BLOCKS for finding in check_up.findings)
    why = "What the findings call a block has to be mended first" if blocked else None
    pressed = PRESS.button("Train", ":material/model_training:", disabled=blocked, help=why)
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


def _checked(x: Path, y: Path, config: Config) -> CheckUp | None:
    """None where the pictures cannot be read, which is said."""
    try:
        with st.spinner("Looking at the pictures"):
            return examine(x, y, config.crop, enlarged=config.side > 0)
    except PEOPLE_ERRORS as error:
        show_refusal(said_by(error, "dataset"), PLACES)
        return None


def _submit(studio: Studio, values: dict[str, Any], key: str) -> None:
    plan, run = Plan(**values), str(ULID())
    write_plan(prepared(studio.settings.home, studio.settings.runs_dir / run), plan, time.time())
    studio.submit(TrainCycleGan(run=run, name=plan.name), key=key, owner=OWNER)


# -- the runs


def _runs(studio: Studio) -> None:
    """While one is unfinished, look again every second."""
    active = show_jobs(studio, [TrainCycleGan.kind], lambda job: _progress(studio, job))
    busy = {job.request.run for job in active if job.request}
    ended = [info for info in newest_runs(studio.settings, SHOWN) if info.run not in busy]
    if not active and not ended:
        st.markdown("## Nothing was trained yet")
        st.caption("Choose pictures, then press Train. A training goes on when you close this page.")
    for info in ended:
        _ended(studio, info)


def _progress(studio: Studio, job: Job) -> None:
    if not job.request:
        return
    try:
        info = run_info(studio.settings.runs_dir / job.request.run)
    except PEOPLE_ERRORS:
        return
    _curves(info)


def _curves(info: RunInfo) -> None:
    kinds = {"_x": info.plan.x_name, "_y": info.plan.y_name}
    for title, names in CURVES.items():
        rows = [
            {"step": step, "value": value, "of": kinds[name[-2:]]}
            for name in names
            for step, value in info.curves.get(name, ())
        ]
        if len(rows) > 1:
            st.caption(title)
            st.line_chart(rows, x="step", y="value", color="of", height=180)
    for path in info.sheets:
        st.image(str(path), caption=SHEETS[path.name], width=420, alt=SHEETS[path.name])


def _ended(studio: Studio, info: RunInfo) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(info.plan.name)}** · {when(info.created_at)}")
        st.caption(plain(_how_it_ended(studio, info)))
        with st.expander("Curves and pictures", icon=":material/show_chart:"):
            _curves(info)
        for name, title in zip(info.translators, info.plan.titles, strict=False):
            if _is_here(studio, name):
                label, query = f"Anime-ify: {title}", {"translator": name}
                st.page_link(ANIMEIFY, label=plain(label), icon=":material/auto_awesome:", query_params=query)
        if not _is_finished(studio, info):  # also where its translators were removed since: they are written again
            _go_on(info, lambda key: studio.submit(_request(info), key=key, owner=OWNER))


def _is_finished(studio: Studio, info: RunInfo) -> bool:
    return bool(info.translators) and all(_is_here(studio, name) for name in info.translators)


def _is_here(studio: Studio, name: str) -> bool:
    return (own_folder(studio.settings) / f"{name}.safetensors").exists()


def _go_on(info: RunInfo, submit: Callable[[str], Any]) -> None:
    press = Press(f"go_on_{info.run}")
    st.button("Go on", key=f"go_on_{info.run}", icon=":material/play_arrow:", on_click=press.now, args=(submit,))
    press.show_problems()


def _request(info: RunInfo) -> TrainCycleGan:
    return TrainCycleGan(run=info.run, name=info.plan.name)


def _how_it_ended(studio: Studio, info: RunInfo) -> str:
    if _is_finished(studio, info):
        return f"Finished: {info.plan.x_name} to {info.plan.y_name}, and back."
    jobs = studio.jobs(kind=TrainCycleGan.kind, limit=200)
    last = next((job for job in jobs if job.request and job.request.run == info.run and job.ended), None)
    if last and last.state == FAILED:
        return f"Stopped: {last.error}"
    step, steps = max(info.step, last.step if last else 0), last.steps if last else 0
    return f"Paused after {step} of {steps} steps." if steps else f"Paused after {step} steps."


TRAINING = Training(
    name="cyclegan",
    label="CycleGAN",
    about="Two translators for Anime-ify, there and back, from two folders of pictures that need not belong together.",
    form=_form,
    runs=_runs,
)
