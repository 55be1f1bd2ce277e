"""What participants open: the study of the link, and nothing else of the studio. Run by `engine.opinions.serving`."""

import os
import sys
import threading
from functools import cache
from pathlib import Path

import streamlit as st

from engine.opinions.serving import ENDS_WITH_STDIN
from engine.opinions.studies import Studies
from engine.opinions.study import StudyRefused
from engine.settings import Settings
from pages.parts.common import plain
from pages.studies.taking import show_study

ICON = Path(__file__).resolve().parents[1] / "icon.png"


@cache
def _end_with_the_studio() -> None:
    """Leave when whoever started this server has gone, however it went."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    if os.environ.get(ENDS_WITH_STDIN):
        threading.Thread(target=wait, daemon=True).start()


_end_with_the_studio()
st.set_page_config(page_title="Study", page_icon=str(ICON), layout="wide")
try:
    studies = Studies(Settings.from_environment().home)
    show_study(studies, studies.by_token(st.query_params.get("study", "")))
except StudyRefused as refused:
    st.info(plain(refused))
except Exception:  # participants are told nothing about the machine
    st.error("This did not work. What you answered is kept; load the page anew to go on.")
