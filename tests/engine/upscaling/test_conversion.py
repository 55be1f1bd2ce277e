"""From ncnn's files to PyTorch's names, and that nothing is lost on the way."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file as load_numpy
from safetensors.torch import load_file

from engine.errors import UnsafeFile
from engine.settings import PROJECT
from engine.upscaling.convert_ncnn import HALF, MAGIC, convert, layers, tensors
from engine.upscaling.networks import compact

SHIPPED = PROJECT / "weights" / "upscalers" / "realesr-animevideov3.safetensors"

PARAM = f"""{MAGIC}
5 5
Input        in    0 1 data
Split        split 1 2 data a b
Convolution  first 1 1 a c 0=4 1=3 4=1 5=1 6=108
PReLU        slope 1 1 c d 0=4
Convolution  last  1 1 d e 0=3 1=3 4=1 5=1 6=108
"""


def numbers():
    rng = np.random.default_rng(0)
    first, last = (rng.normal(size=108).astype("<f2") for _ in range(2))
    biases, slopes = rng.normal(size=(2, 4)).astype("<f4"), rng.normal(size=4).astype("<f4")
    return first, biases, slopes, last


def binary(tag=HALF):
    first, biases, slopes, last = numbers()
    mark = np.uint32(tag).tobytes()
    parts = [mark, first, biases[0], slopes, mark, last, biases[1][:3]]
    return b"".join(part if isinstance(part, bytes) else part.tobytes() for part in parts)


def test_every_number_comes_through_as_it_was(tmp_path):
    (tmp_path / "a.param").write_text(PARAM)
    (tmp_path / "a.bin").write_bytes(binary())
    assert convert(tmp_path / "a.param", tmp_path / "a.bin", tmp_path / "a.safetensors") == 5

    found = load_numpy(tmp_path / "a.safetensors")
    first, biases, slopes, last = numbers()
    expected = {
        "body.0.weight": first.reshape(4, 3, 3, 3),
        "body.0.bias": biases[0],
        "body.1.weight": slopes,
        "body.2.weight": last.reshape(3, 4, 3, 3),
        "body.2.bias": biases[1][:3],
    }
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        assert np.array_equal(found[name], values), name


@pytest.mark.parametrize(
    ("param", "data", "words"),
    [
        ("<html>", binary(), "begins with 7767517"),
        (PARAM.replace("PReLU", "Sigmoid"), binary(), "got Sigmoid"),
        (PARAM, binary()[:-4], "ends 4 bytes before"),
        (PARAM, binary() + b"1234", "4 bytes more"),
        (PARAM, binary(tag=0x000D4B38), "half or single precision"),
        (PARAM.replace("5=1", "5=0"), binary(), "must have a square kernel and a bias"),
        (PARAM.replace("6=108", "6=x"), binary(), "a number"),
        (PARAM + "nonsense\n", binary(), "got 'nonsense'"),
        (PARAM.replace("0=4", "0=-4"), binary(), "ust"),
    ],
)
def test_other_files_are_refused_in_words(param, data, words):
    with pytest.raises(UnsafeFile, match=words):
        tensors(layers(param), data)


def test_the_network_that_ships_gives_what_ncnn_gave():
    """`large` is what ncnn 1.0.20261020 made of `picture` from the files that were converted."""
    kept = np.load(PROJECT / "tests" / "data" / "ncnn-animevideov3.npz")
    model = compact(load_file(SHIPPED))
    assert model.reach == 18
    assert sum(parameter.numel() for parameter in model.parameters()) == 621_424
    small = torch.from_numpy(kept["picture"]).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        large = model(small)[0].numpy()
    assert np.abs(large - kept["large"]).max() < 1e-5


def test_spandrel_reads_the_shipped_file_too():
    import spandrel

    found = spandrel.ModelLoader().load_from_file(SHIPPED)
    assert (found.architecture.name, found.scale) == ("RealESRGAN Compact", 4)
    small = torch.rand(1, 3, 9, 7, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(found(small), compact(load_file(SHIPPED))(small).clamp(0, 1), atol=1e-5)
