"""So many requests at a time: calls to Microsoft in threads of their own, their answers in the order of the calls."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
#: what a thread stands in while it calls: an application context, and the system as the viewer
Within = Callable[[], AbstractContextManager[Any]]

#: "Keep concurrency small (2-4)"
AT_ONCE = 4
#: answers that may wait for the writer: enough that four requests go on while it commits, few enough to be nothing in memory
AHEAD = 8 * AT_ONCE
CLOSING_SECONDS = 2.0


class Fetchers:
    """Threads that end with the process: a server that hangs must not hold up Ctrl-C, and being cut off is safe."""

    def __init__(self, within: Within, at_once: int = AT_ONCE) -> None:
        self.at_once = at_once
        self._within = within
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._closed = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"discovery fetches {number}", daemon=True)
            for number in range(at_once)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, call: Callable[[], T]) -> "Future[T]":
        future: Future[T] = Future()
        self._calls.put((future, call))
        return future

    def in_order(self, calls: Iterable[Callable[[], T]]) -> "Iterator[Future[T]]":
        """The calls' answers in their order. A new call is begun whenever one is taken."""
        waiting: deque[Future[T]] = deque()
        for call in calls:
            waiting.append(self.submit(call))
            if len(waiting) >= AHEAD:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def close(self) -> None:
        """No more calls; those under way may come to their end for a moment, and are then left to themselves."""
        self._closed.set()
        for _ in range(self.at_once):
            self._calls.put(None)
        until = time.monotonic() + CLOSING_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while (taken := self._calls.get()) is not None:
            future, call = taken
            if self._closed.is_set():
                future.cancel()
                continue
            try:
                with self._within():
                    answer = call()
            except BaseException as trouble:
                future.set_exception(trouble)
            else:
                future.set_result(answer)
            del taken, future, call
