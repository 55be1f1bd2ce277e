"""Captions by BLIP: whether they can be written on this machine."""

from collections.abc import Mapping
from os import W_OK, access
from os.path import isdir
from pathlib import Path
from typing import Any

from engine.captioning.request import CaptionPictures, caption_pictures
from engine.datasets.captions import read_rules
from engine.errors import InvalidRequest, NotFound, Problem
from engine.jobs.kind import Here, Kind
from engine.jobs.schema import TRAIN
from engine.metrics.published.catalogue import blip_folder, blip_missing


def _check(values: Mapping[str, Any], here: Here) -> list[Problem]:
    problems = [] if blip_folder() else [Problem("blip", blip_missing())]
    folder = values["folder"]
    if not isdir(folder):  # unlike that of Path it takes every name
        problems.append(Problem("folder", f"Pictures lie in a folder; {folder or 'nothing'} is none. Check its name."))
    elif not access(folder, W_OK):  # said now, not after hours
        text = f"{folder} cannot be written to, and captions.csv is to stand there. Allow it, or copy the pictures."
        problems.append(Problem("folder", text))
    return problems + _rule_problems(values.get("rules") or "")


def _rule_problems(path: str) -> list[Problem]:
    try:
        if path:
            read_rules(Path(path))
    except InvalidRequest as error:
        return list(error.problems)
    except NotFound as error:
        return [Problem("rules", str(error))]
    return []


KINDS = (
    Kind(
        name=CaptionPictures.kind,
        read=caption_pictures,
        title=lambda request: f"Writing captions for {Path(request.folder).name}",
        lane=TRAIN,
        check=_check,
        once=True,
    ),
)
