"""The safe-loading gate: reads the header of a .safetensors file and refuses what is not sound.

A file is eight bytes of header length (little endian), a JSON header, then the tensors back to back. Only the
header is read, so a hostile or broken file is turned away at once and nothing in it is followed: metadata are plain
strings to show, tensor names are never paths.

The limits for a LoRA, and why:
    512 MB      rank 128 of every attention layer of Stable Diffusion 2.x takes about 150 MB.
    16 MiB      of header. 4,096 tensors with 200-character names need 1 MiB by themselves; the training
                records that kohya's scripts keep there (each tag of each caption) can take 5 MiB and more.
    4,096       tensors: three for each of about 300 layers is usual.
    rank 512    published files reach 320; more than 512 is no longer "low rank" for 1280 channels.
"""

import json
import math
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import UnsafeFile

MIB = 2**20
MAX_HEADER_BYTES = 16 * MIB
MAX_TENSORS = 20_000  # a whole Stable Diffusion XL has about 2,500
MAX_METADATA_ENTRIES = 10_000
MAX_CHECKPOINT_BYTES = 10 * 10**9
MAX_LORA_BYTES = 512 * 10**6
MAX_LORA_HEADER_BYTES = 16 * MIB
MAX_LORA_TENSORS = 4096
MAX_LORA_RANK = 512
LORA_DTYPES = ("F16", "BF16", "F32")
LORA_SCALAR_DTYPES = (*LORA_DTYPES, "F64", "I64", "I32")  # `alpha`: torch.tensor(8) is an I64
MAX_UPSCALER_BYTES = 10**9  # the largest transformers that are published have about 170 MB
MAX_UPSCALER_HEADER_BYTES = 4 * MIB
MAX_UPSCALER_TENSORS = 8192
UPSCALER_DTYPES = (*LORA_DTYPES, "I64", "I32", "BOOL")  # SwinIR keeps tables of places and masks
LORA_KEY = re.compile(r"[A-Za-z0-9_.-]{1,200}")
MAX_LORA_KEY = 200
BUNDLED = "bundle_emb."  # an embedding that lies in the file with the LoRA, under the name that its author gave it
# The first dimension of these is the rank, in each of the four ways to name LoRA weights.
LORA_DOWN = re.compile(r"(lora_down|lora_A|lora\.down|lora_linear_layer\.down)(\.\w+)?\.weight$")

_LONG_NUMBER = re.compile(rb"[0-9]{20}")
_ENTRY_KEYS = {"dtype", "shape", "data_offsets"}
DTYPE_BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What the header says about one tensor.

    Attributes:
        begin: its first byte, counted from `Header.data_offset`.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int = field(default=0, compare=False)

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * DTYPE_BITS[self.dtype] // 8


@dataclass(frozen=True, slots=True)
class Header:
    """A checked header: every tensor lies inside the file, without gap or overlap.

    Attributes:
        tensors: by name, in the file's order.
        metadata: text that the file's author wrote; show it, never act on it.
        data_offset: position of the first tensor's first byte.
    """

    tensors: dict[str, TensorSpec]
    metadata: dict[str, str]
    data_offset: int

    def is_zero(self, file: BinaryIO, name: str) -> bool:
        """Whether every number of a tensor is 0; for small ones, since all of its bytes are read.

        Args:
            file: the one that this header was read from.
        """
        file.seek(self.data_offset + self.tensors[name].begin)
        return not any(file.read(self.tensors[name].size_bytes))


def read_header(
    path: Path | str, *, max_header_bytes: int = MAX_HEADER_BYTES, max_tensors: int = MAX_TENSORS
) -> Header:
    """Read and check the header of a .safetensors file, without its tensors.

    Raises:
        UnsafeFile: not a readable, sound .safetensors file; the only error that leaves this function.
    """
    path = Path(path)
    try:
        size = _regular_file_size(path)
        with path.open("rb") as file:
            text = _header_text(path, file, size, max_header_bytes)
    except OSError as error:
        raise _unsafe(path, "cannot be read", error.strerror or str(error), "Check its place and rights.") from None
    outside = _outside_of_texts(path, text, max_tensors)
    data_offset = 8 + len(text)
    tensors, metadata = _parse(path, text, outside, size - data_offset)
    return Header(tensors, metadata, data_offset)


def check_lora(path: Path | str) -> Header:
    """Read the header of a LoRA file and hold it to the limits in the module's text.

    Raises:
        UnsafeFile: the file breaks a limit, or is no sound .safetensors file.
    """
    path = Path(path)
    _check_size(path, MAX_LORA_BYTES, "A LoRA")
    header = read_header(path, max_header_bytes=MAX_LORA_HEADER_BYTES, max_tensors=MAX_LORA_TENSORS)
    if len(header.tensors) > MAX_LORA_TENSORS:
        raise _unsafe(
            path,
            f"a LoRA may hold {MAX_LORA_TENSORS} tensors",
            f"{len(header.tensors)}",
            "It is probably a whole model: add it as a model.",
        )
    for name, spec in header.tensors.items():
        _check_lora_tensor(path, name, spec)
    return header


