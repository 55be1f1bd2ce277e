"""NijiGAN's training on a few small pictures: who learns from what, resumption, and that it learns."""

import pickle
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageOps
from torch import nn

from engine.errors import InvalidRequest, NotFound, StudioError
from engine.metrics.vgg19 import Vgg19Features
from engine.nijigan import trainer
from engine.nijigan.config import CPU, T4, Config, Weights
from engine.nijigan.data import Batch, Data, draw
from engine.nijigan.evaluation import evaluate, held_out_numbers
from engine.nijigan.objective import Objective, Step, translate
from engine.nijigan.players import Players, begun
from engine.training.image_losses import loss_vgg19
from engine.training.loop import averaged_weights, is_finished
from engine.training.parallel import CPU as CPU_DEVICE
from engine.training.parallel import Ranks
from engine.training.photo_folders import PairedFolders, PhotoFolder
from engine.translation.networks.generator import Architecture, Generator
from engine.translation.networks.ode import Solver

TINY = Config(
    epochs=1,
    steps_per_epoch=4,
    warm_up_epochs=0,
    side=70,
    crop=64,
    patches=16,
    weights=Weights(perceptual=0, pixels=10, bend=1),
    architecture=Architecture(width=4, blocks=2),
    solvers=(Solver("euler"), Solver("midpoint")),
    discriminator_width=4,
)


def picture(seed: int) -> Image.Image:
    generator = torch.Generator().manual_seed(seed)
    colours = torch.randint(256, (4, 3), generator=generator).tolist()
    image = Image.new("RGB", (56, 44), tuple(colours[0]))
    draw = ImageDraw.Draw(image)
    for place, colour in enumerate(colours[1:]):
        draw.ellipse((12 * place, 8 * place, 12 * place + 22, 8 * place + 18), fill=tuple(colour))
    return image


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    for name, count, first in (
        ("X_p", 4, 0),
        ("Y_p", 4, 0),
        ("X", 3, 10),
        ("Y", 3, 20),
        ("H_x", 2, 30),
        ("H_y", 2, 30),
    ):
        (root / name).mkdir()
        for index in range(count):
            image = picture(first + index)
            image = ImageOps.posterize(image, 2) if name in ("Y_p", "Y", "H_y") else image
            image.save(root / name / f"{index}.png")
    return root


@pytest.fixture
def data(folders: Path) -> Data:
    return Data(
        pairs=PairedFolders(folders / "X_p", folders / "Y_p", 70),
        photos=PhotoFolder(folders / "X", 70),
        styles=PhotoFolder(folders / "Y", 70),
        held_out=PairedFolders(folders / "H_x", folders / "H_y", 70),
    )


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_the_published_settings() -> None:
    assert T4.steps == 600_000
    assert [T4.supervised(24_000 * epoch) for epoch in (0, 9, 10, 24)] == [0, 0, 1 / 15, 1]
    assert CPU.supervised(0) == 1


def losses_and_players(
    config: Config, data: Data, step: int = 0, vgg: Vgg19Features | None = None
) -> tuple[dict[str, torch.Tensor], Players]:
    torch.manual_seed(0)
    players, rng = Players(config), torch.Generator().manual_seed(0)
    batch = draw(config, data, step, rng, CPU_DEVICE)
    objective, now = Objective(players, config, vgg), Step(step, batch, translate(players.generator, batch), rng)
    return objective.generator_losses(now) | objective.discriminator_losses(now), players


def test_every_loss_is_there_with_its_weight(data: Data) -> None:
    parts, _ = losses_and_players(TINY, data)
    assert set(parts) == {
        *("gan", "paired_gan", "pixels", "style_nce", "hdce", "relation", "bend"),
        *("discriminator", "paired_discriminator"),
    }
    double = replace(TINY, weights=replace(TINY.weights, pixels=20))
    torch.testing.assert_close(losses_and_players(double, data)[0]["pixels"], 2 * parts["pixels"])


