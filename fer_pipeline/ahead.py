"""Work done ahead, in a thread of its own: so stages overlap that leave Python's lock alone.

FFmpeg, OpenCV and LiteRT do. What comes out is the same as without, in the same order.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, Full, Queue
from threading import Event, Thread, current_thread
from typing import Generic, TypeVar

Item = TypeVar("Item")

# How soon a side notices that the other one wants no more.
_POLL_SECONDS = 0.1

# A decoder that hangs must not keep a command from ending.
_GRACE_SECONDS = 5.0


def ahead(items: Iterable[Item], most: int) -> Generator[Item, None, None]:
    """Yield items that a thread of its own takes in advance.

    Args:
        items: Where they come from; a generator is closed in that thread, however this one ends.
        most: How many may wait: that bounds the memory.

    Raises:
        Exception: Whatever taking an item raises, after the items before it.
    """
    waiting: Queue[Item | _End] = Queue(most)
    stage = _Stage(items, waiting)
    stage.start()
    try:
        while not isinstance(item := _taken(waiting), _End):
            yield item
    finally:
        stage.stop()
    if stage.error is not None:
        raise stage.error


class _End:
    """Stands in the queue behind the last item."""


class _UnwantedError(Exception):
    """Ends a stage that takes from another one when nobody wants its own items any more."""


def _taken(waiting: Queue[Item]) -> Item:
    stage = current_thread()
    while True:  # in short turns, because some systems do not interrupt a longer one
        if isinstance(stage, _Stage) and stage.unwanted.is_set():
            raise _UnwantedError
        with suppress(Empty):
            return waiting.get(timeout=_POLL_SECONDS)


class _Stage(Thread, Generic[Item]):
    """Takes items until there are no more, one fails, or nobody wants them."""

    def __init__(self, items: Iterable[Item], waiting: Queue[Item | _End]) -> None:
        super().__init__(daemon=True)
        self.error: BaseException | None = None
        self._items = items
        self._waiting = waiting
        self.unwanted = Event()

    def run(self) -> None:
        """Take the items."""
        try:
            with _closing(self._items) as items:
                for item in items:
                    self._hand_over(item)
                    if self.unwanted.is_set():
                        return
        except BaseException as error:  # noqa: BLE001 - it is raised where the items are wanted
            self.error = error
        finally:
            self._hand_over(_End())

    def stop(self) -> None:
        """End the thread, at once if nobody waits for more."""
        self.unwanted.set()
        self.join(_GRACE_SECONDS)

    def _hand_over(self, item: Item | _End) -> None:
        while not self.unwanted.is_set():
            with suppress(Full):
                self._waiting.put(item, timeout=_POLL_SECONDS)
                return


@contextmanager
def _closing(items: Iterable[Item]) -> Iterator[Iterable[Item]]:
    try:
        yield items
    finally:
        if isinstance(items, Generator):
            items.close()
