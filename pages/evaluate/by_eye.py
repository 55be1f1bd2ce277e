"""Choosing a checkpoint by eye, blind: the pictures, the way to the rounds, the choice beside the loss."""

from typing import Any

import streamlit as st
from ulid import ULID

from engine.diffusion.request import GUIDANCE_SCALE, LORA_WEIGHT, STEPS
from engine.lora import preparing
from engine.lora.by_eye.request import OFFERED_CHECKPOINTS, OFFERED_PROMPTS, PICTURES, ROUNDS, JudgeByEye, repeats_of
from engine.lora.by_eye.rounds import ALONE, Judged, Measured, checkpoint_in, judged, measured_of
from engine.lora.runs.checkpoints import checkpoints_of
from engine.lora.runs.held_out import usable
from engine.opinions.study import trials_of
from engine.rules import counted, rough_duration
from engine.studio import Studio
from pages.evaluate.grid import promote_button
from pages.evaluate.stopped import MEASURING
from pages.parts.attention import show_status
from pages.parts.common import OWNER, STUDIES, plain, when
from pages.parts.submit import Press

BY_EYE = "By eye, blind"
SECONDS_EACH = 4  # about, for a choice
PLACES = {
    "run": "lora",
    "checkpoints": "eye_checkpoints_",
    "prompts": "eye_prompts_",
    "seeds": "eye_seeds",
    "weight": "eye_weight",
    "num_inference_steps": "eye_steps",
    "guidance_scale": "eye_guidance",
}
DRAW = Press("by_eye", together=[("checkpoints", "prompts", "seeds", "alone", "rounds")], places=PLACES)


def by_eye_form(studio: Studio, run: str) -> None:
    """Which checkpoints, which prompts, how they are judged."""
    plan = preparing.plan_of(studio.settings, run)
    values = _values(studio, run, [picture.caption for picture in usable(plan.held_out)])
    _say_how_long(values)

    def submit(key: str) -> None:
        studio.submit(JudgeByEye(run=run, name=plan.name, study=str(ULID()), **values), key=key, owner=OWNER)

    pressed = DRAW.button("Draw them to judge", ":material/visibility:")
    show_status(studio, MEASURING)
    DRAW.show_problems(values)
    if pressed:
        DRAW.ask((run, values), submit, values)


def _values(studio: Studio, run: str, captions: list[str]) -> dict[str, Any]:
    kept = {each.name: each for each in checkpoints_of(studio.settings.runs_dir / run)}
    names = list(kept)
    newest = names[-1] if names else "none"
    chosen = st.pills(
        "Checkpoints",
        names,
        selection_mode="multi",
        wrap=True,
        default=names[-OFFERED_CHECKPOINTS:],
        format_func=lambda name: f"step {kept[name].step}",  # not which one was measured as the best
        key=f"eye_checkpoints_{run}_{newest}",
    )
    prompts = st.text_area(
        "Prompts, one a line",
        "\n".join(" ".join(caption.split()) for caption in dict.fromkeys(captions[:OFFERED_PROMPTS])),
        key=f"eye_prompts_{run}",
        help="Each is drawn by every checkpoint from the same seed. Six or more can tell two checkpoints apart",
    )
    values: dict[str, Any] = {
        "checkpoints": tuple(chosen),
        "prompts": tuple(dict.fromkeys(line.strip() for line in prompts.splitlines() if line.strip())),
        "alone": st.checkbox("Hide the model without the LoRA among them", value=True, key="eye_alone"),
        "rounds": st.segmented_control(
            "Show them", list(ROUNDS), format_func=ROUNDS.__getitem__, default="pairs", required=True, key="eye_rounds"
        ),
    }
    with st.expander("Advanced", icon=":material/tune:"):
        values["seeds"] = st.number_input(
            "Pictures for each prompt", value=PICTURES.default, step=1, key="eye_seeds", help=str(PICTURES)
        )
        values["weight"] = st.number_input("Weight", value=LORA_WEIGHT.default, step=0.05, key="eye_weight")
        values["num_inference_steps"] = st.number_input("Steps", value=STEPS.default, step=5, key="eye_steps")
        values["guidance_scale"] = st.number_input(
            "Guidance scale", value=GUIDANCE_SCALE.default, step=0.5, key="eye_guidance"
        )
    return values


