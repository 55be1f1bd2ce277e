"""Saying in the log what lasts: once when it begins, once when it changes, once when it is over.

A full disk is met some times a second by heartbeat, lanes and supervisor; each line of that would bury the rest.
"""

import logging
import threading
import time

REMIND_SECONDS = 600.0


class Trouble:
    """What one part of the studio meets again and again; for use by several threads.

    Args:
        log: where it is said.
    """

    def __init__(self, log: logging.Logger):
        self._log = log
        self._lock = threading.Lock()
        self._said: dict[str, str] = {}
        self._said_at = 0.0

    def met(self, what: str, error: BaseException, *, traceback: bool = True) -> None:
        """Say it, unless it was the last thing said about `what` within ten minutes."""
        words = f"{type(error).__name__}: {error}"
        with self._lock:
            known = self._kind(self._said.get(what, "")) == self._kind(words)
            if known and time.monotonic() - self._said_at < REMIND_SECONDS:
                return
            self._said[what], self._said_at = words, time.monotonic()
        if known:
            self._log.warning("%s, still: %s", what, words)
        elif traceback:
            self._log.warning("%s (said once until it changes)", what, exc_info=error)
        else:
            self._log.warning("%s (said once until it changes): %s", what, words)

    def passed(self) -> None:
        """Say that it is over, if anything was."""
        with self._lock:
            over, self._said = sorted(self._said), {}
        for what in over:
            self._log.info("over: %s", what)

    @staticmethod
    def _kind(words: str) -> str:
        """Without its numbers, such as the free space, which changes all the time."""
        return "".join(character for character in words if not character.isdigit())
