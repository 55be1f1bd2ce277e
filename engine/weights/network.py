"""Network calls that can be given up at any moment.

Looking up a name or shaking hands with a server blocks inside the operating system and knows no timeout of ours.
So each call runs in a daemon thread of its own and hands over what arrives; whoever waits stops waiting when
nothing comes or the artist cancels, and the thread ends by itself later. Only the waiting side touches the disk.
"""

import queue
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

from engine.errors import Cancelled

Item = TypeVar("Item")
POLL_SECONDS = 0.2
_END, _ERROR, _ITEM = range(3)


class Silent(Exception):
    """Nothing arrived for too long."""


def arriving(
    source: Callable[[], Iterator[Item]], should_stop: Callable[[], bool], silence_seconds: float
) -> Generator[Item, None, None]:
    """The items of `source`, which runs in a thread of its own.

    Raises:
        Silent: no item came for `silence_seconds`.
        Cancelled: `should_stop` said so; asked five times a second.
        Exception: whatever `source` raised.
    """
    items: queue.Queue = queue.Queue(maxsize=64)
    unwanted = threading.Event()
    threading.Thread(target=_pump, args=(source, items, unwanted), daemon=True).start()
    asked = heard = time.monotonic()
    try:
        while True:
            kind, item = _next(items)
            now = time.monotonic()
            if now - asked >= POLL_SECONDS:
                stop_if(should_stop)
                asked = now
            if kind == _ITEM:
                yield item
                heard = time.monotonic()
            elif kind == _ERROR:
                raise item
            elif kind == _END:
                return
            elif now - heard >= silence_seconds:
                raise Silent(f"nothing came for {silence_seconds:g} s")
    finally:
        unwanted.set()


def reach(url: str, seconds: float, should_stop: Callable[[], bool]) -> None:
    """Open and close one connection to the url's host, or to the proxy that the environment names.

    Raises:
        Silent: no name or no connection within `seconds`.
        OSError: refused, or no such name.
        Cancelled: `should_stop` said so.
    """

    def connect() -> Iterator[None]:
        socket.create_connection(_first_stop(url), timeout=seconds).close()
        yield

    for _ in arriving(connect, should_stop, seconds):
        return


def pause(seconds: float, should_stop: Callable[[], bool]) -> None:
    """Sleep, unless the artist cancels. Raises Cancelled."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        stop_if(should_stop)
        time.sleep(min(POLL_SECONDS, left))


def stop_if(should_stop: Callable[[], bool]) -> None:
    """Raise Cancelled when the artist stopped the job."""
    if should_stop():
        raise Cancelled("The download was stopped. What has arrived is kept; starting it again continues there.")


def _pump(source: Callable[[], Iterator[Any]], items: queue.Queue, unwanted: threading.Event) -> None:
    try:
        for item in source():
            if not _put(items, (_ITEM, item), unwanted):
                return
        _put(items, (_END, None), unwanted)
    except Exception as error:
        _put(items, (_ERROR, error), unwanted)


def _put(items: queue.Queue, item: tuple[int, Any], unwanted: threading.Event) -> bool:
    while not unwanted.is_set():
        try:
            items.put(item, timeout=POLL_SECONDS)
            return True
        except queue.Full:
            continue
    return False


def _next(items: queue.Queue) -> tuple[int | None, Any]:
    try:
        return items.get(timeout=POLL_SECONDS)
    except queue.Empty:
        return None, None


def _first_stop(url: str) -> tuple[str, int]:
    """Host and port of the first connection that a request for this url makes."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme, 1080)
