"""From a folder of photos to a translator that the studio offers."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from engine.device import choose
from engine.errors import InvalidRequest, ModelBroken, NotFound, UnsafeFile
from engine.nijigan.players import begun
from engine.nijigan.pseudo_pairs import make_pairs
from engine.nijigan.run import Folders, Part, configured, export, paired, start
from engine.settings import Settings
from engine.training.loop import averaged_weights
from engine.translation.catalogue import Sidecar, own_folder, read_sidecar, translator
from engine.translation.checkpoints import load_translator_weights, save_translator
from engine.translation.guided import Refinement
from engine.translation.networks.animegan2 import AnimeGan2
from engine.translation.networks.generator import Architecture, Generator
from engine.translation.networks.ode import Solver
from engine.translation.running import LoadedTranslator

CHANGES = {
    "epochs": 1,
    "steps_per_epoch": 2,
    "side": 70,
    "crop": 64,
    "patches": 16,
    "weights": {"perceptual": 0},
    "architecture": {"width": 4, "blocks": 2},
    "solvers": [{"method": "euler", "steps": 1}],
    "discriminator_width": 4,
}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(4):
        pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((110, 82), Image.Resampling.BICUBIC).save(folder / f"{seed}.jpg")
    return folder


def test_pairs_are_aligned_judged_and_the_worst_left_out(settings: Settings, photos: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    report = make_pairs(settings, photos, tmp_path / "pairs", long_side=96, drop=0.3, tell=lines.append)
    assert (report.kept, report.dropped) == (3, 1)
    pairs = paired(tmp_path / "pairs", 70)
    assert len(pairs) == 3
    assert [image.size for image in pairs.pair(0)] == [pairs.pair(0)[0].size] * 2
    listed = json.loads((tmp_path / "pairs" / "pairs.json").read_text())
    scores = {pair["name"]: pair["structure"] - pair["artifacts"] for pair in listed}
    (worst,) = [pair["name"] for pair in listed if not pair["kept"]]
    assert worst == min(scores, key=lambda name: scores[name])
    assert len(lines) == 4
    with Image.open(tmp_path / "pairs" / "X_p" / f"{listed[0]['name']}.png") as image:
        assert image.size == (96, 72)


def test_pairs_need_photos_that_can_be_used(settings: Settings, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"must lie from 0 to 0.9; got 1"):
        make_pairs(settings, photos, tmp_path / "pairs", drop=1)
    Image.new("RGB", (200, 20)).save(photos / "strip.png")
    lines: list[str] = []
    make_pairs(settings, photos, tmp_path / "pairs", tell=lines.append)
    assert any("needs 64 pixels on each side; strip.png has fewer" in line for line in lines)


def test_a_training_becomes_a_translator(settings: Settings, photos: Path, tmp_path: Path) -> None:
    make_pairs(settings, photos, tmp_path / "pairs", long_side=96, drop=0)
    folders = Folders(tmp_path / "pairs", photos, (tmp_path / "pairs" / "Y_p",), tmp_path / "pairs")
    config = configured("cpu", CHANGES)
    assert config.weights.pixels == 10
    start(folders, tmp_path / "run", config, processes=1)
    stored = export(tmp_path / "run", own_folder(settings), "Ours", "MIT", refinement=Refinement(3))
    stored = stored.rename(stored.with_name("ours.safetensors"))
    (stored.parent / "model.json").rename(stored.with_suffix(".json"))

    info = translator(settings, "ours")
    assert (info.title, info.licence, info.architecture, info.problem) == ("Ours", "MIT", "nijigan", "")
    loaded = LoadedTranslator(info, choose("cpu"))
    model = Generator(Architecture(width=4, blocks=2), Solver("euler"), Refinement(3)).eval()
    model.load_state_dict(averaged_weights(tmp_path / "run"))
    photo = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        expected = model(photo)
    torch.testing.assert_close(loaded(photo), expected, atol=0.02, rtol=0)  # float16 on disk
    assert loaded.solver == Solver("euler")


def test_the_mean_of_two_runs_is_exported(settings: Settings, photos: Path, tmp_path: Path) -> None:
    make_pairs(settings, photos, tmp_path / "pairs", long_side=96, drop=0)
    folders = Folders(tmp_path / "pairs", photos, (tmp_path / "pairs" / "Y_p",), tmp_path / "pairs")
    runs = {"one": {}, "two": {"seed": 9}, "wide": {"architecture": {"width": 8, "blocks": 2}}}
    for name, changes in runs.items():
        start(folders, tmp_path / name, configured("cpu", {**CHANGES, **changes}), processes=1)
    stored = export(tmp_path / "one", tmp_path / "out", "Two", "MIT", "two runs", Part(tmp_path / "two", 0.25))
    one, two = averaged_weights(tmp_path / "one"), averaged_weights(tmp_path / "two")
    for name, found in load_translator_weights(stored).items():
        torch.testing.assert_close(found.float(), 0.75 * one[name] + 0.25 * two[name], atol=1e-3, rtol=1e-3)
    assert read_sidecar(stored).source == "two runs"
    stored = export(tmp_path / "one", tmp_path / "out", "Two", "MIT", part=Part(tmp_path / "two", 0.25))
    assert read_sidecar(stored).source == "the mean of two runs of 2 and 2 steps, 0.75 to 0.25"
    with pytest.raises(InvalidRequest, match="A mean needs two runs of one generator and solver"):
        export(tmp_path / "one", tmp_path / "out", "", "", part=Part(tmp_path / "wide", 0.5))
    with pytest.raises(InvalidRequest, match="A share must lie from 0 to 1; got 2"):
        Part(tmp_path / "two", 2)


def test_a_training_begins_with_a_stored_translator(tmp_path: Path) -> None:
    def stored(architecture: str, model: nn.Module, **settings: int) -> Path:
        sidecar = Sidecar(
            architecture=architecture,
            settings=settings,
            title="Ours",
            native_size=64,
            channel_order="rgb",
            licence="MIT",
            non_commercial=False,
            source="",
            source_sha256="",
            sha256="",
        )
        save_translator(tmp_path / f"{architecture}.safetensors", model.state_dict(), sidecar)
        return tmp_path / f"{architecture}.safetensors"

    model = Generator(Architecture(width=4, blocks=2), Solver("euler"))
    photo = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    path = stored("nijigan", model, width=4, blocks=2)
    players = begun(configured("cpu", {**CHANGES, "architecture": {"width": 8, "blocks": 2}}), path)
    assert players.generator.architecture.width == 8
    torch.testing.assert_close(players.generator(photo), model(photo), atol=1e-4, rtol=1e-4)

    with pytest.raises(InvalidRequest, match=r"A run can begin from one of the same kind; .*blocks=2.* this one .*=4"):
        begun(configured("cpu", {**CHANGES, "architecture": {"width": 4, "blocks": 4}}), path)
    with pytest.raises(InvalidRequest, match=r"a NijiGAN or CUT in RGB; animegan2.safetensors is animegan2"):
        begun(configured("cpu", CHANGES), stored("animegan2", AnimeGan2()))
    with pytest.raises(ModelBroken, match="must hold a nijigan generator; got other tensors"):
        begun(configured("cpu", CHANGES), stored("nijigan", model, width=8, blocks=2))
    with pytest.raises(NotFound, match=r"from a translator's .safetensors file; .*mistyped is neither"):
        begun(configured("cpu", CHANGES), tmp_path / "mistyped")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UnsafeFile):
        begun(configured("cpu", CHANGES), path)


def test_settings_that_do_not_exist_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="The preset must be one of t4, cpu; got 'a100'"):
        configured("a100", {})
    with pytest.raises(InvalidRequest, match=r"weights may hold bend, colours, edges, gan, .*; got gann"):
        configured("cpu", {"weights": {"gann": 1}})
    with pytest.raises(InvalidRequest, match=r"got epoch. Correct the names"):
        configured("cpu", {"epoch": 1})


def test_settings_out_of_range_are_all_said() -> None:
    with pytest.raises(InvalidRequest, match="crop must be a multiple of 4 from 64 on; got 30") as raised:
        configured("cpu", {"crop": 30, "patches": 1})
    assert [problem.field for problem in raised.value.problems] == ["crop", "patches"]
    with pytest.raises(InvalidRequest, match="Settings are numbers"):
        configured("cpu", {"weights": 3})


def test_photos_that_cannot_be_used_are_left_out(settings: Settings, photos: Path, tmp_path: Path) -> None:
    (photos / "words.png").write_text("words")
    lines: list[str] = []
    assert make_pairs(settings, photos, tmp_path / "pairs", drop=0, tell=lines.append).kept == 4
    assert any("left out: words.png is not a PNG" in line for line in lines)
    with pytest.raises(InvalidRequest, match="New pairs need empty folders"):
        make_pairs(settings, photos, tmp_path / "pairs")


def test_export_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Train first"):
        export(tmp_path, tmp_path, "", "")
