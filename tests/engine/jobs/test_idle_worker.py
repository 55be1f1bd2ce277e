"""What a worker does while nothing waits."""

import threading
from itertools import count

from engine.jobs.schema import FETCH
from engine.studio import Studio
from engine.worker import SLOW_POLL_SECONDS, Worker


def test_it_pauses_between_looks_where_the_database_cannot_tell_what_changed(studio: Studio):
    """As PostgreSQL, for which every look may find something."""
    studio.database._watch = count().__next__
    worker = Worker(studio.settings, studio.database)
    looks = []
    serving = threading.Thread(
        target=worker.serve, args=((FETCH,), {}), kwargs={"between": lambda should_stop: bool(looks.append(1))}
    )
    serving.start()
    serving.join(4 * SLOW_POLL_SECONDS)
    worker._stopping.set()  # not `stop`: its last word would end the process of the tests
    serving.join()
    assert 1 <= len(looks) <= 5
