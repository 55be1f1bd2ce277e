"""The networks that measure or caption pictures and are not shipped: what for, their files and licences. No torch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from engine.errors import NotFound
from engine.metrics.published.files import PublishedFile, checkpoints
from engine.weights.hub_client import endpoint_or_default

CLIP_HUB_ID = "openai/clip-vit-large-patch14-336"
CLIP_REVISION = "ce19dc912ca5cd21c8a653c79e251e808ccabcd1"
CLIP_PICKLE, CLIP_SAFETENSORS = "pytorch_model.bin", "model.safetensors"
CLIP_SHA256 = "c6032c2e0caae3dc2d4fba35535fa6307dbb49df59c7e182b1bc4b3329b81801"
CLIP_TEXTS = {"config.json": 4_757, "vocab.json": 862_328, "merges.txt": 524_619}
"""CLIP's other files and their bytes."""
INCEPTION = PublishedFile(
    name="weights-inception-2015-12-05-6726825d.pth",
    url="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    size=95_628_359,
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)
_TORCHVISION = "https://download.pytorch.org/models/"
ALEXNET = PublishedFile(
    name="alexnet-owt-7be5be79.pth",
    url=f"{_TORCHVISION}alexnet-owt-7be5be79.pth",
    size=244_408_911,
    sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
)
VGG16 = PublishedFile(
    name="vgg16-397923af.pth",
    url=f"{_TORCHVISION}vgg16-397923af.pth",
    size=553_433_881,
    sha256="397923af",  # as much of it as torchvision publishes, in the name
)
BLIP_HUB_ID = "Salesforce/blip-image-captioning-base"
BLIP_REVISION = "82a37760796d32b1411fe092ab5d4e227313294b"
BLIP_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
BLIP_CONFIGS = ("config.json", "preprocessor_config.json")
BLIP_TOKENIZERS = ("tokenizer.json", "vocab.txt")
"""Of each of these, and of the weights, one is enough."""
_BLIP_FILES = {
    "config.json": (4_563, "f7846f82f4e2c4a2ccbab9ae8b0e44873540a271a76a1288effd078180c13a82"),
    "preprocessor_config.json": (287, "065c10ec97edc5081fbd9655b3d9d25e2647ea6d5dab873325e88eed12d80a7d"),
    "vocab.txt": (231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
    "pytorch_model.bin": (989_820_849, "d6638651a5526cc2ede56f2b5104d6851b0755816d220e5e046870430180c767"),
}
_BSD = "BSD-3-Clause (torchvision); trained on ImageNet, whose pictures are for research"


@dataclass(frozen=True)
class MeasuringNetwork:
    """A network to measure or to caption with.

    Attributes:
        name: for commands.
        title: for people.
        measures: what it is for.
        licence: of its weights, as far as it is published.
        files: all that it needs, in one folder.
        folder: below `checkpoints`; empty means there.
        elsewhere: whether it is somewhere else on this machine, or there with other files.
    """

    name: str
    title: str
    measures: str
    licence: str
    files: tuple[PublishedFile, ...]
    folder: str = ""
    elsewhere: Callable[[], bool] = lambda: False

    @property
    def place(self) -> Path:
        """Where its files are looked for, and come to."""
        return checkpoints() / self.folder if self.folder else checkpoints()

    @property
    def size_bytes(self) -> int:
        """Of all its files, about."""
        return sum(file.size for file in self.files)

    @property
    def available(self) -> bool:
        """Whether all its files are on this machine; whether they are the published ones is seen when they are read."""
        return self.elsewhere() or all((self.place / file.name).is_file() for file in self.files)


def networks() -> tuple[MeasuringNetwork, ...]:
    """All that measure, the one to trust most first."""
    return (
        MeasuringNetwork(
            "clip", "CLIP ViT-L/14-336", "CMMD, the CLIP score and the CLIP image-text MMD", "MIT (OpenAI)",
            clip_files(), CLIP_HUB_ID.split("/")[1], _clip_is_here,
        ),
        MeasuringNetwork(
            "inception", "Inception v3", "FID and KID", "Apache 2.0 (TensorFlow, torch-fidelity)", (INCEPTION,)
        ),
        MeasuringNetwork("alexnet", "AlexNet", "LPIPS", _BSD, (ALEXNET,)),
        MeasuringNetwork("vgg16", "VGG16", "LPIPS (vgg), taken where AlexNet is not here", _BSD, (VGG16,)),
    )  # fmt: skip


def captioner() -> MeasuringNetwork:
    """The one that writes captions."""
    page = f"{endpoint_or_default(None)}/{BLIP_HUB_ID}/resolve/{BLIP_REVISION}"
    files = tuple(PublishedFile(name, f"{page}/{name}", *facts) for name, facts in _BLIP_FILES.items())
    return MeasuringNetwork(
        "blip", "BLIP", "captions of pictures", "BSD-3-Clause (Salesforce)", files, BLIP_HUB_ID.split("/")[1],
        lambda: blip_folder() is not None,
    )  # fmt: skip


def network_named(name: str) -> MeasuringNetwork:
    """The network of that name. Raises NotFound."""
    known = {network.name: network for network in (*networks(), captioner())}
    if name not in known:
        raise NotFound(f"A network of others must be one of {', '.join(known)}; got {name!r}.")
    return known[name]


def blip_folder() -> Path | None:
    """Where BLIP's files lie: as it was brought here, else in the hub's cache at its revision; None if in neither."""
    cached = try_to_load_from_cache(BLIP_HUB_ID, BLIP_CONFIGS[0], revision=BLIP_REVISION)
    places = [checkpoints() / BLIP_HUB_ID.split("/")[1], *([Path(cached).parent] if isinstance(cached, str) else [])]
    return next((place for place in places if not blip_lacks(place)), None)


def blip_lacks(folder: Path) -> list[str]:
    """What a folder lacks to be a BLIP, in words."""
    wanted = [(name,) for name in BLIP_CONFIGS] + [BLIP_TOKENIZERS, BLIP_WEIGHTS]
    return [" or ".join(names) for names in wanted if not any((folder / name).is_file() for name in names)]


def blip_missing() -> str:
    """That it is not here, and what to do."""
    blip = captioner()
    return (
        f"Automatic captions need {BLIP_HUB_ID} (about {blip.size_bytes / 1e9:.0f} GB, {blip.licence}), which is not "
        "on this machine. Download it on Train or by `fetch-network blip`, or copy a folder with its files there."
    )


def _clip_is_here() -> bool:
    places = (*clip_in_the_hubs_cache(), checkpoints() / CLIP_HUB_ID.split("/")[1])
    return any(clip_is_in(place) for place in places)


def clip_files() -> tuple[PublishedFile, ...]:
    """CLIP's, at one revision of its page on the hub; the small ones first."""
    page = f"{endpoint_or_default(None)}/{CLIP_HUB_ID}/resolve/{CLIP_REVISION}"
    files = CLIP_TEXTS | {CLIP_PICKLE: 1_711_974_081}
    return tuple(
        PublishedFile(name, f"{page}/{name}", size, CLIP_SHA256 if name == CLIP_PICKLE else "")
        for name, size in files.items()
    )


def clip_in_the_hubs_cache() -> list[Path]:
    """The hub's cache, where transformers keeps what it downloads."""
    path = try_to_load_from_cache(CLIP_HUB_ID, "config.json")
    return [Path(path).parent] if isinstance(path, str) else []


def clip_is_in(folder: Path) -> bool:
    """Whether a folder holds a CLIP's files."""
    weights = any((folder / name).is_file() for name in (CLIP_PICKLE, CLIP_SAFETENSORS))
    return weights and all((folder / name).is_file() for name in CLIP_TEXTS)
