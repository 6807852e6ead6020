"""``fer extract``: what a dataset, or a part of one, tells of its videos is nonsense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py

from fer_pipeline.extraction import plan_extraction, run_extraction
from fer_pipeline.face_search import SearchOptions
from fer_pipeline.labels import LabelOptions
from fer_pipeline.sampling import SamplingOptions
from fer_pipeline.video_extraction import ExtractionOptions
from fer_pipeline.workers import Crew
from tests.cli_extract.results import FEW, error_line
from tests.nonsense import changes

OPTIONS = ExtractionOptions(search=SearchOptions(sampling=SamplingOptions(every=10)))


def provenance(path: Path) -> Any:
    with h5py.File(path) as file:
        return json.loads(file.attrs["provenance"])


def tell(path: Path, made: Any) -> None:
    """Let a dataset tell something else of how it was made."""
    with h5py.File(path, "r+") as file:
        file.attrs["provenance"] = json.dumps(made)


def test_a_dataset_whose_videos_make_no_sense_is_refused_in_a_line(fer, videos, extracted):
    made = provenance(extracted)
    name, record = next(iter(made["sources"].items()))
    for broken in (
        made | {"settings": []},
        made | {"sources": [name]},
        made | {"sources": {name: record | {"size": "large"}}},
        made | {"sources": {name: {"size": 5}}},
    ):
        tell(extracted, broken)
        before = extracted.read_bytes()
        result = fer("extract", videos, "-o", extracted, *FEW)
        assert result.exit_code == 1
        assert "--overwrite" in error_line(result)
        assert "unexpected" not in result.stderr
        assert extracted.read_bytes() == before


def test_a_part_whose_record_makes_no_sense_is_extracted_anew(videos, out):
    def plan():
        return plan_extraction([videos], LabelOptions(), OPTIONS, out)

    first = plan()
    for outcome in run_extraction(first, Crew(1), lambda _: None):
        assert outcome.error is None
    assert not plan().tasks
    part = first.tasks[0].part
    good = provenance(part)
    for values in changes(good["record"]):
        tell(part, good | {"record": values})
        for task in plan().tasks:
            assert task.part == part
    for broken in ({}, {"settings": good["settings"]}, good | {"record": {"size": 5}}):
        tell(part, broken)
        assert [task.part for task in plan().tasks] == [part]
    tell(part, good)
    assert not plan().tasks