def _say_how_long(values: dict[str, Any]) -> None:
    methods = len(values["checkpoints"]) + values["alone"]
    contents = len(values["prompts"]) * max(0, int(values["seeds"] or 0))
    if methods < 2 or not contents:
        return
    asked = trials_of(values["rounds"], methods, contents, repeats_of(values["rounds"], methods, contents))
    drawn = counted(methods * contents, "picture")
    st.caption(f"{drawn} to draw; then {counted(asked, 'question')}, about {rough_duration(asked * SECONDS_EACH)}")


# -- what was chosen


def show_rounds(studio: Studio, run: str) -> None:
    """The rounds that wait to be judged, and the newest that are over, or the ones that are chosen."""
    found = judged(studio.settings.home, run)
    if not found:
        st.markdown("## Not judged yet")
        st.caption(
            "The same prompts and seeds are drawn by each checkpoint; then you choose what you like, without being "
            "told which is which. What you chose stands beside the measured loss, and one click takes it."
        )
    for each in found:
        if not each.over:
            _waiting(each)
    if over := [each for each in found if each.over]:
        _show(studio, run, _one_of(over))


def _waiting(found: Judged) -> None:
    with st.container(border=True):
        st.markdown(f"**Drawn {plain(when(found.study.created_at))}: {len(found.study.methods)} to choose from**")
        st.caption(
            f"{found.alone.answered} of {found.alone.asked} questions answered. Who drew what is told at the end."
        )
        label = "Go on judging" if found.alone.answered else "Judge them now"
        st.page_link(STUDIES, label=label, icon=":material/how_to_vote:", query_params={"study": found.study.id})


def _one_of(over: list[Judged]) -> Judged:
    if len(over) == 1:
        return over[0]
    named = {each.study.id: each for each in over}
    key = f"eye_round_{over[0].study.id}"  # with newer ones the choice begins anew, at the newest
    label = {name: when(each.study.created_at) for name, each in named.items()}
    return named[st.selectbox("Rounds", list(named), format_func=label.__getitem__, key=key)]


def _show(studio: Studio, run: str, found: Judged) -> None:
    study, alone = found.study, found.alone
    measured = measured_of(studio.settings, study)
    first = alone.chosen[0]
    st.markdown(f"## {plain(_headline(alone.answered, first.method))}")
    st.markdown(plain(alone.verdict))
    Press(f"promote_{run}").show_problems()
    named = {"name": study.subject.get("name", "")}
    if alone.answered and (best := checkpoint_in(study, first.method)):
        promote_button(studio, run, named, best, f"Use {first.method} at weight {best['weight']:g}", "primary")
    st.table([_row(each, _step(study, each.method), measured) for each in alone.chosen])
    st.caption(plain(" ".join(_notes(found, measured))))
    with st.container(horizontal=True):
        for each in alone.chosen[1:]:
            if other := checkpoint_in(study, each.method):
                promote_button(studio, run, named, other, f"Use {each.method}", "tertiary")
        st.page_link(STUDIES, label="These rounds", icon=":material/how_to_vote:", query_params={"study": study.id})


def _headline(answered: int, first: str) -> str:
    if not answered:
        return "Ended before anything was judged"
    if first == ALONE:
        return "To your eye the model is best without the LoRA"
    return f"To your eye: {first}"


def _step(study: Any, method: str) -> int:
    found = checkpoint_in(study, method)
    return found["step"] if found else 0


def _row(chosen: Any, step: int, measured: Measured) -> dict[str, str]:
    loss = measured.losses.get(step)
    lowest = ", the lowest" if step == measured.best else ""
    return {
        "Checkpoint": f"**{plain(chosen.method)}**",
        "Chosen by eye": plain(f"{chosen.won:g} of {chosen.of}"),
        "Held-out loss": plain(f"{loss:.4f}{lowest}") if loss is not None else "not measured",
    }


def _notes(found: Judged, measured: Measured) -> list[str]:
    same, repeated = found.alone.alike
    words = [f"{found.alone.answered} of {found.alone.asked} questions answered."]
    if repeated:
        words.append(f"Of {counted(repeated, 'question')} that came twice you answered {same} the same way.")
    if measured.best is not None and found.alone.answered:
        agree = _step(found.study, found.alone.chosen[0].method) == measured.best
        words.append(f"Loss measured {measured.source}; eye and loss {'agree' if agree else 'differ'} on the best.")
    words.append("One person's eye says nothing about others': make a study on Studies to ask them.")
    return words