def test_vgg19_compares_a_translation_with_its_photo_and_with_its_pair(data: Data) -> None:
    torch.manual_seed(1)
    vgg = Vgg19Features().requires_grad_(False)
    config = replace(TINY, weights=Weights(perceptual=0.1, paired_perceptual=2), perceptual_layer="relu2_1")
    parts, _ = losses_and_players(config, data, vgg=vgg)
    batch = draw(config, data, 0, torch.Generator().manual_seed(0), CPU_DEVICE)
    torch.manual_seed(0)
    fakes = translate(Players(config).generator, batch)
    assert batch.photo is not None
    assert fakes.unpaired is not None
    to_photo = loss_vgg19(vgg, ("relu2_1",), fakes.unpaired, batch.photo)
    to_pair = loss_vgg19(vgg, ("relu1_2", "relu2_2", "relu3_4"), fakes.paired, batch.paired_style)
    torch.testing.assert_close(parts["perceptual"], 0.1 * to_photo)
    torch.testing.assert_close(parts["paired_perceptual"], 2 * to_pair)
    assert "perceptual" not in losses_and_players(replace(config, weights=Weights(perceptual=0)), data, vgg=vgg)[0]


def test_pictures_may_stay_as_large_as_they_are(folders: Path) -> None:
    pairs = PairedFolders(folders / "X_p", folders / "Y_p", 0)
    assert [image.size for image in pairs.pair(0)] == [(56, 44)] * 2
    with Image.open(folders / "X_p" / "0.png") as stored:
        assert np.array_equal(np.asarray(pairs.photos.picture(0)), np.asarray(stored))
    with pytest.raises(StudioError, match=r"as large as the crops of 64 pixels; one is 56x44"):
        pairs.crop(0, 64, torch.Generator())


def test_the_warm_up_leaves_the_pairs_out(data: Data) -> None:
    warm = replace(TINY, epochs=3, warm_up_epochs=2)
    assert not {"paired_gan", "style_nce", "paired_discriminator"} & set(losses_and_players(warm, data)[0])
    assert "paired_gan" in losses_and_players(warm, data, step=2 * TINY.steps_per_epoch)[0]


def test_the_unsupervised_branch_rests_between_its_steps(data: Data) -> None:
    config = replace(TINY, unpaired_every=2)
    assert "gan" in losses_and_players(config, data, step=0)[0]
    assert not {"gan", "hdce", "relation", "discriminator"} & set(losses_and_players(config, data, step=1)[0])


def gradients(model: nn.Module) -> float:
    return sum(p.grad.abs().sum().item() for p in model.parameters() if p.grad is not None)


def test_gradients_are_only_where_they_belong(data: Data) -> None:
    parts, players = losses_and_players(TINY, data)
    sum(parts[name] for name in ("discriminator", "paired_discriminator")).backward()
    assert gradients(players.discriminators) > 0
    assert gradients(players.generators) == 0
    parts, players = losses_and_players(TINY, data)
    players.zero_grad()
    parts["hdce"].backward()
    assert gradients(players.generator) > 0
    assert gradients(players.projector) > 0
    assert gradients(players.style_projector) == gradients(players.discriminators) == 0


@pytest.mark.parametrize("bottleneck", ["ode", "resnet"])
def test_it_learns_the_pairs(bottleneck: str, data: Data, tmp_path: Path) -> None:
    config = replace(
        TINY,
        steps_per_epoch=120,  # of thirty seeds two learn little in half as many
        learning_rate=2e-3,
        average=0.9,
        weights=Weights(0, 0, 0, 0, 0, 0, pixels=1, bend=0.1),
        architecture=Architecture(bottleneck, 1, 8),
    )
    data = replace(data, held_out=data.pairs)  # four pictures teach nothing about others
    before = held_out_numbers(Generator(config.architecture), data.held_out)["held_out/psnr"]
    trainer.run(Ranks(), config, tmp_path, data)
    model = Generator(config.architecture, Solver("euler"))
    model.load_state_dict(averaged_weights(tmp_path))
    after = evaluate(model, data.held_out, tmp_path / "pairs")["held_out/psnr"]
    assert after > before + 0.5
    assert sorted(path.name for path in (tmp_path / "pairs").iterdir()) == [
        *(f"{i}.png" for i in range(4)),
        "pairs.json",
    ]
    assert (tmp_path / "samples.png").exists()


