"""Published checkpoints: read once with care, then kept as .safetensors with a .json that says what they are.

A .pth file is a pickle. PyTorch's own reader for weights makes tensors of it and calls nothing that the file
names; a file that needs more is refused.
"""

import hashlib
import pickle
import re
import stat
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from engine.errors import InvalidRequest, ModelBroken, ModelUnavailable, NotFound, Problem, UnsafeFile
from engine.files import printable, replacing, write_json
from engine.translation.catalogue import (
    ARCHITECTURES,
    RESERVED,
    Sidecar,
    Translator,
    describe,
    origin_of,
    read_sidecar,
)
from engine.translation.published import Recognised, build, recognise
from engine.weights.hashes import file_sha256
from engine.weights.safetensors_file import check_checkpoint
from engine.weights.sources import valid_name

MAX_BYTES = 512 * 10**6  # the largest published generator has 46 MB
PICKLES = (".pth", ".pt")


def import_checkpoint(
    path: Path, folder: Path, name: str, *, title: str = "", licence: str = "", non_commercial: bool | None = None
) -> Translator:
    """Bring a published generator into the studio.

    Args:
        path: a .pth, .pt or .safetensors file as its authors published it; its name tells some origins apart.
        folder: where imported translators lie.
        name: for requests; it becomes the file name.
        title: for people; empty makes one from the name and the origin.
        licence: of the weights, in words; empty takes what is known about their origin.
        non_commercial: whether it forbids commercial use; None takes what is known about their origin.

    Raises:
        NotFound: no such file.
        InvalidRequest: the name is taken, or is none.
        UnsafeFile: not only tensors, too large, damaged, or another kind of file.
        ModelBroken: the tensors are of no known generator, or not finite.
    """
    _require_free(folder, name)
    found = recognise(path.name, _read(path))
    _require_finite(path.name, found)
    origin = origin_of(found.architecture, path.name)
    sidecar = Sidecar(
        architecture=found.architecture,
        settings=found.settings,
        title=title or f"{name} ({origin.title})",
        native_size=origin.native_size,
        channel_order=ARCHITECTURES[found.architecture].channel_order,
        licence=licence or origin.licence,
        non_commercial=origin.non_commercial if non_commercial is None else non_commercial,
        source=printable(path.name),
        source_sha256=file_sha256(path),
        sha256="",
    )
    stored = folder / f"{name}.safetensors"
    save_translator(stored, found.tensors, sidecar)
    return describe(name, stored)


def save_translator(
    path: Path, tensors: dict[str, Tensor], sidecar: Sidecar, dtype: torch.dtype = torch.float32
) -> None:
    """Write weights and what they are.

    Args:
        path: the .safetensors file; the .json appears beside it.
        tensors: the generator's state dict.
        sidecar: its sha256 is filled in here.
        dtype: in which they are stored.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {
        name: tensor.detach().to("cpu", dtype).clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    content = safetensors.torch.save(plain)
    with replacing(path) as file:
        file.write(content)
    sidecar = replace(sidecar, sha256=hashlib.sha256(content).hexdigest())
    write_json(path.with_suffix(".json"), asdict(sidecar))


def load_translator_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a stored translator, in the precision in which they are stored.

    Raises:
        UnsafeFile: no sound .safetensors file.
        ModelBroken: it is not the file that its sidecar was written for.
    """
    expected = read_sidecar(path).sha256
    check_checkpoint(path)
    content = path.read_bytes()
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise ModelBroken(
            f"{path.name} must have the SHA-256 {expected[:12]}..., written when it was stored; got {actual[:12]}.... "
            "It was changed or damaged since: import its original file again."
        )
    return safetensors.torch.load(content)


