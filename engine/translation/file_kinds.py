"""What lies in a file that was given as a checkpoint, by its bytes: suffixes and download pages often lie.

Nothing is unpacked or run here.
"""

import re
import struct
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.errors import UnsafeFile
from engine.files import printable

Kind = Literal["pickle", "safetensors"]

HEAD = 4096  # bytes that tell every kind below
SHOWN_TEXT = 60  # characters of a text's first line in an error
ZIP, PICKLE = b"PK\x03\x04", b"\x80"
_TABLE_MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)  # ends a table of LevelDB: TensorFlow's checkpoints and indexes

DOWNLOAD_AGAIN = "Download the weights themselves again."
UNPACK = "Unpack it and choose the file of weights inside."
ASK_FOR_STATE = "Get the generator's state dict, or a .safetensors version."
PYTORCH_ONLY = "The studio runs PyTorch generators: get weights for PyTorch (.pth, .pt) or .safetensors."


@dataclass(frozen=True)
class Foreign:
    """A kind of file that holds no weights for the studio.

    Attributes:
        what: with its article, for an error.
        advice: what to do.
    """

    what: str
    advice: str


def kind_of(path: Path) -> Kind:
    """Whether a file is to be read as PyTorch's pickles or as safetensors.

    Args:
        path: of a plain file; its suffix counts only where bytes cannot tell.

    Raises:
        UnsafeFile: it is neither; the message names what it is.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(max(0, path.stat().st_size - len(_TABLE_MAGIC)))
        tail = file.read()
    foreign = _by_suffix(path.name)
    if foreign is None and _is_safetensors(head):
        return "safetensors"
    foreign = foreign or _by_bytes(head, tail) or (_by_parts(path) if head.startswith(ZIP) else None)
    if foreign is None and head.startswith((ZIP, PICKLE)):
        return "pickle"
    foreign = foreign or _by_text(head) or Foreign("bytes of no known format", f"It may be damaged. {DOWNLOAD_AGAIN}")
    raise UnsafeFile(
        f"{path.name}: must hold weights that PyTorch or safetensors wrote; got {foreign.what}. {foreign.advice}"
    )


def _is_safetensors(head: bytes) -> bool:
    return len(head) > 8 and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= 2**27


# A name's end -> what the file is, where the bytes say little.
_SUFFIXES = {
    r"\.onnx": Foreign("an ONNX network, such as AnimeGANv3's", PYTORCH_ONLY),
    r"\.(pb|pbtxt|tflite|meta|index|data-\d+-of-\d+)": Foreign("a file of TensorFlow", PYTORCH_ONLY),
    r"\.(h5|hdf5|keras)": Foreign("a model of Keras", PYTORCH_ONLY),
    r"\.(part|partial|crdownload|download|aria2|tmp)": Foreign(
        "a download that was not finished", "Wait for its end, or begin it again."
    ),
}


def _by_suffix(name: str) -> Foreign | None:
    return next((kind for end, kind in _SUFFIXES.items() if re.search(f"{end}$", name.lower())), None)


def _starts(*beginnings: bytes) -> Callable[[bytes, bytes], bool]:
    return lambda head, _tail: head.startswith(beginnings)


def _is_graph(head: bytes, _tail: bytes) -> bool:
    """A GraphDef: a first node with its name, and operations that every graph has."""
    named = re.match(rb"\x0a.{1,3}?\x0a[\x01-\x7f][\w./-]", head, re.DOTALL)
    return bool(named) and any(operation in head for operation in (b"Placeholder", b"Const", b"VariableV2"))


# The first that fits is it. Protobufs have no magic: field numbers and versions tell them.
_BYTES: tuple[tuple[Callable[[bytes, bytes], bool], Foreign], ...] = (
    (lambda head, _tail: not head, Foreign("an empty file", DOWNLOAD_AGAIN)),
    (
        lambda head, _tail: not head.strip(b"\0"),
        Foreign("nothing but zeros at its beginning", f"The download or the copy was not finished. {DOWNLOAD_AGAIN}"),
    ),
    (
        _starts(b"version https://git-lfs.github.com", b"version https://hawser.github.com"),
        Foreign(
            "a pointer of Git LFS, a text that stands for the weights",
            "Run 'git lfs pull' in that repository, or download the file by itself from its page.",
        ),
    ),
    (
        lambda head, _tail: b"/annex/objects/" in head[:300],
        Foreign("a pointer of git-annex", "Run 'git annex get' on it, or download the file by itself."),
    ),
    (_starts(b"\x89HDF\r\n\x1a\n"), Foreign("a model of Keras (HDF5)", PYTORCH_ONLY)),
    (lambda head, _tail: head[4:8] == b"TFL3", Foreign("a network of TensorFlow Lite", PYTORCH_ONLY)),
    (lambda _head, tail: tail == _TABLE_MAGIC, Foreign("a checkpoint of TensorFlow", PYTORCH_ONLY)),
    (_starts(b"model_checkpoint_path:"), Foreign("TensorFlow's note on its checkpoints", PYTORCH_ONLY)),
    (_starts(b"\x08\x01\x12"), Foreign("a SavedModel of TensorFlow", PYTORCH_ONLY)),
    (_is_graph, Foreign("a graph of TensorFlow", PYTORCH_ONLY)),
    (
        lambda head, _tail: bool(re.match(rb"\x08[\x02-\x20][\x12\x1a\x22\x2a\x3a\x42]", head)),
        Foreign("an ONNX network, such as AnimeGANv3's", PYTORCH_ONLY),
    ),
    (_starts(b"\x93NUMPY"), Foreign("an array of NumPy", PYTORCH_ONLY)),
    (_starts(b"GGUF"), Foreign("weights in the GGUF format", PYTORCH_ONLY)),
    (
        _starts(b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\x28\xb5\x2f\xfd"),
        Foreign("a packed archive", UNPACK),
    ),
    (lambda head, _tail: head[257:262] == b"ustar", Foreign("a tar archive", UNPACK)),
    (
        _starts(b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"II*\0", b"MM\0*"),
        Foreign("a picture or a document", "Choose the file of weights."),
    ),
    (
        _starts(b"\x00\x05\x16\x07"),
        Foreign("what a Mac keeps beside a file", "Choose the file of the same name without '._' in front."),
    ),
)


def _by_bytes(head: bytes, tail: bytes) -> Foreign | None:
    return next((kind for fits, kind in _BYTES if fits(head, tail)), None)


def _by_parts(path: Path) -> Foreign | None:
    """What a zip file holds; None for one that PyTorch saved tensors in."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return Foreign("the beginning of a file of PyTorch or of a ZIP that is cut short", DOWNLOAD_AGAIN)
    if any(name.endswith("/constants.pkl") or "/code/__torch__" in name for name in names):
        return Foreign("a TorchScript archive, which carries its own program", ASK_FOR_STATE)
    if any("exported_program" in name or name.endswith("archive_format") for name in names):
        return Foreign("a program exported by PyTorch (.pt2)", ASK_FOR_STATE)
    if any(name.endswith("data.pkl") for name in names):
        return None
    return _other_parts(names)


