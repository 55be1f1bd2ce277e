"""What a recipe says of the backend that drew a picture."""

from collections.abc import Mapping
from typing import Any

from engine.diffusion.backends.names import TITLES, openvino_version
from engine.settings import OPENVINO


def computed_by(backend: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a recipe (`software`, `environment` and others) with the backend's own; PyTorch's are those that are
    there.
    """
    if backend != OPENVINO:
        return dict(facts)
    return {
        **facts,
        "software": {**facts["software"], "openvino": openvino_version()},
        "environment": {**facts["environment"], "backend": TITLES[backend]},
    }
