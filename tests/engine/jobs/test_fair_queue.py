"""Nobody starves: whatever is asked, moved, cancelled, paused and given back, in whatever order."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, event, update

from engine.diffusion.request import TextToImage
from engine.jobs.lanes import MOST_PASSED, TURN_SECONDS
from engine.jobs.queue import JobQueue
from engine.jobs.records import Claim, Progress
from engine.jobs.schema import DEVICE_LANES, DRAW, TRAIN, JobRow, LaneRow
from engine.kinds import KINDS
from engine.lora.requests import TrainLora
from engine.settings import Settings
from gallery.database import Database

REQUESTS = {
    DRAW: TextToImage(prompt="a castle", seed=7, width=64, height=64, model="mini"),
    TRAIN: TrainLora(run="01ARZ3NDEKTSV4RRFFQ69G5FAV", name="x"),
}
OWNERS, LANES = st.sampled_from("abc"), st.sampled_from(DEVICE_LANES)
PLACE = st.integers(0, 9)


class FairQueue(RuleBasedStateMachine):
    """The queue beside a model of it.

    The model has a line for each lane and owner. `rivals` are those who may still go before an owner: who waited at
    its last turn, or when it came, and had no turn since. An owner whose rivals are used up must be next.
    """

    queue: ClassVar[JobQueue]

    def __init__(self) -> None:
        super().__init__()
        with self.queue._database.write() as session:
            session.execute(delete(JobRow))
            session.execute(update(LaneRow).values(paused=False, passed_over=0))
        self.lines: dict[tuple[str, str], list[str]] = {}
        self.rivals: dict[tuple[str, str], set[str]] = {}
        self.fresh: dict[str, set[str]] = {lane: set() for lane in DEVICE_LANES}  # who came since the last claim
        self.paused: set[str] = set()
        self.passed_over = 0
        self.guests = 0
        self.told: dict[str, list[str]] = {}

    def waiting(self, lane: str) -> set[str]:
        return {owner for (of, owner), line in self.lines.items() if of == lane and line}

    @rule(owner=OWNERS, lane=LANES)
    def submit(self, owner: str, lane: str) -> None:
        came = owner not in self.waiting(lane)
        self.lines.setdefault((lane, owner), []).append(self.queue.submit(REQUESTS[lane], owner=owner).id)
        if came:
            self.begin_to_wait(owner, lane)

    @rule(lane=LANES, times=st.integers(1, 4))
    def new_owners_come_one_after_the_other(self, lane: str, times: int) -> None:
        for _ in range(times):
            self.guests += 1
            self.submit(f"guest {self.guests}", lane)
            if claim := self.begin():
                self.queue.succeed(claim, Progress())

    def begin_to_wait(self, owner: str, lane: str) -> None:
        """Also those may still go first who come before anything else is begun."""
        self.rivals[lane, owner] = self.waiting(lane) - {owner}
        for other in self.fresh[lane] & self.waiting(lane):
            self.rivals[lane, other].add(owner)
        self.fresh[lane].add(owner)

    @precondition(lambda self: any(self.waiting(lane) for lane in DEVICE_LANES))
    @rule(lane=LANES, owner=PLACE, job=PLACE, to=st.sampled_from(["front", "end", "cancel"]))
    def change(self, lane: str, owner: int, job: int, to: str) -> None:
        owners = sorted(self.waiting(lane))
        if not owners:
            return
        line = self.lines[lane, owners[owner % len(owners)]]
        job_id = line.pop(job % len(line))
        if to == "front":
            self.queue.to_front(job_id)
            line.insert(0, job_id)
        elif to == "end":
            self.queue.move(job_id)
            line.append(job_id)
        else:
            self.queue.cancel(job_id)

    @rule(lane=LANES)
    def pause_or_resume(self, lane: str) -> None:
        if lane in self.paused:
            self.queue.lanes.resume(lane)
        else:
            self.queue.lanes.pause(lane)
        self.paused ^= {lane}

    @rule(times=st.integers(1, 14))
    def work(self, times: int) -> None:
        """What a worker does: begin, and end it; in each lane in the order that was told before."""
        for _ in range(times):
            if claim := self.begin():
                self.queue.succeed(claim, Progress())
                assert claim.job.id == self.told[claim.job.lane].pop(0)

    @rule()
    def make_room(self) -> None:
        """Begin, and put it back."""
        if claim := self.begin():
            self.queue.release(claim)
            job, line = claim.job, self.lines[claim.job.lane, claim.job.owner]
            line.insert(0, job.id)
            if len(line) == 1:
                self.begin_to_wait(job.owner, job.lane)

    def begin(self) -> Claim | None:
        lanes = self.queue.lanes.in_turn(DEVICE_LANES)
        found = (self.queue.claim("w", lane) for lane in lanes)
        claim = next((claim for claim in found if claim), None)
        open_lanes = [lane for lane in DEVICE_LANES if lane not in self.paused and self.waiting(lane)]
        if claim is None:
            assert not open_lanes
            return None
        self.note(claim, TRAIN in open_lanes)
        return claim

    def note(self, claim: Claim, a_training_waited: bool) -> None:
        lane, owner = claim.job.lane, claim.job.owner
        assert lane not in self.paused
        assert self.lines[lane, owner].pop(0) == claim.job.id, "of one owner, in the order it wants"
        for other in self.waiting(lane) - {owner}:
            assert owner in self.rivals[lane, other], f"{owner} goes before {other} a second time"
            self.rivals[lane, other].remove(owner)
        for each in DEVICE_LANES:
            self.fresh[each].clear()
        self.rivals[lane, owner] = self.waiting(lane) - {owner}
        self.fresh[lane].add(owner)
        self.share(claim, a_training_waited)

    def share(self, claim: Claim, a_training_waited: bool) -> None:
        if claim.job.lane == DRAW:
            self.passed_over = self.passed_over + 1 if a_training_waited else 0
            assert self.passed_over <= MOST_PASSED, "a training waits for no more drawings than that"
            assert claim.turn_seconds == 0
        else:
            owed = self.passed_over == MOST_PASSED
            assert owed or DRAW in self.paused or not self.waiting(DRAW), "drawings go first"
            assert claim.turn_seconds == (TURN_SECONDS if owed else 0)
            self.passed_over = 0 if owed else self.passed_over

    @invariant()
    def what_is_told_is_what_will_be(self) -> None:
        for lane in DEVICE_LANES:
            told = [job.id for job in self.queue.waiting(lane)]
            lines = [line for (of, _), line in self.lines.items() if of == lane and line]
            assert sorted(told) == sorted(job_id for line in lines for job_id in line)
            for line in lines:
                assert [job_id for job_id in told if job_id in line] == line
            self.told[lane] = told


@pytest.fixture(scope="module")
def shared_queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobQueue]:
    options = Settings(home=Path(tmp_path_factory.mktemp("fair")))
    database = Database(options.database_url)
    database.migrate()
    event.listen(database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
    database.dispose()
    yield JobQueue(database, options, KINDS)
    database.dispose()


def test_nobody_starves(shared_queue: JobQueue) -> None:
    FairQueue.queue = shared_queue
    options = settings(
        max_examples=10, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(FairQueue, settings=options)
