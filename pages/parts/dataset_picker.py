"""Choosing captioned pictures: uploaded, or in a folder of this machine."""

from contextlib import suppress
from pathlib import Path

import streamlit as st
from ulid import ULID

from engine.datasets.uploads import keep_uploads
from engine.errors import StudioError
from engine.picture_files import SUFFIXES, pictures_below
from engine.rules import counted
from engine.studio import Studio
from pages.parts.common import PEOPLE_ERRORS, plain, show_problems

UPLOAD, FOLDER = "Upload", "Folder on this machine"
DATASET = "dataset"
WITH_CAPTIONS = "Pictures with captions: a CSV, text files beside them, metadata.jsonl, or kohya's folders"
KINDS = (*SUFFIXES, ".csv", ".txt", ".caption", ".json", ".jsonl", ".zip")


def pick_dataset(studio: Studio, place: str = DATASET, captions: bool = True) -> Path | None:
    """The folder of the data set; the address names it, so it survives a refresh. None while nothing is chosen.

    Args:
        place: its name in the address; a page may ask for several.
        captions: whether the pictures are to have some.
    """
    suffix = "" if place == DATASET else f"_{place}"
    way = st.segmented_control("Where from", [UPLOAD, FOLDER], default=UPLOAD, required=True, key=f"way{suffix}")
    if way == UPLOAD:
        _upload(studio, place, suffix, captions)
    else:
        st.text_input(
            "Folder",
            key=f"folder{suffix}",
            placeholder="the folder's path",
            help=WITH_CAPTIONS if captions else "PNG, JPEG and WebP, in it or in folders below it",
            on_change=_take_folder,
            args=(place, suffix),
        )
    name = st.query_params.get(place, "")
    if not name:
        layout = " with captions in any usual layout" if captions else ""
        st.caption(f"PNG, JPEG and WebP{layout}, or one ZIP of all that.")
        return None
    if Path(name).is_absolute():
        st.caption(plain(f"From {name}"))
        return Path(name)
    folder = studio.settings.home / "datasets" / Path(name).name
    if not captions:  # of pictures with captions the page shows more than their number
        _say_uploaded(folder)
    return folder


def _say_uploaded(folder: Path) -> None:
    """How many came, since the uploader is empty again; nothing of what is refused when it is used."""
    with suppress(StudioError):
        st.caption(f"{counted(len(pictures_below(folder)), 'picture')} uploaded. The next upload replaces this one.")


def _take_folder(place: str, suffix: str) -> None:
    text = st.session_state[f"folder{suffix}"].strip().replace("\0", "")
    if not text:  # as a path it would be the folder that the studio runs in
        st.query_params.pop(place, None)
        return
    folder = Path(text)
    with suppress(RuntimeError):  # a "~" that names nobody stays as it is, and the folder is not found
        folder = folder.expanduser()
    st.query_params[place] = str(folder.absolute())


def _upload(studio: Studio, place: str, suffix: str, captions: bool) -> None:
    uploads = f"picture_uploads{suffix}"
    files = st.file_uploader(
        "Pictures and captions" if captions else "Pictures",
        type=KINDS if captions else (*SUFFIXES, ".zip"),
        accept_multiple_files=True,
        key=f"pictures{suffix}_{st.session_state.setdefault(uploads, 0)}",
    )
    if not files:
        return
    name = str(ULID())
    folder = studio.settings.home / "datasets" / name
    try:
        keep_uploads([(file.name, file) for file in files], folder)
    except PEOPLE_ERRORS as error:
        show_problems({"upload": str(error)}, "upload")
        return
    st.query_params[place] = name
    st.session_state[uploads] += 1
    st.rerun()
