"""Importing checkpoints: only tensors get in, what is stored is the generator that was published."""

import hashlib
import os
import zipfile
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import InvalidRequest, ModelBroken, ModelUnavailable, UnsafeFile
from engine.translation import checkpoints
from engine.translation.catalogue import WITHOUT_WEIGHTS, read_sidecar
from engine.translation.checkpoints import import_checkpoint, load_translator, load_translator_weights
from engine.translation.published import recognise
from tests.engine.translation.published import PUBLISHED, cut_state, cyclegan_state

# Architecture -> the name of a published file, and what must be known about it.
FACTS = {
    "cut": ("Shinkai_net_G.pth", "rgb", None, "S-Lab License 1.0", True),
    "cyclegan": ("latest_net_G_A.pth", "rgb", 256, "licence unknown", False),
    "cartoongan": ("Hayao_net_G_float.pth", "bgr", 450, "terms of the CartoonGAN authors, unclear", False),
    "animegan2": ("face_paint_512_v2.pt", "rgb", 512, "AnimeGANv2: weights for non-commercial use only", True),
}


class Runs:
    """What a hostile pickle holds."""

    def __reduce__(self):
        return os.mkdir, ("hacked",)


@pytest.fixture
def saved(tmp_path):
    """Save anything as PyTorch does, under a name in a folder of its own."""

    def save(content, name="weights.pth", **options):
        (tmp_path / "downloads").mkdir(exist_ok=True)
        torch.save(content, tmp_path / "downloads" / name, **options)
        return tmp_path / "downloads" / name

    return save


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "translators"


def photo() -> torch.Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(7)) * 2 - 1


@torch.no_grad()
@pytest.mark.parametrize("architecture", PUBLISHED)
def test_an_imported_generator_gives_the_published_picture(architecture, saved, folder):
    make, published = PUBLISHED[architecture]
    state, (file, *facts) = make(), FACTS[architecture]
    found = import_checkpoint(saved(state, file), folder, "mine")
    assert found.licence.startswith(facts[2])
    assert [found.channel_order, found.native_size, found.non_commercial] == [*facts[:2], facts[3]]
    model = load_translator(found)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    torch.testing.assert_close(model(photo()), published(state, photo()), rtol=1e-3, atol=1e-4)


def test_the_sidecar_says_what_is_stored(saved, folder):
    path = saved(cut_state(4), "Shinkai_net_G.pth")
    translator = import_checkpoint(path, folder, "scenimefy")
    stored = folder / "scenimefy.safetensors"
    assert translator.path == stored
    assert (translator.architecture, translator.native_size, translator.size_multiple) == ("cut", None, 4)
    assert translator.title == "scenimefy (Scenimefy)"
    sidecar = read_sidecar(stored)
    assert sidecar.source == "Shinkai_net_G.pth"
    assert sidecar.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sidecar.sha256 == hashlib.sha256(stored.read_bytes()).hexdigest()
    assert sidecar.settings == {"width": 4, "blocks": 9}
    assert sorted(file.name for file in folder.iterdir()) == ["scenimefy.json", "scenimefy.safetensors"]


def test_words_about_own_weights_win(saved, folder):
    path = saved(cut_state(4), "latest_net_G.pth")
    own = import_checkpoint(path, folder, "own", title="My hills", licence="mine", non_commercial=True)
    assert (own.title, own.licence, own.non_commercial) == ("My hills", "mine", True)


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
def test_safetensors_and_both_formats_of_pytorch_are_read(options, saved, folder):
    state = cyclegan_state(4, blocks=1)
    path = saved(state, **options)
    first = load_translator_weights(import_checkpoint(path, folder, "first").path)
    save_file(state, path.with_suffix(".safetensors"))
    second = load_translator_weights(import_checkpoint(path.with_suffix(".safetensors"), folder, "second").path)
    expected = recognise("", state).tensors
    assert first.keys() == second.keys() == expected.keys()
    assert all(torch.equal(first[key], expected[key]) and torch.equal(second[key], expected[key]) for key in first)


