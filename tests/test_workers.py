"""Tasks in this process and in others; those that die are real."""

from __future__ import annotations

import ctypes
import itertools
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from fer_pipeline.errors import FerError, VideoError, WorkerError
from fer_pipeline.workers import Crew, Outcome, Progress, available_cores, run_tasks
from fer_pipeline.workers.limits import MOST_MEMORY


@dataclass(frozen=True)
class Job:
    """What a task is to do, and the file in which it counts its attempts."""

    what: str
    log: Path | None = None


def do(job: Job, progress: Progress) -> str:
    """Do a job; workers find this function by its name."""
    attempts = 0
    if job.log is not None:
        with job.log.open("a") as log:
            log.write("x")
        attempts = job.log.stat().st_size
    for _ in range(10):
        progress(1)
    if job.what == "refuse":
        raise VideoError("a.mp4: not a video")
    if job.what == "stumble":
        raise ZeroDivisionError("a mistake of ours")
    die_of(job.what, attempts)
    take(job.what, progress)
    return f"{job.what} done"


def take(what: str, progress: Progress) -> None:
    """Take time, or memory, if that is the job."""
    if what == "hang over a temporary file":
        handle, _ = tempfile.mkstemp()
        os.close(handle)
    if what in {"hang", "hang over a temporary file"}:
        threading.Event().wait()
    if what == "hang in native code":
        # PyDLL keeps Python's lock, as an extension may that was not made with care.
        ctypes.PyDLL(None).sleep(60)
    if what == "go on":
        for _ in itertools.count():
            progress(1)
    if what == "report nothing new":
        for _ in range(8):
            progress(0)
            time.sleep(0.25)
    if what == "need memory":
        bytearray(MOST_MEMORY)


def die_of(what: str, attempts: int) -> None:
    """End this process if that is the job."""
    if what == "exit" or (what == "exit once" and attempts == 1):
        os._exit(7)
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "be killed" or (what == "be killed once" and attempts == 1):
        os.kill(os.getpid(), signal.SIGKILL)


def run(jobs: list[Job], workers: int) -> tuple[dict[str, Outcome[Job, str]], int]:
    """Run jobs, no two alike; return what became of each, and the frames counted."""
    counted: list[int] = []
    outcomes = list(run_tasks(do, jobs, Crew(workers), counted.append))
    assert sorted(outcome.task.what for outcome in outcomes) == sorted(job.what for job in jobs)
    return {outcome.task.what: outcome for outcome in outcomes}, sum(counted)


@pytest.mark.parametrize("workers", [1, 2])
def test_each_task_comes_to_a_result_or_a_reason(workers):
    jobs = [Job(what) for what in ("a", "refuse", "b", "stumble", "c")]
    outcomes, counted = run(jobs, workers)
    assert [outcomes[what].result for what in "abc"] == ["a done", "b done", "c done"]
    assert type(outcomes["refuse"].error) is VideoError
    assert str(outcomes["refuse"].error) == "a.mp4: not a video"
    assert type(outcomes["stumble"].error) is FerError
    assert "unexpected error: ZeroDivisionError('a mistake of ours')" in str(
        outcomes["stumble"].error
    )
    assert counted == 50  # every frame of every task, failed ones included


NOT_ON_WINDOWS = pytest.mark.skipif(os.name == "nt", reason="no such signal on Windows")


@pytest.mark.parametrize(
    ("what", "workers"), [("exit", 2), pytest.param("crash", 1, marks=NOT_ON_WINDOWS)]
)
def test_a_task_that_kills_its_worker_costs_only_itself_after_another_attempt(
    tmp_path, what, workers
):
    log = tmp_path / "attempts"
    more = [Job(f"{number}") for number in range(8)]  # than are handed over at first
    outcomes, _ = run([Job("a"), Job(what, log), Job("b"), Job("c"), *more], workers)
    assert isinstance(outcomes[what].error, WorkerError)
    assert "its worker process died" in str(outcomes[what].error)
    assert log.stat().st_size in {2, 3}  # one more if it died before it was seen to run
    assert [outcomes[what].result for what in "abc"] == ["a done", "b done", "c done"]


def test_a_task_whose_worker_died_once_is_done_in_another_attempt(tmp_path):
    log = tmp_path / "attempts"
    outcomes, _ = run([Job("exit once", log), Job("a"), Job("b")], workers=2)
    assert outcomes["exit once"].result == "exit once done"
    assert [outcomes[what].result for what in "ab"] == ["a done", "b done"]
    assert log.stat().st_size == 2


def test_a_run_that_is_given_up_leaves_no_process_behind():
    outcomes = run_tasks(do, [Job("go on"), Job("a")], Crew(2), lambda _: None)
    assert next(outcomes).result == "a done"
    outcomes.close()
    assert multiprocessing.active_children() == []


def test_no_tasks_are_no_outcomes():
    assert run([], workers=4) == ({}, 0)


def test_a_single_task_is_done_in_this_very_process():
    (outcome,) = run_tasks(process_number, [1], Crew(2), lambda _: None)
    assert outcome.result == os.getpid()


def test_several_tasks_are_done_in_another_process_even_by_one_worker():
    outcomes = run_tasks(process_number, [1, 2], Crew(), lambda _: None)
    (process,) = {outcome.result for outcome in outcomes}
    assert process != os.getpid()