def check_checkpoint(path: Path | str) -> Header:
    """Read the header of a model's weights (one file of a folder, or a single-file model).

    Raises:
        UnsafeFile: larger than 10 GB, cut short, or no sound .safetensors file.
    """
    path = Path(path)
    _check_size(path, MAX_CHECKPOINT_BYTES, "A model file")
    return read_header(path)


def check_upscaler(path: Path | str) -> Header:
    """Read the header of an upscaling network's file.

    Raises:
        UnsafeFile: larger than 1 GB, too many or odd tensors, or no sound .safetensors file.
    """
    path = Path(path)
    _check_size(path, MAX_UPSCALER_BYTES, "An upscaler")
    header = read_header(path, max_header_bytes=MAX_UPSCALER_HEADER_BYTES, max_tensors=MAX_UPSCALER_TENSORS)
    for name, spec in header.tensors.items():
        if spec.dtype not in UPSCALER_DTYPES:
            rule = f"tensors of an upscaler are {', '.join(UPSCALER_DTYPES)}"
            raise _unsafe(path, rule, f"{spec.dtype} in {name[:80]!r}", "Save it in half or full precision.")
    return header


def lora_rank(name: str, spec: TensorSpec) -> int | None:
    """The rank that a LoRA's down weight shows, None for every other tensor."""
    likely = "down." in name or "lora_A" in name  # three quarters of the names are other ones
    return spec.shape[0] if likely and spec.shape and LORA_DOWN.search(name) else None


def _unsafe(path: Path, rule: str, actual: str, advice: str) -> UnsafeFile:
    return UnsafeFile(f"{path.name}: {rule}; got {actual}. {advice}")


def _regular_file_size(path: Path) -> int:
    """Size in bytes; anything that is not a plain file is refused before open() could block on it."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise _unsafe(path, "must be a file", "a folder or a device", "Choose a .safetensors file.")
    return status.st_size


def _check_size(path: Path, limit: int, what: str) -> None:
    try:
        size = _regular_file_size(path)
    except OSError:
        return  # read_header words this error
    if size > limit:
        raise _unsafe(
            path,
            f"{what} may have {limit / 1e6:,.0f} MB",
            f"{size / 1e6:,.1f} MB",
            "Check that it is the file you meant.",
        )


def _header_text(path: Path, file: BinaryIO, size: int, max_header_bytes: int) -> bytes:
    start = file.read(8)
    if len(start) < 8:
        raise _unsafe(path, "a .safetensors file has 8 bytes or more", f"{size} bytes", "Copy or download it again.")
    length = int.from_bytes(start, "little")
    foreign = _foreign_format(start)
    if foreign and length > size - 8:
        raise _unsafe(path, "must be in the safetensors format", *foreign)
    if length > max_header_bytes:
        raise _unsafe(
            path,
            f"the header may have {max_header_bytes:,} bytes",
            f"{length:,}",
            "It is damaged or not a .safetensors file; get it again from its author.",
        )
    text = file.read(length)
    if len(text) < length:
        raise _unsafe(
            path,
            f"the header should have {length:,} bytes",
            f"{len(text):,}",
            "The file is cut short: copy or download it again.",
        )
    return text


def _foreign_format(start: bytes) -> tuple[str, str] | None:
    """What a file with these first bytes is instead, and what to do about it."""
    if start[:4] == b"PK\x03\x04" or (start[0] == 0x80 and 2 <= start[1] <= 5):
        return (
            "a pickle (as .ckpt, .pt and .bin files are)",
            "Pickles can run programs: get the .safetensors version.",
        )
    if start == b"version ":
        return (
            "a Git LFS pointer, the note that stands for the file",
            "Download the file itself (git lfs pull).",
        )
    if start[:1] == b"<":
        return "a web page", "The download link led to a page: download the file itself."
    return None


def _outside_of_texts(path: Path, text: bytes, max_tensors: int) -> bytes:
    """The JSON without its quoted texts, when it is small enough to be parsed at once.

    Millions of tiny values, or one number of a million digits, would keep the parser busy for seconds, so their
    marks are counted first. A tensor has 10 quotes, 3 brackets and up to 11 commas, a metadata entry 4 quotes
    and a comma.
    """
    bare = text.replace(rb"\\", b"").replace(rb"\"", b"")
    few = bare.count(b'"') <= 10 * max_tensors + 4 * MAX_METADATA_ENTRIES
    outside = b"".join(bare.split(b'"')[::2]) if few else b""
    brackets = outside.count(b"{") + outside.count(b"[")
    few = few and brackets <= 3 * max_tensors + 6
    if few and outside.count(b",") <= 11 * max_tensors + MAX_METADATA_ENTRIES and not _LONG_NUMBER.search(outside):
        return outside
    raise _unsafe(
        path,
        f"the header may list {max_tensors:,} tensors",
        "far more entries or longer numbers",
        "It is not a file of that kind, or was made to harm.",
    )


def _parse(path: Path, text: bytes, outside: bytes, data_bytes: int) -> tuple[dict[str, TensorSpec], dict[str, str]]:
    try:
        content = json.loads(text.decode("utf-8"), parse_constant=_refuse)
        if type(content) is not dict:
            raise ValueError("not a JSON object")
        names = len(content)
        metadata = _metadata(content.pop("__metadata__", {}))
        tensors = _tensors(content, data_bytes)
        # Readers differ in which of two equal names they take, so one colon too many is refused.
        if outside.count(b":") != names + len(metadata) + len(_ENTRY_KEYS) * len(tensors):
            raise ValueError("a name that comes twice")
        return tensors, metadata
    except _WrongSize as error:
        raise _unsafe(
            path,
            f"the tensors should take {error.expected:,} bytes",
            f"{data_bytes:,}",
            _advice(data_bytes - error.expected),
        ) from None
    except RecursionError:
        reason = "JSON nested far too deep"
    except ValueError as error:
        reason = str(error) if len(str(error)) < 200 else str(error)[:200] + " ..."
    raise _unsafe(
        path,
        "the header must describe tensors in the safetensors format",
        reason,
        "The file is damaged or was made to harm; get it again from its author.",
    )


def _advice(surplus: int) -> str:
    if surplus < 0:
        return "The file is cut short: copy or download it again."
    bytes_are = "byte is" if surplus == 1 else "bytes are"
    return (
        f"{surplus:,} {bytes_are} appended behind the last tensor, which belong to none: "
        "save it again with the tool that made it, or get it from its author."
    )


class _WrongSize(ValueError):
    def __init__(self, expected: int):
        self.expected = expected


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _metadata(values: Any) -> dict[str, str]:
    if type(values) is not dict or not all(type(value) is str for value in values.values()):
        raise ValueError("metadata that are not text")
    return {_valid_unicode(key): _valid_unicode(value) for key, value in values.items()}


def _valid_unicode(text: str) -> str:
    """The text with "?" for halves of surrogate pairs, which JSON can escape but no file or page can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _tensors(content: dict[str, Any], data_bytes: int) -> dict[str, TensorSpec]:
    """Check each entry, and that together they cover the data exactly once."""
    spans = []
    tensors = {}
    for name, entry in content.items():
        try:
            begin, end, tensors[name] = _tensor(entry)
        except ValueError as error:
            raise ValueError(f"tensor {name[:80]!r} {error}") from None
        spans.append((begin, end))
    position = 0
    for begin, end in sorted(spans):
        if begin != position:
            raise ValueError(f"a gap or an overlap at byte {min(begin, position):,} of the data")
        position = end
    if position != data_bytes:
        raise _WrongSize(position)
    return tensors