def _other_parts(names: list[str]) -> Foreign:
    if any(name.endswith(".weights.h5") for name in names):
        return Foreign("a model of Keras", PYTORCH_ONLY)
    if names and all(name.endswith(".npy") for name in names):
        return Foreign("arrays of NumPy", PYTORCH_ONLY)
    return Foreign(f"a ZIP of {_some(names)}", UNPACK)


def _some(names: Iterable[str]) -> str:
    shown = [printable(name)[:SHOWN_TEXT] for name in names]
    return (", ".join(shown[:3]) or "nothing") + (", ..." if len(shown) > 3 else "")


def _by_text(head: bytes) -> Foreign | None:
    text = _decoded(head)
    if text is None:
        return None
    begins = text.lstrip().lower()
    if begins.startswith(("<!doctype html", "<html", "<head", "<body", "<!--")):
        advice = f"The server sent a page in place of the file, often one that asks to confirm. {DOWNLOAD_AGAIN}"
        return Foreign("a web page (HTML)", advice)
    if begins.startswith("<?xml"):
        return Foreign("an XML text, often a server's refusal", DOWNLOAD_AGAIN)
    first = printable(next(iter(text.strip().splitlines()), ""))[:SHOWN_TEXT]
    return Foreign(f"plain text that begins with {first!r}", DOWNLOAD_AGAIN)


def _decoded(head: bytes) -> str | None:
    """The beginning as text; None where it is none. The last character may be cut."""
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    for end in range(len(head), max(0, len(head) - 4), -1):
        try:
            text = head[:end].decode(encoding)
        except UnicodeDecodeError:
            continue
        controls = sum(ord(character) < 32 and character not in "\t\r\n\f" for character in text)
        return None if controls else text
    return None
