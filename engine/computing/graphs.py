"""Networks of PyTorch as graphs of OpenVINO, in float32 on the processor."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import openvino
import torch
from torch import Tensor, nn

from engine.computing.names import CannotCompute, threads

log = logging.getLogger(__name__)

TOLERANCE = 1e-3  # of the largest number, between what PyTorch and a converted network compute

Run = Callable[..., Tensor]


@cache
def core() -> openvino.Core:
    """Of this process."""
    return openvino.Core()


@torch.no_grad()
def converted(module: nn.Module, example: tuple[Tensor, ...]) -> openvino.Model:
    """The graph of a network, as a trace with one input finds it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a trace warns of each shape that it follows
        traced = torch.jit.trace(module, example, check_trace=False)
        return openvino.convert_model(traced, example_input=example)


def save(graph: openvino.Model, path: Path) -> None:
    """Write a graph with its weights in float32. Raises OSError."""
    try:
        openvino.save_model(graph, path, compress_to_fp16=False)
    except RuntimeError as error:  # what OpenVINO says of a disk
        raise OSError(f"its converted {path.stem} could not be written: {error}") from error


def compiled(graph: openvino.Model, shapes: tuple[tuple[int, ...], ...]) -> Run:
    """What computes a graph for inputs of these shapes; -1 is any length. The graph is changed."""
    graph.reshape({place: list(shape) for place, shape in enumerate(shapes)})
    request = core().compile_model(graph, "CPU", _settings()).create_infer_request()

    def run(*inputs: Tensor) -> Tensor:
        # With one thread OpenVINO computes nonsense of other shapes, or ends the program.
        if not all(_fits(tensor.shape, shape) for tensor, shape in zip(inputs, shapes, strict=True)):
            raise ValueError(f"it takes {shapes}, and got {tuple(tuple(tensor.shape) for tensor in inputs)}")
        arrays = [tensor.detach().contiguous().numpy() for tensor in inputs]
        return torch.from_numpy(request.infer(arrays)[0])

    return run


def _fits(shape: Sequence[int], expected: Sequence[int]) -> bool:
    return len(shape) == len(expected) and all(want in (-1, side) for side, want in zip(shape, expected, strict=True))


def _settings() -> dict[str, Any]:
    """As exact as PyTorch, and without tying threads to cores that other programs use."""
    return {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads(),
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }


def require_same(part: str, got: Tensor, expected: Tensor) -> None:
    """Raises CannotCompute where a converted part computes something else."""
    apart, largest = float((got - expected).abs().max()), float(expected.abs().max())
    if not apart <= TOLERANCE * max(largest, 1e-3):
        raise CannotCompute(f"its converted {part} computes something else ({apart:g} of {largest:g}).")


@contextmanager
def explaining() -> Iterator[None]:
    """Whatever OpenVINO says is a reason to compute with PyTorch."""
    try:
        yield
    except (CannotCompute, MemoryError):
        raise
    except (RuntimeError, OSError, ValueError, TypeError, KeyError) as error:
        log.exception("OpenVINO failed")
        words = str(error).strip().splitlines() or [type(error).__name__]
        raise CannotCompute(f"{words[-1][:200].rstrip('.')}.") from error
