import pytest
import torch

from engine.device import Device, choose, is_out_of_memory
from engine.errors import OutOfMemory, StudioError


def test_the_cpu_computes_in_float32():
    device = choose("cpu")
    assert (device.torch_device.type, device.dtype, device.is_cuda) == ("cpu", torch.float32, False)
    assert 0 < device.free_memory() <= device.total_memory()


def test_empty_takes_cuda_where_there_is_one():
    assert choose("").is_cuda == torch.cuda.is_available()


@pytest.mark.parametrize("setting", ["gpu", "cuda:x", "cuda:-1", "mps"])
def test_unknown_settings_are_named(setting):
    with pytest.raises(StudioError, match=f"must be cuda, cuda:<number> or cpu; got '{setting}'"):
        choose(setting)


def test_a_device_that_is_not_there():
    with pytest.raises(StudioError, match=r"'cuda:99', but this machine has \d+ usable CUDA devices"):
        choose("cuda:99")


def test_fits_compares_with_free_memory():
    device = choose("cpu")
    assert device.fits(1)
    assert not device.fits(device.total_memory())


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"),
    ],
)
def test_out_of_memory_is_explained(error):
    device = choose("cpu")
    expected = (
        r"Drawing 4096x4096 pixels needs more memory than there is: the CPU has .* GB are free now\. Lower the size\."
    )
    with (
        pytest.raises(OutOfMemory, match=expected),
        device.explaining_out_of_memory("Drawing 4096x4096 pixels", "Lower the size."),
    ):
        raise error


def test_a_real_failed_allocation_is_recognised():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_out_of_memory(caught.value)


def test_other_errors_pass_unchanged():
    device: Device = choose("cpu")
    with pytest.raises(RuntimeError, match="shapes"), device.explaining_out_of_memory("Drawing", "Wait."):
        raise RuntimeError("shapes differ")
