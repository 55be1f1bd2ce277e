"""The networks that measure pictures: which are here, and how the others come."""

from os.path import expanduser

import streamlit as st

from engine.jobs.records import Job
from engine.measuring.request import FetchNetwork
from engine.metrics.published.catalogue import MeasuringNetwork, networks
from engine.rules import counted
from engine.studio import Studio
from pages.parts.common import OWNER, plain, size_text
from pages.parts.progress import show_download
from pages.parts.submit import Press

STAND_INS = (
    "FID, KID, CMMD, the CLIP score and LPIPS come from networks of others, which are not shipped. Where one is "
    "missing, VGG19 stands in, and the figure has another name; the CLIP score is left out."
)


def show_networks(studio: Studio) -> None:
    """An expander with all of them."""
    known = networks()
    missing = sum(not network.available for network in known)
    state = f"{missing} of {counted(len(known), 'network')} not here" if missing else "all here"
    with st.expander(f"Networks to measure with: {state}", icon=":material/analytics:", key="measuring_networks"):
        st.caption(STAND_INS)
        for network in known:
            show_network(studio, network)


def show_network(studio: Studio, network: MeasuringNetwork) -> None:
    """One of them, and the ways in which it comes here."""
    with st.container(border=True, key=f"network_{network.name}"):
        st.markdown(f"**{plain(network.title)}** for {plain(network.measures)}")
        st.caption(plain(f"{size_text(network.size_bytes)}. Licence: {network.licence}."))
        if network.available:
            st.caption("On this machine.")
            return
        job = _latest(studio, network)
        if job is not None and not job.ended:
            show_download(studio, job.id)
            return
        if job is not None and job.error:
            st.error(plain(job.error), icon=":material/cloud_off:")
        _ways(studio, network, tried=job is not None and bool(job.error))


def _ways(studio: Studio, network: MeasuringNetwork, tried: bool) -> None:
    press = Press(f"network_{network.name}")
    st.button(
        "Try the download again" if tried else "Download",
        key=f"download_network_{network.name}",
        icon=":material/download:",
        on_click=press.now,
        args=(lambda key: _fetch(studio, network.name), "download"),
    )
    names = ", ".join(file.name for file in network.files)
    folder = st.text_input(
        "Or a folder on this machine with its files",
        key=f"folder_of_{network.name}",
        help=f"With {names}, which are checked and copied to {network.place}",
    )
    st.button(
        "Copy from there",
        key=f"copy_network_{network.name}",
        icon=":material/folder_copy:",
        disabled=not folder.strip(),
        on_click=press.now,
        args=(lambda key: _fetch(studio, network.name, expanduser(folder.strip())), folder),
    )
    press.show_problems()


def _fetch(studio: Studio, name: str, folder: str = "") -> None:
    studio.submit(FetchNetwork(network=name, folder=folder), owner=OWNER)


def _latest(studio: Studio, network: MeasuringNetwork) -> Job | None:
    jobs = studio.jobs(owner=OWNER, kind=FetchNetwork.kind)
    return next((job for job in jobs if job.request and job.request.network == network.name), None)