def test_a_stopped_run_ends_with_the_same_weights(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer.run(Ranks(), TINY, tmp_path / "whole", data)
    original, stopped = trainer.draw, tmp_path / "stopped"

    def draw_and_ask_to_stop(config: Config, data: Data, step: int, *more: Any) -> Batch:
        if step == 1:
            signal.raise_signal(signal.SIGTERM)
        return original(config, data, step, *more)

    monkeypatch.setattr(trainer, "draw", draw_and_ask_to_stop)
    trainer.run(Ranks(), TINY, stopped, data)
    assert not is_finished(stopped)
    monkeypatch.setattr(trainer, "draw", original)
    trainer.run(Ranks(), TINY, stopped, data)
    whole, again = averaged_weights(tmp_path / "whole"), averaged_weights(stopped)
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    with pytest.raises(InvalidRequest, match="seed was 5, now 6"):
        trainer.run(Ranks(), replace(TINY, seed=6), stopped, data)


def test_pairs_are_cut_at_the_same_place(folders: Path) -> None:
    pairs = PairedFolders(folders / "X_p", folders / "X_p", 70)
    photo, style = pairs.crop(1, 32, torch.Generator().manual_seed(3))
    assert np.array_equal(photo, style)
    assert photo.shape == (32, 32, 3)


def test_data_travel_to_other_processes(data: Data) -> None:
    data.photos.picture(0)
    again = pickle.loads(pickle.dumps(data))
    assert np.array_equal(*(d.pairs.crop(2, 32, torch.Generator().manual_seed(0))[0] for d in (data, again)))


def test_refuses_folders_that_do_not_fit(folders: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"read from a folder; .*nowhere is none"):
        PhotoFolder(tmp_path / "nowhere", 40)
    with pytest.raises(NotFound, match=r"must hold .png, .jpg, .jpeg, .jfif, .webp files"):
        PhotoFolder(tmp_path, 40)
    with pytest.raises(StudioError, match=r"Every photo in X_p must have .* 1 have none \(3\)"):
        PairedFolders(folders / "X_p", folders / "X", 70)
    for suffix in ("png", "jpg"):
        picture(0).save(tmp_path / f"a.{suffix}")
    with pytest.raises(StudioError, match="got a more than once"):
        PairedFolders(tmp_path, tmp_path, 40)
    for suffix in ("png", "jpg"):
        (tmp_path / f"a.{suffix}").unlink()
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(StudioError, match=r"broken.png cannot be read as a picture: it is not a PNG"):
        PhotoFolder(tmp_path, 40).picture(0)


def test_a_run_begins_with_the_generator_and_the_discriminators_of_a_narrower_one(data: Data, tmp_path: Path) -> None:
    trainer.run(Ranks(), TINY, tmp_path, data)
    wide = begun(replace(TINY, architecture=Architecture(width=8, blocks=2)), tmp_path)
    trained = Generator(TINY.architecture)
    trained.load_state_dict(averaged_weights(tmp_path))
    photo = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    wide.generator.set_solver(trained.solver or Solver())
    torch.testing.assert_close(wide.generator(photo), trained(photo), atol=1e-3, rtol=0)
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["players"]
    assert torch.equal(wide.discriminator.layers[0].weight, kept["discriminator.layers.0.weight"])
    trainer.run(Ranks(), TINY, tmp_path, data, tmp_path / "gone")  # has its own checkpoint
    with pytest.raises(InvalidRequest, match="begin from one of the same kind"):
        begun(replace(TINY, architecture=Architecture(width=8, blocks=3)), tmp_path)
    with pytest.raises(NotFound, match=r"is neither: .*checkpoint.pt is missing"):
        begun(TINY, tmp_path / "nowhere")


def test_a_run_of_an_earlier_version_can_go_on(data: Data, tmp_path: Path) -> None:
    """A checkpoint is read by the names in it, and an optimizer's state by the order of its weights."""
    trainer.run(Ranks(), TINY, tmp_path, data)
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert list(kept) == ["players", "average", "optimizer", "optimizer_judges", "settings", "step", "steps"]
    generators, discriminators = (
        ["generator", "projector", "style_projector"],
        ["discriminator", "paired_discriminator"],
    )
    assert list(dict.fromkeys(name.split(".")[0] for name in kept["players"])) == [*generators, *discriminators]
    for optimizer, parts in (("optimizer", generators), ("optimizer_judges", discriminators)):
        shapes = [moments["exp_avg"].shape for moments in kept[optimizer]["state"].values()]
        weights = [kept["players"][name].shape for name in kept["players"] if name.split(".")[0] in parts]
        assert shapes == weights
    assert {name for name in kept["players"] if name.startswith("discriminator")} == {
        f"discriminator.layers.{place}.{what}" for place in (0, 2, 5, 8, 11) for what in ("weight", "bias")
    }
