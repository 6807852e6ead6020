"""The digest of a dataset's data."""

from __future__ import annotations

import numpy as np
import pytest

from fer_pipeline.domain import Box
from tests.dataset.rows import digest, face, write


def test_the_digest_is_that_of_the_data_and_not_of_the_file(tmp_path):
    one = write(tmp_path / "1.h5", {"a": [face()]}, provenance={"time": "now"})
    other = write(tmp_path / "2.h5", {"a": [face()]}, provenance={"time": "later"})
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    "rows",
    [
        {"b": [face()]},
        {"a": [face(), face()]},
        {"a": [face("fear")]},
        {"a": [face(None)]},
        {"a": [face(participant="P2")]},
        {"a": [face(frame=8)]},
        {"a": [face(time=0.3)]},
        {"a": [face(box=Box(1, 2, 30, 41))]},
        {"a": [face(score=1.4)]},
        {"a": [face(track=1)]},
        {"a": [face(image=np.zeros((8, 8, 3), np.uint8))]},
        {"a": [face()], "b": []},
    ],
)
def test_any_difference_of_the_data_is_one_of_the_digest(tmp_path, rows):
    same = write(tmp_path / "1.h5", {"a": [face()]})
    assert digest(same) != digest(write(tmp_path / "2.h5", rows))