def test_half_precision_is_stored_as_float32(saved, folder):
    path = saved({key: value.half() for key, value in cyclegan_state(4, blocks=1).items()})
    tensors = load_file(import_checkpoint(path, folder, "half").path)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_a_pickle_with_code_is_refused_and_its_code_does_not_run(saved, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for options in ({}, {"_use_new_zipfile_serialization": False}):
        with pytest.raises(UnsafeFile, match=r"tensors only; got one that asks for posix\.mkdir, which is not run"):
            import_checkpoint(saved({"model.1.weight": Runs()}, **options), folder, "evil")
    with pytest.raises(UnsafeFile, match=r"tensors only; got one that asks for torch\.nn\.modules\.linear\.Linear"):
        import_checkpoint(saved(torch.nn.Linear(2, 2)), folder, "module")
    assert not (tmp_path / "hacked").exists()
    assert not folder.exists()


def test_a_file_that_is_or_unpacks_too_large_is_refused(saved, folder, monkeypatch):
    monkeypatch.setattr(checkpoints, "MOST_BYTES", 10**6)
    large = saved({"model.1.weight": torch.zeros(10**6)})
    with pytest.raises(UnsafeFile, match=r"a generator may have 1 MB; got 4 MB"):
        import_checkpoint(large, folder, "large")
    bomb = large.with_name("bomb.pth")
    with zipfile.ZipFile(large) as whole, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        for part in whole.namelist():
            packed.writestr(part, whole.read(part))
    assert bomb.stat().st_size < 10**5
    with pytest.raises(UnsafeFile, match=r"a generator may have 1 MB; got 4 MB"):
        import_checkpoint(bomb, folder, "bomb")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(value, saved, folder):
    state = cyclegan_state(4, blocks=1)
    state["model.4.weight"][0, 0, 0, 0] = value
    with pytest.raises(ModelBroken, match=r"must be finite numbers; got NaN, infinity or whole numbers in encoder\.3"):
        import_checkpoint(saved(state), folder, "broken")
    assert not folder.exists()


@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants")
@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([1, 2], r"its keys must be those of nijigan, .*; got a list"),
        ({}, r"its keys must be those of nijigan, .*; got none"),
        ({"epoch": 3, "G": {}}, r"its keys must be those of nijigan, .*; got epoch \(int\), G \(dict\)\."),
        ({"model.1.weight": torch.ones(2).to_sparse()}, r"plain tensors only; got sparse.* \(model\.1\.weight\)"),
        ({"fc.weight": torch.ones(2)}, r"its keys must be those of nijigan"),
    ],
)
def test_anything_but_a_generators_state_dict_is_refused(content, text, saved, folder):
    with pytest.raises(ModelBroken, match=text):
        import_checkpoint(saved(content), folder, "other")


def test_a_name_is_given_once(saved, folder):
    path = saved(cyclegan_state(4, blocks=1))
    import_checkpoint(path, folder, "hills")
    for name in ("hills", "nijigan", "classical"):
        with pytest.raises(InvalidRequest, match=rf"needs its own name; '{name}' is taken"):
            import_checkpoint(path, folder, name)
    with pytest.raises(InvalidRequest, match=r"1 to 64 letters"):
        import_checkpoint(path, folder, "../hills")


def test_a_stored_file_that_changed_is_refused(saved, folder):
    translator = import_checkpoint(saved(cyclegan_state(4, blocks=1)), folder, "hills")
    content = bytearray(translator.path.read_bytes())
    content[-1] ^= 1
    translator.path.write_bytes(content)
    with pytest.raises(ModelBroken, match=r"must have the SHA-256 .* It was changed or damaged since"):
        load_translator(translator)


def test_a_sidecar_of_another_generator_is_refused(saved, folder):
    translator = import_checkpoint(saved(cyclegan_state(4, blocks=1)), folder, "hills")
    with pytest.raises(ModelBroken, match=r"must hold a cut generator; got other tensors: .*Import its original"):
        load_translator(replace(translator, architecture="cut"))


def test_a_translator_that_cannot_be_loaded_says_why(saved, folder):
    with pytest.raises(ModelUnavailable, match=r"Neural style has no weights to load"):
        load_translator(WITHOUT_WEIGHTS[0])
    translator = import_checkpoint(saved(cyclegan_state(4, blocks=1)), folder, "hills")
    with pytest.raises(ModelUnavailable, match=r"^it is broken$"):
        load_translator(replace(translator, problem="it is broken"))