def _tensor(entry: Any) -> tuple[int, int, TensorSpec]:
    """Begin, end and kind of one tensor."""
    if type(entry) is not dict or entry.keys() != _ENTRY_KEYS:
        raise ValueError("without exactly dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if type(dtype) is not str or dtype not in DTYPE_BITS:
        raise ValueError("of an unknown type")
    if not _is_whole_list(shape) or len(shape) > 8:
        raise ValueError("with a shape that is not up to 8 whole numbers")
    if not _is_whole_list(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError("with offsets that are not two rising whole numbers")
    begin, end = offsets
    if math.prod(shape) * DTYPE_BITS[dtype] != 8 * (end - begin):
        raise ValueError(f"whose shape and type do not give its {end - begin:,} bytes")
    return begin, end, TensorSpec(dtype, tuple(shape), begin)


def _is_whole_list(values: Any) -> bool:
    return type(values) is list and {*map(type, values)} <= {int} and min(values, default=0) >= 0


def _check_lora_tensor(path: Path, name: str, spec: TensorSpec) -> None:
    bundled = name.startswith(BUNDLED) and name.isprintable() and len(name) <= MAX_LORA_KEY
    if not bundled and not LORA_KEY.fullmatch(name):
        raise _unsafe(
            path,
            "tensor names have 1 to 200 letters, digits, '_', '.' or '-'",
            f"{name[:80]!r} ({len(name)} characters)",
            "It is not a LoRA that Stable Diffusion tools write.",
        )
    allowed = LORA_SCALAR_DTYPES if math.prod(spec.shape) == 1 else LORA_DTYPES
    if spec.dtype not in allowed:
        raise _unsafe(
            path,
            f"tensors of a LoRA are {', '.join(allowed)}",
            f"{spec.dtype} in {name}",
            "Save it in half or full precision.",
        )
    rank = lora_rank(name, spec)
    if rank is not None and not 1 <= rank <= MAX_LORA_RANK:
        raise _unsafe(
            path,
            f"the rank of a LoRA is 1 to {MAX_LORA_RANK}",
            f"{rank} in {name}",
            "Resize it to a lower rank with its training tool.",
        )
