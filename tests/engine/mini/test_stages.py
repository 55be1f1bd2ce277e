"""The small model from nothing to a picture, with few steps on small pictures."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from safetensors.torch import load_file

from engine.device import choose
from engine.diffusion import schedulers
from engine.diffusion.loading import load
from engine.diffusion.request import TextToImage
from engine.diffusion.text_to_image import generate
from engine.drafts.quick import LORA
from engine.errors import NotFound, StudioError
from engine.mini import draft, finish, sharpen, ways
from engine.mini.drawings import read_drawings
from engine.mini.stage_names import STAGE_NAMES
from engine.mini.stages import STAGES, Workshop
from engine.settings import Settings
from engine.training.parallel import run
from engine.weights.hashes import model_digest
from engine.weights.loras import list_loras
from engine.weights.models import Catalogue

pytestmark = pytest.mark.timeout(600)  # whichever test is the first makes all stages, on a busy machine


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("training"), 64, 32, size=64, processes=1, steps=3, shard=32)


@pytest.fixture(scope="module")
def made(shop) -> Workshop:
    """All stages; the held-out scenes are of plain colours, for rendering takes the longest."""
    colours = np.random.default_rng(0).integers(0, 256, (shop.shard, 1, 1, 3), dtype=np.uint8)
    (shop.folder / "scenes").mkdir()
    np.save(shop.held_out().path(0), np.broadcast_to(colours, (shop.shard, 64, 64, 3)))
    for stage in STAGES.values():
        stage(shop)
    return shop


def test_the_command_line_knows_every_stage():
    assert tuple(STAGES) == STAGE_NAMES


@pytest.mark.parametrize("stage", sorted(set(STAGE_NAMES) - {"scenes", "tokenizer"}))
def test_a_stage_before_its_time_says_what_is_missing(tmp_path, stage):
    with pytest.raises(NotFound, match="missing"):
        STAGES[stage](Workshop(tmp_path, 256, 256, size=64, processes=2, steps=1))


def test_the_last_stage_needs_drawings_of_the_model_that_is_there(made, tmp_path):
    """A model that was exported anew draws otherwise."""
    for name in ("scenes", "model", "drawings"):
        shutil.copytree(made.folder / name, tmp_path / name)
    config = tmp_path / "model" / "unet" / "config.json"
    config.write_text(config.read_text() + "\n")
    with pytest.raises(NotFound, match="the stage drawings"):
        STAGES["finish"](replace(made, folder=tmp_path))


def test_an_unfinished_autoencoder_is_not_used_and_a_used_one_not_trained(made, tmp_path):
    checkpoint = torch.load(made.folder / "autoencoder" / "checkpoint.pt")
    (tmp_path / "autoencoder").mkdir()
    torch.save(checkpoint | {"step": 2}, tmp_path / "autoencoder" / "checkpoint.pt")
    shutil.copytree(made.folder / "scenes", tmp_path / "scenes")
    with pytest.raises(StudioError, match="steps left"):
        STAGES["latents"](replace(made, folder=tmp_path))
    with pytest.raises(StudioError, match="must not change"):
        STAGES["autoencoder"](replace(made, steps=5))


@pytest.mark.parametrize(
    ("trainer", "processes"),
    [
        (sharpen, 1),
        (finish, 1),
        pytest.param(finish, 2, marks=pytest.mark.slow),
    ],  # each process imports everything anew
)
def test_a_run_that_was_stopped_ends_with_the_same_weights(made, tmp_path, trainer, processes):
    """The two with the most to remember. The third step needs what the discriminator learned."""
    vae = AutoencoderKL.from_pretrained(made.model / "vae", dtype=torch.float32, local_files_only=True)
    config, arguments = sharpen.Config(alone=1), [vae, made.data(), made.held_out()]
    if trainer is finish:
        config = finish.Config(alone=1, aim_every=2, gan_weight=1.0, real=8)
        drawn = read_drawings(made.drawings, made.drawn())
        arguments = [finish.widened(vae, config), made.data(), made.held_out(), drawn, "digest"]
    reached = {}
    for name, parts in {"whole": (3,), "stopped": (1, 3)}.items():
        for steps in parts:
            run(trainer.run, processes, replace(made.fitted(config), steps=steps), tmp_path / name, *arguments)
        checkpoint = torch.load(tmp_path / name / "checkpoint.pt")
        reached[name] = checkpoint["average"]
    assert ("transport" in checkpoint) == (trainer is finish)  # whose loss so few steps do not show
    assert all(torch.equal(reached["whole"][key], reached["stopped"][key]) for key in reached["whole"])


@pytest.mark.slow  # each process imports everything anew
def test_two_processes_find_the_features_that_one_finds(made, tmp_path):
    vae = AutoencoderKL.from_pretrained(made.model / "vae", dtype=torch.float32, local_files_only=True)
    drawn = read_drawings(made.drawings, made.drawn())[:7]  # the last turn has work for one only
    config = replace(made.fitted(finish.Config()), steps=1)
    found = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        vae_of_stage = finish.widened(vae, config)
        run(finish.run, processes, config, folder, vae_of_stage, made.data(), made.held_out(), drawn, "digest")
        with np.load(next(folder.glob("features-*.npz"))) as stored:
            found.append(dict(stored))
    assert found[0]["fake_0"].shape == (14, 128)
    for name, one in found[0].items():
        np.testing.assert_allclose(found[1][name], one, atol=1e-5, err_msg=name)


def test_other_settings_are_refused_before_any_features_are_worked_out(made, tmp_path):
    shutil.copytree(made.folder / "finish", tmp_path / "finish")
    before = sorted((tmp_path / "finish").glob("features-*"))
    for name in ("scenes", "model", "drawings"):
        (tmp_path / name).symlink_to(made.folder / name)
    begun = torch.load(tmp_path / "finish" / "checkpoint.pt")
    torch.save(begun | {"settings": begun["settings"] | {"window": 32}}, tmp_path / "finish" / "checkpoint.pt")
    with pytest.raises(StudioError, match="must go on with the settings it began with"):
        STAGES["finish"](replace(made, folder=tmp_path))
    assert sorted((tmp_path / "finish").glob("features-*")) == before


def test_the_studio_draws_with_the_exported_model(made, tmp_path):
    catalogue = Catalogue(Settings(home=tmp_path, device="cpu"))
    info = catalogue.add(str(made.folder / "model"), "made")
    model = load(info, device=choose("cpu"))
    request = TextToImage(prompt="a castle at night", seed=1, num_inference_steps=2, width=64, height=64, model="made")
    (drawn,) = generate(model, request)

    assert drawn.image.size == (64, 64)
    (note,) = drawn.notes
    assert note.endswith("was trained at 256x256 pixels: at 64x64 the scene will lose its detail.")
    assert model.info.prediction_type == "v_prediction"


def test_sharpening_leaves_the_encoder_alone(made):
    balanced = load_file(made.folder / "autoencoder" / "balanced.safetensors")
    exported = load_file(made.folder / "model" / "vae" / "diffusion_pytorch_model.safetensors")
    moved = {name.split(".")[0] for name, w in exported.items() if not torch.equal(w, balanced[name].to(torch.float16))}
    assert moved == {"decoder", "post_quant_conv"}


def test_finishing_changes_the_autoencoder_and_nothing_else(made):
    files = {path.relative_to(made.model) for path in made.model.rglob("*") if path.is_file()}
    finished = made.folder / "finished"
    assert {path.relative_to(finished) for path in finished.rglob("*") if path.is_file()} == files
    differ = {file.as_posix() for file in files if (made.model / file).read_bytes() != (finished / file).read_bytes()}
    assert differ == {"vae/config.json", "vae/diffusion_pytorch_model.safetensors"}
    assert str(made.folder) not in (finished / "vae" / "config.json").read_text()


def test_finishing_leaves_what_is_encoded_and_changes_what_is_decoded(made):
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    before, after = (
        AutoencoderKL.from_pretrained(folder / "vae", dtype=torch.float32, local_files_only=True)
        for folder in (made.model, made.folder / "finished")
    )
    with torch.no_grad():
        latents = before.encode(pixels).latent_dist.mean
        torch.testing.assert_close(after.encode(pixels).latent_dist.mean, latents, atol=5e-3, rtol=0)  # float16
        assert (after.decode(latents).sample - before.decode(latents).sample).abs().max() > 5e-3


def test_the_draft_is_a_lora_of_the_model_that_the_studio_reads_and_draws_with_in_four_steps(made):
    info = {info.name: info for info in list_loras([made.folder / "draft"])}[LORA]
    assert (info.problem, info.few_steps, info.licence) == ("", "turbo", "MIT")
    folder = Settings(home=made.folder / "studio", device="cpu")
    model = load(Catalogue(folder).add(str(made.folder / "finished"), "made"), device=choose("cpu"))
    common = {"prompt": "a castle at night", "seed": 1, "width": 64, "height": 64, "model": "made"}
    quick = {"num_inference_steps": 4, "guidance_scale": 1.0, "scheduler": "Turbo"}
    request = TextToImage(**common, **quick)
    (plain,), (drawn,) = generate(model, request), generate(model, request, loras=[(info, 1.0)])
    assert drawn.image.tobytes() != plain.image.tobytes()


def test_a_way_begins_with_the_noise_of_its_seed_and_ends_with_its_drawing(made):
    _, held_out = made.walked()
    walked = read_drawings(made.folder / "draft" / "ways" / model_digest(made.folder / "finished"), held_out)
    assert walked.shape == (len(held_out), 5, 12, 4, 4)
    noise = torch.randn((12, 4, 4), generator=torch.Generator().manual_seed(held_out.first_seed))
    torch.testing.assert_close(walked[0, 0].float(), noise, rtol=0.005, atol=0)
    pipeline = StableDiffusionPipeline.from_pretrained(made.folder / "finished", dtype=torch.float32)
    pipeline.scheduler = schedulers.build(ways.SCHEDULER, pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    drawn = pipeline(
        ways.prompt_at(held_out.scene(0)),
        num_inference_steps=ways.STEPS,
        guidance_scale=7.5,
        width=64,
        height=64,
        generator=torch.Generator().manual_seed(held_out.first_seed),
        output_type="latent",
    ).images[0]
    torch.testing.assert_close(walked[0, -1].float(), drawn, rtol=0.01, atol=0.01)


def test_a_draft_that_was_stopped_ends_with_the_same_weights(made, tmp_path):
    data, held_out = made.walked()
    for name, parts in {"whole": (3,), "stopped": (1, 3)}.items():
        shutil.copytree(made.folder / "draft", tmp_path / name, ignore=shutil.ignore_patterns("checkpoint.pt"))
        for steps in parts:
            config = replace(draft.Config(), steps=steps, batch_size=2)
            digest = model_digest(made.folder / "finished")
            run(draft.run, 1, config, tmp_path / name, made.model, data, replace(held_out, count=4), digest)
    whole, stopped = (torch.load(tmp_path / name / "checkpoint.pt")["lora"] for name in ("whole", "stopped"))
    for part in ("weights", "average"):
        assert all(torch.equal(whole[part][key], stopped[part][key]) for key in whole[part])
    assert any(not torch.equal(whole["weights"][key], whole["average"][key]) for key in whole["weights"])


def test_stages_that_are_done_change_nothing(made):
    path = made.folder / "denoiser" / "checkpoint.pt"
    before = torch.load(path)["average"]
    STAGES["denoiser"](made)
    after = torch.load(path)["average"]
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_denoiser_learns_a_repeated_batch():
    from engine.mini import networks
    from engine.mini.denoiser import Denoiser
    from engine.training.noise import noised

    torch.manual_seed(0)
    model = Denoiser(50)
    clean, noise = torch.randn(2, 4, networks.LATENT_CHANNELS, 4, 4)
    tokens, timesteps = torch.randint(50, (4, 8)), torch.tensor([100, 300, 600, 900])
    noisy, target = noised(clean, noise, networks.scheduler().alphas_cumprod[timesteps])
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    losses = []
    for _ in range(12):
        loss = (model(noisy, timesteps, tokens) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
