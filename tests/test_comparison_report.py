"""The tables of a comparison: made from real model folders whose specs and figures were edited."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_pipeline.classifier import Speed
from fer_pipeline.comparison_results import Comparison, Entry, Result, colour_or_gray, read_result
from fer_pipeline.dataset import Dataset, open_dataset
from fer_pipeline.errors import ModelError
from fer_pipeline.model_size import ModelSize
from fer_pipeline.report.comparison_files import write_comparison
from fer_pipeline.report.comparison_page import as_html
from fer_pipeline.report.comparison_tables import (
    NOT_AS_PUBLISHED,
    Section,
    as_csv,
    as_markdown,
    as_text,
    measures,
    sections,
)

SPEED = Speed(threads=1, one=0.002, batch32=0.001)
SIZE = ModelSize(weights=1234, bytes={"model.keras": 5678, "model.tflite": 999})

Make = Callable[..., Result]


@pytest.fixture(scope="module")
def dataset(faces_file) -> Iterator[Dataset]:
    with open_dataset(faces_file) as opened:
        yield opened


@pytest.fixture
def make(model_folder, dataset, tmp_path) -> Make:
    """Make a column from copies of a trained model's folder, one for each fold.

    Of the faces given for each fold, so many are told rightly, and one after the other wrongly.
    """

    def result(
        network: str = "lenet5",
        channels: str = "gray",
        *,
        right: tuple[int, ...] = (6,),
        rows: tuple[list[int], ...] = (list(range(9)),),
        by_frames: bool = False,
        weights: str | None = None,
        kind: str = "participant",
    ) -> Result:
        folders = []
        for fold, (hits, tested) in enumerate(zip(right, rows, strict=True)):
            name = f"{network}-{channels}-{by_frames}-{fold}-{len(list(tmp_path.iterdir()))}"
            folder = shutil.copytree(model_folder, tmp_path / name)
            spec = json.loads((folder / "spec.json").read_text("utf-8"))
            spec["training"]["run"]["options"]["weights"] = weights
            spec["split"]["kind"] = kind
            (folder / "spec.json").write_text(json.dumps(spec), "utf-8")
            truth = dataset.column("label")[tested]
            named = (truth + (np.arange(len(truth)) >= hits)) % len(dataset.emotions)
            np.savez(
                folder / "predictions.npz",
                fit=np.zeros(len(tested), int),
                row=np.array(tested),
                probabilities=np.eye(len(dataset.emotions), dtype=np.float32)[named],
            )
            folders.append(folder)
        return read_result(dataset, Entry(network, channels, by_frames), folders, SPEED, SIZE)

    return result


@pytest.fixture
def compared(dataset) -> Callable[..., Comparison]:
    def comparison(*results: Result, **values: Any) -> Comparison:
        colour = colour_or_gray(dataset, results)
        machine = {"system": "Linux", "processor": "a processor", "cores": 2}
        told = {"command": "fer compare --data 'a<b>.h5'", "machine": machine}
        given = {"failures": {}, "provenance": told} | values
        return Comparison(dataset.emotions, results, colour, **given)

    return comparison


def section(comparison: Comparison, title: str) -> Section:
    (found,) = [one for one in sections(comparison) if one.title.startswith(title)]
    return found


def row(found: Section, name: str) -> list[Any]:
    (cells,) = [list(cells[1:]) for cells in found.rows if cells[0] == name]
    return cells


def test_the_figures_are_those_of_the_predictions(make, compared):
    comparison = compared(make(right=(6,)), make("lenet", right=(3,)))
    figures = section(comparison, "Figures on people that the networks have not seen")
    assert figures.header == ("", "lenet5 gray", "lenet gray")
    assert row(figures, "accuracy, test") == ["0.6667", "0.3333"]
    assert row(figures, "weights") == ["1,234", "1,234"]
    assert row(figures, "size of the model file, bytes") == ["5,678", "5,678"]
    assert row(figures, "milliseconds per image") == ["2.0000", "2.0000"]


# Networks that began otherwise than published


def test_a_network_without_its_published_first_weights_is_marked_wherever_it_is_named(
    make, compared, tmp_path
):
    bare, begun = make("vgg16"), make("vgg16", weights="imagenet")
    small, frames = make("lenet5"), make("vgg16", by_frames=True, kind="random")
    assert [one.as_published for one in (bare, begun, small)] == [False, True, True]
    comparison = compared(bare, small, frames)
    for title in ("Figures on people", "Precision and recall"):
        header = section(comparison, title).header
        assert header[-2:] == (f"vgg16 {NOT_AS_PUBLISHED} gray", "lenet5 gray")
    for title in ("Leak meter", "Training"):
        assert section(comparison, title).rows[0][0] == f"vgg16 {NOT_AS_PUBLISHED} gray"
    note = f"{NOT_AS_PUBLISHED} began with random weights, the published one with ImageNet's"
    assert any(said.startswith(note) for said in section(comparison, "Figures on").notes)
    assert [one["as published"] for one in rows_of(comparison)] == ["False", "True", "False"]
    write_comparison(tmp_path / "out", comparison)
    told = json.loads((tmp_path / "out" / "comparison.json").read_text("utf-8"))
    assert [one["as_published"] for one in told["columns"]] == [False, True, False]
    page = (tmp_path / "out" / "comparison.html").read_text("utf-8")
    assert page.count(f"vgg16 {NOT_AS_PUBLISHED} gray") >= 4


def test_nothing_is_said_of_marks_where_there_are_none(make, compared):
    text = as_text(sections(compared(make("vgg16", weights="imagenet"), make("lenet5"))))
    assert NOT_AS_PUBLISHED not in text
    assert ("first weights", "imagenet") in section(
        compared(make("vgg16", weights="imagenet")), "How to"
    ).rows


def rows_of(comparison: Comparison) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(comparison))))


# Folds


FOLDS = {"rows": (list(range(24)), list(range(24, 48)), list(range(48, 72)))}


def test_folds_are_told_one_by_one_and_together(make, compared):
    result = make(right=(24, 18, 12), **FOLDS)
    assert result.folds == (1.0, 0.75, 0.5)
    together, *folds = rows_of(compared(result))
    assert (together["fold"], float(together["accuracy, test"])) == ("all", 0.75)
    assert [(one["fold"], float(one["accuracy, test"])) for one in folds] == [
        ("1", 1.0),
        ("2", 0.75),
        ("3", 0.5),
    ]
    assert all(not one["test faces"] and not one["macro F1, test"] for one in folds)
    figures = section(compared(result), "Figures")
    assert row(figures, "standard deviation over folds") == ["0.2500"]
    (training,) = section(compared(result), "Training").rows
    assert training[2] == 3


def test_over_folds_colour_and_gray_are_compared_fold_by_fold(make, compared):
    comparison = compared(
        make(right=(12, 12, 12), **FOLDS), make(channels="rgb", right=(24, 18, 12), **FOLDS)
    )
    told = section(comparison, "Colour or grayscale?")
    (cells,) = told.rows
    assert cells[:4] == ("lenet5", "75.0 %", "50.0 %", "+25.0")
    # Differences 0.5, 0.25, 0: t = 0.25 / sqrt(0.0625 * (1/3 + 1/2)) with 2 degrees of freedom.
    t = 0.25 / (0.0625 * 5 / 6) ** 0.5
    assert cells[5] == f"{1 - t / (2 + t * t) ** 0.5:.3f}"
    assert "the mean difference of 3 folds, with the corrected t test" in told.notes[0]


# One division


def test_on_one_division_people_are_drawn_anew(make, compared):
    tested = {"rows": (list(range(48)),)}
    comparison = compared(make(right=(24,), **tested), make(channels="rgb", right=(48,), **tested))
    told = section(comparison, "Colour or grayscale?")
    (cells,) = told.rows
    assert cells[3:] == ("+50.0", "+0.0 to +100.0", "")  # all gain is of one of two people
    assert "the 2 test people drawn anew" in told.notes[0]
    notes = section(comparison, "Figures").notes
    assert notes[0] == "Intervals: 95 %, from drawing the 2 test people anew."


def test_of_a_single_test_person_faces_are_compared(make, compared):
    comparison = compared(make(right=(0,)), make(channels="rgb", right=(9,)))
    told = section(comparison, "Colour or grayscale?")
    (cells,) = told.rows
    assert (cells[3], cells[5]) == ("+100.0", f"{2 / 2**9:.3f}")
    assert "9 test faces: McNemar's exact test, as if all were independent" in told.notes[0]
    assert "since all test faces are of one person" in section(comparison, "Figures").notes[0]


def test_networks_in_one_representation_are_not_compared_with_another(make, compared):
    comparison = compared(make("lenet5"), make("lenet", "rgb"))
    assert "Colour or grayscale?" not in [one.title for one in sections(comparison)]


# The leak meter


def test_figures_on_random_frames_stand_in_no_column_of_people(make, compared):
    held_out = make(right=(3,))
    frames = make(right=(9,), by_frames=True, kind="random")
    comparison = compared(held_out, frames)
    for title in ("Figures on people", "Precision and recall"):
        assert section(comparison, title).header[-1] == "lenet5 gray"
        assert "random" not in " ".join(section(comparison, title).header)
    (cells,) = section(comparison, "Leak meter").rows
    assert (cells[0], cells[1], *cells[3:]) == ("lenet5 gray", "33.3 %", "100.0 %", "+66.7")
    assert [one["split"] for one in rows_of(comparison)] == ["participant", "random"]
    assert frames.scores.participants == {}  # no interval over people who are on both sides


def test_random_frames_alone_make_no_figures_on_people(make, compared):
    comparison = compared(make(by_frames=True, kind="random"), failures={"lenet5-gray": "it died"})
    titles = [one.title for one in sections(comparison)]
    assert titles == ["Training", "Runs without a result", "How to make it again"]
    assert section(comparison, "Training").rows[0][0] == "lenet5 gray, random frames"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("corpus", "Figures on the corpus's own test part"),
        ("video", "Figures on videos that the networks have not seen, of people they may have"),
        ("random", "Figures on RANDOM FRAMES of people that the networks have seen: this flatters"),
    ],
)
def test_the_heading_says_whose_faces_they_are(make, compared, kind, said):
    assert sections(compared(make(kind=kind)))[0].title == said


# Forms


def test_failures_are_listed_with_their_reason(make, compared):
    comparison = compared(make(), failures={"vgg16-rgb": "no memory; give a smaller --batch | or"})
    told = section(comparison, "Runs without a result")
    assert told.rows == (("vgg16-rgb", "no memory; give a smaller --batch | or"),)
    assert "--batch \\| or |" in as_markdown(sections(comparison))


def test_a_page_shows_what_was_typed_and_runs_nothing_of_it(make, compared):
    page = as_html(sections(compared(make(), failures={"<script>": "a & b"})), "curves.png")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "a &amp; b" in page
    assert "fer compare --data &#x27;a&lt;b&gt;.h5&#x27;" in page


def test_measures_that_cannot_be_told_stay_empty(make, compared):
    result = make(rows=([0, 1],), right=(2,))  # all of one emotion, all told so
    assert measures(result)["Cohen's kappa, test"] is None
    comparison = compared(replace(result, size=ModelSize(None, {})))
    figures = section(comparison, "Figures")
    for name in ("Cohen's kappa, test", "weights", "size of the model file, bytes"):
        assert row(figures, name) == [""]
    assert rows_of(comparison)[0]["weights"] == ""


# Broken folders


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("predictions.npz", b"no archive", r"predictions\.npz: broken .*; remove the folder, and"),
        ("predictions.npz", None, r"predictions\.npz: missing from the model folder; remove the"),
        ("metrics.json", b"{}", r"metrics\.json: broken .*; remove the folder, and the same"),
        ("metrics.json", b"[]", r"metrics\.json: broken .*; remove the folder, and the same"),
        ("history.csv", b"fit,number\n1,x\n", r"history\.csv: broken"),
    ],
)
def test_a_broken_model_folder_is_told_with_its_file(
    model_folder, dataset, tmp_path: Path, name, content, message
):
    folder = shutil.copytree(model_folder, tmp_path / "model")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=message):
        read_result(dataset, Entry("lenet5", "gray"), [folder], SPEED, SIZE)
