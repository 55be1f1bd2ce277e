"""Trainings of networks to explore: resumption bit by bit, what is exported, and what is refused before it begins."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.betavae import config as vae_config
from engine.betavae import run as betavae
from engine.errors import InvalidRequest, NotFound, StudioError
from engine.gan import config as gan_config
from engine.gan import run as gan
from engine.latent.catalogue import explorers
from engine.latent.exploring import load_space
from engine.latent.pictures import gather, keep_pictures, kept_pictures, picture_paths
from engine.latent.runs import (
    RUN,
    Run,
    begin_run,
    name_problems,
    newest_runs,
    run_info,
    runs_folder,
)
from engine.settings import Settings
from engine.training.config import config_from, configured
from engine.training.curves import read_curves, write_numbers
from engine.training.following import finite
from engine.training.loop import CHECKPOINT
from tests.tiny_networks import BETA_VAE, GAN, GAN_CONFIG, VAE, save_pictures, trained_network


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_pictures(tmp_path_factory.mktemp("networks") / "pictures")


def stop_after(steps: int) -> Callable[[], bool]:
    asked = iter([False] * steps)
    return lambda: next(asked, True)


def kept_state(run: Path) -> list[torch.Tensor]:
    state = torch.load(run / CHECKPOINT, weights_only=True)
    found: list[torch.Tensor] = []

    def walk(value: object) -> None:
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(each)
        if isinstance(value, torch.Tensor):
            found.append(value)

    walk(state)
    return found


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        (BETA_VAE, {}),
        (GAN, {}),
        (GAN, {"scales": "progressive"}),  # of 24 pictures the 8th to the 16th while it fades, so step 3 is within
        (GAN, {"scales": "multi"}),
    ],
)
def test_a_run_that_was_stopped_ends_with_the_same_weights_and_is_exported_as_it_is(
    family: str, changes: dict, pictures: Path, tmp_path: Path
) -> None:
    out, reading = tmp_path / "home" / "explorers", 20
    name = trained_network(family, pictures, tmp_path / "whole", out, changes)
    assert name == f"tiny-{family}"
    stopped = tmp_path / "stopped"
    assert trained_network(family, pictures, stopped, out, changes, should_stop=stop_after(reading + 3)) == ""
    write_numbers(stopped, 5, {"loss": 1.0})  # of a step that was killed before it was saved
    assert trained_network(family, pictures, stopped, out, changes) == f"tiny-{family}-2"
    whole, again = kept_state(tmp_path / "whole"), kept_state(tmp_path / "stopped")
    assert len(whole) == len(again) > 20
    assert all(torch.equal(one, other) for one, other in zip(whole, again, strict=True))
    assert read_curves(tmp_path / "whole") == read_curves(tmp_path / "stopped")
    info = run_info(tmp_path / "stopped")
    assert info.explorer == f"tiny-{family}-2"
    assert info.samples is not None

    found = {each.name: each for each in explorers(Settings(home=tmp_path / "home", weights_dir=tmp_path))}
    space = load_space(found[name])
    z = np.random.default_rng(0).standard_normal((3, 6)).astype(np.float32)
    with torch.no_grad():
        if family == BETA_VAE:
            model = betavae.trained(tmp_path / "whole", VAE)
            expected = model.decode(torch.from_numpy(z))
            held = kept_pictures(tmp_path / "whole").held_out[0]
            mu = model.encode(torch.from_numpy(held / 127.5 - 1).float().permute(2, 0, 1)[None])[0]
            np.testing.assert_allclose(space.latents_of(Image.fromarray(held)), mu[0], atol=3e-3)
            assert len(found[name].about.kl) == 6
        else:
            expected = gan.trained(tmp_path / "whole", replace(GAN_CONFIG, **changes))(torch.from_numpy(z))
    np.testing.assert_allclose(space.decoder(z), expected, atol=3e-3)


def test_what_cannot_be_trained_on_is_said_before_training(pictures: Path, tmp_path: Path) -> None:
    wanted = VAE.wanted
    with pytest.raises(NotFound, match="read from a folder"):
        picture_paths(tmp_path / "nowhere")
    (tmp_path / "few").mkdir()
    with pytest.raises(InvalidRequest, match=r"needs 8 pictures or more; few holds no \.png"):
        gather(tmp_path / "few", wanted)
    Image.open(pictures / "00.png").save(tmp_path / "few" / "one.png")
    with pytest.raises(InvalidRequest, match=r"needs 8 pictures or more; few holds 1 picture\."):
        gather(tmp_path / "few", wanted)
    for number in range(8):
        Image.open(pictures / "00.png").save(tmp_path / "few" / f"{number}.png")
    with pytest.raises(InvalidRequest, match="of 9 only 1 do"):
        gather(tmp_path / "few", wanted)
    for number in range(8):
        (tmp_path / "few" / f"{number}.png").write_bytes(b"no picture")
    with pytest.raises(InvalidRequest, match=r"8 pictures or more; 1 can be used\. .*cannot be read as a picture"):
        gather(tmp_path / "few", wanted)


def test_grey_sixteen_bit_and_transparent_pictures_are_read_and_broken_ones_named(
    pictures: Path, tmp_path: Path
) -> None:
    deep = (np.arange(20 * 20, dtype=np.uint16) * 160).reshape(20, 20)
    folder = save_pictures(tmp_path / "mixed", 8)
    Image.fromarray(deep).save(folder / "deep.png")
    Image.new("L", (30, 20), 200).save(folder / "grey.png")
    Image.new("RGBA", (20, 30), (0, 0, 0, 0)).save(folder / "clear.png")
    (folder / "below").mkdir()
    (folder / "below" / "broken.jpg").write_bytes(b"\xff\xd8 nothing")
    found = gather(folder, replace(VAE, grey=True, crops=3, held_out=0.2).wanted)
    assert found.train.shape == (3 * 9, 16, 16, 1)
    assert found.held_out.shape == (3 * 2, 16, 16, 1)
    assert len(found.names) == 11
    assert len(found.left_out) == 1
    assert "broken.jpg" in found.left_out[0]
    clear = gather(folder, replace(VAE, held_out=0.01).wanted)
    at = clear.names.index("clear.png")
    assert np.concatenate([clear.train, clear.held_out])[at].min() == 255  # what is clear is white
    assert clear.notes == (
        "3 pictures without colour; grey is learnt from them.",
        "1 picture of 16 bits; it is reduced to 8: deep.png.",
    )
    keep_pictures(tmp_path, clear)
    assert kept_pictures(tmp_path).notes == clear.notes


def test_crops_of_one_picture_stand_on_one_side_of_the_split(tmp_path: Path) -> None:
    folder = tmp_path / "flat"
    folder.mkdir()
    for number in range(8):
        Image.new("RGB", (40, 40), (30 * number, 0, 0)).save(folder / f"{number}.png")
    found = gather(folder, replace(VAE, crops=5).wanted)
    train, held_out = ({int(each[0, 0, 0]) for each in side} for side in (found.train, found.held_out))
    assert not train & held_out
    assert len(train) + len(held_out) == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beta": float("nan")}, "beta must be from 0 to 1,000,000; got nan"),
        ({"learning_rate": 5}, "learning_rate must be between 0 and 1; got 5"),
        ({"batch_size": 1}, "batch_size must be from 2"),
        ({"side": 60}, "side must be a multiple of 32"),
        ({"blocks": []}, "blocks must be one or more numbers"),
        ({"steps": "many"}, "of the type of their defaults; got steps 'many'"),
        ({"stepz": 3}, "got stepz"),
        ({"held_out": 0}, "held_out must be between 0 and 1"),
        ({"side": 1024}, "side must be a multiple of 32 from 8 to 512"),
        ({"seed": 2**40}, "seed must be from 0 to 2,147,483,647"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        config_from(vae_config.STUDY, change)


def test_a_run_goes_on_with_what_it_began_with_alone(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidRequest, match="needs 8 pictures"):
        trained_network(BETA_VAE, tmp_path / "empty", tmp_path / "run", tmp_path / "out")
    trained_network(BETA_VAE, pictures, tmp_path / "run", tmp_path / "out", should_stop=stop_after(21))
    with pytest.raises(InvalidRequest, match="dataset was"):
        trained_network(BETA_VAE, tmp_path, tmp_path / "run", tmp_path / "out")
    with pytest.raises(InvalidRequest, match="family was 'beta-vae', now 'gan'"):
        trained_network(GAN, pictures, tmp_path / "run", tmp_path / "out")


def test_a_loss_that_is_no_number_ends_the_training_in_words() -> None:
    with pytest.raises(StudioError, match=r"must be finite numbers; in step 8 kld became another\. Begin anew"):
        finite(7, {"loss": torch.tensor(1.0), "kld": torch.tensor(float("nan"))}, "")


def test_names_and_presets() -> None:
    assert not name_problems("my vae-2")
    assert all(map(name_problems, ["", "../x", "a" * 61, None, ".hidden"]))
    assert configured(gan_config.PRESETS, "cpu", {"steps": 3}).steps == 3
    with pytest.raises(InvalidRequest, match="must be one of explore, published, lesson, cpu; got 'fast'"):
        configured(gan_config.PRESETS, "fast", {})


def test_a_seed_that_steps_could_not_be_drawn_from_is_refused_for_a_gan() -> None:
    with pytest.raises(InvalidRequest, match="seed must be from 0 to 2,147,483,647"):
        replace(gan_config.CPU, seed=2**40)


def test_a_picture_is_left_to_train_on_whatever_is_held_out(tmp_path: Path) -> None:
    found = gather(save_pictures(tmp_path / "pictures", 8), replace(VAE, held_out=0.99).wanted)
    assert (len(found.train), len(found.held_out)) == (1, 7)


def test_the_newest_runs_come_first_whatever_their_folders_are_called(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    for folder, moment in (("vae", 1.0), ("01J", 3.0), ("zebra", 2.0)):
        asked = Run(family=BETA_VAE, name=folder, dataset="x", config={}, created_at=moment)
        begin_run(runs_folder(settings) / folder, asked)
    (runs_folder(settings) / "damaged").mkdir()
    (runs_folder(settings) / "damaged" / RUN).write_text(
        '{"family": "beta-vae", "name": "x", "dataset": "x", "config": {}, "created_at": "yesterday"}'
    )
    assert [info.place.name for info in newest_runs(settings, [BETA_VAE], 2)] == ["01J", "zebra"]
    assert len(newest_runs(settings, [BETA_VAE], 9)) == 3
