"""A translator, or a training's checkpoint, on pairs that it was not trained on: three columns, each by its name."""

from pathlib import Path
from typing import Any

import streamlit as st
from ulid import ULID

from engine.comparing import plan, report
from engine.comparing.admission import comparable
from engine.comparing.plan import Report
from engine.comparing.request import COST_SIDE, TestOnPairs
from engine.rules import counted
from engine.studio import Studio
from pages.evaluate.choosing import choose_report
from pages.evaluate.comparing import show_ended, table, told
from pages.evaluate.translators import downloads
from pages.parts.attention import show_status
from pages.parts.common import OWNER, plain, when
from pages.parts.dataset_picker import pick_dataset
from pages.parts.jobs import show_jobs
from pages.parts.small_pictures import small_picture
from pages.parts.submit import Press

PLACES = {"pairs": "way_tested_pairs", "subject": "subject", "side": "tested_side", "test": "subject"}
PRESS = Press("test_on_pairs", places=PLACES)
KINDS = (TestOnPairs.kind,)
FIRST = 6  # pairs whose pictures are shown
SHOWN = {"photo": "Photo", "translation": "Translation", "truth": "Truth", "identity": "Translated truth"}


def show_pairs(studio: Studio) -> None:
    """The form at the left, what was found at the right."""
    left, right = st.columns([1, 2], gap="large")
    with left:
        _form(studio)
    with right:
        show_jobs(studio, KINDS)
        show_ended(studio, TestOnPairs.kind)
        _reports(studio)


def _form(studio: Studio) -> None:
    known = {each.name: each.title for each in studio.translators() if not comparable(each)}
    trainings = {str(path.parent): f"Training in {path.parent.name}" for path in _trainings(studio)}
    named = known | trainings
    subject = st.selectbox(
        "What to test",
        list(named),
        format_func=lambda name: named.get(name, name),
        key="subject",
        accept_new_options=True,
        help="A translator, or the path of a NijiGAN training's folder or of a file of weights",
    )
    st.markdown(f"**Pairs**: {plan.PAIR_PHOTOS} and {plan.PAIR_TRUTHS} in one folder or ZIP, by the same names")
    pairs = pick_dataset(studio, "tested_pairs", captions=False)
    side = st.number_input(
        "Short side", value=COST_SIDE.default, step=64, key="tested_side", help="Pixels; 0 leaves pictures as they are"
    )
    if pairs is None:
        return
    fields = {"subject": subject, "pairs": pairs, "side": side, "test": subject}
    pressed = PRESS.button("Test", ":material/science:")
    show_status(studio, KINDS)
    PRESS.show_problems(fields)
    if pressed:
        PRESS.ask(fields, lambda key: _submit(studio, pairs, {"subject": subject or "", "side": side}, key), fields)


def _trainings(studio: Studio) -> list[Path]:
    home = studio.settings.home
    return sorted([*home.glob("nijigan/checkpoint.pt"), *home.glob("ablation/*/checkpoint.pt")])


def _submit(studio: Studio, pairs: Path, values: dict[str, Any], key: str) -> None:
    name = str(ULID())
    request = TestOnPairs(test=name, **values)
    plan.begin(studio.settings, name, plan.pictures_to_test(pairs))
    studio.submit(request, key=key, owner=OWNER)


def _reports(studio: Studio) -> None:
    found = plan.tests_on_pairs(studio.settings)
    if not found:
        st.markdown("## Not tested yet")
        st.caption(
            "Each photo of the pairs is translated and compared with what it should have become, by the mean squared "
            "error of its pixels (MSE) and in decibels (PSNR)."
        )
        return
    _show(choose_report(found, "Test", "test", _label))


def _label(found: Report) -> str:
    subject = Path(str(found.values.get("subject", ""))).name
    return f"{when(found.created_at)}, {subject}"


@told
def _show(found: Report) -> None:
    values = found.values
    st.markdown(f"## {plain(Path(values['subject']).name)}")
    size = f"short side {values['side']} px" if values["side"] else "at their own sizes"
    count = counted(len(values["pairs"]), "pair")
    st.caption(plain(f"Made {when(found.created_at)}. {count}, {size}, from {values['pairs_from']}."))
    table(report.pair_rows(values))
    st.caption(
        "Lower MSE and higher PSNR are nearer. A good translation differs from its photo, so nearness to that is no "
        "merit. The last column asks whether a picture that is there already stays as it is."
    )
    downloads(found)
    for place, row in enumerate(values["pairs"][:FIRST], 1):
        st.markdown(f"**{plain(row['name'])}**")
        for column, (name, words) in zip(st.columns(len(SHOWN)), SHOWN.items(), strict=True):
            path = found.folder / "pictures" / f"test_{place:04d}_{name}.png"
            column.image(small_picture(path), caption=words, width="stretch", alt=f"{row['name']}: {words}")
