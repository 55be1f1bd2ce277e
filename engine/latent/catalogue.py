"""What can be explored on this machine: the networks that ship and the artist's own. No torch.

One is a .safetensors file and a .json of the same name beside it, see `Sidecar`, in `weights/explorers` or in
STUDIO_HOME/explorers.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import ModelBroken, NotFound
from engine.files import printable, read_json
from engine.rules import finite
from engine.settings import Settings
from engine.weights.manifest import damaged

BETA_VAE, GAN = "beta-vae", "gan"
FAMILIES = {BETA_VAE: "beta-VAE", GAN: "GAN"}
DECODER, ENCODER = "decoder", "encoder"
FOLDER = "explorers"
MOST_LATENTS, SIDES = 1024, (8, 512)
DEAD = 0.01  # nats of KL below which a latent says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """The .json beside the weights.

    Attributes:
        family: a key of `FAMILIES`.
        title: for people.
        side: pixels of its pictures.
        channels: 3 for RGB, 1 for grey.
        latents: numbers that stand for a picture.
        licence: of its weights.
        source: how they were made.
        pictures: how many it has seen.
        steps: it was trained for.
        kl: mean KL of each latent on held-out pictures, in nats, of a beta-VAE.
        measured: other figures, by name.
    """

    family: str
    title: str
    side: int
    channels: int
    latents: int
    licence: str
    source: str
    pictures: int
    steps: int
    kl: tuple[float, ...] = ()
    measured: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Explorer:
    """One that is on this machine.

    Attributes:
        name: short, unique, used in requests.
        path: of the .safetensors file.
        about: its sidecar; None with a problem.
        chains: the layers by the chain's name.
        sha256: of the file, by its sidecar.
        problem: why it cannot be used, and what to do; empty when there is none.
    """

    name: str
    path: Path
    about: Sidecar | None
    chains: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""
    problem: str = ""

    @property
    def title(self) -> str:
        """For people."""
        return self.about.title if self.about else self.name

    @property
    def encodes(self) -> bool:
        """Whether it finds the latents of a picture."""
        return ENCODER in self.chains


def own_folder(settings: Settings) -> Path:
    """Where the artist's own lie."""
    return settings.home / FOLDER


def explorers(settings: Settings) -> list[Explorer]:
    """All, those that ship first; an own one of a shipped one's name stands in its place."""
    found: dict[str, Explorer] = {}
    for folder in (settings.weights_dir / FOLDER, own_folder(settings)):
        problems = damaged(settings.weights_dir, folder) if folder.is_relative_to(settings.weights_dir) else []
        for path in sorted(folder.glob("*.safetensors")):
            found[path.stem] = _explorer(path, [each for each in problems if path.stem in each])
    return list(found.values())


def explorer(settings: Settings, name: str) -> Explorer:
    """The one of that name.

    Raises:
        NotFound: there is none; the message names those there are.
        ModelBroken: it cannot be used.
    """
    known = {each.name: each for each in explorers(settings)}
    if name not in known:
        names = ", ".join(known) or "none yet"
        raise NotFound(f"There is nothing to explore named {name!r}; known are: {names}.")
    if known[name].problem:
        raise ModelBroken(f"{name} cannot be explored: {known[name].problem}")
    return known[name]


def sidecar_values(sidecar: Sidecar, layers: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    """JSON values of the file beside the weights."""
    return asdict(sidecar) | {"chains": dict(layers), "sha256": sha256}


def _explorer(path: Path, problems: list[str]) -> Explorer:
    try:
        values = read_json(path.with_suffix(".json"))
        about, chains, sha256 = _sidecar(values), values["chains"], str(values["sha256"])
        if not isinstance(chains, dict) or DECODER not in chains or not all(map(_is_chain, chains.values())):
            raise ValueError("it has no decoder, or a chain that is no list of layers")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        text = f"{path.stem}.json beside its weights cannot be read: {reason}. Train or fetch it anew."
        return Explorer(path.stem, path, None, problem=text)
    return Explorer(path.stem, path, about, chains, sha256, " ".join(problems))


def _is_chain(layers: Any) -> bool:
    """Whether this is a list of layers; what they are is looked at when they are computed."""
    if not isinstance(layers, list):
        return False
    return all(isinstance(layer, dict) and isinstance(layer.get("op"), str) for layer in layers)


def _sidecar(values: Mapping[str, Any]) -> Sidecar:
    """Raises ValueError, KeyError, TypeError or AttributeError: people may have changed it."""
    about = Sidecar(
        family=str(values["family"]),
        title=printable(str(values["title"]))[:100],
        side=int(values["side"]),
        channels=int(values["channels"]),
        latents=int(values["latents"]),
        licence=printable(str(values["licence"]))[:200],
        source=printable(str(values["source"]))[:500],
        pictures=int(values["pictures"]),
        steps=int(values["steps"]),
        kl=tuple(finite(each) or 0.0 for each in values.get("kl", ())),
        measured={str(name): number for name, each in values.get("measured", {}).items() if (number := finite(each))},
    )
    if about.family not in FAMILIES or about.channels not in (1, 3):
        raise ValueError(f"a {about.family} with {about.channels} channels is unknown")
    if not (1 <= about.latents <= MOST_LATENTS and SIDES[0] <= about.side <= SIDES[1]):
        raise ValueError(f"{about.latents} latents at {about.side} pixels are out of range")
    if about.kl and len(about.kl) != about.latents:
        raise ValueError(f"{len(about.kl)} figures for {about.latents} latents")
    return about
