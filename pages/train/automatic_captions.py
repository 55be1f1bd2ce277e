"""Captions that BLIP writes: the button, what it needs, and how far it is."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from engine.captioning.request import CaptionPictures
from engine.datasets.pictures import CaptionedPicture
from engine.jobs.records import Job
from engine.metrics.published.catalogue import captioner
from engine.rules import counted
from engine.studio import Studio
from pages.evaluate.networks import show_network
from pages.parts.common import OWNER, plain
from pages.parts.jobs import show_jobs
from pages.parts.submit import Press

PRESS = Press("write_captions")


def show_automatic(studio: Studio, folder: Path, pictures: Sequence[CaptionedPicture], rules: Path | None) -> None:
    """Ask for captions, where BLIP is on this machine; else the ways in which it comes here.

    Args:
        rules: file that extends what it writes; None leaves it as it is.
    """
    network = captioner()
    if not network.available:
        st.caption("BLIP says in a plain sentence what a picture shows. It is not on this machine yet.")
        show_network(studio, network)
        return
    bare = [each for each in pictures if not each.caption.strip()]
    everything = st.toggle(
        "Also pictures that have a caption",
        value=not bare,
        key="caption_everything",
        help="Their captions give way; Undo brings them back",
    )
    count = len(pictures) if everything else len(bare)
    running = show_jobs(studio, [CaptionPictures.kind])
    request = CaptionPictures(
        folder=str(folder.absolute()), everything=everything, rules=str(rules.absolute()) if rules else ""
    )
    pressed = PRESS.button(
        f"Write {counted(count, 'caption')}",
        ":material/auto_awesome:",
        main=False,
        disabled=not count or any(job.request == request for job in running),
    )
    PRESS.show_problems({"folder": folder, "everything": everything, "rules": rules})
    if pressed:
        PRESS.ask(request, lambda key: studio.submit(request, key=key, owner=OWNER))
    _last(studio, folder)


def _last(studio: Studio, folder: Path) -> None:
    """How the newest of this folder ended."""
    job = _newest(studio, folder)
    if job is None or not job.ended:
        return
    if job.error:
        st.error(plain(job.error), icon=":material/error:")
    for note in job.notes:
        st.caption(plain(note))


def _newest(studio: Studio, folder: Path) -> Job | None:
    jobs = studio.jobs(kind=CaptionPictures.kind, owner=OWNER, limit=20)
    return next((job for job in jobs if job.request and job.request.folder == str(folder.absolute())), None)