def test_many_more_tasks_than_workers_are_all_done():
    outcomes = list(run_tasks(process_number, range(100), Crew(2), lambda _: None))
    assert sorted(outcome.task for outcome in outcomes) == [*range(100)]
    assert len({outcome.result for outcome in outcomes}) in {1, 2}


def process_number(_: int, __: Progress) -> int:
    return os.getpid()


def test_ctrl_c_is_not_taken_for_a_failed_task():
    def interrupted(_: int, __: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_tasks(interrupted, [1], Crew(), lambda _: None))


def test_cores_are_counted():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


def test_a_task_that_takes_too_long_is_given_up_and_the_others_go_on():
    outcomes = list(run_tasks(do, [Job("go on"), Job("a")], Crew(timeout=1.0), lambda _: None))
    told = {outcome.task.what: outcome for outcome in outcomes}
    assert told["a"].result == "a done"
    assert "took longer than 1 s; give a longer --timeout" in str(told["go on"].error)


@NOT_ON_WINDOWS
@pytest.mark.parametrize("what", ["hang", "hang in native code"])
@pytest.mark.parametrize("limit", [{"silence": 0.5}, {"timeout": 0.5}])
def test_a_task_that_hangs_is_ended_with_its_process(tmp_path, what, limit):
    log = tmp_path / "attempts"
    outcomes = list(run_tasks(do, [Job(what, log), Job("a")], Crew(2, **limit), lambda _: None))
    told = {outcome.task.what: outcome for outcome in outcomes}
    assert told["a"].result == "a done"
    assert "died, alone too (a crash, a hang, or no memory)" in str(told[what].error)
    assert log.stat().st_size == 2


def test_a_task_that_reports_may_take_longer_than_one_may_be_silent():
    jobs = [Job("report nothing new"), Job("a")]
    outcomes = list(run_tasks(do, jobs, Crew(2, silence=1.0), lambda _: None))
    assert {outcome.error for outcome in outcomes} == {None}


def test_a_hang_is_noticed_without_an_option():
    assert Crew().silence == 1800


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system sets no such limit")
def test_a_task_that_needs_too_much_memory_costs_only_itself():
    jobs = [Job("need memory"), Job("a"), Job("b")]
    told, _ = run(jobs, 2)
    assert [told[what].result for what in "ab"] == ["a done", "b done"]
    assert "needs more memory than there is; fer probe" in str(told["need memory"].error)


# Each task in a process of its own

REMEDY = "give it less to do"


def run_apart(jobs: list[Job], workers: int = 1) -> dict[str, Outcome[Job, str]]:
    outcomes = list(run_tasks(do, jobs, Crew(workers), lambda _: None, apart=REMEDY))
    assert sorted(outcome.task.what for outcome in outcomes) == sorted(job.what for job in jobs)
    return {outcome.task.what: outcome for outcome in outcomes}


def test_apart_every_task_has_a_process_of_its_own_even_a_single_one():
    outcomes = run_tasks(process_number, [1, 2, 3], Crew(), lambda _: None, apart=REMEDY)
    processes = [outcome.result for outcome in outcomes]
    assert len({*processes, os.getpid()}) == 4
    (single,) = run_tasks(process_number, [1], Crew(), lambda _: None, apart=REMEDY)
    assert single.result != os.getpid()


@NOT_ON_WINDOWS
@pytest.mark.parametrize("workers", [1, 2])
def test_apart_a_killed_task_costs_only_itself_and_says_what_to_do(tmp_path, workers):
    log = tmp_path / "attempts"
    told = run_apart([Job("a"), Job("be killed", log), Job("refuse"), Job("b")], workers)
    assert [told[what].result for what in "ab"] == ["a done", "b done"]
    assert type(told["refuse"].error) is VideoError
    assert isinstance(told["be killed"].error, WorkerError)
    assert "its worker process died, alone too" in str(told["be killed"].error)
    assert str(told["be killed"].error).endswith(f"; {REMEDY}")
    assert log.stat().st_size in {2, 3}  # one more if it died before it was seen to run


@NOT_ON_WINDOWS
def test_apart_a_task_that_was_killed_once_is_done_in_another_attempt(tmp_path):
    told = run_apart([Job("be killed once", tmp_path / "attempts"), Job("a")])
    assert [told[what].result for what in told] == [f"{what} done" for what in told]


def test_apart_a_run_that_is_given_up_ends_even_what_never_reports(tmp_path):
    log = tmp_path / "begun"
    outcomes = run_tasks(do, [Job("a"), Job("hang", log)], Crew(), lambda _: None, apart=REMEDY)
    assert next(outcomes).result == "a done"
    while not log.exists():
        time.sleep(0.02)
    outcomes.close()
    assert multiprocessing.active_children() == []


def test_apart_nothing_is_left_of_the_temporary_files_of_what_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    jobs = [Job("a"), Job("hang over a temporary file")]
    outcomes = run_tasks(do, jobs, Crew(), lambda _: None, apart=REMEDY)
    assert next(outcomes).result == "a done"
    end = time.monotonic() + 60
    while not list(tmp_path.glob("fer-*/*")):
        assert time.monotonic() < end, "it made its temporary file elsewhere"
        time.sleep(0.02)
    outcomes.close()
    assert list(tmp_path.iterdir()) == []
