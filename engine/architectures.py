"""Every network of the studio, and how many parameters its parts have. A further one is a line of `ARCHITECTURES`.

They are counted from the classes themselves, built on PyTorch's meta device, where a parameter has a shape and no
memory. Imports torch only to count.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from engine.errors import NotFound
from engine.translation.vqi2i.sizes import SMALL

PUBLISHED, TEST = "published", "test"  # sizes
Sizes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network, or several that belong together.

    Attributes:
        name: short, unique, for the command.
        title: for people.
        source: where its layers come from.
        networks: the class, as "module:class", whose own parts are counted; or several classes, by the name of the part
            that each is.
        published: what the networks are built with in the published size, of several by part; by default what their
            classes say.
        test: the same for a size that fits a CPU and tests; None where there is no other size.
        slow: whether its classes take seconds to import, so that it is counted only where it is named.
    """

    name: str
    title: str
    source: str
    networks: str | Mapping[str, str]
    published: Sizes = field(default_factory=dict)
    test: Sizes | None = None
    slow: bool = False

    @property
    def sizes(self) -> dict[str, Sizes]:
        """What the networks are built with, by the name of the size."""
        return {PUBLISHED: self.published} | ({} if self.test is None else {TEST: self.test})


@dataclass(frozen=True, slots=True)
class Counted:
    """The parameters of an architecture in one size.

    Attributes:
        size: "published" or "test".
        parts: parameters by part.
    """

    size: str
    parts: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.parts.values())


def counts_of(architecture: Architecture) -> Iterator[Counted]:
    """The parameters of each size, counted from the real classes."""
    import torch  # here: the table itself needs none

    for size, values in architecture.sizes.items():
        with torch.device("meta"):
            if isinstance(architecture.networks, str):
                parts = _parts(_class(architecture.networks)(**values))
            else:
                built = {part: _class(place)(**values.get(part, {})) for part, place in architecture.networks.items()}
                parts = {part: _count(model) for part, model in built.items()}
        yield Counted(size, parts)


def architecture_of(name: str) -> Architecture:
    """The architecture of that name.

    Raises:
        NotFound: there is none; the message names those there are.
    """
    if name not in ARCHITECTURES:
        raise NotFound(f"There is no architecture named {name!r}; known are: {', '.join(ARCHITECTURES)}.")
    return ARCHITECTURES[name]


def _class(place: str) -> Callable[..., Any]:
    module, name = place.split(":")
    return getattr(import_module(module), name)


def _parts(model: Any) -> dict[str, int]:
    """Parameters by the network's direct parts; those of a single list of layers by layer."""
    parts = {name: count for name, child in model.named_children() if (count := _count(child))}
    own = sum(parameter.numel() for parameter in model.parameters(recurse=False))
    if len(parts) == 1 and not own:
        (only,) = parts
        inner = _parts(getattr(model, only))
        return {f"{only}.{name}": count for name, count in inner.items()} or parts
    return parts | ({"itself": own} if own else {})


