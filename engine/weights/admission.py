"""Downloads: which can be asked for on this machine."""

from collections.abc import Mapping
from typing import Any

from engine.errors import ModelUnavailable, Problem
from engine.jobs.kind import Here, Kind
from engine.jobs.schema import FETCH
from engine.weights.licensing import acceptance, licences
from engine.weights.models import Catalogue
from engine.weights.request import FetchModel, fetch_model


def _check(values: Mapping[str, Any], here: Here) -> list[Problem]:
    """Whether its licence is accepted. Raises NotFound, ModelUnavailable: no such model, or nowhere to get it."""
    info = Catalogue(here.settings).get(values["model"])
    if not info.hub_id:
        raise ModelUnavailable(f"{info.title} has no address on the model hub. Add its folder or file instead.")
    return acceptance.problems(here.settings.home, info.title, licences.known(info.licence))


KINDS = (
    Kind(
        name=FetchModel.kind,
        read=fetch_model,
        title=lambda request: f"Downloading {request.model}",
        lane=FETCH,
        check=_check,
        once=True,
    ),
)
