"""The state dicts in what a training program saved: dictionaries inside dictionaries, words in front of names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

DEEPEST = 8  # dictionaries inside each other; published files have three at most
MOST_STATES = 64  # of one file
SEQUENTIAL = "model."  # in front of a layer's number in CycleGAN's and CUT's names


@dataclass(frozen=True)
class StateDict:
    """Tensors that may be a generator's.

    Attributes:
        label: the keys and the words in front that lead to it, such as "state_dict.netG_A"; empty for a whole file.
        tensors: by name, without those words.
    """

    label: str
    tensors: dict[str, Tensor]


def state_dicts(content: Any, signatures: Sequence[str]) -> list[StateDict]:
    """Every state dict that has one of the keys.

    Args:
        content: what a file holds.
        signatures: keys that tell a generator; in the file words may stand in front (`module.`, `netG.`,
            `_orig_mod.` and others, together too). `SEQUENTIAL` may be missing where a Sequential was saved by itself.
    """
    found = []
    for path, names in _dictionaries(content):
        for front in _fronts(names, signatures):
            label = ".".join([*path, *front.split(".")]).strip(".")
            tensors = {name.removeprefix(front): value for name, value in names.items() if name.startswith(front)}
            found.append(StateDict(label, _numbered(tensors, signatures)))
    return found[:MOST_STATES]


def _dictionaries(content: Any) -> Iterator[tuple[tuple[str, ...], dict[str, Tensor]]]:
    """The tensors by name of every dictionary that has some, with the keys that lead there."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), content)]
    seen = {id(content)}  # a pickle's dictionary may contain itself
    for path, value in waiting:
        items = _items(value)
        names = {key: each for key, each in items if isinstance(each, Tensor)}
        if names:
            yield path, names
        inner = [(key, each) for key, each in items if len(path) < DEEPEST and id(each) not in seen]
        seen.update(id(each) for _, each in inner)
        waiting += [((*path, key), each) for key, each in inner if isinstance(each, Mapping | list | tuple)]


def _items(content: Any) -> list[tuple[str, Any]]:
    if isinstance(content, Mapping):
        return [(key, value) for key, value in content.items() if isinstance(key, str)]
    return [(str(index), value) for index, value in enumerate(content)] if isinstance(content, list | tuple) else []


def _fronts(names: Mapping[str, Tensor], signatures: Sequence[str]) -> list[str]:
    """What stands before the signatures, with its last dot; once each."""
    fronts = dict.fromkeys(
        name.removesuffix(signature)
        for signature in signatures
        for name in names
        if name == signature or name.endswith(f".{signature}")
    )
    by_itself = [
        name.removesuffix("1.weight") for name, tensor in names.items() if _is_first(name, tensor) and not fronts
    ]
    return [*fronts, *by_itself]


def _is_first(name: str, tensor: Tensor) -> bool:
    """Whether it is the first convolution of CycleGAN or CUT, saved as a Sequential without `SEQUENTIAL`."""
    return (name == "1.weight" or name.endswith(".1.weight")) and tensor.ndim == 4 and tensor.shape[1:] == (3, 7, 7)


def _numbered(tensors: dict[str, Tensor], signatures: Sequence[str]) -> dict[str, Tensor]:
    if any(signature in tensors for signature in signatures):
        return tensors
    return {f"{SEQUENTIAL}{name}": tensor for name, tensor in tensors.items()}