def load_translator(translator: Translator) -> nn.Module:
    """The generator with its weights, frozen, on the CPU.

    Raises:
        ModelUnavailable: it has a problem, or no weights.
        UnsafeFile, ModelBroken: as `load_translator_weights`; or the weights are of another generator.
    """
    if translator.problem or translator.path is None:
        reason = translator.problem or f"{translator.title} has no weights to load."
        raise ModelUnavailable(reason)
    tensors = load_translator_weights(translator.path)
    model = build(translator.architecture, read_sidecar(translator.path).settings)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise ModelBroken(
            f"{translator.path.name} must hold a {translator.architecture} generator; got other tensors: {first} "
            "Import its original file again."
        ) from None
    return model.eval().requires_grad_(False)


def _require_free(folder: Path, name: str) -> None:
    valid_name(name)
    taken = [path for path in (folder / f"{name}.safetensors", folder / f"{name}.json") if path.exists()]
    if name in RESERVED or taken:
        place = f" ({taken[0]})" if taken else ""
        message = f"Each translator needs its own name; {name!r} is taken{place}. Give another name."
        raise InvalidRequest([Problem("name", message)])


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by their keys, after every check that needs no knowledge of generators."""
    suffix = path.suffix.lower()
    if suffix == ".onnx":
        raise UnsafeFile(
            f"{path.name}: an ONNX network, such as AnimeGANv3's, cannot be imported; the studio runs PyTorch "
            "generators. Choose a .pth, .pt or .safetensors file."
        )
    if suffix not in (*PICKLES, ".safetensors"):
        raise UnsafeFile(f"{path.name}: must be a .pth, .pt or .safetensors file; got {suffix or 'no suffix'}.")
    _require_size(path)
    if suffix == ".safetensors":
        check_checkpoint(path)
        return safetensors.torch.load_file(path)
    return _state(path.name, _unpickled(path))


def _require_size(path: Path) -> None:
    try:
        status = path.stat()
    except OSError:
        raise NotFound(f"There is no file {path}. Check its place and its name.") from None
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeFile(f"{path.name}: must be a file; got a folder or a device. Choose a file of weights.")
    size = max(status.st_size, _unpacked_bytes(path))
    if size > MAX_BYTES:
        raise UnsafeFile(
            f"{path.name}: a generator may have {MAX_BYTES / 1e6:,.0f} MB; got {size / 1e6:,.0f} MB. "
            "Check that it is the file you meant."
        )


def _unpacked_bytes(path: Path) -> int:
    """What the parts of a zip file (PyTorch's format since 1.6) say that they unpack to; 0 for other files."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return 0


def _unpickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        got = f"one that asks for {named.group(1)[:80]}" if named else "other content"
        raise UnsafeFile(
            f"{path.name}: must be a pickle of tensors only; got {got}, which is not run. "
            "Get the generator's state dict, or a .safetensors version."
        ) from None
    except Exception as error:  # the reader raises anything from EOFError to KeyError for broken files
        raise UnsafeFile(
            f"{path.name}: cannot be read as PyTorch weights: {_first_line(error)}. "
            "It is cut short, damaged or of another kind: copy or download it again."
        ) from None


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or ["nothing readable in it"]
    return f"{type(error).__name__}: {lines[0][:160]}".rstrip(".")


def _state(name: str, content: Any) -> dict[str, Tensor]:
    if not isinstance(content, dict) or not content or not all(isinstance(key, str) for key in content):
        raise ModelBroken(f"{name}: must hold a state dict, tensors by name; got a {type(content).__name__}.")
    other = [f"{key[:80]} ({type(value).__name__})" for key, value in content.items() if not _plain(value)]
    if other:
        raise ModelBroken(
            f"{name}: a state dict holds plain tensors only; got {', '.join(other[:3])}. "
            "Choose the file of the generator alone, not of a whole training run."
        )
    return content


def _plain(value: Any) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided and value.device.type == "cpu"


def _require_finite(name: str, found: Recognised) -> None:
    wrong = [
        key
        for key, tensor in found.tensors.items()
        if not tensor.is_floating_point() or not bool(torch.isfinite(tensor.float()).all())
    ]
    if wrong:
        raise ModelBroken(
            f"{name}: weights must be finite numbers; got NaN, infinity or whole numbers in {wrong[0]}. "
            "Its training failed or the file is damaged: get it again."
        )
