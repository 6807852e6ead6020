"""``history.csv``, as it is written and read."""

from __future__ import annotations

import csv
import tempfile
from dataclasses import astuple
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.errors import ModelError
from fer_pipeline.fit_options import Epoch
from fer_pipeline.history import read_history, write_history

FIGURES = st.floats(width=64)
EPOCHS = st.builds(
    Epoch, st.integers(1, 10**6), FIGURES, FIGURES, FIGURES, FIGURES, FIGURES, FIGURES
)
FITS = st.dictionaries(
    st.text("0123456789final ,;\"'é", min_size=1, max_size=8),
    st.lists(EPOCHS, min_size=1, max_size=4),
    max_size=3,
)


@given(FITS)
def test_what_is_read_is_what_was_written(fits):
    with tempfile.TemporaryDirectory() as folder:
        write_history(Path(folder), fits)
        told = read_history(Path(folder))
    assert list(told) == list(fits)
    for name, epochs in told.items():
        # NaN is not equal to itself, but it is written alike.
        assert [repr(astuple(one)) for one in epochs] == [repr(astuple(one)) for one in fits[name]]


def test_the_table_names_fit_and_figures(tmp_path):
    write_history(tmp_path, {"1": [Epoch(1, 0.5, 0.75, float("nan"), 0.5, 1e-3, 2.0)], "final": []})
    with (tmp_path / "history.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert list(row)[:3] == ["fit", "number", "loss"]
    assert (row["fit"], row["number"], row["accuracy"]) == ("1", "1", "0.75")
    assert row["validation_loss"] == "nan"


@pytest.mark.parametrize(
    "broken",
    [
        "number,loss\n1,0.5\n",
        "fit,number,loss\n1,1,0.5\n",
        "fit,number,loss,accuracy,validation_loss,validation_accuracy,learning_rate,seconds\n"
        "1,one,1,1,1,1,1,1\n",
        "fit,number,loss,accuracy,validation_loss,validation_accuracy,learning_rate,seconds\n"
        "1,1,1,1\n",
        "fit,number,loss,accuracy,validation_loss,validation_accuracy,learning_rate,seconds\n"
        "1,1,1,1,1,1,1,1,1\n",
    ],
    ids=["no fit", "columns missing", "no number", "cut short", "too long"],
)
def test_a_broken_history_is_refused_in_one_line(tmp_path, broken):
    (tmp_path / "history.csv").write_text(broken, "utf-8")
    with pytest.raises(
        ModelError, match=r"history\.csv: broken .*; train the model again"
    ) as error:
        read_history(tmp_path)
    assert "\n" not in str(error.value)


def test_a_history_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "history.csv").write_bytes(b"\xff\xfe\x00 not a table")
    with pytest.raises(ModelError, match=r"history\.csv: broken"):
        read_history(tmp_path)


def test_a_missing_history_is_told(tmp_path):
    with pytest.raises(ModelError, match=r"history\.csv: missing from the model folder; train"):
        read_history(tmp_path)
