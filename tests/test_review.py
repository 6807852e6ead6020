"""Lists of decisions: how they are read, and what they do to a dataset."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.care.checking import verify
from fer_pipeline.care.review import (
    ACTIONS,
    SCOPES,
    Change,
    Decision,
    apply_review,
    read_review,
    resolve,
)
from fer_pipeline.dataset import (
    FaceRow,
    Withdrawn,
    copy_rows,
    create_dataset,
    open_dataset,
)
from fer_pipeline.dataset.copying import Excerpt
from fer_pipeline.domain import EMOTIONS, Box
from fer_pipeline.errors import FerError, ReviewError
from tests.conftest import crop_record
from tests.review_lists import decide, write_decisions, write_list

DIGEST = "0123456789abcdef" * 4


def write(path: Path, *, stills: int = 0, copies: bool = False) -> Path:
    """Write two videos of two people each, two stretches of emotions, and stills.

    With ``copies`` all images of a video are the same.
    """
    rng = np.random.default_rng(3)
    sole = rng.integers(0, 255, (16, 16, 1), np.uint8)
    with create_dataset(path, crop_record(16), ["neutral", "happiness", "zeal"]) as writer:
        for still in range(stills):
            image = sole if copies else rng.integers(0, 255, (16, 16, 1), np.uint8)
            row = FaceRow(image, "zeal", None, -1, np.nan, Box(0, 0, 9, 9), None, 0, still % 3)
            writer.append(None, row)
        for video in ("a.mp4", "b/ü.mp4"):
            for frame in range(8):
                for track in range(2):
                    image = sole if copies else rng.integers(0, 255, (16, 16, 1), np.uint8)
                    emotion = ("neutral", "happiness", None)[(frame // 3 + track) % 3]
                    person = f"P{track}"
                    box = Box(track, 0, 9, 9)
                    row = FaceRow(image, emotion, person, frame, frame / 25, box, 1.0, track)
                    writer.append(video, row)
        writer.finish({"command": "fer extract v", "time": "2026-01-01", "versions": {}})
    return path


@pytest.fixture
def data(tmp_path) -> Path:
    return write(tmp_path / "faces.h5", stills=3)


def apply(data: Path, review: Path, out: Path):
    with open_dataset(data) as dataset:
        found = read_review(review)
        applied = resolve(dataset, found)
        apply_review(dataset, found, applied, out, "fer data apply")
    return applied


def contents(path: Path) -> list[tuple]:
    """Return all that is known of each row, with names in place of numbers."""
    with open_dataset(path) as dataset:
        assert verify(dataset) == []
        images = dataset.images(slice(0, len(dataset)))
        label, person, video = (dataset.column(n) for n in ("label", "participant", "video"))
        return [
            (
                images[row].tobytes(),
                (*dataset.emotions, None)[label[row]],
                (*dataset.participants, None)[person[row]],
                (*dataset.videos, None)[video[row]],
                *(
                    str(dataset.column(n)[row])
                    for n in ("frame", "time", "box", "score", "track", "split")
                ),
            )
            for row in range(len(dataset))
        ]


# Reading

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@st.composite
def decisions(draw) -> Decision:
    action = draw(st.sampled_from(ACTIONS))
    video = draw(texts.map(str))
    return Decision(
        line=0,
        row=draw(st.integers(0, 10**6)),
        image=draw(st.integers(0, 2**64 - 1)),
        video=video,
        frame=draw(st.integers(-1, 10**9)),
        track=draw(st.integers(0, 99)),
        was=draw(st.none() | texts.filter(bool)),
        action=action,
        emotion=draw(st.sampled_from((*EMOTIONS, "zeal"))) if action == "label" else None,
        scope=draw(st.sampled_from(SCOPES)) if video and action != "keep" else "face",
    )


@given(
    wanted=st.lists(decisions(), max_size=5),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
    padding=st.sampled_from([0, 8]),
)
def test_what_was_written_is_read(tmp_path_factory, wanted, delimiter, end, encoding, padding):
    path = tmp_path_factory.getbasetemp() / "written.csv"
    write_list(
        path,
        DIGEST,
        wanted,
        delimiter=delimiter,
        end=end,
        encoding=encoding,
        padding=padding,
    )
    read = read_review(path)
    assert read.dataset == DIGEST
    assert [replace(one, line=0) for one in read.decisions] == wanted


@given(
    content=st.binary(max_size=40)
    | st.builds(
        lambda text: f"# fer review list 1\n# dataset: {DIGEST}\n{text}".encode(),
        st.text("rowimage,x0\n;\"'1label", max_size=60),
    )
)
def test_whatever_a_file_holds_is_a_list_or_one_clear_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        told, decisions = str(path), read_review(path).decisions
    except ReviewError as error:
        told, decisions = str(error), ()
    assert told.startswith(str(path))
    assert decisions == ()


LINE = "0,x0000000000000001,a.mp4,0,0,fear,remove,,face"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (("0,x", "nought,x"), "line 4: the row 'nought' is no number"),
        (("x0000000000000001", "1.0E+15"), "line 4: the image '1.0E+15' is no hash"),
        ((",remove,", ",destroy,"), "line 4: the action 'destroy' is unknown"),
        ((",face", ",study"), "line 4: the scope 'study' is unknown"),
        ((",remove,,", ",label,,"), "line 4: the action label has the emotion ''"),
        ((",remove,,", ",remove,fear,"), "line 4: the action remove has the emotion 'fear'"),
        ((",face", ""), "line 4: has 7 cells, not 9"),
        (("a.mp4,0,0,fear,remove,,face", ",0,0,fear,remove,,video"), "remove of a still"),
        (("remove,,face", "keep,,video"), "keep of a video"),
        (("# fer review list 1", "# fer review list 2"), "no review list"),
        ((f"# dataset: {DIGEST}\n", ""), "line 2: does not name the dataset"),
        (("row,image", "row,picture"), "line 3: is not the header"),
        (("a.mp4", '"a"mp4'), "line 4: cannot be read as CSV"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(tmp_path, changed, told):
    header = "row,image,video,frame,track,was,action,emotion,scope"
    text = f"# fer review list 1\n# dataset: {DIGEST}\n{header}\n{LINE}\n"
    path = tmp_path / "review.csv"
    path.write_text(text)
    assert read_review(path).decisions[0].action == "remove"
    assert changed[0] in text
    path.write_text(text.replace(*changed))
    with pytest.raises(ReviewError, match=r"review\.csv") as error:
        read_review(path)
    assert told in str(error.value)


def test_a_list_that_is_not_there_or_no_text_is_one_line(tmp_path):
    path = tmp_path / "review.csv"
    with pytest.raises(ReviewError, match="cannot be read"):
        read_review(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReviewError, match="no text in UTF-8"):
        read_review(path)


# What it changes


def test_an_empty_list_leaves_the_data_as_they_are(data, tmp_path):
    applied = apply(data, write_decisions(tmp_path / "r.csv", data), tmp_path / "new.h5")
    assert not applied.changes
    with open_dataset(data) as before, open_dataset(tmp_path / "new.h5") as after:
        assert after.digest == before.digest


choices = st.tuples(
    st.integers(0, 34),
    st.sampled_from(
        [("remove", None), ("unlabel", None), ("label", "anger"), ("label", "happiness")]
    ),
    st.sampled_from(SCOPES),
)


@given(st.lists(choices, max_size=8, unique_by=(lambda one: one[0], lambda one: one[0] % 2)))
def test_each_face_becomes_what_was_decided(tmp_path_factory, wanted):
    folder = tmp_path_factory.mktemp("applied")
    data = write(folder / "faces.h5", stills=3)
    before = contents(data)
    wanted = [(row, *what, scope if row >= 3 else "face") for row, what, scope in wanted]

    expected = {}
    for scope in ("video", "face"):
        for row, action, emotion, its_scope in wanted:
            if its_scope == scope:
                for other, values in enumerate(before):
                    alike = other == row or (
                        scope == "video"
                        and (values[1], values[3], values[8])
                        == (before[row][1], before[row][3], before[row][8])
                    )
                    if alike:
                        expected[other] = (action, emotion)

    applied = apply(data, write_decisions(folder / "r.csv", data, *wanted), folder / "new.h5")
    after = [
        (values[0], expected[row][1], *values[2:]) if row in expected else values
        for row, values in enumerate(before)
        if expected.get(row, ("", ""))[0] != "remove"
    ]
    assert contents(folder / "new.h5") == after
    assert applied.removed.tolist() == sorted(
        row for row, (action, _) in expected.items() if action == "remove"
    )
    assert sum(applied.changes.values()) == sum(
        action == "remove" or emotion != before[row][1]
        for row, (action, emotion) in expected.items()
    )


def test_what_is_said_of_a_face_goes_before_what_is_said_of_its_video(data, tmp_path):
    said = [(3, "remove", None, "video"), (5, "keep"), (7, "label", "fear")]
    applied = apply(data, write_decisions(tmp_path / "r.csv", data, *said), tmp_path / "n.h5")
    before, after = contents(data), contents(tmp_path / "n.h5")
    assert applied.removed.tolist() == [3]  # 3, 5 and 7 are one person's neutral faces
    assert after == [*before[:3], *before[4:7], (before[7][0], "fear", *before[7][2:]), *before[8:]]
    assert applied.changes == {
        Change("remove", "neutral", None): 1,
        Change("label", "neutral", "fear"): 1,
    }


def test_everyday_words_are_understood(data, tmp_path):
    apply(data, write_decisions(tmp_path / "r.csv", data, (4, "label", "Angry")), tmp_path / "n.h5")
    assert contents(tmp_path / "n.h5")[4][1] == "anger"


def test_the_new_dataset_tells_where_it_comes_from_and_who_was_withdrawn(data, tmp_path):
    gone = Withdrawn.of("P9", "2026-02-03T00:00:00+00:00", 5, 1)
    with open_dataset(data) as dataset:
        made = dataset.provenance
        copy_rows(data, [Excerpt(data)], dataset.crop, made, withdrawn=[gone])
    review = write_decisions(tmp_path / "r.csv", data, (0, "remove"), (4, "unlabel"))
    apply(data, review, tmp_path / "n.h5")
    with open_dataset(tmp_path / "n.h5") as dataset:
        assert dataset.withdrawn == (gone,)
        assert {name: dataset.provenance[name] for name in made} == made
        (run,) = dataset.provenance["history"]
        assert run["command"] == "fer data apply"
        assert run["review"] == {
            "list": "r.csv",
            "digest": hashlib.sha256(review.read_bytes()).hexdigest(),
            "removed": 1,
            "relabelled": 1,
        }


def refused(data: Path, review: Path) -> str:
    with open_dataset(data) as dataset, pytest.raises(FerError) as error:
        resolve(dataset, read_review(review))
    return str(error.value)


def test_an_unknown_emotion_is_told_with_its_line(data, tmp_path):
    said = [(3, "label", "zeal"), (4, "label", "happyness")]
    told = refused(data, write_decisions(tmp_path / "r.csv", data, *said))
    assert "r.csv, line 5: the emotion 'happyness' is unknown; the dataset has neutral" in told


def test_two_words_about_one_face_are_refused_unless_they_agree(data, tmp_path):
    said = [(3, "remove", None, "video"), (5, "unlabel", None, "video")]
    told = refused(data, write_decisions(tmp_path / "r.csv", data, *said))
    assert "r.csv, line 5: says otherwise than line 4, of the same face" in told
    agreed = write_decisions(tmp_path / "r.csv", data, (3, "remove"), (3, "remove"))
    assert apply(data, agreed, tmp_path / "n.h5").removed.tolist() == [3]


def test_a_row_with_another_image_is_told_with_its_line(data, tmp_path):
    with open_dataset(data) as dataset:
        said = [
            decide(dataset, 3, "remove"),
            replace(decide(dataset, 4, "remove"), row=5),
            replace(decide(dataset, 6, "remove"), row=10**9),
        ]
        review = write_list(tmp_path / "r.csv", dataset.digest, said)
    assert "r.csv, lines 5, 6: the row has another image in" in refused(data, review)


def without(data: Path, rows: list[int], out: Path) -> Path:
    """Copy a dataset but for some rows."""
    with open_dataset(data) as dataset:
        kept = np.delete(np.arange(len(dataset)), rows)
        copy_rows(out, [Excerpt(data, kept)], dataset.crop, {})
    return out


@pytest.mark.parametrize("copies", [False, True], ids=["different images", "all images the same"])
def test_a_dataset_that_has_changed_takes_the_list_where_all_faces_are_found(tmp_path, copies):
    data = write(tmp_path / "f.h5", copies=copies)
    review = write_decisions(tmp_path / "r.csv", data, (9, "remove"), (20, "label", "fear"))
    fewer = without(data, [0, 1, 2, 12], tmp_path / "fewer.h5")
    applied = apply(fewer, review, tmp_path / "n.h5")
    assert not applied.same_dataset
    assert applied.removed.tolist() == [6]
    assert applied.labels == {16: "fear"}


def test_faces_that_are_gone_are_told_with_their_lines(data, tmp_path):
    said = [(row, "remove") for row in range(3, 18)]
    review = write_decisions(tmp_path / "r.csv", data, *said)
    told = refused(without(data, list(range(4, 18)), tmp_path / "fewer.h5"), review)
    assert "r.csv, lines 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, and 4 more: no such face in" in told
    one = refused(without(data, [7], tmp_path / "fewer.h5"), review)
    assert "r.csv, line 8: no such face in" in one


def test_stills_that_are_copies_cannot_be_told_apart_in_another_dataset(tmp_path):
    data = write(tmp_path / "f.h5", stills=3, copies=True)
    review = write_decisions(tmp_path / "r.csv", data, (1, "remove"))
    assert apply(data, review, tmp_path / "n.h5").removed.tolist() == [1]
    told = refused(without(data, [0], tmp_path / "fewer.h5"), review)
    assert "r.csv, line 4: a face that is in" in told
    assert "several times" in told


def test_votes_and_splits_stay_as_they_are(tmp_path):
    data = tmp_path / "f.h5"
    rng = np.random.default_rng(0)
    with create_dataset(data, crop_record(16), ["fear", "anger"], votes=True) as writer:
        for split in range(3):
            image = rng.integers(0, 255, (16, 16, 1), np.uint8)
            votes = {"fear": split, "anger": 9}
            row = FaceRow(image, "fear", None, -1, np.nan, Box(0, 0, 9, 9), None, 0, split, votes)
            writer.append(None, row)
        writer.finish({})
    review = write_decisions(tmp_path / "r.csv", data, (1, "label", "anger"), (0, "remove"))
    apply(data, review, tmp_path / "n.h5")
    with h5py.File(tmp_path / "n.h5") as file:
        votes = {n: file["votes"][:, i].tolist() for i, n in enumerate(file.attrs["emotions"])}
        assert votes == {"fear": [1, 2], "anger": [9, 9]}
        assert file["split"][:].tolist() == [1, 2]


def test_counts_of_changes_are_those_of_the_faces(data, tmp_path):
    said = [(row, "label", "fear") for row in range(3, 13)]
    applied = apply(data, write_decisions(tmp_path / "r.csv", data, *said), tmp_path / "n.h5")
    before = contents(data)
    assert Counter(applied.changes) == Counter(
        Change("label", before[row][1], "fear") for row in range(3, 13)
    )
