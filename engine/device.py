"""Where and how precisely models run, and what to say when memory ends.

One policy for everybody: CUDA runs in float16 (a T4 has no bfloat16), the CPU in float32.
"""

import gc
import os
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
import torch

from engine.errors import OutOfMemory, StudioError

# Above this many pixels the VAE decodes in overlapping tiles: at 1216x1216 its activations pass 6 GB in
# float16. A rule of the size alone, never of the memory that happens to be free, because tiles change
# pixels a little and the same request must give the same picture.
TILING_PIXELS = 1216 * 1216

# Room for activations beside the weights, as a multiple of the weights (SD 2.1 at 768x768: 2.6 GB of
# weights, about 2 GB of activations).
ACTIVATION_FACTOR = 1.8


@dataclass(frozen=True)
class Device:
    """A device together with the number format that models use on it."""

    torch_device: torch.device
    dtype: torch.dtype
    name: str

    @property
    def is_cuda(self) -> bool:
        return self.torch_device.type == "cuda"

    def environment(self) -> dict[str, Any]:
        """What beside versions and device changes how numbers are rounded, as `gallery.recipe.Recipe.environment`."""
        facts: dict[str, Any] = {
            "threads": torch.get_num_threads(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
        }
        if self.is_cuda:
            facts |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
        return facts

    def free_memory(self) -> int:
        """Bytes that can be allocated now; on CUDA the caching allocator's own reserve counts as free."""
        if not self.is_cuda:
            return psutil.virtual_memory().available
        free, _ = torch.cuda.mem_get_info(self.torch_device)
        reserved = torch.cuda.memory_reserved(self.torch_device)
        return free + reserved - torch.cuda.memory_allocated(self.torch_device)

    def total_memory(self) -> int:
        """Bytes the device has."""
        if not self.is_cuda:
            return psutil.virtual_memory().total
        return torch.cuda.get_device_properties(self.torch_device).total_memory

    def fits(self, weight_bytes: int) -> bool:
        """Whether weights of this size and their activations fit into the memory that is free now."""
        return weight_bytes * ACTIVATION_FACTOR <= self.free_memory()

    def release(self) -> None:
        """Give memory of dropped models back to the device."""
        gc.collect()
        if self.is_cuda:
            torch.cuda.empty_cache()

    @contextmanager
    def explaining_out_of_memory(self, doing: str, advice: str) -> Iterator[None]:
        """Turn an out-of-memory error into one that says what was asked and what to lower.

        Args:
            doing: the start of the sentence, such as "Drawing 1024x1024 pixels".
            advice: what to do, as a full sentence.
        """
        try:
            yield
        except (torch.cuda.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            # The traceback keeps the failed call's tensors alive; let go of them first.
            traceback.clear_frames(error.__traceback__)
            self.release()
            raise OutOfMemory(f"{doing} needs more memory than there is: {self._memory()}. {advice}") from None

    def _memory(self) -> str:
        total, free = self.total_memory() / 1e9, self.free_memory() / 1e9
        return f"{self.name} has {total:.1f} GB, of which {free:.1f} GB are free now"


def choose(setting: str = "") -> Device:
    """The device for a `STUDIO_DEVICE` setting: `cuda`, `cuda:1`, `cpu`; empty takes CUDA where there is one.

    Raises:
        StudioError: no such device is on this machine.
    """
    setting = setting.strip().lower() or ("cuda" if torch.cuda.is_available() else "cpu")
    if setting == "cpu":
        _leave_a_core_free()
        return Device(torch.device("cpu"), torch.float32, "the CPU")
    if not re.fullmatch(r"cuda(:\d+)?", setting):
        raise StudioError(f"STUDIO_DEVICE must be cuda, cuda:<number> or cpu; got {setting!r}. Correct or unset it.")
    torch_device = torch.device(setting if ":" in setting else "cuda:0")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if torch_device.index >= count:
        raise StudioError(
            f"STUDIO_DEVICE is {setting!r}, but this machine has {count} usable CUDA devices. "
            "Unset it to let the studio choose."
        )
    _keep_float16_safe()
    return Device(torch_device, torch.float16, torch.cuda.get_device_name(torch_device))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is an allocation that failed, on CUDA or on the CPU."""
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def _leave_a_core_free() -> None:
    """One core for the pages and the browser, unless OMP_NUM_THREADS says otherwise.

    OpenMP's threads wait for each other after every operation: when another program takes one of their
    cores for a moment they all stand still, and drawing becomes many times slower, not a little.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(torch.get_num_threads(), max(1, (os.cpu_count() or 1) - 1)))


def _keep_float16_safe() -> None:
    """Accumulate in float32 wherever float16 could overflow.

    Stable Diffusion 2.1's attention scores exceed float16's 65504 and would become NaN, black pictures.
    PyTorch's fused attention kernels accumulate in float32, and so does the fallback unless it is
    allowed to reduce in half precision; matrix products likewise.
    """
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(False)
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
