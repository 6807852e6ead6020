"""Of several runs that want the same output, one at most has it."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from fer_pipeline.errors import OutputError
from fer_pipeline.files import locked


def take_turns(output: Path, seconds: float) -> None:
    """Take a lock over and over; note beside it each time that it was had, and had by two."""
    had = by_two = 0
    inside = output.with_name("somebody is inside")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with locked(output):
                had += 1
                try:
                    inside.touch(exist_ok=False)
                except FileExistsError:
                    by_two += 1
                else:
                    inside.unlink(missing_ok=True)
        except OutputError:
            pass
    output.with_name(f"{os.getpid()}.txt").write_text(f"{had} {by_two}")


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the name of a file that is open")
def test_a_lock_is_never_had_by_two_however_often_it_changes_hands(tmp_path):
    context = multiprocessing.get_context("spawn")
    runs = [context.Process(target=take_turns, args=(tmp_path / "out", 1.0)) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    turns = [tuple(map(int, path.read_text().split())) for path in tmp_path.glob("*.txt")]
    assert len(turns) == len(runs)
    assert sum(had for had, _ in turns) > len(runs)
    assert not sum(by_two for _, by_two in turns)
    assert not [*tmp_path.glob("*.lock")]
