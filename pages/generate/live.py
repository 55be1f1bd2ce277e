"""Draw while I type: a draft of the drawing at every pause, in few steps and kept nowhere."""

import io
import time
import uuid
from dataclasses import dataclass
from typing import Any

import streamlit as st
from PIL import Image

from engine.diffusion.request import TextToImage
from engine.drafts.board import Answer, Board
from engine.drafts.quick import draft_of, has_drafts
from engine.jobs.status import READY, WORKING
from engine.studio import Studio
from engine.weights.models import ModelInfo
from pages.generate.seed import drawn_seed
from pages.parts.common import PEOPLE_ERRORS, plain
from pages.parts.submit import said_by

LOOK_SECONDS = 1.0
PATIENT_SECONDS = 0.9  # that a look waits for a draft, which mostly takes less
LOST_SECONDS = 20.0  # much longer than a draft takes
SHOWN = 256  # pixels of the draft's longer side on the page, so that the button below it stays in sight
WORDS_WIDTH = 196  # pixels beside it: in the form's column where that is as wide as on most screens
WORDS = ("prompt", "negative_prompt")
_STATE = "live_draft"

# Fields hand their text on when they are left; this hands it on at every pause.
_JS = """
const PAUSE = 400;  // milliseconds
let current = null, timer = null;  // one listener for the page, which is drawn often

const fields = () => ["prompt", "negative_prompt"].map((name) =>
  [name, document.querySelector(`.st-key-${name} textarea, .st-key-${name} input`)]);

function tell() {
  if (!current || !current.parentElement.isConnected || fields().some(([, field]) => !field)) return;
  current.setTriggerValue("typed", Object.fromEntries(fields().map(([name, field]) => [name, field.value])));
}

function hear(event) {
  if (!fields().some(([, field]) => field === event.target)) return;
  clearTimeout(timer);
  timer = setTimeout(tell, PAUSE);
}

export default function (component) {
  if (!current) window.addEventListener("input", hear, true);
  current = component;
}
"""
_typing = st.components.v2.component("typing", html="<span></span>", js=_JS)


@dataclass
class _Draft:
    """What one browser session knows of its draft.

    Attributes:
        asker: names it on the board.
        seed: of its drafts while the form has none.
        entered, typed: the words that the form had when others were typed, and those.
        asked, token, since: the form for which a draft was asked, the wish's token and when that was.
        shown: the last draft that came, with its seed.
    """

    asker: str
    seed: int
    entered: dict[str, str] | None = None
    typed: dict[str, str] | None = None
    asked: dict[str, Any] | None = None
    token: str = ""
    since: float = 0.0
    shown: tuple[Answer, int] | None = None


@dataclass
class _Run:
    """Whether the whole page runs, which must not wait, or this part alone."""

    whole: bool = True


def show_live(studio: Studio, values: dict[str, Any], model: ModelInfo) -> None:
    """The switch, and below it the draft of what is being typed; nothing where drafts take too long.

    Args:
        values: the form's, with `kind`.
    """
    if values["kind"] != TextToImage.kind or not has_drafts(model, studio.engine().accelerated):
        return
    on = st.toggle(
        "Draw while I type",
        key="live",
        bind="query-params",
        help="A draft at every pause, in few steps and kept nowhere, while the studio has nothing else to draw. "
        "With Niji mini it does not show what another guidance scale than 7.5 changes.",
    )
    if on:
        st.fragment(_show, run_every=LOOK_SECONDS)(studio, values, _Run())


def _show(studio: Studio, values: dict[str, Any], run: _Run) -> None:
    whole, run.whole = run.whole, False
    draft = st.session_state.setdefault(_STATE, _Draft(uuid.uuid4().hex, drawn_seed()))
    words = _words(draft, {name: values[name] for name in WORDS})
    seed = draft.seed if values["seed"] is None else values["seed"]
    if not words["prompt"].strip():
        _frame("The draft comes here as soon as there is a prompt.")
        return
    problem = _ask(studio, draft, {**values, **words, "seed": seed, "num_images": 1})
    if problem:
        _frame(f":material/edit: {plain(problem)}")
        return
    patient = not whole and studio.engine().state == READY  # else it comes later, and other parts of the page wait
    answer = _wait(Board(studio.settings.home), draft, PATIENT_SECONDS if patient else 0.0)
    if answer:
        draft.shown, draft.token = (answer, seed), ""
    waits = _why_not_yet(studio) if draft.token else ""
    if draft.shown is None or draft.shown[0].problem:
        problem = f":material/warning: {plain(draft.shown[0].problem)}" if draft.shown else ""
        _frame(waits or problem)
        return
    _show_draft(draft, seed if values["seed"] is None else None, waits)


