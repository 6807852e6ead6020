"""``fer annotate``: records that are in pieces, or nonsense."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fer_pipeline.annotation import AnnotationPlan, plan_annotation, run_annotation
from fer_pipeline.annotation.pieces import finished_piece
from fer_pipeline.face_search import SearchOptions
from fer_pipeline.model_folder import bundled_model
from fer_pipeline.outputs import MANIFEST_FILE, Output, read_clips
from fer_pipeline.sampling import SamplingOptions
from fer_pipeline.workers import Crew
from tests.cli_annotate.results import CLIP, files, said
from tests.nonsense import changes

NAME = CLIP.name

QUICK = SearchOptions(sampling=SamplingOptions(every=10))


def plan(output: Output) -> AnnotationPlan:
    return plan_annotation([CLIP], bundled_model(), QUICK, [output])


def run(output: Output) -> None:
    """Annotate the clip, and stop before it is published."""
    for outcome in run_annotation(plan(output), Crew(1), lambda _: None):
        assert outcome.error is None


def names(found: AnnotationPlan) -> list[str]:
    """Return the clips that are to be annotated."""
    return [task.source.name for task in found.tasks]


def write(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values) + "\n", "utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with the finished timeline of the clip."""
    output = Output(tmp_path_factory.mktemp("finished"), "csv", folder=True)
    run(output)
    shutil.rmtree(output.pieces)
    assert plan(output).skipped == (NAME,)
    return output.path


def test_a_clip_whose_note_makes_no_sense_is_annotated_anew(folder, tmp_path):
    out = shutil.copytree(folder, tmp_path / "out")
    manifest, output = out / MANIFEST_FILE, Output(out, "csv", folder=True)
    entry = json.loads(manifest.read_text("utf-8"))
    del entry["clip"], entry["made_from"]["sha256"]  # which do not count here
    for values in changes(entry):
        write(manifest, values)
        assert names(plan(output)) == [NAME], values
    write(manifest, entry)
    assert plan(output).skipped == (NAME,)


@pytest.mark.parametrize("damage", [5, "x", {"a": 1}, [1], [[]], None])
def test_damage_that_is_no_list_of_warnings_is_not_believed(folder, tmp_path, damage):
    out = shutil.copytree(folder, tmp_path / "out")
    manifest, output = out / MANIFEST_FILE, Output(out, "csv", folder=True)
    entry = json.loads(manifest.read_text("utf-8"))
    write(manifest, entry | {"made_from": entry["made_from"] | {"damage": damage}})
    assert names(plan(output)) == [NAME]
    write(manifest, entry | {"made_from": entry["made_from"] | {"damage": ["torn"]}})
    assert plan(output).damaged == {NAME: ("torn",)}


def test_where_a_clip_was_is_not_known_from_a_note_that_makes_no_sense(folder, tmp_path):
    entry = json.loads((folder / MANIFEST_FILE).read_text("utf-8"))
    write(tmp_path / MANIFEST_FILE, entry)
    assert read_clips(tmp_path).keys() == {NAME}
    place = {"video": NAME, "clip": entry["clip"], "made_from": {"size": 1}}
    for values in changes(place):
        write(tmp_path / MANIFEST_FILE, values)
        for path, size in read_clips(tmp_path).values():
            assert isinstance(path, Path)
            assert type(size) is int


def test_a_clip_whose_record_makes_no_sense_is_annotated_anew(tmp_path):
    output = Output(tmp_path / "labels.csv", "csv", folder=False)
    run(output)
    outcome = plan(output).finished[NAME]
    piece, settings = outcome.task.piece, outcome.task.settings
    record = piece.with_suffix(".json")
    good = json.loads(record.read_text("utf-8"))
    kept = []
    for values in changes(good):
        write(record, values)
        kept.append(finished_piece(piece, settings, CLIP))
    for one in filter(None, kept):  # which make sense: another number, or no warnings
        assert {type(one.read), type(one.lost), type(one.totals.frames)} == {int}
        assert type(one.damaged) is bool
        assert all(isinstance(warning, str) for warning in one.warnings)
        for times in one.totals.seconds.values():
            assert all(isinstance(time, float | int) for time in times.values())
    assert kept.count(None) > 9 * len(kept) // 10
    write(record, good | {"totals": []})
    assert names(plan(output)) == [NAME]
    write(record, good)
    assert plan(output).finished.keys() == {NAME}


def test_a_list_in_the_place_of_records_is_passed_over_by_the_command(fer, folder, tmp_path):
    out = shutil.copytree(folder, tmp_path / "out")
    for text in ("[]", '{"video": [], "format": "csv", "made_from": []}'):
        (out / MANIFEST_FILE).write_text(text + "\n", "utf-8")
        result = fer("annotate", CLIP, "--every", 10, "--out", f"{out}/")
        assert result.exit_code == 0, result.output
        told = f"{out}/P00_happy.csv: a timeline of an earlier run, will be replaced"
        assert said(result) == [told]
        assert files(out) == ["P00_happy.csv", MANIFEST_FILE]
