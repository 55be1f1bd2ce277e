"""Pictures from latents and latents from pictures, by NumPy alone; see `chain`."""

import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load_file

from engine.errors import ModelBroken
from engine.latent.catalogue import BETA_VAE, DEAD, DECODER, ENCODER, Explorer, Sidecar
from engine.latent.chain import Chain, chain_of
from engine.latent.pictures import pixels_of, square
from engine.weights.safetensors_file import read_header

MOST_BYTES = 200 * 10**6
LIMIT = 3.0  # standard deviations that a slider reaches


@dataclass(frozen=True, slots=True)
class Axis:
    """A direction in latent space that a slider moves along.

    Attributes:
        name: for people.
        direction: (latents,), of length 1.
        weight: how much it says: KL in nats of a beta-VAE's latent, a GAN's share of the first layer's energy.
    """

    name: str
    direction: np.ndarray
    weight: float


@dataclass(frozen=True)
class Space:
    """A network that was loaded to be explored.

    Attributes:
        about: its sidecar.
        decoder, encoder: its chains; the encoder gives the means of a beta-VAE's latents, None for a GAN.
    """

    about: Sidecar
    decoder: Chain
    encoder: Chain | None

    def pictures(self, z: np.ndarray) -> np.ndarray:
        """(N, side, side, 3) uint8 of latents (N, latents)."""
        found = self.decoder(np.asarray(z, np.float32))
        side = self.about.side
        if found.shape[1:] != (self.about.channels, side, side):
            raise ModelBroken(f"{self.about.title} draws {found.shape[1:]} in place of {side} pixels. Fetch it anew.")
        pixels = np.rint(np.clip(np.nan_to_num(found) * 0.5 + 0.5, 0, 1) * 255).astype(np.uint8)
        return np.repeat(pixels.transpose(0, 2, 3, 1), 3 // self.about.channels, axis=3)

    def picture(self, z: np.ndarray) -> Image.Image:
        """Of latents (latents,)."""
        return Image.fromarray(self.pictures(np.asarray(z)[None])[0])

    def latents_of(self, image: Image.Image) -> np.ndarray:
        """(latents,) of the square in the middle of an RGB picture: the means that the encoder finds.

        Raises:
            ModelBroken: they are no numbers.
        """
        assert self.encoder is not None
        pixels = pixels_of(square(image, self.about.side), self.about.channels)
        found = self.encoder((pixels.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None])[0]
        if found.shape != (self.about.latents,) or not np.isfinite(found).all():
            raise ModelBroken(f"{self.about.title} finds no latents of a picture. Train or fetch it anew.")
        return found

    def sample(self, seed: int) -> np.ndarray:
        """(latents,) drawn from the normal distribution that both families learn from."""
        return np.random.default_rng(seed).standard_normal(self.about.latents).astype(np.float32)

    @cached_property
    def axes(self) -> list[Axis]:
        """Directions that change the picture, those that say most first; dead latents are left out."""
        return _latents(self.about) if self.about.family == BETA_VAE else _principal(self.decoder)


def load_space(info: Explorer) -> Space:
    """Read its weights.

    Raises:
        ModelBroken: it cannot be used.
        UnsafeFile: the file is not sound.
    """
    if info.about is None or info.problem:
        raise ModelBroken(f"{info.title} cannot be explored: {info.problem}")
    header = read_header(info.path)
    size = sum(spec.size_bytes for spec in header.tensors.values())
    if size > MOST_BYTES or any(spec.dtype not in ("F16", "F32") for spec in header.tensors.values()):
        raise ModelBroken(f"{info.title} cannot be explored: {size:,} bytes, or numbers of another type than float.")
    try:
        weights = load_file(info.path)
    except (OSError, SafetensorError) as error:
        raise ModelBroken(f"{info.title} cannot be read: {error}. Train or fetch it anew.") from None
    encoder = chain_of(ENCODER, info.chains[ENCODER], weights) if info.encodes else None
    return Space(info.about, chain_of(DECODER, info.chains[DECODER], weights), encoder)


def walk(space: Space, begin: np.ndarray, end: np.ndarray, frames: int) -> np.ndarray:
    """(frames, latents) from one to the other: on the great circle for a GAN, whose latents all lie near a sphere, else
    on a straight line (White 2016, Sampling generative networks)."""
    shares = np.linspace(0, 1, frames, dtype=np.float32)
    if space.about.family == BETA_VAE:
        return begin + shares[:, None] * (end - begin)
    return np.stack([mixed_on_circle(begin, end, share) for share in shares])


def mixed(space: Space, begin: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """(latents,) that far on the way of `walk`, 0 to 1."""
    if space.about.family == BETA_VAE:
        return begin + np.float32(share) * (end - begin)
    return mixed_on_circle(begin, end, share)


def mixed_on_circle(begin: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """Spherical interpolation; a straight line where the two point the same way or opposite ways."""
    lengths = np.linalg.norm(begin), np.linalg.norm(end)
    cosine = float(np.dot(begin, end) / max(1e-12, float(lengths[0] * lengths[1])))
    angle = np.arccos(np.clip(cosine, -1, 1))
    if np.sin(angle) < 1e-4:
        return (begin + share * (end - begin)).astype(np.float32)
    return ((np.sin((1 - share) * angle) * begin + np.sin(share * angle) * end) / np.sin(angle)).astype(np.float32)


def strip(pictures: np.ndarray) -> Image.Image:
    """Pictures (N, side, side, 3) side by side."""
    return Image.fromarray(np.concatenate([*pictures], axis=1))


def animation(pictures: np.ndarray, form: str = "WEBP", seconds: float = 4.0) -> bytes:
    """The walk there and back as a file that moves, that long in all.

    Args:
        form: "WEBP" or "GIF".
    """
    first, *others = [Image.fromarray(each) for each in [*pictures, *pictures[-2:0:-1]]]
    each = max(20, round(1000 * seconds / (1 + len(others))))  # milliseconds
    stream = io.BytesIO()
    first.save(stream, form, save_all=True, append_images=others, duration=each, loop=0)
    return stream.getvalue()


def _latents(about: Sidecar) -> list[Axis]:
    order = sorted(range(about.latents), key=lambda place: -(about.kl[place] if about.kl else 0.0))
    living = [place for place in order if not about.kl or about.kl[place] >= DEAD]
    unit = np.eye(about.latents, dtype=np.float32)
    return [Axis(f"Latent {place + 1}", unit[place], about.kl[place] if about.kl else 0.0) for place in living]


def _principal(decoder: Chain) -> list[Axis]:
    """Directions that the first layer answers to most: eigenvectors of W'W (Shen and Zhou 2021, SeFa)."""
    first = min(int(name.split(".")[1]) for name in decoder.weights)
    weight = decoder.weights[f"{decoder.name}.{first}.weight"]
    matrix = weight.reshape(len(weight), -1) if weight.ndim == 4 else weight.T  # (latents, outputs)
    values, vectors = np.linalg.eigh(matrix.astype(np.float64) @ matrix.T.astype(np.float64))
    shares = values / values.sum()
    order = np.argsort(-values)
    return [Axis(f"Direction {n + 1}", _signed(vectors[:, k]), float(shares[k])) for n, k in enumerate(order)]


def _signed(vector: np.ndarray) -> np.ndarray:
    """An eigenvector's sign is open: its largest number is made positive, so that sliders keep their sense."""
    largest = vector[np.argmax(np.abs(vector))]
    return (vector * np.sign(largest)).astype(np.float32)
