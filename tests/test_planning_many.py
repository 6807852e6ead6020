"""Planning very many clips: twice as many take twice the work, and no more."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fer_pipeline.annotation import AnnotationPlan, Making, plan_annotation, planning
from fer_pipeline.face_search import SearchOptions
from fer_pipeline.model_folder import bundled_model
from fer_pipeline.outputs import Output, Picture, add_to_manifest
from fer_pipeline.sources import Source, find_videos
from tests.media import PARTICIPANTS

COUNTS = (10, 20, 40)


class Name(str):
    """A name whose comparisons are counted."""

    __slots__ = ()
    __hash__ = str.__hash__
    compared = 0

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return str.__eq__(self, other)


def with_counted_names(inputs: Sequence[Path]) -> tuple[Source, ...]:
    return tuple(replace(one, name=Name(one.name)) for one in find_videos(inputs))


def work_of(action: Callable[[], object]) -> tuple[int, int]:
    """Return how many functions an action calls, Python's own included, and names it compares."""
    called = 0

    def note(_frame: object, event: str, _what: object) -> None:
        nonlocal called
        called += event in ("call", "c_call")

    compared = Name.compared
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return called, Name.compared - compared


def plan(clips: Path, out: Path) -> AnnotationPlan:
    pictures = (Picture("plot", out, folder=True),)
    outputs = [Output(out, "csv", folder=True), Output(out / "eaf", "eaf", folder=True)]
    return plan_annotation(
        [clips],
        bundled_model(),
        SearchOptions(),
        outputs,
        Making(pictures=pictures, picture_values={"plot": 1}),
    )


def finish(planned: AnnotationPlan) -> None:
    """Put files and notes where a run would, of as many clips as there are."""
    for task in planned.tasks:
        name, state = task.source.name, task.source.state()
        for goal, path in (planned.targets[name] | planned.pictures[name]).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            made_from = planned.recipe.of(goal, state)
            add_to_manifest(goal, name, made_from | {"bytes": 0}, task.source.path)


@pytest.mark.parametrize("finished", [True, False])
def test_a_plan_of_twice_as_many_clips_is_twice_the_work(tmp_path, monkeypatch, finished):
    monkeypatch.setattr(planning, "find_videos", with_counted_names)
    taken = []
    for count in COUNTS:
        clips, out = tmp_path / f"{count}", tmp_path / f"out-{count}"
        for number in range(count):
            clip = clips / f"{number % 7}" / f"P{number:03d}_happy.mp4"
            clip.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PARTICIPANTS / "P00_happy.mp4", clip)
        if finished:
            finish(plan(clips, out))
        planned = plan(clips, out)  # what is loaded at the first time is loaded
        assert (len(planned.skipped), len(planned.tasks)) == (
            (count, 0) if finished else (0, count)
        )
        taken.append(work_of(lambda clips=clips, out=out: plan(clips, out)))
    for first, second, third in zip(*taken, strict=True):
        assert third - second <= 2.1 * (second - first)
