"""What was there when a command looked for its inputs, and is not when it reads them."""

from __future__ import annotations

import re
import shutil

import pytest

from fer_pipeline.annotation import plan_annotation, publish, run_annotation
from fer_pipeline.corpora.members import read_members
from fer_pipeline.errors import CorpusError, VideoError
from fer_pipeline.extraction import plan_extraction, run_extraction
from fer_pipeline.face_search import SearchOptions
from fer_pipeline.files import FileState
from fer_pipeline.importing import plan_import, run_import
from fer_pipeline.labels import LabelOptions
from fer_pipeline.model_folder import find_model
from fer_pipeline.outputs import Output
from fer_pipeline.sampling import SamplingOptions
from fer_pipeline.sources import Source
from fer_pipeline.video_extraction import ExtractionOptions
from fer_pipeline.workers import Crew
from tests.faults.commands import pictures
from tests.media import PARTICIPANTS

SEARCH = SearchOptions(sampling=SamplingOptions(every=20))
NAME = "P00_happy.mp4"


@pytest.fixture
def clip(tmp_path):
    """A folder with one clip."""
    (tmp_path / "in").mkdir()
    return shutil.copy2(PARTICIPANTS / NAME, tmp_path / "in" / NAME)


def nobody(_: int) -> None:
    """Hear of no progress."""


def test_a_clip_that_is_gone_when_its_turn_comes_is_told_as_such(tmp_path, clip):
    extraction = plan_extraction(
        [clip], LabelOptions(), ExtractionOptions(search=SEARCH), tmp_path / "faces.h5"
    )
    output = Output.parse(str(tmp_path / "labels.csv"), None)
    annotation = plan_annotation([clip], find_model(None), SEARCH, [output])
    clip.unlink()
    for outcomes in (
        run_extraction(extraction, Crew(1), nobody),
        run_annotation(annotation, Crew(1), nobody),
    ):
        (outcome,) = outcomes
        assert type(outcome.error) is VideoError
        assert str(clip) in str(outcome.error)


def test_what_a_worker_that_died_had_begun_is_removed(tmp_path, clip):
    clip.write_bytes(b"no video")
    extraction = plan_extraction([clip], LabelOptions(), ExtractionOptions(), tmp_path / "faces.h5")
    output = Output.parse(str(tmp_path / "labels.csv"), None)
    annotation = plan_annotation([clip], find_model(None), SEARCH, [output])
    for run, plan, begun in (
        (run_extraction, extraction, extraction.tasks[0].part),
        (run_annotation, annotation, annotation.tasks[0].piece),
    ):
        begun.parent.mkdir()
        begun.with_name(f"{begun.name}.unfinished").write_text("half of i")
        (outcome,) = run(plan, Crew(1), nobody)
        assert outcome.error is not None
        assert not [*begun.parent.iterdir()]


def test_a_clip_that_goes_while_it_is_looked_at_is_told_as_such(tmp_path):
    gone = Source(tmp_path / "gone.mp4", "gone.mp4")
    for look in (gone.state, gone.digest):
        with pytest.raises(VideoError, match=r"gone\.mp4: cannot be read \(No such file"):
            look()


def test_a_clip_that_was_finished_and_goes_costs_the_others_nothing(tmp_path, clip):
    output = Output.parse(f"{tmp_path / 'timelines'}/", None)
    state = FileState.of(clip)
    for left in (True, False):
        plan = plan_annotation([clip.parent], find_model(None), SEARCH, [output])
        if not left:
            assert plan.skipped == (NAME,)
            clip.unlink()
        records = {
            outcome.task.source.name: outcome.result
            for outcome in run_annotation(plan, Crew(1), nobody)
        }
        publish(plan, records, "fer annotate")
        shutil.copy2(PARTICIPANTS / "P07_sad.mp4", clip.parent)
    names = {path.stem for path in (tmp_path / "timelines").glob("*.csv")}
    assert names == {"P00_happy", "P07_sad"}
    assert plan.states == {NAME: state}


def test_a_picture_that_goes_before_it_is_read_is_named(tmp_path):
    pictures(tmp_path)
    gone = tmp_path / "in" / "KA" / "anger" / "7.png"
    members = read_members(tmp_path / "in", lambda name: name.endswith(".png"), nobody)
    next(members)
    gone.unlink()  # its folder was listed already
    with pytest.raises(CorpusError, match=f"{re.escape(str(gone))}: cannot be read .No such file"):
        list(members)


@pytest.mark.parametrize("what", ["goes", "comes", "changes"])
def test_a_corpus_that_is_another_when_it_was_read_is_not_taken_for_the_one_before(tmp_path, what):
    pictures(tmp_path)
    folder, out = tmp_path / "in", tmp_path / "faces.h5"
    plan = plan_import("folder", [folder], out)
    picture = folder / "KM" / "fear" / "7.png"
    if what == "goes":
        picture.unlink()
    else:
        target = picture if what == "changes" else picture.with_name("new.png")
        shutil.copyfile(folder / "KA" / "fear" / "8.png", target)
    with pytest.raises(CorpusError, match="changed while it was read; run it again"):
        run_import(plan, 1, nobody, "fer import")
    assert not out.exists()
