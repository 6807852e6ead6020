"""Items taken in advance by another thread: the same items, bounded, and no thread left behind."""

from __future__ import annotations

import _thread
import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.ahead import ahead

SOON = 5.0  # seconds after which what was expected will not come


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class Numbers:
    """Counts upwards, and keeps account of itself.

    Args:
        most: How many numbers there are; None for no end.
        error: Raised after them.
    """

    def __init__(self, most: int | None = None, error: BaseException | None = None) -> None:
        self.taken = 0
        self.thread: threading.Thread | None = None
        self.closed_in: threading.Thread | None = None
        self._most = most
        self._error = error

    def __iter__(self) -> Iterator[int]:
        self.thread = threading.current_thread()
        try:
            for number in itertools.count() if self._most is None else range(self._most):
                self.taken += 1
                yield number
            if self._error is not None:
                raise self._error
        finally:
            self.closed_in = threading.current_thread()

    @property
    def ended(self) -> bool:
        return self.thread is not None and not self.thread.is_alive()


def test_a_stage_that_yields_nothing_ends_with_the_one_that_takes_from_it():
    """Otherwise a video would be closed while it is still read."""
    numbers = Numbers()

    def nothing() -> Iterator[int]:
        with closing(ahead(numbers, 4)) as taken:
            yield from (number for number in taken if number < 0)

    outer = ahead(nothing(), 4)
    waiting = threading.Thread(target=lambda: next(outer, None), daemon=True)
    waiting.start()
    until(lambda: numbers.taken > 100)
    stages = [one for one in threading.enumerate() if type(one).__name__ == "_Stage"]
    assert len(stages) == 2
    for stage in stages:
        if stage is not numbers.thread:
            stage.stop()
    assert not any(stage.is_alive() for stage in stages)
    assert numbers.closed_in is numbers.thread


# What comes out


@settings(max_examples=25)
@given(items=st.lists(st.none() | st.integers() | st.text(), max_size=40), most=st.integers(1, 9))
def test_all_items_come_in_their_order(items, most):
    assert list(ahead(items, most)) == items


def test_items_are_taken_in_another_thread_which_ends():
    numbers = Numbers(100)
    assert list(ahead(iter(numbers), 8)) == [*range(100)]
    assert numbers.thread is not threading.current_thread()
    assert numbers.ended


def test_a_slow_consumer_and_a_slow_producer_lose_nothing():
    def slowly(numbers: range) -> Iterator[int]:
        for number in numbers:
            if number % 4 == 0:
                time.sleep(0.01)
            yield number

    received = []
    for number in ahead(slowly(range(24)), 2):
        if number % 4 == 2:
            time.sleep(0.01)
        received.append(number)
    assert received == [*range(24)]


@pytest.mark.parametrize("most", [1, 8])
@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt(), SystemExit(3)])
def test_an_error_comes_after_the_items_before_it(error, most):
    numbers = Numbers(5, error)
    received = []
    with pytest.raises(type(error)) as raised:
        received.extend(ahead(iter(numbers), most))
    assert raised.value is error
    assert numbers.taken == 5
    assert numbers.ended


def test_items_before_an_error_are_handed_over():
    stage = ahead(iter(Numbers(5, ValueError("broken"))), 8)
    assert [next(stage) for _ in range(5)] == [*range(5)]
    with pytest.raises(ValueError, match="broken"):
        next(stage)


def test_an_item_that_is_falsy_is_an_item():
    assert list(ahead([None, 0, "", ()], 1)) == [None, 0, "", ()]


# How far it goes


@pytest.mark.parametrize("most", [1, 3, 8])
def test_no_more_items_wait_than_may(most):
    numbers = Numbers()
    with closing(ahead(iter(numbers), most)) as stage:
        for received in range(1, 6):
            next(stage)
            # One more is in the hands of the thread, which cannot put it down.
            until(lambda: numbers.taken >= received + most + 1)  # noqa: B023
            time.sleep(0.02)
            assert numbers.taken == received + most + 1


def test_nothing_is_taken_before_anything_is_asked_for():
    numbers = Numbers()
    ahead(iter(numbers), 8).close()
    assert numbers.thread is None


# How it ends early


@pytest.mark.parametrize("received", [1, 20])
def test_closing_ends_the_thread_and_closes_the_generator_in_it(received):
    before = {*threading.enumerate()}
    numbers = Numbers()
    stage = ahead(iter(numbers), 4)
    assert [next(stage) for _ in range(received)] == [*range(received)]
    stage.close()
    assert numbers.ended
    assert numbers.closed_in is numbers.thread
    assert {*threading.enumerate()} <= before


def test_closing_the_last_of_two_stages_ends_both():
    before = {*threading.enumerate()}
    numbers = Numbers()

    def inner() -> Iterator[int]:
        with closing(ahead(iter(numbers), 2)) as stage:
            yield from stage

    outer = ahead(inner(), 2)
    assert next(outer) == 0
    outer.close()
    assert numbers.closed_in is numbers.thread
    assert {*threading.enumerate()} <= before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_the_consumer_ends_the_thread(error):
    numbers = Numbers()

    def consume() -> None:
        with closing(ahead(iter(numbers), 4)) as stage:
            for number in stage:
                if number == 3:
                    raise error

    with pytest.raises(error):
        consume()
    assert numbers.ended


@pytest.fixture
def heeds_ctrl_c():
    """Take Ctrl-C as Python does, also where whoever started the tests has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_while_an_item_is_awaited_ends_the_thread():
    asked = threading.Event()
    thread = []

    def interrupting() -> Iterator[int]:
        thread.append(threading.current_thread())
        yield 0
        asked.wait(SOON)
        time.sleep(0.02)
        _thread.interrupt_main()
        time.sleep(0.2)  # nothing comes before it is noticed
        yield from itertools.count(1)

    def ask() -> int:
        asked.set()
        return next(stage)

    stage = ahead(interrupting(), 4)
    assert next(stage) == 0
    with pytest.raises(KeyboardInterrupt):
        ask()
    assert not thread[0].is_alive()


def test_a_producer_that_hangs_keeps_nobody_from_ending(monkeypatch):
    monkeypatch.setattr("fer_pipeline.ahead._GRACE_SECONDS", 0.05)
    thread = []
    released = threading.Event()

    def hanging() -> Iterator[int]:
        thread.append(threading.current_thread())
        yield 0
        released.wait()
        yield 1

    stage = ahead(hanging(), 4)
    assert next(stage) == 0
    stage.close()
    assert thread[0].is_alive()
    assert thread[0].daemon  # so the process can end, too
    released.set()
    thread[0].join(SOON)
    assert not thread[0].is_alive()
