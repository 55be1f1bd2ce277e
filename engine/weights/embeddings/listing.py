"""Which embeddings (textual inversion) exist and which text encoder they fit; no torch.

A folder may hold `name.safetensors` files and folders of them, four deep, as diffusers saves them (one tensor under
`<token>`, or under `emb_params`) or as AUTOMATIC1111 does (`emb_params`). Pickles (`name.pt`) are listed with the
reason why they cannot be used, and so are those for SDXL, which have a part for each of its text encoders (`clip_g`,
`clip_l`).
"""

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.errors import UnsafeFile
from engine.files import printable
from engine.rules import counted
from engine.weights.families import base_of_width
from engine.weights.loras import one_line, places
from engine.weights.safetensors_file import LORA_DTYPES, MIB, Header, TensorSpec, read_header

MAX_VECTORS = 75  # what a text encoder reads at once, without start and end
MAX_WIDTH = 8192
MAX_TENSORS = 64
MAX_HEADER_BYTES = MIB

_SAFE = ".safetensors"
_ANOTHER = "Get it again from its author, or take it out of the folder."
# diffusers gives every embedding this name, so the token or the folder tells it apart.
_NAMED_WITHIN = re.compile(r"learned_embeds(-steps-\d+)?")
_TOKEN = re.compile(r"<[^<>]{1,100}>")


@dataclass(frozen=True, slots=True)
class EmbeddingInfo:
    """An embedding as it is listed and as the worker loads it.

    Attributes:
        name: unique; what stands for it in a prompt.
        path: the .safetensors file.
        vectors: how many tokens it takes in a prompt; 0 where the file does not tell.
        width: numbers in each vector, that of the text encoder that it is for; 0 where the file does not tell.
        token: `<token>` as diffusers' training wrote it into the file, which stands for it too; empty for none.
        key: the tensor's name in the file.
        size_bytes: of the file.
        problem: why it cannot be used, and what to do; empty when there is none.
    """

    name: str
    path: Path
    vectors: int = 0
    width: int = 0
    token: str = ""
    key: str = ""
    size_bytes: int = 0
    problem: str = ""

    @property
    def base(self) -> str:
        """The readable name of the family that it was made for."""
        return base_of_width(self.width)


def list_embeddings(folders: Sequence[Path]) -> list[EmbeddingInfo]:
    """Every embedding in the folders and four levels below, also those that cannot be used, with the reason.

    Args:
        folders: who comes first keeps the plain name, a later file of the same name is listed as "name (folder)".
            Folders that do not exist are passed over.
    """
    found: dict[str, EmbeddingInfo] = {}
    seen: set[str] = set()
    for place in [place for folder in folders for place in places(Path(folder), seen)]:
        for path in place.files():
            if info := _described(path):
                name = _free_name(info, found)
                found[name.casefold()] = replace(info, name=name)
    return list(found.values())


def _free_name(info: EmbeddingInfo, taken: dict[str, EmbeddingInfo]) -> str:
    """Names are found in prompts in upper and lower case, so two that differ in that alone are the same."""
    name = info.name
    choices = [name, f"{name} ({one_line(info.path.parent.name)})"]
    choices += [f"{name} ({number})" for number in range(2, len(taken) + 3)]
    return next(choice for choice in choices if choice.casefold() not in taken)


def _described(path: Path) -> EmbeddingInfo | None:
    try:
        status = os.stat(path)
        return _read(path, status.st_size, status.st_mtime_ns)
    except OSError:  # it vanished
        return None


@lru_cache(maxsize=4096)
def _read(path: Path, size: int, mtime_ns: int) -> EmbeddingInfo:
    """Once per state of the file."""
    info = EmbeddingInfo(one_line(path.stem), path, size_bytes=size)
    try:
        header = read_header(path, max_header_bytes=MAX_HEADER_BYTES, max_tensors=MAX_TENSORS)
        key, spec = _tensor(path, header)
    except UnsafeFile as error:
        return replace(info, problem=printable(str(error)))
    token = printable(key) if _TOKEN.fullmatch(key) else ""
    vectors, width = spec.shape if len(spec.shape) == 2 else (1, *spec.shape)
    return replace(
        info,
        name=_name(path, token),
        vectors=vectors,
        width=width,
        token=token,
        key=key,
        problem=_ending(path) or _numbers_problem(path, header, spec),
    )


def _name(path: Path, token: str) -> str:
    if not _NAMED_WITHIN.fullmatch(path.stem):
        return one_line(path.stem)
    return one_line(token.strip("<>") or path.parent.name)


def _ending(path: Path) -> str:
    if path.suffix.lower() == _SAFE:
        return ""
    return f"{path.name} must end with {_SAFE}; got {path.suffix}, though it is one inside. Rename it."


def _tensor(path: Path, header: Header) -> tuple[str, TensorSpec]:
    """The one tensor that counts. Raises UnsafeFile."""
    names = header.tensors.keys()
    if "clip_g" in names:
        raise UnsafeFile(
            f"{path.name} must be for a model with one text encoder, such as Stable Diffusion 1.x or 2.x; got parts "
            f"for SDXL ({', '.join(sorted(names & {'clip_g', 'clip_l'}))}). Get its version for such a model."
        )
    key = "emb_params" if "emb_params" in names else next(iter(names), "")
    if key != "emb_params" and len(names) != 1:
        raise UnsafeFile(
            f"{path.name} must hold one embedding: a tensor called emb_params, or a single one; got "
            f"{counted(len(names), 'tensor')}. It may be a LoRA or a model, which have folders of their own."
        )
    _check_tensor(path, header.tensors[key])
    return key, header.tensors[key]


def _check_tensor(path: Path, spec: TensorSpec) -> None:
    vectors, width = spec.shape if len(spec.shape) == 2 else (1, *spec.shape) if len(spec.shape) == 1 else (0, 0)
    if not (1 <= vectors <= MAX_VECTORS and 1 <= width <= MAX_WIDTH):
        shape = " x ".join(map(str, spec.shape)) or "a single number"
        raise UnsafeFile(
            f"{path.name}: an embedding is 1 to {MAX_VECTORS} vectors of 1 to {MAX_WIDTH} numbers; got {shape}. "
            f"{_ANOTHER}"
        )
    if spec.dtype not in LORA_DTYPES:
        raise UnsafeFile(
            f"{path.name}: the numbers of an embedding are {', '.join(LORA_DTYPES)}; got {spec.dtype}. "
            "Save it in half or full precision."
        )


def _numbers_problem(path: Path, header: Header, spec: TensorSpec) -> str:
    """What is wrong with the numbers themselves; the file is small, so they are looked at when it is listed."""
    with path.open("rb") as file:
        file.seek(header.data_offset + spec.begin)
        data = file.read(spec.size_bytes)
    if len(data) == spec.size_bytes and (wrong := _not_finite(data, spec.dtype)):
        return (
            f"{path.name}: every number must be finite; {wrong} of {math.prod(spec.shape)} are NaN or infinity. The "
            f"file is damaged or its training failed. {_ANOTHER}"
        )
    return ""


def _not_finite(data: bytes, dtype: str) -> int:
    if dtype == "BF16":  # which NumPy does not know: every bit of the exponent is set
        return int(((np.frombuffer(data, "<u2") & 0x7F80) == 0x7F80).sum())
    return int((~np.isfinite(np.frombuffer(data, "<f2" if dtype == "F16" else "<f4"))).sum())
