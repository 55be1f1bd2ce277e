"""The NijiGAN that ships."""

import torch

from engine.device import choose
from engine.metrics.translation import flat_share
from engine.settings import Settings
from engine.translation.catalogue import SHIPPED, translator
from engine.translation.networks.ode import Solver
from engine.translation.running import LoadedTranslator, Options


def grainy_hill() -> torch.Tensor:
    """(1, 3, 96, 128): a blue sky over a green hill, with grain."""
    generator = torch.Generator().manual_seed(0)
    across = torch.linspace(-1, 1, 128)
    sky = torch.linspace(-1, 1, 96)[:, None] < 0.4 * across.square() - 0.1
    colours = torch.where(
        sky, torch.tensor([-0.1, 0.3, 0.8]).view(3, 1, 1), torch.tensor([-0.4, 0.1, -0.6]).view(3, 1, 1)
    )
    return (colours + 0.12 * torch.randn(3, 96, 128, generator=generator)).clamp(-1, 1)[None]


def test_it_calms_a_photo_in_four_evaluations(tmp_path) -> None:
    loaded = LoadedTranslator(translator(Settings(home=tmp_path), SHIPPED), choose("cpu"))
    photo = grainy_hill()
    fake = loaded(photo)
    assert loaded.nfe == 4
    assert sum(parameter.numel() for parameter in loaded.model.parameters()) == 5_477_379
    assert fake.shape == photo.shape
    assert flat_share(fake) > flat_share(photo) + 0.2
    assert loaded.refinement is not None


def test_its_edges_are_as_sharp_as_the_photos(tmp_path) -> None:
    loaded = LoadedTranslator(translator(Settings(home=tmp_path), SHIPPED), choose("cpu"))
    photo = torch.cat([torch.full((1, 3, 64, 48), -0.6), torch.full((1, 3, 64, 48), 0.3)], dim=3)
    steps = loaded(photo).diff(dim=3).abs().mean((0, 1, 2))
    assert steps.argmax() == 47  # where the photo has its only edge
    assert steps[47] > 3 * steps[[46, 48]].max()


def test_two_steps_bring_its_solution_nearer_to_the_exact_one(tmp_path) -> None:
    loaded = LoadedTranslator(translator(Settings(home=tmp_path), SHIPPED), choose("cpu"))
    solvers = (Solver("dopri5"), Solver("euler"), Solver("euler", 2), Solver("rk4"))
    exact, *others = (loaded(grainy_hill(), Options(solver=solver)) for solver in solvers)
    one, two, fourth_order = ((other - exact).square().mean() for other in others)
    assert fourth_order < two < one
