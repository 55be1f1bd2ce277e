"""What a photo costs: NijiGAN as it ships and with its exact solver, beside the residual generator that it replaces.

    python -m benchmarks translators

One process, one device, the generators in turn, so that the ratios hold whatever else the machine does: processor
seconds, on a GPU those of the clock. OpenVINO, where it is installed, computes NijiGAN once more. Time does not
depend on the weights, except that of dopri5, which chooses its steps; without shipped weights random ones are used,
and the table says so.
"""

import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from engine.computing.names import openvino_version
from engine.device import Device, choose
from engine.settings import PROJECT, Settings
from engine.translation.backends.choosing import Quick
from engine.translation.catalogue import SHIPPED, translators
from engine.translation.checkpoints import load_translator
from engine.translation.networks.generator import Architecture, Generator
from engine.translation.networks.ode import Solver

SIZES = (256, 512, 1024)
EXACT = Solver("dopri5", rtol=1e-3, atol=1e-3)
Row = tuple[nn.Module, Generator, Solver]  # what is asked, its generator, and how that is solved
ROUNDS = {256: 7, 512: 3, 1024: 1}


def shipped() -> tuple[Generator, Solver, str]:
    """NijiGAN with the weights that ship, or with random ones."""
    found = [info for info in translators(Settings(home=PROJECT / "studio-home")) if info.name == SHIPPED]
    if found and not found[0].problem:
        model = load_translator(found[0])
        assert isinstance(model, Generator)
        assert model.solver is not None
        return model, model.solver, "shipped weights"
    torch.manual_seed(0)
    return Generator(), Solver("euler"), "random weights"


def main() -> None:
    """Print the table."""
    device = choose()
    nijigan, quick, weights = shipped()
    torch.manual_seed(0)
    resnet = Generator(Architecture("resnet", 9))
    for model in (nijigan, resnet):
        model.eval().requires_grad_(False).to(device.torch_device, memory_format=torch.channels_last)
    rows: dict[str, Row] = {
        "ResNet, 9 blocks": (resnet, resnet, quick),
        f"NijiGAN, {quick.method} {quick.steps}": (nijigan, nijigan, quick),
        "NijiGAN, dopri5 1e-3": (nijigan, nijigan, EXACT),
    }
    if by_openvino := compiled(nijigan, device):
        rows["NijiGAN, OpenVINO"] = (by_openvino, nijigan, quick)
    print(f"{device.name}, {torch.get_num_threads()} threads, float32, NijiGAN with {weights}")
    for size in SIZES:
        photo = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
        measure(rows, photo.to(device.torch_device), ROUNDS[size])


def compiled(nijigan: Generator, device: Device) -> nn.Module | None:
    """NijiGAN as OpenVINO computes it, where it does."""
    found = [info for info in translators(Settings(home=PROJECT / "studio-home")) if info.name == SHIPPED]
    if not found or found[0].problem or device.is_cuda or not openvino_version():
        return None
    with tempfile.TemporaryDirectory() as home:
        return Quick(Settings(home=Path(home), device="cpu"), device).of(found[0], nijigan)


def measure(rows: dict[str, Row], photo: torch.Tensor, rounds: int) -> None:
    """One size: every generator in turn, several times."""
    rows = rows if photo.shape[-1] < SIZES[-1] else {name: row for name, row in rows.items() if row[-1] is not EXACT}
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    with torch.inference_mode():
        for asked, _, solver in rows.values():  # compiling does not count
            if solver is not EXACT and photo.shape[-1] < SIZES[-1]:
                asked(photo)
    for _ in range(rounds):
        for name, (asked, model, solver) in rows.items():
            model.set_solver(solver)
            seconds[name].append(timed(lambda asked=asked: asked(photo)))
    first = next(iter(rows))
    print(f"\n{photo.shape[-1]} px               seconds   ratio  evaluations    GFLOP  parameters")
    for name, (_, model, solver) in rows.items():
        model.set_solver(solver)
        ratio = median(a / b for a, b in zip(seconds[name], seconds[first], strict=True))
        flops = counted(model, photo)
        numbers = sum(parameter.numel() for parameter in model.parameters())
        middle = median(seconds[name])
        print(f"{name:22} {middle:8.3f} {ratio:7.2f} {model.nfe:12d} {flops / 1e9:8.1f} {numbers / 1e6:9.3f} M")
    print(f"peak memory of this process so far: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


@torch.inference_mode()
def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    start = clock()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock() - start


@torch.no_grad()
def counted(model: nn.Module, photo: torch.Tensor) -> int:
    """Floating-point operations of a forward pass; a multiplication with its addition counts as two."""
    with FlopCounterMode(display=False) as counter:
        model(photo)
    return counter.get_total_flops()


if __name__ == "__main__":
    main()
