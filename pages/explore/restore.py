"""Coming back to where a kept picture was found."""

import numpy as np
import streamlit as st

from engine.latent.catalogue import explorers
from engine.latent.requests import STRIP, Explored
from engine.studio import Studio
from gallery.records import ImageRecord
from pages.explore.point import FROM, KEPT, MOVED, Start
from pages.explore.walk import ENDS, set_end


def fill_explore(studio: Studio, record: ImageRecord) -> list[str]:
    """Go to the place of a kept picture; returns the network's name where it is not here."""
    request = studio.kinds.read(Explored.kind, record.recipe.request)
    if request is None:
        st.warning("This recipe is of another version of the studio and cannot be used.", icon=":material/info:")
        return []
    if request.explorer not in {info.name for info in explorers(studio.settings)}:
        return [request.explorer]
    st.session_state.network = request.explorer
    st.query_params[FROM] = f"{KEPT}{record.id}"
    st.query_params.pop(MOVED, None)
    if request.form == STRIP:
        origins = (request.photos[0], request.photos[-1]) if request.photos else (None, None)
        for end, point, photo in zip(ENDS, (request.begin, request.end), origins, strict=True):
            set_end(request.explorer, end, Start(np.asarray(point, np.float32), photo))
        st.session_state.explore_frames = request.frames
    return []
