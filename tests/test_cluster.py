"""Tasks on a real Dask cluster: what comes of them, of workers that die, and of strangers."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest

from fer_pipeline.errors import ClusterError, FerError, VideoError, WorkerError
from fer_pipeline.provenance import versions
from fer_pipeline.workers import Crew, Footing, Outcome, cluster, run_tasks
from fer_pipeline.workers.remote import Terms, comparable, objection
from tests.clusters import Cluster, Job, do, running_cluster, wait_until

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="kills processes with signals")


FOOTING: Footing[Job] = Footing(reads=lambda _: (), leaves=lambda job: (job.leaves,))


@pytest.fixture(scope="module")
def dask(tmp_path_factory) -> Iterator[Cluster]:
    """A cluster of one worker that takes two tasks at a time."""
    with running_cluster(tmp_path_factory.mktemp("dask"), "--nthreads", "2") as running:
        yield running


def run(dask: Cluster, jobs: list[Job], timeout: float | None = None, apart: str | None = None):
    crew = Crew(scheduler=dask.address, timeout=timeout)
    return run_tasks(do, jobs, crew, lambda _: None, FOOTING, apart=apart)


def by_name(outcomes: Iterator[Outcome[Job, str]]) -> dict[str, Outcome[Job, str]]:
    return {outcome.task.what: outcome for outcome in outcomes}


def test_each_task_comes_to_a_result_or_a_reason_in_processes_beside_the_worker(dask, tmp_path):
    jobs = [Job(what, tmp_path / "out" / what) for what in ("a", "refuse", "b", "c", "d")]
    (tmp_path / "out").mkdir()
    counted: list[int] = []
    crew = Crew(scheduler=dask.address)
    told = by_name(run_tasks(do, jobs, crew, counted.append, FOOTING))
    assert [told[what].result for what in "abcd"] == [f"{what} done" for what in "abcd"]
    assert type(told["refuse"].error) is VideoError
    assert str(told["refuse"].error) == "a.mp4: not a video"
    assert sum(counted) == 50
    assert jobs[0].leaves.read_text() != "a.unfinished"  # but a name of its own
    left = [path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".log"]
    assert sorted(left) == ["a", "b", "c", "d"]
    own, workers = (set(numbers) for numbers in zip(*attempts(jobs), strict=True))
    assert len(own) in {1, 2}  # as many as the worker has threads, for several tasks each
    assert len(workers) == 1
    assert not own & workers
    wait_until(lambda: not any(map(is_running, own)), "idle processes to end")


def attempts(jobs: list[Job]) -> list[list[int]]:
    return [pair for job in jobs for pair in job.processes()]


def test_a_task_that_crashes_costs_only_itself_after_another_attempt(dask, tmp_path):
    jobs = [Job(what, tmp_path / what) for what in ("crash", "a")]
    told = by_name(run(dask, jobs))
    assert told["a"].result == "a done"
    assert isinstance(told["crash"].error, WorkerError)
    assert "its worker process died, alone too" in str(told["crash"].error)
    (one, worker), (other, same_worker) = jobs[0].processes()
    assert one != other
    assert worker == same_worker  # which is none the worse for it


def test_a_task_that_takes_too_long_is_ended(dask, tmp_path):
    (outcome,) = run(dask, [Job("hang", tmp_path / "hang")], timeout=1.0)
    assert "its worker process died, alone too (a crash, a hang" in str(outcome.error)


def test_a_worker_that_is_killed_costs_another_attempt(dask, tmp_path):
    job = Job("hang once", tmp_path / "out")
    found: list[Outcome[Job, str]] = []
    thread = threading.Thread(target=lambda: found.extend(run(dask, [job])))
    thread.start()
    wait_until(job.processes, "the first attempt")
    ((_, worker),) = job.processes()
    os.kill(worker, signal.SIGKILL)
    thread.join()
    assert found[0].result == "hang once done"
    assert len(job.processes()) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.log"]


@pytest.mark.parametrize("apart", [None, "give it less to do"])
def test_a_run_that_is_given_up_ends_its_tasks(dask, tmp_path, apart):
    jobs = [Job("a", tmp_path / "a"), Job("hang", tmp_path / "hang")]
    outcomes = run(dask, jobs, apart=apart)
    assert next(outcomes).result == "a done"
    wait_until(jobs[1].processes, "the other task")
    outcomes.close()
    ((own, worker),) = jobs[1].processes()
    wait_until(lambda: not is_running(own), "its process to end")
    assert is_running(worker)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_with_another_version_is_named(dask, tmp_path):
    packages = tmp_path / "packages" / "h5py-0.0.1.dist-info"
    packages.mkdir(parents=True)
    (packages / "METADATA").write_text("Metadata-Version: 2.1\nName: h5py\nVersion: 0.0.1\n")
    path = {"PYTHONPATH": str(packages.parent)}
    stranger = dask.add_worker("--nthreads", "1", "--no-nanny", environment=path)
    try:
        with pytest.raises(ClusterError) as refused:
            list(run(dask, [Job("a", tmp_path / "out" / "a")]))
    finally:
        stranger.terminate()
        stranger.wait()
    assert "worker tcp://127.0.0.1:" in str(refused.value)
    assert f"has h5py 0.0.1, and the machine of this command {h5py.__version__}" in str(
        refused.value
    )
    assert not (tmp_path / "out").exists()


def terms(**others: object) -> Terms:
    here = {"run": "0" * 16, "folder": Path.cwd(), "markers": (), "inputs": (), "versions": ()}
    return Terms(**{**here, **others})  # type: ignore[arg-type]


def test_a_machine_that_sees_the_same_has_no_objection(tmp_path):
    marker = tmp_path / "marker"
    marker.write_text("0" * 16)
    same = tuple(comparable(versions()).items())
    assert objection(terms(markers=(marker,), inputs=(marker,), versions=same)) is None


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"markers": (Path("/nowhere/marker"),)}, "does not see what this command wrote to"),
        ({"inputs": (Path("/nowhere/a.mp4"),)}, "cannot read /nowhere/a.mp4"),
        ({"versions": (("python", "2.7"),)}, "has python 3."),
        ({"versions": (("pandorable", "1"),)}, "has no pandorable, and the machine of this"),
    ],
)
def test_what_a_machine_does_not_share_is_told(monkeypatch, wanted, problem):
    monkeypatch.setattr("fer_pipeline.workers.remote._MARKER_SECONDS", 0.1)
    found = objection(terms(**wanted))
    assert found is not None
    assert problem in found[0]


def test_a_marker_of_another_run_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr("fer_pipeline.workers.remote._MARKER_SECONDS", 0.1)
    marker = tmp_path / "marker"
    marker.write_text("1" * 16)
    assert objection(terms(markers=(marker,))) is not None


def test_an_address_where_nobody_answers_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 0.5)
    for address in ("tcp://127.0.0.1:1", "carrier-pigeon://127.0.0.1:1"):
        crew = Crew(scheduler=address)
        outcomes = run_tasks(do, [Job("a", tmp_path / "a")], crew, lambda _: None, FOOTING)
        with pytest.raises(ClusterError, match="no Dask scheduler answers") as refused:
            list(outcomes)
        assert address in str(refused.value)


def test_a_scheduler_that_asks_for_a_certificate_is_told_where_there_is_none(tmp_path):
    crew = Crew(scheduler="tls://127.0.0.1:1")
    outcomes = run_tasks(do, [Job("a", tmp_path / "a")], crew, lambda _: None, FOOTING)
    with pytest.raises(ClusterError, match="asks for a certificate, and there is none; name its"):
        list(outcomes)


def test_without_dask_it_is_told_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    crew = Crew(scheduler="tcp://127.0.0.1:1")
    outcomes = run_tasks(do, [Job("a", tmp_path / "a")], crew, lambda _: None, FOOTING)
    with pytest.raises(FerError, match=r'pip install "fer-pipeline\[cluster\]"'):
        list(outcomes)


def test_no_tasks_need_no_cluster():
    assert not list(run_tasks(do, [], Crew(scheduler="tcp://127.0.0.1:1"), print, FOOTING))


# Ends the cluster of this module, and so comes last.
def test_a_scheduler_that_vanishes_ends_the_run_with_what_to_do(dask, tmp_path):
    jobs = [Job("a", tmp_path / "a"), Job("hang", tmp_path / "hang")]
    outcomes = run(dask, jobs)
    assert next(outcomes).result == "a done"
    wait_until(jobs[1].processes, "the other task")
    dask.scheduler.kill()
    with pytest.raises(ClusterError, match="the scheduler was lost; what was finished is kept"):
        next(outcomes)
    ((own, _),) = jobs[1].processes()
    wait_until(lambda: not is_running(own), "its process to end")
