"""A drawing as a workflow for ComfyUI, to download."""

import json

import streamlit as st

from engine.diffusion.exporting.comfyui import KINDS, workflow
from engine.errors import StudioError
from engine.studio import Studio
from gallery.errors import GalleryError
from gallery.records import ImageRecord
from pages.parts.common import plain


def show_workflow(studio: Studio, record: ImageRecord) -> None:
    """The workflow's file, what ComfyUI does otherwise, and the picture that it begins with."""
    if record.kind not in KINDS or record.unreadable:
        return
    with st.expander("For ComfyUI", icon=":material/account_tree:"):
        try:
            made = workflow(record.recipe.to_dict())
        except StudioError as error:
            st.caption(plain(error))
            return
        st.caption("A workflow of ComfyUI's own nodes. Drop its file on ComfyUI's page.")
        graph = json.dumps(made.graph, indent=2, ensure_ascii=False)
        _file("Workflow", graph.encode(), f"niji-{record.id[-6:].lower()}-comfyui.json", "application/json")
        if made.picture and (start := _start_of(studio, record)):
            _file("Picture that it begins with", start, made.picture, "image/png")
        for note in made.notes:
            st.caption(f":material/info: {plain(note)}")


def _file(label: str, data: bytes, name: str, kind: str) -> None:
    icon = ":material/download:"
    st.download_button(label, data, name, kind, key=f"comfyui_{name}", icon=icon, on_click="ignore")


def _start_of(studio: Studio, record: ImageRecord) -> bytes | None:
    started = next((each.get("photo") for each in record.recipe.parents if each.get("role") == "start"), None)
    try:
        return studio.photos.png(str(started)) if started else None
    except GalleryError:  # gone or damaged: the workflow is of use even so
        return None
