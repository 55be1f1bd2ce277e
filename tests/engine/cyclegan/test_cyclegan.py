"""CycleGAN's training on a few small pictures: its losses, its schedule, what it refuses, and that it learns."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from engine.cyclegan import run, trainer
from engine.cyclegan.config import PAPER, PRESETS, Config
from engine.cyclegan.evaluation import cycle_numbers, distances, evaluate
from engine.cyclegan.objective import discriminator_losses, there_and_back, translator_losses
from engine.cyclegan.players import Discriminators, Translators
from engine.cyclegan.pool import Pool
from engine.datasets.findings import Severity
from engine.datasets.unpaired import SHOWN_REFUSALS, examine
from engine.errors import InvalidRequest, NotFound, StudioError
from engine.metrics.features import Extractor
from engine.settings import Settings
from engine.training.config import configured
from engine.training.curves import read_curves, write_numbers
from engine.training.following import Following
from engine.training.parallel import CPU, Ranks
from engine.training.photo_folders import PhotoFolder
from engine.training.unpaired import Data, Folders, draw, prepare, split
from engine.translation.catalogue import own_folder, translator
from engine.translation.checkpoints import load_translator

TINY = Config(
    epochs=2, decay_epochs=1, steps_per_epoch=2, side=36, crop=32, width=4, blocks=1, discriminator_width=4, pool=1
)
COLOURS = Extractor("colours", 3, lambda pixels: pixels.mean((2, 3)))


def save(folder: Path, count: int, tint: tuple[float, float, float], first: int = 0, mode: str = "RGB") -> Path:
    """Pictures of blobs, each another, all in one tint."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + count):
        shades = np.random.default_rng(seed).integers(60, 200, (5, 6, 1)) * np.array(tint)
        image = Image.fromarray(shades.clip(0, 255).astype(np.uint8)).resize((80, 66), Image.Resampling.BICUBIC)
        image.convert(mode).save(folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    root = tmp_path_factory.mktemp("unpaired")
    return Folders(save(root / "red", 6, (1, 0.3, 0.2)), save(root / "blue", 7, (0.2, 0.3, 1), first=20))


@pytest.fixture(scope="module")
def data(folders: Folders) -> Data:
    return prepare(folders, TINY).data


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def train(config: Config, folder: Path, data: Data, pictures: str = "", stops_after: int | None = None) -> None:
    answers = iter([False] * stops_after) if stops_after is not None else None
    following = Following(lambda step, steps, numbers: None, lambda: answers is not None and next(answers, True))
    trainer.run(Ranks(), config, folder, data, pictures, following)


def test_the_published_settings_and_schedule() -> None:
    assert (PAPER.cycle, PAPER.pool, PAPER.batch_size, PAPER.side, PAPER.crop) == (10, 50, 1, 286, 256)
    assert [PAPER.rate(epoch) for epoch in (0, 99, 100, 150, 199)] == pytest.approx([2e-4, 2e-4, 2e-4, 1e-4, 2e-6])
    assert (PRESETS["short"].epochs, PRESETS["short"].rate(39)) == (40, pytest.approx(1e-5))
    assert replace(TINY, decay_epochs=0).rate(1) == TINY.learning_rate


@pytest.mark.parametrize(
    ("preset", "changes", "said"),
    [
        ("a100", {}, "must be one of paper, short, cpu; got 'a100'"),
        ("cpu", {"epoch": 1}, "got epoch. Correct the names"),
        ("cpu", {"learning_rate": math.nan}, "learning_rate must be between 0 and 1; got nan"),
        ("cpu", {"cycle": math.nan}, "cycle must be 0 or more; got nan"),
        ("cpu", {"identity": math.inf}, "identity must be 0 or more; got inf"),
        ("cpu", {"crop": 30}, "crop must be a multiple of 4 from 32 on; got 30"),
        ("cpu", {"epochs": 10}, "decay_epochs must be from 0 to the 10 epochs; got 15"),
        ("cpu", {"crop": "64"}, "got crop '64'. Correct them"),
        ("cpu", {"loss": "hinge"}, "loss must be one of least_squares, log; got 'hinge'"),
        ("cpu", {"seed": -1}, "seed must be from 0 to"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(preset: str, changes: dict, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        configured(PRESETS, preset, changes)
    assert said in str(caught.value)


def test_losses_are_those_of_the_paper(data: Data) -> None:
    torch.manual_seed(0)
    config = replace(TINY, identity=0.5)
    translators, discriminators = Translators(config), Discriminators(config)
    x, y = draw(config, data, 0, Ranks(), torch.Generator().manual_seed(0), CPU)
    assert x.shape == y.shape == (1, 3, 32, 32)
    there, back = translators.there, translators.back
    seen = there_and_back(translators, x, y)
    parts = translator_losses(translators, discriminators, config, seen)
    torch.testing.assert_close(parts["cycle_x"], 10 * F.l1_loss(back(there(x)), x))
    torch.testing.assert_close(parts["cycle_y"], 10 * F.l1_loss(there(back(y)), y))
    torch.testing.assert_close(parts["identity_y"], 5 * F.l1_loss(there(y), y))
    torch.testing.assert_close(parts["gan_there"], (discriminators.of_y(there(x)) - 1).square().mean())
    log = replace(config, loss="log", identity=0.0)
    parts = translator_losses(translators, discriminators, log, seen)
    torch.testing.assert_close(parts["gan_back"], -discriminators.of_x(back(y)).sigmoid().log().mean())
    assert not [name for name in parts if "identity" in name]
    told = discriminator_losses(discriminators, log, seen, seen.fake_x.detach(), seen.fake_y.detach())
    real, fake = discriminators.of_y(y).sigmoid(), discriminators.of_y(seen.fake_y).sigmoid()
    torch.testing.assert_close(told["discriminator_y"], -0.5 * (real.log().mean() + (1 - fake).log().mean()))
    told["discriminator_y"].backward()
    assert all(parameter.grad is None for parameter in translators.parameters())


def test_the_pool_fills_up_then_gives_earlier_fakes_for_half_of_the_new_ones() -> None:
    pool, rng = Pool(50), torch.Generator().manual_seed(0)
    pictures = torch.arange(1050.0).view(-1, 1, 1, 1)
    assert torch.equal(pool.exchange(pictures[:50], rng), pictures[:50])
    seen = pool.exchange(pictures[50:], rng)
    earlier = (seen < pictures[50:]).sum().item()
    assert 430 < earlier < 570
    assert len({value.item() for value in seen}) == 1000  # nothing is shown twice: what comes out is gone
    other = Pool(50)
    other.load_state_dict(pool.state_dict())
    both = [each.exchange(pictures[:20], torch.Generator().manual_seed(1)) for each in (pool, other)]
    assert torch.equal(*both)
    assert torch.equal(Pool(0).exchange(pictures, rng), pictures)


def test_every_picture_is_seen_once_in_a_pass_also_by_two_processes(tmp_path: Path) -> None:
    for number in range(5):
        Image.new("L", (64, 64), 50 * number).save(tmp_path / f"{number}.png")
    folder, config = PhotoFolder(tmp_path, 36), replace(TINY, batch_size=2, steps_per_epoch=0)
    seen: list[float] = []
    for step in range(3):
        for rank in (0, 1):
            rng = torch.Generator().manual_seed(0)
            x, _ = draw(config, Data(folder, folder, folder, folder), step, Ranks(rank, 2), rng, CPU)
            seen += [round(pixels.mean().item(), 4) for pixels in x]
    assert len(set(seen[:5])) == len(set(seen[5:10])) == len(set(seen)) == 5
    assert Data(folder, PhotoFolder.of(folder.paths[:3], 36), folder, folder).steps_per_epoch(config, 1) == 3


def test_a_tenth_is_held_out_and_stays_so() -> None:
    paths = [Path(f"{number}.png") for number in range(100)]
    learnt, held_out = split(paths, 5)
    assert sorted([*learnt, *held_out]) == sorted(paths)
    assert len(held_out) == 10
    assert split(paths, 5) == (learnt, held_out)
    assert len(split(paths[:4], 5)[1]) == 2


def test_a_stopped_run_ends_with_the_same_weights(data: Data, tmp_path: Path) -> None:
    train(TINY, tmp_path / "whole", data)
    for stops_after in (1, 2):  # the pools are full by the second
        train(TINY, tmp_path / "stopped", data, stops_after=stops_after)
    write_numbers(tmp_path / "stopped", 4, {"loss_cycle_x": 1e9})  # of a process that was killed before it saved
    train(TINY, tmp_path / "stopped", data)
    whole, again = (run.checkpoint(tmp_path / name) for name in ("whole", "stopped"))
    assert again["step"] == 4
    for part in ("translators", "discriminators", "average"):
        assert all(torch.equal(whole[part][name], again[part][name]) for name in whole[part])
    curves = [read_curves(tmp_path / name) for name in ("whole", "stopped")]
    assert [step for step, _ in curves[1]["held_out/cycle_x"]] == [0, 4]
    assert curves[0]["held_out/cycle_x"] == curves[1]["held_out/cycle_x"]
    assert "loss_cycle_x" not in curves[1]
    with pytest.raises(InvalidRequest, match="crop was 32, now 36"):
        train(replace(TINY, crop=36), tmp_path / "stopped", data)
    with pytest.raises(InvalidRequest, match="pictures was '', now 'others'"):
        train(TINY, tmp_path / "stopped", data, "others")


def test_numbers_that_are_none_end_the_run_and_leave_its_checkpoint(data: Data, tmp_path: Path) -> None:
    wild = replace(TINY, learning_rate=0.99, epochs=40, cycle=1e38)
    with pytest.raises(StudioError, match=r"must be finite numbers; in step \d+ .* lower learning rate"):
        train(wild, tmp_path, data)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_it_learns_both_ways_and_becomes_two_translators(
    folders: Folders, data: Data, settings: Settings, tmp_path: Path
) -> None:
    config = replace(TINY, epochs=1, steps_per_epoch=20, learning_rate=3e-3, enlarging="nearest", average=0.8)
    torch.manual_seed(config.seed)
    untrained = Translators(config).eval()
    train(config, tmp_path / "run", data)
    trained, again = run.trained(tmp_path / "run")
    assert again == config
    before, after = (cycle_numbers(model, data, 32) for model in (untrained, trained))
    far = distances(trained, data, 32, [COLOURS])
    assert all(after[name] < 0.8 * before[name] for name in before)
    assert {distance.direction for distance in far} == {"there", "back"}

    _, found = evaluate(trained, data, 32, [COLOURS], tmp_path / "evaluation")
    figures = json.loads((tmp_path / "evaluation" / "figures.json").read_text())
    assert figures["distances"][0]["after"] == found[0].after
    with Image.open(tmp_path / "evaluation" / "there.png") as sheet:
        assert sheet.size == (96, 64)

    names = ("tints-there", "tints-back")
    stored = run.export(tmp_path / "run", own_folder(settings), names, ("Red to blue", "Blue to red"), "MIT")
    assert [path.stem for path in stored] == [*names]
    info = translator(settings, "tints-back")
    assert (info.title, info.architecture, info.licence, info.problem) == ("Blue to red", "cyclegan", "MIT", "")
    photo = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.testing.assert_close(load_translator(info)(photo), trained.back(photo), atol=0.02, rtol=0)  # float16 on disk
    with pytest.raises(NotFound, match="Train first"):
        run.export(tmp_path / "none", tmp_path, names, names, "")


# ---------------------------------------------------------------- pictures that cannot be used


def refusal(x: Path, y: Path) -> str:
    with pytest.raises(InvalidRequest) as caught:
        prepare(Folders(x, y), TINY)
    return str(caught.value)


def test_folders_that_teach_nothing_are_refused_in_a_sentence_each(folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    one = save(tmp_path / "one", 1, (1, 1, 1))
    said = refusal(tmp_path / "empty", one)
    assert "empty holds 0 files and no such picture" in said
    assert "There is no folder" in refusal(tmp_path / "nowhere", folders.y)
    assert "one: a training needs 4 pictures or more of each kind; there is 1. Add some." in refusal(one, folders.y)
    assert "all of red or of red are in the other one too" in refusal(folders.x, folders.x)
    copy = save(tmp_path / "copy", 6, (1, 0.3, 0.2))
    assert "must show different kinds of pictures" in refusal(folders.x, copy)
    save(copy, 2, (1, 1, 0), first=90)
    assert "must show different kinds of pictures" in refusal(folders.x, copy)


def test_many_tiny_files_are_refused_after_some(folders: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "icons"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "0.png")
    for number in range(1, 1_500):
        (folder / f"{number}.png").hardlink_to(folder / "0.png")
    said = refusal(folder, folders.y)
    assert f"icons: {SHOWN_REFUSALS} pictures and more cannot be used, such as 0.png: A training picture must" in said


def test_grey_and_16_bit_and_small_pictures_are_used_and_said(folders: Folders, tmp_path: Path) -> None:
    folder = save(tmp_path / "mixed", 2, (1, 1, 1), first=40)
    save(folder, 2, (1, 1, 1), first=42, mode="L")
    deep = np.random.default_rng(1).integers(0, 65536, (70, 70), dtype=np.uint16)
    Image.fromarray(deep).save(folder / "deep.png")
    (folder / "notes.txt").write_text("no picture")
    found = examine(folder, folders.y, 68)
    said = {finding.code: finding for finding in found.findings if "mixed" in finding.message}
    assert said["grey"].files == ("42.png", "43.png", "deep.png")
    assert said["16_bit"].files == ("deep.png",)
    assert "4 pictures with less than 68 pixels on the shorter side: 40.png" in said["small"].message
    assert not [finding for finding in found.findings if finding.severity == Severity.BLOCKS]
    with pytest.raises(InvalidRequest, match=r"with less than 68 pixels .* Give a side to which all are brought"):
        examine(folder, folders.y, 68, enlarged=False).require_usable()
    assert prepare(Folders(folder, folders.y), TINY).data.x.crop(0, 32, torch.Generator()).shape == (32, 32, 3)
    (folder / "broken.png").write_bytes(b"no picture")
    assert "mixed: 1 picture cannot be used, such as broken.png: Its content is no PNG" in refusal(folder, folders.y)
