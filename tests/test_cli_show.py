"""What ``fer data show`` tells beside its table, and the plot."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pipeline.dataset import (
    Excerpt,
    FaceRow,
    Withdrawn,
    copy_rows,
    create_dataset,
    open_dataset,
)
from fer_pipeline.domain import Box
from fer_pipeline.provenance import continued
from tests.conftest import crop_record, write_faces


@pytest.fixture
def dataset(faces_file, tmp_path) -> Path:
    """A dataset of the test's own: six people, three emotions, eight faces of each."""
    return Path(shutil.copy2(faces_file, tmp_path / "faces.h5"))


def facts(shown: str) -> dict[str, list[str]]:
    """Return the lines below the table by their first word."""
    found: dict[str, list[str]] = {}
    for line in shown.partition("\n\n")[2].splitlines():
        name, _, text = line.partition(" ")
        found.setdefault(name, []).append(text.strip())
    return found


def write_stills(path: Path, splits: list[int], *, votes: bool = False, video: str | None = None):
    """Write faces of nobody known, each on a side of the corpus's own split."""
    rng = np.random.default_rng(0)
    with create_dataset(path, crop_record(), ["fear", "anger"], votes=votes) as writer:
        for number, split in enumerate(splits):
            image, box = rng.integers(0, 255, (48, 48, 1), np.uint8), Box(0, 0, 9, 9)
            emotion = ("fear", "anger")[number % 2]
            given = {"fear": 3} if votes and number else None
            frame = -1 if video is None else number
            row = FaceRow(image, emotion, None, frame, np.nan, box, None, 0, split, given)
            writer.append(video, row)
        writer.finish({"corpus": "some corpus"})
    return path


def test_show_tells_how_training_divides_where_people_are_unknown(fer, tmp_path):
    def people(splits: list[int], video: str | None = None) -> list[str]:
        path = write_stills(tmp_path / "f.h5", splits, video=video)
        return facts(fer("data", "show", path).stdout)["people"]

    (own,) = people([0, 0, 1, 2])
    assert own == "unknown; training divides by the corpus's own split"
    (by_video,) = people([-1, -1], "a.mp4")
    assert by_video.startswith("unknown; training divides by video")
    (neither,) = people([-1, -1])
    assert neither.startswith("unknown; neither people nor videos are known; --split random")
    (no_class,) = people([-1])
    assert no_class.startswith("unknown; no face shows anger; add videos")


def test_show_counts_the_sides_and_votes_of_a_corpus(fer, tmp_path):
    path = write_stills(tmp_path / "f.h5", [0, 0, 0, 1, 2, 2], votes=True)
    shown = facts(fer("data", "show", path).stdout)
    assert shown["faces"] == ["6 stills of some corpus"]
    assert shown["split"] == ["training 3, validation 1, test 2"]
    assert shown["votes"] == ["of annotators on 5 faces"]
    undivided = facts(fer("data", "show", write_stills(path, [-1, -1])).stdout)
    assert not undivided.keys() & {"split", "votes", "withdrawn", "then"}


def test_show_tells_who_was_withdrawn_and_what_was_done_since(fer, dataset, tmp_path):
    gone = [
        Withdrawn.of(code, f"2026-0{month}-03T00:00:00+00:00", 5, 1)
        for code, month in (("P8", 2), ("P9", 2), ("Q9", 3))
    ]
    with open_dataset(dataset) as opened:
        made = continued(continued({}, "fer data withdraw P8"), "fer data apply faces.h5")
        copy_rows(tmp_path / "n.h5", [Excerpt(dataset)], opened.crop, made, withdrawn=gone)
    shown = facts(fer("data", "show", tmp_path / "n.h5").stdout)
    assert shown["withdrawn"] == ["3 people: 2 on 2026-02-03, 1 on 2026-03-03"]
    first, second = shown["then"]
    assert first.startswith("fer data withdraw P8, 20")
    assert second.startswith("fer data apply faces.h5, 20")


def bars(path: Path) -> dict[str, list[int]]:
    """Return the longest run of pixels of each colour of the bars, from top to bottom."""
    picture = cv2.imread(str(path))[..., ::-1].astype(int)
    colours = {"training": (0, 114, 178), "validation": (213, 94, 0), "test": (0, 158, 115)}
    found = {}
    for name, colour in colours.items():
        wide = (np.abs(picture - colour).max(axis=2) < 3).sum(axis=1)
        steps = np.flatnonzero(np.diff(np.concatenate([[0], wide > 0, [0]]).astype(int)))
        # The legend's patches are lower than any bar.
        runs = [(a, b) for a, b in zip(steps[::2], steps[1::2], strict=True) if b - a > 20]
        found[name] = [int(np.median(wide[a:b])) for a, b in runs]
    return found


def test_the_plot_has_bars_as_long_as_there_are_faces(fer, dataset, tmp_path):
    path = write_stills(tmp_path / "f.h5", [0] * 40 + [1] * 20 + [0, 2, 0, 2, 0, 2])
    plot = tmp_path / "counts.png"
    result = fer("data", "show", path, "--plot", plot)
    assert (result.exit_code, result.stderr) == (0, f"{plot}: faces by emotion\n")
    drawn = bars(plot)  # fear 20 + 10 + 3, anger 20 + 10 + 0 and 3 of the test part
    unit = drawn["training"][0] / 23
    assert drawn["training"] == pytest.approx([23 * unit, 20 * unit], abs=3)
    assert drawn["validation"] == pytest.approx([10 * unit, 10 * unit], abs=3)
    assert drawn["test"] == pytest.approx([3 * unit], abs=3)
    assert fer("data", "show", dataset, "--plot", plot, "--overwrite").exit_code == 0
    one_part = bars(plot)
    assert len(one_part["training"]) == 3
    assert len(set(one_part["training"])) == 1
    assert not one_part["test"]


def test_the_plot_replaces_nothing_unasked(fer, dataset, tmp_path):
    plot = tmp_path / "counts.png"
    plot.write_text("mine")
    result = fer("data", "show", dataset, "--plot", plot)
    assert (result.exit_code, plot.read_text()) == (1, "mine")
    assert f"fer: {plot}: exists; " in result.stderr
    assert fer("data", "show", dataset, "--plot", tmp_path, "--overwrite").exit_code == 2
    assert fer("data", "show", dataset, "--plot", tmp_path / "c.svg").exit_code == 2
    assert fer("data", "show", dataset, "--overwrite").exit_code == 2
    empty = write_faces(tmp_path / "empty.h5", people=0)
    assert fer("data", "show", empty, "--plot", tmp_path / "e.png").exit_code == 0
