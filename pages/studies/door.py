"""What participants open: the study of the link, and nothing else of the studio. Run by `engine.opinions.serving`."""

from pathlib import Path

import streamlit as st

from engine.opinions.studies import Studies
from engine.opinions.study import StudyRefused
from engine.settings import Settings
from pages.parts.common import plain
from pages.studies.taking import show_study

ICON = Path(__file__).resolve().parents[1] / "icon.png"

st.set_page_config(page_title="Study", page_icon=str(ICON), layout="wide")
try:
    studies = Studies(Settings.from_environment().home)
    show_study(studies, studies.by_token(st.query_params.get("study", "")))
except StudyRefused as refused:
    st.info(plain(refused))
except Exception:  # participants are told nothing about the machine
    st.error("This did not work. What you answered is kept; load the page anew to go on.")
