"""Consistency distillation: its function, its solver, its loss. The stage itself is run in test_stages."""

import pytest
import torch

from engine.errors import InvalidRequest
from engine.mini import networks
from engine.mini.draft import Config, Solver, consistent, loss_pseudo_huber
from engine.training.noise import noised


@pytest.fixture
def solver() -> Solver:
    return Solver(networks.scheduler().alphas_cumprod, 50)


def test_the_consistency_function_is_the_latents_at_timestep_0_and_the_prediction_beyond():
    noisy, clean = torch.randn(2, 3, 12, 4, 4, generator=torch.Generator().manual_seed(0))
    said = consistent(noisy, clean, torch.tensor([0, 19, 999]))
    assert torch.equal(said[0], noisy[0])
    torch.testing.assert_close(said[1:], clean[1:], atol=0.02, rtol=0)


def test_starts_are_the_places_that_the_solver_visits_and_all_are_met(solver):
    generator = torch.Generator().manual_seed(0)
    drawn = torch.cat([solver.starts(16, generator) for _ in range(40)])
    assert sorted(set(drawn.tolist())) == list(range(19, 1000, 20))
    assert set((drawn - solver.ends(drawn)).tolist()) == {19, 20}  # the last step ends at 0


def test_a_step_with_the_true_v_ends_on_the_same_way_to_the_same_latents(solver):
    clean, noise = torch.randn(2, 4, 12, 4, 4, generator=torch.Generator().manual_seed(0))
    starts = torch.tensor([19, 259, 599, 999])
    noisy, v = noised(clean, noise, solver.alphas[starts])
    expected = noised(clean, noise, solver.alphas[solver.ends(starts)])[0]
    torch.testing.assert_close(solver.step(noisy, v, starts), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(solver.clean(noisy, v, starts), clean, atol=1e-4, rtol=0)


def test_the_loss_is_none_for_the_same_and_the_distance_for_the_far():
    far = torch.full((2, 2), 3.0)
    assert loss_pseudo_huber(far, far, 0.001) == 0
    assert loss_pseudo_huber(far, torch.zeros(2, 2), 0.001).item() == pytest.approx(2.999, abs=1e-4)


def test_settings_out_of_range_are_told_together():
    with pytest.raises(InvalidRequest) as refused:
        Config(steps=0, solver_steps=30, guidance=0.5, huber=0.0)
    assert {problem.field for problem in refused.value.problems} == {"steps", "solver_steps", "guidance", "huber"}
