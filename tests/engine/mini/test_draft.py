"""Progressive distillation: its steps, its loss. The stage itself is run in test_stages."""

from types import SimpleNamespace

import pytest
import torch

from engine.diffusion import schedulers
from engine.errors import InvalidRequest
from engine.mini import networks
from engine.mini.draft import DRAFT_STEPS, Config, Objective, Turns, reduced, turns
from engine.mini.ways import SCHEDULER, STEPS, VISITED
from engine.training.noise import noised

ALPHAS = networks.scheduler().alphas_cumprod


@pytest.fixture
def steps() -> Turns:
    return turns(ALPHAS)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def straight(clean: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """(N, 5, C, h, w): what lies between noise and latents at the timesteps of a draft, and the latents."""
    places = [noised(clean, noise, ALPHAS[[timestep] * len(clean)])[0] for timestep in VISITED]
    return torch.stack([*places, clean], 1)


def built(name: str, count: int):
    scheduler = schedulers.build(name, networks.scheduler().config)
    scheduler.set_timesteps(count)
    return scheduler


def test_the_places_of_a_way_are_those_of_the_draft_and_of_the_drawing_in_full():
    assert tuple(built("Turbo", DRAFT_STEPS).timesteps.int().tolist()) == VISITED
    assert tuple(built(SCHEDULER, STEPS).timesteps[:: STEPS // DRAFT_STEPS].tolist()) == VISITED


def test_a_draft_is_drawn_as_it_was_learnt(steps):
    scheduler = built("Turbo", DRAFT_STEPS)
    latents = random(1, 12, 4, 4) * scheduler.init_noise_sigma
    noisy = (1 - ALPHAS[999]).sqrt() * random(1, 12, 4, 4)
    for place, timestep in enumerate(scheduler.timesteps):
        torch.testing.assert_close(scheduler.scale_model_input(latents, timestep), noisy, atol=1e-5, rtol=1e-4)
        v = random(1, 12, 4, 4, seed=place)
        latents, noisy = scheduler.step(v, timestep, latents).prev_sample, steps.end(noisy, v, torch.tensor([place]))
    torch.testing.assert_close(latents, noisy, atol=1e-4, rtol=1e-4)


def test_a_step_with_the_true_v_ends_on_the_same_way_to_the_same_latents(steps):
    clean, noise = random(2, 4, 12, 4, 4)
    every, way = torch.arange(4), straight(clean, noise)
    noisy, v = noised(clean, noise, ALPHAS[steps.timesteps])
    ends = way[every, every + 1]
    torch.testing.assert_close(steps.end(noisy, v, every), ends, atol=1e-4, rtol=0)
    torch.testing.assert_close(steps.v(noisy, ends, every), v, atol=1e-4, rtol=0)


@pytest.mark.parametrize("own", [0.0, 1.0])
def test_who_knows_the_way_makes_no_error_and_who_does_not_is_told(steps, own):
    clean, noise = random(2, 1, 12, 4, 4)
    clean, noise = clean + clean.flip(-1), noise + noise.flip(-1)  # a mirror image is itself
    every = torch.arange(4)
    way = straight(clean, noise).expand(4, -1, -1, -1, -1)
    objective = Objective(way, random(4, 77, 8), steps)

    def knows(noisy, timesteps, encoder_hidden_states):
        return SimpleNamespace(sample=noised(clean, noise, ALPHAS[timesteps])[1])

    def is_lost(noisy, timesteps, encoder_hidden_states):
        return SimpleNamespace(sample=torch.zeros_like(noisy))

    for student, near in ((knows, True), (is_lost, False)):
        loss = objective.loss(student, every, own, torch.Generator().manual_seed(0))
        error = (objective.drawn(student, every) - clean).square().mean()
        assert (loss < 1e-6) == (error < 1e-6) == near


@pytest.mark.parametrize("kernel", [(), (3, 3)])
def test_a_reduced_lora_is_the_nearest_one_of_its_rank(kernel):
    names = ("block.lora_A.weight", "block.lora_B.weight")
    one = (1,) * len(kernel)
    weights = dict(zip(names, (random(6, 8, *kernel), random(10, 6, *one, seed=1)), strict=True))

    def change(of: dict[str, torch.Tensor]) -> torch.Tensor:
        return of[names[1]].flatten(1) @ of[names[0]].flatten(1)

    few = reduced(weights, 4)
    assert [few[name].shape for name in names] == [(4, 8, *kernel), (10, 4, *one)]
    lost = torch.linalg.svdvals(change(weights))[4:].square().sum()
    torch.testing.assert_close((change(few) - change(weights)).square().sum(), lost, rtol=1e-3, atol=0)
    torch.testing.assert_close(change(reduced(weights, 6)), change(weights), rtol=0, atol=1e-4)


def test_settings_out_of_range_are_told_together():
    with pytest.raises(InvalidRequest) as refused:
        Config(steps=0, own=1.5, rank=0)
    assert {problem.field for problem in refused.value.problems} == {"steps", "own", "rank"}
