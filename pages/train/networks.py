"""Trainings of networks to explore: a form for each family, and their runs with curves."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engine.errors import InvalidRequest
from engine.explorers.families import FAMILIES
from engine.gan.config import ALIKE, MULTI, PROGRESSIVE, SIDES, SINGLE
from engine.jobs.records import Job
from engine.jobs.schema import FAILED
from engine.latent.catalogue import BETA_VAE, own_folder
from engine.latent.catalogue import GAN as GAN_FAMILY
from engine.latent.pictures import picture_paths
from engine.latent.preparing import begin, run_of
from engine.latent.requests import TrainNetwork
from engine.latent.runs import RunInfo, newest_runs, run_info, runs_folder
from engine.rules import counted
from engine.studio import Studio
from pages.parts.attention import show_status
from pages.parts.common import EXPLORE, OWNER, PEOPLE_ERRORS, plain, when
from pages.parts.dataset_picker import pick_dataset
from pages.parts.fields import show_refusal
from pages.parts.jobs import show_jobs
from pages.parts.submit import Press, said_by
from pages.train.training import Training

SHOWN = 8
MANY = {BETA_VAE: "Some hundred pictures of one kind", GAN_FAMILY: "A thousand pictures of one kind and more"}
CURVES = {  # which numbers stand in one chart
    "Reconstruction error": ("reconstruction", "held_out/reconstruction"),
    "KL in nats": ("kld", "held_out/kld"),
    "Losses of both; they should swing, neither fall to 0": ("generator", "discriminator"),
    "Variety of the samples, 1 is that of the pictures": ("variety",),
}
PLACES = {
    "name": "network_name_",
    "dataset": "way",
    "steps": "steps_",
    "batch_size": "batch_",
    "learning_rate": "rate_",
    "seed": "seed_",
    "beta": "beta_",
    "discriminator_learning_rate": "judge_rate_",
    "skip_below": "rest_",
    "scales": "scales_",
    "first_side": "first_side_",
    "fade_pictures": "fade_",
}
SCALES = {SINGLE: "Their whole size", PROGRESSIVE: "Small first, then larger", MULTI: "All sizes at once"}


def _form(family: str, studio: Studio) -> None:
    st.markdown("## Your pictures")
    folder = pick_dataset(studio, captions=False)
    if folder is None:
        st.caption(f"{MANY[family]} are a good start; captions are not needed.")
        return
    config = _settings(family)
    name = st.text_input("Name", value=f"my-{family}", key=f"network_name_{family}")
    if config is None or not _pictures(family, folder):
        return
    press = Press(f"train_{family}", places=PLACES)
    pressed = press.button("Train", ":material/model_training:")
    show_status(studio, [TrainNetwork.kind])
    fields = {"name": name, "dataset": folder, "settings": config}
    press.show_problems(fields)
    if pressed:
        press.ask((folder, name, config), partial(_submit, studio, family, folder, name, config), fields)


def _settings(family: str) -> Any:
    """The preset with what was changed; None while a value breaks a rule, which is said."""
    known = FAMILIES[family]
    preset = st.segmented_control(
        "Preset", list(known.presets), default="explore", required=True, key=f"preset_{family}"
    )
    base = known.presets[preset]
    st.caption(plain(known.about[preset]))
    with st.expander("Advanced", icon=":material/tune:"):
        key = f"{family}_{preset}"
        changed: dict[str, Any] = {
            "steps": st.number_input("Steps", value=base.steps, step=100, key=f"steps_{key}"),
            "batch_size": st.number_input("Pictures a step", value=base.batch_size, step=8, key=f"batch_{key}"),
            "learning_rate": st.number_input(
                "Learning rate", value=base.learning_rate, step=1e-4, format="%.5f", key=f"rate_{key}"
            ),
            "seed": st.number_input("Seed", value=base.seed, step=1, key=f"seed_{key}"),
        }
        changed |= _of_vae(base, key) if family == BETA_VAE else _of_gan(base, key)
    try:
        return replace(base, **changed)
    except InvalidRequest as error:
        show_refusal(said_by(error), PLACES)
        return None


def _of_vae(base: Any, key: str) -> dict[str, Any]:
    beta = st.number_input(
        "Beta",
        value=base.beta,
        format="%.4f",
        key=f"beta_{key}",
        help="How much each latent must be worth: more gives fewer living sliders and softer pictures",
    )
    effective = base.numbers / 2 * beta * base.kld_weight
    st.caption(f"Effective beta {effective:.3g}; 1 is the plain VAE.")
    return {"beta": beta}


def _of_gan(base: Any, key: str) -> dict[str, Any]:
    rate = st.number_input(
        "Learning rate of the discriminator",
        value=base.discriminator_learning_rate,
        step=1e-4,
        format="%.5f",
        key=f"judge_rate_{key}",
    )
    rest = st.number_input(
        "The discriminator rests below a loss of",
        value=base.skip_below,
        step=0.05,
        key=f"rest_{key}",
        help="So that it does not win for good; 0 lets it never rest",
    )
    return {"discriminator_learning_rate": rate, "skip_below": rest} | _scales_of_gan(base, key)


def _scales_of_gan(base: Any, key: str) -> dict[str, Any]:
    scales = st.segmented_control(
        "Pictures are learnt at",
        list(SCALES),
        format_func=SCALES.__getitem__,
        default=base.scales,
        required=True,
        key=f"scales_{key}",
        help="Small first is progressive growing: shapes, then detail. All at once is multi-scale gradients: what is"
        " wrong is told at every size",
    )
    if scales != PROGRESSIVE:
        return {"scales": scales}
    sides = [side for side in SIDES if side < base.side]
    first = st.segmented_control(
        "Pixels to begin with", sides, default=base.first_side, required=True, key=f"first_side_{key}"
    )
    fade = st.number_input(
        "Pictures over which a new size is faded in",
        value=base.fade_pictures,
        step=1000,
        key=f"fade_{key}",
        help="As many are seen before the next size; 0 gives every size the same share of the training",
    )
    return {"scales": scales, "first_side": first, "fade_pictures": fade}


def _pictures(family: str, folder: Path) -> bool:
    """Say how many pictures there are; false where they are too few."""
    try:
        found = picture_paths(folder, FAMILIES[family].fewest)
    except PEOPLE_ERRORS as error:
        show_refusal(said_by(error, "dataset"), PLACES)
        return False
    st.caption(f"{counted(len(found), 'picture')}; the square in the middle of each is what it learns from.")
    return True


def _submit(studio: Studio, family: str, folder: Path, name: str, config: Any, key: str) -> None:
    asked = run_of(family, name, str(folder), config)
    run = begin(studio.settings, asked, config.wanted)
    studio.submit(TrainNetwork(run=run, name=name, dataset=str(folder)), key=key, owner=OWNER)


# -- the runs


def _runs(family: str, studio: Studio) -> None:
    """Those of this family; while one is unfinished, look again every second."""
    active = show_jobs(studio, [TrainNetwork.kind], lambda job: _progress(studio, job))
    busy = {job.request.run for job in active if job.request}
    ended = [info for info in newest_runs(studio.settings, [family], SHOWN) if info.place.name not in busy]
    if not active and not ended:
        st.markdown("## Nothing was trained yet")
        st.caption("Choose pictures, then press Train. A training goes on when you close this page.")
    for info in ended:
        _ended(studio, info)


def _progress(studio: Studio, job: Job) -> None:
    if not job.request:
        return
    try:
        info = run_info(runs_folder(studio.settings) / job.request.run)
    except PEOPLE_ERRORS:
        return
    _curves(info)


def _curves(info: RunInfo) -> None:
    for text in info.notes:
        st.caption(plain(text))
    for title, names in CURVES.items():
        rows = [
            {"step": step, "value": value, "of": name.replace("held_out/", "held out, ")}
            for name in names
            for step, value in info.curves.get(name, ())
        ]
        if len(rows) > 1:
            st.caption(title)
            st.line_chart(rows, x="step", y="value", color="of", height=180)
    variety = info.curves.get("variety", [])
    if variety and variety[-1][1] < ALIKE:
        text = "The samples have become alike: the generator has collapsed, or has not begun to differ yet."
        st.warning(text, icon=":material/content_copy:")
    if copied := info.curves.get("copies", []):
        rested = info.curves.get("skipped", [(0, 0.0)])[-1][1]
        st.caption(
            f"Of 64 samples {copied[-1][1]:.0f} look copied from a training picture; "
            f"the discriminator rested in {rested:.0f} steps."
        )
    if grown := info.curves.get("grown_to", []):
        st.caption(f"It has grown to {grown[-1][1]:.0f} pixels.")
    if info.samples:
        st.image(str(info.samples), caption="What it makes now", width="stretch", alt="Samples of the network")


def _ended(studio: Studio, info: RunInfo) -> None:
    run, press = info.run, Press(f"go_on_{info.place.name}")
    with st.container(border=True):
        st.markdown(f"**{plain(run.name)}** · {when(run.created_at)}")
        st.caption(plain(_how_it_ended(studio, info)))
        for text in info.left_out[:SHOWN]:
            st.caption(plain(f"Left out: {text}"))
        with st.expander("Losses and samples", icon=":material/show_chart:"):
            _curves(info)
        if _is_here(studio, info):
            query = {"network": info.explorer}
            st.page_link(EXPLORE, label="Explore it", icon=":material/explore:", query_params=query)
            return  # one that could not be written, or was removed since, is written when the run goes on
        request = TrainNetwork(run=info.place.name, name=run.name, dataset=run.dataset)
        st.button(
            "Go on",
            key=f"go_on_{info.place.name}",
            icon=":material/play_arrow:",
            on_click=press.now,
            args=(lambda key: studio.submit(request, key=key, owner=OWNER),),
        )
        press.show_problems()


def _how_it_ended(studio: Studio, info: RunInfo) -> str:
    steps = info.run.config.get("steps")
    if _is_here(studio, info):
        return f"Finished after {steps} steps."
    jobs = studio.jobs(kind=TrainNetwork.kind, limit=200)
    last = next((job for job in jobs if job.request and job.request.run == info.place.name and job.ended), None)
    if last and last.state == FAILED:
        return f"Stopped: {last.error}"
    return f"Paused after {max(info.step, last.step if last else 0)} of {steps} steps."


def _is_here(studio: Studio, info: RunInfo) -> bool:
    return bool(info.explorer) and (own_folder(studio.settings) / f"{info.explorer}.json").exists()


VAE = Training(
    name=BETA_VAE,
    label="beta-VAE",
    about="A network for Explore that finds your pictures again and gives you sliders to change them.",
    form=partial(_form, BETA_VAE),
    runs=partial(_runs, BETA_VAE),
)
GAN = Training(
    name=GAN_FAMILY,
    label="GAN",
    about="A network for Explore that invents pictures like yours; it asks for more pictures and more time.",
    form=partial(_form, GAN_FAMILY),
    runs=partial(_runs, GAN_FAMILY),
)
