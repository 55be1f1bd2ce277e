"""Published checkpoints: read once with care, then kept as .safetensors with a .json that says what they are.

What a file is, its bytes tell. A .pth file is a pickle: PyTorch's own reader for weights makes tensors of it and calls
nothing that the file names; a file that needs more is refused.
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
from engine.translation.file_kinds import kind_of
from engine.translation.published import MOST_BYTES, Recognised, build, recognise
from engine.weights.hashes import file_sha256
from engine.weights.safetensors_file import check_checkpoint
from engine.weights.sources import valid_name

MOST_CHARACTERS = {"title": 200, "licence": 1000}
# Settings and figures that trainings save beside their weights. `_Note` stands for each, so nothing of them is made.
NOTES = (
    "argparse.Namespace",
    "types.SimpleNamespace",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "datetime.datetime",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
)


class _Note:
    """Stands for an object that is not needed; it takes what a pickle gives it and does nothing."""

    def __init__(self, *_given: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass


def import_checkpoint(
    path: Path,
    folder: Path,
    name: str,
    *,
    title: str = "",
    licence: str = "",
    non_commercial: bool | None = None,
    generator: str = "",
    align_corners: bool | None = None,
) -> Translator:
    """Bring a published generator into the studio.

    Args:
        path: a file of PyTorch (.pth, .pt, .ckpt, .bin, .pth.tar ...) or .safetensors as its authors published it or
            their training saved it; its name tells some origins apart.
        folder: where imported translators lie.
        name: for requests; it becomes the file name.
        title: for people; empty makes one from the name and the origin.
        licence: of the weights, in words; empty takes what is known about their origin.
        non_commercial: whether it forbids commercial use; None takes what is known about their origin.
        generator: which one, where the file holds several; see `recognise`.
        align_corners: how AnimeGANv2 enlarges features; None takes False, see `AnimeGan2`.

    Raises:
        NotFound: no such file.
        InvalidRequest: the name is taken, or is none; the file holds several generators; only AnimeGANv2 has
            `align_corners`.
        UnsafeFile: not only tensors, too large, damaged, or another kind of file.
        ModelBroken: the tensors are of no known generator, or not finite.
    """
    require_free(folder, name)
    _require_short(title=title, licence=licence)
    found = recognise(path.name, _read(path), generator)
    _require_finite(path.name, found)
    origin = origin_of(found.architecture, path.name)
    source = f"{path.name} ({found.label})" if found.label else path.name
    sidecar = Sidecar(
        architecture=found.architecture,
        settings=found.settings | _enlarging(found.architecture, align_corners),
        title=title or f"{name} ({origin.title})",
        native_size=origin.native_size,
        channel_order=ARCHITECTURES[found.architecture].channel_order,
        licence=licence or origin.licence,
        non_commercial=origin.non_commercial if non_commercial is None else non_commercial,
        source=printable(source)[:1000],
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
    return load_generator(translator.path, translator.architecture).eval().requires_grad_(False)


def load_generator(path: Path, architecture: str) -> nn.Module:
    """A generator with the weights of a file, on the CPU.

    Raises:
        UnsafeFile, ModelBroken: as `load_translator_weights`; or the weights are of another generator.
    """
    tensors = load_translator_weights(path)
    model = build(architecture, read_sidecar(path).settings)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise ModelBroken(
            f"{path.name} must hold a {architecture} generator; got other tensors: {first} "
            "Import its original file again."
        ) from None
    return model


def require_free(folder: Path, name: str) -> None:
    """Raise InvalidRequest where a translator cannot have this name in the folder."""
    valid_name(name)
    taken = [path for path in (folder / f"{name}.safetensors", folder / f"{name}.json") if path.exists()]
    if name in RESERVED or taken:
        place = f" ({taken[0]})" if taken else ""
        message = f"Each translator needs its own name; {name!r} is taken{place}. Give another name."
        raise InvalidRequest([Problem("name", message)])


def _require_short(**texts: str) -> None:
    """As the sidecar's reader asks."""
    for field, text in texts.items():
        if len(text) > MOST_CHARACTERS[field]:
            message = f"The {field} may have {MOST_CHARACTERS[field]} characters; got {len(text)}. Shorten it."
            raise InvalidRequest([Problem(field, message)])


def _enlarging(architecture: str, align_corners: bool | None) -> dict[str, bool]:
    """What the file cannot tell about AnimeGANv2."""
    if architecture == "animegan2":
        return {"align_corners": bool(align_corners)}
    if align_corners is not None:
        message = f"align_corners is a choice for AnimeGANv2 only; this file holds a {architecture} generator."
        raise InvalidRequest([Problem("align_corners", message)])
    return {}


def _read(path: Path) -> Any:
    """What a file holds, after every check that needs no knowledge of generators."""
    _require_size(path)
    if kind_of(path) == "pickle":
        return _unpickled(path)
    check_checkpoint(path)
    try:
        return safetensors.torch.load_file(path)
    except Exception as error:  # kinds of numbers that PyTorch does not know raise one thing or another
        raise UnsafeFile(
            f"{path.name}: cannot be read as PyTorch weights: {_first_line(error)}. "
            "Get it in float32, float16 or bfloat16."
        ) from None


def _require_size(path: Path) -> None:
    try:
        status = path.stat()
    except OSError:
        raise NotFound(f"There is no file {path}. Check its place and its name.") from None
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeFile(f"{path.name}: must be a file; got a folder or a device. Choose a file of weights.")
    size = max(status.st_size, _unpacked_bytes(path))
    if size > MOST_BYTES:
        raise UnsafeFile(
            f"{path.name}: a generator may have {MOST_BYTES / 1e6:,.0f} MB; got {size / 1e6:,.0f} MB. "
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
        with torch.serialization.safe_globals([(_Note, name) for name in NOTES]):
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
