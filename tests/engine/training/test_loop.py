"""A killed run ends with the same weights as one that was not; several processes train as one."""

import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.errors import InvalidRequest, StudioError
from engine.training.loop import Log, average_of, generator_of, train, trapezoid
from engine.training.parallel import Ranks, run

STEPS = 12


class Killed(Exception):
    pass


def small_run(folder: Path, die_at: int | None = None, width: int = 4) -> dict[str, torch.Tensor]:
    """A regression whose data come from each step's own generator; returns the averaged weights."""
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    average = average_of(model, 0.9)
    optimizer = torch.optim.AdamW(model.parameters(), 0.01)

    def step(number: int) -> dict[str, float]:
        if number == die_at:
            raise Killed
        x = torch.randn(8, 4, generator=generator_of(5, number, Ranks()))
        loss = (model(x) - x[:, :2]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update_parameters(model)
        return {"loss": loss.item()}

    state = {"model": model, "average": average, "optimizer": optimizer}
    train(folder, STEPS, state, {"width": width}, step, ranks=Ranks(), log=Log(folder, quiet=True), save_seconds=0.0)
    return average.state_dict()


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path):
    whole = small_run(tmp_path / "whole")
    with pytest.raises(Killed):
        small_run(tmp_path / "killed", die_at=7)
    resumed = small_run(tmp_path / "killed")

    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_finished_run_does_nothing_more(tmp_path):
    first = small_run(tmp_path)
    again = small_run(tmp_path, die_at=0)
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_other_settings_do_not_go_on(tmp_path):
    small_run(tmp_path)
    with pytest.raises(InvalidRequest, match="width was 4, now 5"):
        small_run(tmp_path, width=5)


def test_reported_numbers_are_means_also_after_going_on(tmp_path):
    class Lines(Log):
        def text(self, text: str) -> None:
            lines.append(text)

    lines: list[str] = []
    for steps in (10, 25):
        train(tmp_path, steps, {}, {}, lambda n: {"loss": 2.0}, ranks=Ranks(), log=Lines(tmp_path / "logs"))
    assert "loss 2.0000" in lines[-1]


def test_signals_are_given_back(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    small_run(tmp_path)
    assert signal.getsignal(signal.SIGTERM) is before


def test_samples_are_looked_at_on_the_way_and_at_the_end(tmp_path):
    seen = []
    model = nn.Linear(1, 1)
    log = Log(tmp_path, quiet=True)
    train(tmp_path, 5, {"model": model}, {}, lambda n: {}, ranks=Ranks(), log=log, look=seen.append, look_every=2)
    assert seen == [2, 4, 5]


def test_numbers_reach_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = Log(tmp_path)
    log.numbers(3, {"loss": 0.25})
    log._writer.close()
    events = EventAccumulator(str(tmp_path / "logs")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(3, 0.25)]


def test_the_learning_rate_rises_stays_and_falls():
    rates = [trapezoid(step, 100, warm_up=10) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:60] == [1.0] * 51
    assert rates[80] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(0.025)


def test_the_average_forgets_its_beginning_and_lags_behind():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = average_of(model, 0.9)
    with torch.no_grad():
        for _ in range(200):
            model.weight.fill_(1.0)
            average.update_parameters(model)
    assert average.module.weight.item() == pytest.approx(1.0, abs=1e-6)
    with torch.no_grad():
        model.weight.fill_(2.0)
    average.update_parameters(model)
    assert average.module.weight.item() == pytest.approx(1.1, abs=1e-5)


def test_every_step_and_process_draws_its_own_numbers_again():
    draws = {
        (step, rank): torch.randint(2**60, (), generator=generator_of(0, step, Ranks(rank, 2))).item()
        for step in range(20)
        for rank in range(2)
    }
    assert len(set(draws.values())) == len(draws)
    again = torch.randint(2**60, (), generator=generator_of(0, 7, Ranks(1, 2))).item()
    assert again == draws[7, 1]


def test_no_two_seeds_of_a_run_draw_the_same():
    """On a CPU a plain generator reads 32 bits: seeds 2**26 apart would draw the same."""
    seeds = [seed + high * 2**26 for seed in (0, 42) for high in (0, 1, 2, 63)]
    drawn = {torch.randint(2**60, (), generator=generator_of(seed, 7, Ranks())).item() for seed in seeds}
    assert len(drawn) == len(seeds)
    usual = torch.Generator().manual_seed((42 * 1_000_003 + 7) * 64)  # as before for seeds up to 67
    assert torch.equal(torch.rand(9, generator=usual), torch.rand(9, generator=generator_of(42, 7, Ranks())))


def _halves(ranks: Ranks, folder: Path) -> None:
    """The gradient of one half of a batch, made the mean of both."""
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    x = torch.arange(12.0).view(4, 3)[ranks.rank :: ranks.size]
    model(x).square().mean().backward()
    ranks.mean_gradients(model.parameters())
    agreed, rows = ranks.agree(ranks.first), ranks.gathered(x.T.contiguous().T)  # rows far apart in memory
    torch.save({"gradient": model.weight.grad, "agreed": agreed, "rows": rows}, folder / f"{ranks.rank}.pt")


def _halves_then_refused(ranks: Ranks, folder: Path) -> None:
    _halves(ranks, folder)
    if ranks.first:
        raise StudioError("Nothing can be made of this.")
    ranks.agree(True)  # would wait for ever if the other's end did not end it


def test_two_processes_have_the_gradient_of_the_whole_batch_and_an_error_in_one_keeps_its_words(tmp_path):
    for processes in (1, 2):
        (tmp_path / str(processes)).mkdir()
    run(_halves, 1, tmp_path / "1")
    with pytest.raises(StudioError, match="Nothing can be made of this"):
        run(_halves_then_refused, 2, tmp_path / "2")
    whole = torch.load(tmp_path / "1" / "0.pt")
    halves = [torch.load(tmp_path / "2" / f"{rank}.pt") for rank in range(2)]

    assert torch.equal(halves[0]["gradient"], halves[1]["gradient"])
    assert torch.allclose(halves[0]["gradient"], whole["gradient"])
    assert [part["agreed"] for part in halves] == [True, True]
    assert all(torch.equal(part["rows"], whole["rows"][[0, 2, 1, 3]]) for part in halves)


def test_only_the_loss_scaler_may_be_missing_in_a_checkpoint(tmp_path):
    """A run that moves from a CPU to a GPU has none yet; any other part that is missing would be random weights."""

    def go_on(name: str, steps: int) -> nn.Linear:
        parts = {"model": nn.Linear(2, 2), name: nn.Linear(2, 2)}
        train(tmp_path, steps, parts, {}, lambda number: {}, ranks=Ranks(), log=Log(tmp_path, quiet=True))
        return parts["model"]

    first = go_on("model", 1)
    assert torch.equal(go_on("scaler", 2).weight, first.weight)
    with pytest.raises(KeyError, match="net"):
        go_on("net", 3)


def test_a_gpu_that_is_not_there_is_said():
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(StudioError, match="needs an NVIDIA GPU"):
        run(print, 1, device="cuda")