def _words(draft: _Draft, entered: dict[str, str]) -> dict[str, str]:
    """What stands in the fields: what was typed since they were left, or what they handed on."""
    with st.container(key="listener_of_typing"):
        typed = _typing(key="heard_typing", on_typed_change=lambda: None).get("typed")
    if isinstance(typed, dict) and all(isinstance(typed.get(name), str) for name in WORDS):
        draft.entered, draft.typed = entered, {name: typed[name] for name in WORDS}
    elif draft.entered != entered:
        draft.typed = None
    return draft.typed or entered


def _ask(studio: Studio, draft: _Draft, asked: dict[str, Any]) -> str:
    """Ask for a draft, where that is another one than the last; returns what speaks against it."""
    board = Board(studio.settings.home)
    same = asked == draft.asked
    if same and not _is_lost(studio, draft, board):
        return ""
    fields = {name: value for name, value in asked.items() if name != "kind"}
    try:
        wanted = draft_of(studio.request(TextToImage.kind, fields), studio.loras())
        draft.token = board.ask(draft.asker, wanted, draft.token if same else "")
    except PEOPLE_ERRORS as error:
        draft.asked = None
        return next(iter(said_by(error).values()))
    draft.asked, draft.since = asked, time.monotonic()
    return ""


def _is_lost(studio: Studio, draft: _Draft, board: Board) -> bool:
    """Whether a worker took the wish and has nothing to do any more: the one that took it may have died."""
    late = bool(draft.token) and time.monotonic() - draft.since > LOST_SECONDS
    return late and not board.waits(draft.asker) and studio.engine().state == READY


def _wait(board: Board, draft: _Draft, seconds: float) -> Answer | None:
    ends = time.monotonic() + seconds
    while draft.token:
        if answer := board.fetch(draft.asker, draft.token):
            return answer
        if time.monotonic() >= ends:
            return None
        time.sleep(0.02)
    return None


def _frame(text: str) -> None:
    """What is said in the draft's place, as large as it, so that what is below keeps its place when it comes."""
    with st.container(height=SHOWN, width=SHOWN):
        st.caption(text)


def _show_draft(draft: _Draft, own_seed: int | None, waits: str) -> None:
    """The last draft that came; with the ways to its seed and to another one where the form has none."""
    assert draft.shown is not None
    answer, seed = draft.shown
    with st.container(horizontal=True, gap="small"):  # its words stand beside it, or below where that is too narrow
        st.image(answer.picture, width=_width(answer.picture), alt="Draft")
        with st.container(width=WORDS_WIDTH):
            st.caption(f"Draft in {answer.seconds:.2f} s, seed {seed}. It is kept nowhere{_way(draft, own_seed)}.")
            taken = own_seed is not None and _seed_buttons(draft, seed)
            if waits:
                st.caption(waits)
    if taken:
        st.rerun()  # all of the page: the seed's field is outside


def _width(picture: bytes) -> int:
    with Image.open(io.BytesIO(picture), formats=("PNG",)) as opened:
        return round(SHOWN * min(1.0, opened.width / opened.height))


def _seed_buttons(draft: _Draft, seed: int) -> bool:
    taken = st.button("Keep this seed", icon=":material/push_pin:", on_click=_take, args=(seed,))
    st.button("Another seed", icon=":material/casino:", on_click=_roll, args=(draft,))
    return taken


def _way(draft: _Draft, own_seed: int | None) -> str:
    """To its full drawing; none where the form has changed since, or what is mixed in is drawn anew for each."""
    asked = draft.asked or {}
    if draft.token or (asked.get("variation_strength") and asked.get("variation_seed") is None):
        return ""
    return ": Generate draws it in full" if own_seed is None else ": keep its seed, and Generate draws it in full"


def _take(seed: int) -> None:
    st.session_state.seed = str(seed)


def _roll(draft: _Draft) -> None:
    draft.seed = drawn_seed()


def _why_not_yet(studio: Studio) -> str:
    state = studio.engine().state
    if state == WORKING:
        return "The studio is at work on a job; the draft comes when it is done."
    return "Drawing the draft…" if state == READY else "The studio is starting; the draft comes when it is ready."
