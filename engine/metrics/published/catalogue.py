"""The networks that measure pictures and are not shipped: what each measures, its files, its licence. No torch."""

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
_BSD = "BSD-3-Clause (torchvision); trained on ImageNet, whose pictures are for research"


@dataclass(frozen=True)
class MeasuringNetwork:
    """A network to measure with.

    Attributes:
        name: for commands.
        title: for people.
        measures: what it is for.
        licence: of its weights, as far as it is published.
        files: all that it needs, in one folder.
        folder: below `checkpoints`; empty means there.
    """

    name: str
    title: str
    measures: str
    licence: str
    files: tuple[PublishedFile, ...]
    folder: str = ""

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
        if self.name == "clip" and any(clip_is_in(place) for place in (*clip_in_the_hubs_cache(), self.place)):
            return True
        return all((self.place / file.name).is_file() for file in self.files)


def networks() -> tuple[MeasuringNetwork, ...]:
    """All of them, the one to trust most first."""
    return (
        MeasuringNetwork(
            "clip", "CLIP ViT-L/14-336", "CMMD, the CLIP score and the CLIP image-text MMD", "MIT (OpenAI)",
            clip_files(), CLIP_HUB_ID.split("/")[1],
        ),
        MeasuringNetwork(
            "inception", "Inception v3", "FID and KID", "Apache 2.0 (TensorFlow, torch-fidelity)", (INCEPTION,)
        ),
        MeasuringNetwork("alexnet", "AlexNet", "LPIPS", _BSD, (ALEXNET,)),
        MeasuringNetwork("vgg16", "VGG16", "LPIPS (vgg)", _BSD, (VGG16,)),
    )  # fmt: skip


def network_named(name: str) -> MeasuringNetwork:
    """The network of that name. Raises NotFound."""
    known = {network.name: network for network in networks()}
    if name not in known:
        raise NotFound(f"A measuring network must be one of {', '.join(known)}; got {name!r}.")
    return known[name]


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
