"""Several single-thread processes that train one model together, or one process with a GPU.

On a CPU several processes do more work than one with as many threads: the layers are too small to share, so
threads mostly wait for each other.
"""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from engine.errors import StudioError
from engine.training.config import values_of

ERROR = "error.txt"
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: 0 for the one that reports and saves.
        size: number of processes.
        device: that its models train on; messages between the processes lie there.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = CPU

    def settings(self, config: Any, **more: Any) -> dict[str, Any]:
        """What decides the result of a run beside the number of steps, as JSON values."""
        values = {name: value for name, value in values_of(config).items() if name != "steps"}
        return values | {"ranks": self.size} | more

    def autocast(self, cpu: bool = False) -> torch.autocast:
        """bfloat16 inside where the device computes with it, which a T4 does not; else float32.

        Args:
            cpu: also on a CPU that has instructions for it; there only convolutions with many channels gain.
        """
        if self.device.type == "cuda":
            able = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            tell = getattr(torch.cpu, "get_capabilities", None)  # older PyTorch cannot
            capabilities: Mapping[str, Any] = tell() if tell else {}
            able = cpu and bool(capabilities.get("avx512_bf16"))
        return torch.autocast(self.device.type, torch.bfloat16, enabled=able)

    @property
    def memory_format(self) -> torch.memory_format:
        """That the large generators are trained in: on a CPU the gradients of their convolutions' weights take four
        times as long in channels last (a step of NijiGAN's at 256 px 5.5 to 6.1 s of processor time, 3.6 contiguous; of
        a CycleGAN as published 23 to 24 and 17 to 18). Small networks gain nothing (beta-VAE) or lose a little (GAN).
        """
        return torch.channels_last if self.device.type == "cuda" else torch.contiguous_format

    @property
    def first(self) -> bool:
        """Whether this process reports and saves."""
        return self.rank == 0

    def mean_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes; one flat message is far quicker than many."""
        if self.size == 1:
            return
        parameters = [parameter for parameter in parameters if parameter.requires_grad]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        for parameter, piece in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad = piece.view_as(parameter)

    def gathered(self, values: Tensor) -> Tensor:
        """The rows of all processes, those of the first one first; without gradient.

        Args:
            values: (N, ...), of one shape in all of them.
        """
        if self.size == 1:
            return values.detach()
        found = [torch.empty_like(values) for _ in range(self.size)]
        dist.all_gather(found, values.detach().contiguous())
        return torch.cat(found)

    def agree(self, value: bool) -> bool:
        """The first process's answer, in all of them."""
        if self.size == 1:
            return value
        answer = torch.tensor([int(value)], device=self.device)
        dist.broadcast(answer, 0)
        return bool(answer.item())


def run(work: Callable[..., None], processes: int, *arguments: Any, device: str = "cpu") -> None:
    """Run `work(ranks, *arguments)` in so many processes with one thread each, and wait for all.

    Args:
        work: importable by name (the processes are started anew).
        arguments: tensors in them, and the weights of models, are memory that all processes share: copy
            before changing any.
        device: with "cuda" the work is done in this process alone.

    Raises:
        StudioError: one of them raised one; the same text. Or there is no such device.
        torch.multiprocessing.ProcessRaisedException: one of them failed; the others are stopped.
    """
    if device == "cuda":
        if not torch.cuda.is_available():
            raise StudioError("A training on cuda needs an NVIDIA GPU; this machine has none. Train on the cpu.")
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
        work(Ranks(device=torch.device(device)), *arguments)
        return
    if processes == 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            work(Ranks(), *arguments)
        finally:
            torch.set_num_threads(threads)
        return
    with tempfile.TemporaryDirectory() as meeting:
        try:
            torch.multiprocessing.spawn(_process, (work, processes, Path(meeting), arguments), nprocs=processes)
        except torch.multiprocessing.ProcessRaisedException:
            said = Path(meeting) / ERROR
            if said.exists():
                raise StudioError(said.read_text()) from None
            raise


def _process(rank: int, work: Callable[..., None], size: int, meeting: Path, arguments: tuple) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=(meeting / "ranks").as_uri(), rank=rank, world_size=size)
    try:
        with suppress(KeyboardInterrupt):  # a run goes on from its last checkpoint
            work(Ranks(rank, size), *arguments)
    except StudioError as error:  # a traceback is all that the parent would get
        (meeting / ERROR).write_text(str(error))
        raise
    dist.destroy_process_group()
