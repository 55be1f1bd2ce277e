"""Opening a study to participants: their server, the link, the end."""

import subprocess

import streamlit as st

from engine.opinions.serving import names_of, start
from engine.opinions.studies import Studies
from engine.opinions.study import Study, StudyRefused
from pages.parts.common import open_studio, plain

HERE, NETWORK = "127.0.0.1", "0.0.0.0"
REACH = {HERE: "this computer", NETWORK: "everyone in this network"}
PORT = 8510


@st.cache_resource
def _server() -> dict[str, tuple[str, int, "subprocess.Popen[bytes]"]]:
    """The participants' server of this process, if it runs."""
    return {}


def show_serving(studies: Studies, study: Study) -> None:
    """Start and stop the participants' server, with the link of this study."""
    with st.container(border=True):
        running = _server().get("it")
        if running and running[2].poll() is None:
            address, port, process = running
            link = f"http://{names_of(address)[-1]}:{port}/?study={study.token}"
            st.markdown(f"Open to {REACH[address]}. Whoever has this link can take part:")
            st.code(link, language=None)
            if address == NETWORK:
                st.caption("The link goes over this network unencrypted, and shows studies alone, not the studio.")
            st.button("Stop", key="stop_serving", on_click=process.kill)
        else:
            _offer()
        st.button("End this study", key="close_study", on_click=_close, args=(studies, study), type="tertiary")


def _offer() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reach = st.selectbox("Open it to", list(REACH), format_func=REACH.__getitem__, key="study_reach", width=260)
        port = st.number_input("Port", 1024, 65535, PORT, key="study_port", width=140)
        if st.button("Open", key="serve_study", type="primary"):
            try:
                process = start(open_studio().settings.home, reach, int(port))
            except StudyRefused as refused:
                st.error(plain(refused), icon=":material/error:")
                return
            _server()["it"] = (reach, int(port), process)
            st.rerun()


def _close(studies: Studies, study: Study) -> None:
    studies.close(study.id)
