import pytest

from engine.jobs.records import Lease
from engine.jobs.watch import LeaseWatch


class Clock:
    def __init__(self):
        self.moment = 100.0

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lease(until: float, token: str = "t", pictures: int = 0) -> Lease:
    return Lease("job", "draw", "worker", token, until, pictures)


def test_a_lease_is_silent_as_long_as_it_was_seen_without_a_beat(clock):
    watch = LeaseWatch(clock)
    watch.look([lease(1.0)])
    clock.moment += 50
    watch.look([lease(1.0)])
    assert watch.silent_seconds(lease(1.0)) == 50

    watch.look([lease(2.0)])
    clock.moment += 7
    assert watch.silent_seconds(lease(2.0)) == 7
    assert watch.fruitless_seconds(lease(2.0)) == 57


def test_the_clock_on_the_wall_does_not_matter(clock):
    watch = LeaseWatch(clock)
    for until in (1e9, -5.0, 4e9):  # the database's clock jumps, this process's own does not
        watch.look([lease(until)])
        clock.moment += 1
        assert watch.silent_seconds(lease(until)) == 1


def test_a_job_claimed_anew_starts_its_time_anew(clock):
    watch = LeaseWatch(clock)
    watch.look([lease(1.0, "first")])
    clock.moment += 50
    watch.look([lease(1.0, "second")])

    assert watch.fruitless_seconds(lease(1.0, "second")) == 0


def test_a_job_is_fruitless_since_it_began_or_brought_its_last_picture(clock):
    watch = LeaseWatch(clock)
    for pictures in (3, 3, 4, 4):  # those of an earlier attempt count as little as none
        watch.look([lease(1.0, pictures=pictures)])
        clock.moment += 50

    assert watch.fruitless_seconds(lease(1.0, pictures=4)) == 100
