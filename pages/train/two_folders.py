"""What the forms of trainings from two folders of pictures have in common."""

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from engine.datasets.findings import Severity
from engine.datasets.unpaired import CheckUp, examine
from engine.rules import counted
from pages.parts.common import PEOPLE_ERRORS
from pages.parts.fields import show_refusal
from pages.parts.submit import said_by
from pages.train.findings import show_findings

BLOCKED = "What the findings call a block has to be mended first"


def checked(x: Path, y: Path, crop: int, side: int, places: Mapping[str, str]) -> CheckUp | None:
    """Look at the pictures and show what was found; None where they cannot be read, which is said.

    Args:
        crop: pixels of the squares that are trained on.
        side: pixels of the short side that pictures are brought to; 0 leaves them as they are.
        places: see `pages.parts.fields`.
    """
    try:
        with st.spinner("Looking at the pictures"):
            found = examine(x, y, crop, enlarged=side > 0)
    except PEOPLE_ERRORS as error:
        show_refusal(said_by(error, "dataset"), places)
        return None
    show_findings(found.findings)
    st.caption(f"{counted(len(found.x.pictures), 'picture')} and {len(found.y.pictures)}; a tenth is held out.")
    return found


def is_blocked(check_up: CheckUp) -> bool:
    """Whether something speaks against training on them."""
    return any(finding.severity == Severity.BLOCKS for finding in check_up.findings)