def _count(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


_BUILD = "engine.translation.published:build"
_CYCLEGAN = "engine.translation.networks.cyclegan:CycleGan"
_PATCHES = "engine.translation.networks.patch_discriminator:PatchDiscriminator"
_VGG19 = "engine.metrics.vgg19:VGG19"
_VQI2I = "engine.translation.vqi2i"
_CONTENT, _MINI = f"{_VQI2I}.encoders:ContentEncoder", "engine.mini.networks"
_BETAVAE, _DCGAN = "engine.betavae.networks:BetaVAE", "engine.gan.networks"
_GAN = {"generator": f"{_DCGAN}:Generator", "discriminator": f"{_DCGAN}:Discriminator"}
_LESSON = {"generator": {"start": "linear"}, "discriminator": {"end": "linear"}}
_NIJIGAN, _VGG, _LATENT = "study of NijiGAN", "Simonyan 2015", "Rombach 2022"
_PAIR = {
    "generator X to Y": _CYCLEGAN,
    "generator Y to X": _CYCLEGAN,
    "discriminator X": _PATCHES,
    "discriminator Y": _PATCHES,
}
_GREY = {"channels": 1, "blocks": (32, 64, 128)}
# Test sizes.
_SMALL_VAE = {"side": 16, "blocks": (8, 16), "latents": 8}
_SMALL_GAN: Sizes = {part: {"side": 16, "width": 8} for part in _GAN}
_NARROW, _THIN, _STYLE = {"width": 4, "blocks": 1}, {"width": 8}, {"hidden": 32, "style_dim": 16}
_LEVELS = {"ch": 32, "mult": (1, 2), "resblocks": 1, "resolution": 32, "z_channels": 16}
_SMALL_PAIR = {part: _NARROW if "generator" in part else _THIN for part in _PAIR}
_DECODER = _LEVELS | {"style_dim": 16, "n_adaresblock": 2}


def _like(architecture: str, **settings: Any) -> Sizes:
    """As imported generators are built."""
    return {"architecture": architecture, "settings": settings}


_ALL = (
    Architecture("nijigan", "NijiGAN's generator", _NIJIGAN, _BUILD, _like("nijigan"), _like("nijigan", **_NARROW)),
    Architecture("cut", "CUT's and Scenimefy's generator", "Park 2020", _BUILD, _like("cut"), _like("cut", **_NARROW)),
    Architecture("patch-discriminator", "Discriminator of 70 px", "Isola 2017", _PATCHES, test={"width": 8}),
    Architecture("cyclegan", "CycleGAN", "Zhu 2017", _PAIR, test=_SMALL_PAIR),
    Architecture("cyclegan-128", "CycleGAN's generator for 128 px", "Zhu 2017", _CYCLEGAN, {"blocks": 6}),
    Architecture("cartoongan", "CartoonGAN's generator", "Chen 2018", _BUILD, _like("cartoongan")),
    Architecture("animegan2", "AnimeGANv2's generator", "Chen 2020", _BUILD, _like("animegan2")),
    Architecture("style-encoder", "VQ-I2I's style encoder", _NIJIGAN, f"{_VQI2I}.encoders:StyleEncoder", test=_STYLE),
    Architecture("content-encoder", "VQ-I2I's content encoder", _NIJIGAN, _CONTENT, {"z_channels": 128}, _LEVELS),
    Architecture("adain-decoder", "VQ-I2I's decoder", _NIJIGAN, f"{_VQI2I}.decoder:AdaINDecoder", test=_DECODER),
    Architecture("vqi2i", "VQ-I2I with AdaIN", _NIJIGAN, f"{_VQI2I}.networks:VQI2I_AdaIN", test=SMALL),
    Architecture("beta-vae", "beta-VAE", "Higgins 2017", _BETAVAE, test=_SMALL_VAE),
    Architecture("beta-vae-grey", "beta-VAE for grey pictures", "study of beta-VAE", _BETAVAE, _GREY),
    Architecture("dcgan", "DCGAN", "Radford 2016", _GAN, test=_SMALL_GAN),
    Architecture("gan-linear", "GAN with a fully connected start", "lesson", _GAN, _LESSON),
    Architecture("vgg19", "VGG19", _VGG, _VGG19),
    Architecture("vgg19-bn", "VGG19 with batch norm", _VGG, _VGG19, {"batch_norm": True}),
    Architecture("vgg19-features", "VGG19 up to conv4_4", _VGG, _VGG19, {"feature_mode": True}),
    Architecture(
        "efficientnet-lite0", "EfficientNet-Lite0", "Tan 2019", "engine.metrics.efficientnet:EfficientNetLite0"
    ),
    Architecture("upscaler", "Real-ESRGAN's network for anime", "Wang 2021", "engine.upscaling.networks:Compact"),
    Architecture("mini-autoencoder", "The shipped model's autoencoder", _LATENT, f"{_MINI}:autoencoder", slow=True),
    Architecture("mini-denoiser", "The shipped model's denoiser", _LATENT, f"{_MINI}:denoiser", slow=True),
)
ARCHITECTURES = {architecture.name: architecture for architecture in _ALL}
