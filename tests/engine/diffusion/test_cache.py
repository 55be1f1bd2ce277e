import os

import pytest

from engine.diffusion.cache import ModelCache
from engine.diffusion.loading import load
from engine.errors import ModelBroken, OutOfMemory
from tests.tiny import save_tiny_pipeline, tiny_info


@pytest.fixture(scope="module")
def infos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    return [tiny_info(save_tiny_pipeline(folder / name, seed=i)) for i, name in enumerate("abc")]


@pytest.fixture
def reads():
    return []


@pytest.fixture
def counting_load(cpu, reads):
    def counting(info):
        reads.append(info.name)
        return load(info, cpu)

    return counting


def test_a_warm_model_is_not_read_again(infos, counting_load, reads):
    cache = ModelCache(10**9, counting_load)
    assert cache.get(infos[0]) is cache.get(infos[0])
    assert reads == ["a"]


def test_the_least_recently_used_model_leaves(infos, counting_load, reads):
    cache = ModelCache(2_400_000, counting_load)  # two of 1.1 MB
    for i in (0, 1, 0, 2):
        cache.get(infos[i])
    assert cache.paths == (infos[0].path, infos[2].path)
    assert reads == ["a", "b", "c"]


def test_one_model_larger_than_the_budget_is_kept(infos, counting_load, reads):
    cache = ModelCache(1, counting_load)
    assert cache.get(infos[0]) is cache.get(infos[0])
    cache.get(infos[1])
    assert cache.paths == (infos[1].path,)


def test_changed_files_are_read_again(infos, counting_load, reads):
    cache = ModelCache(10**9, counting_load)
    first = cache.get(infos[0])
    os.utime(infos[0].path / "unet/diffusion_pytorch_model.safetensors", (1, 1))
    assert cache.get(infos[0]) is not first
    assert reads == ["a", "a"]
    assert cache.paths == (infos[0].path,)


def test_a_model_that_cannot_be_read_leaves_the_others(infos, counting_load, tmp_path):
    cache = ModelCache(10**9, counting_load)
    cache.get(infos[0])
    with pytest.raises(ModelBroken):
        cache.get(tiny_info(tmp_path / "nowhere"))
    assert cache.paths == (infos[0].path,)


def test_when_memory_ends_the_others_make_room(infos, cpu):
    """A seam is a parameter: a device that holds one model at a time."""
    held = []

    def small(info):
        if cache.paths:
            raise OutOfMemory("full")
        held.append(info.name)
        return load(info, cpu)

    cache = ModelCache(10**9, small)
    cache.get(infos[0])
    cache.get(infos[1])
    assert held == ["a", "b"]
    assert cache.paths == (infos[1].path,)


def test_memory_that_ends_with_nothing_to_drop_is_told(infos):
    def full(info):
        raise OutOfMemory("full")

    with pytest.raises(OutOfMemory):
        ModelCache(10**9, full).get(infos[0])


def test_clear_forgets_all(infos, counting_load, reads):
    cache = ModelCache(10**9, counting_load)
    cache.get(infos[0])
    cache.clear()
    assert cache.paths == ()
