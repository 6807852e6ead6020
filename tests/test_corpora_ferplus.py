"""FER+: votes that belong to the faces of FER2013, and what becomes of them."""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.corpora import ReadOptions, Skipped, Still, Unusable
from fer_pipeline.corpora.ferplus import FERPLUS, Votes
from fer_pipeline.domain import EMOTIONS
from tests.corpus_files import (
    any_picture,
    everything,
    refused,
    skipped,
    stills,
    unusable,
    write_folder,
    write_tar,
    write_zip,
)

HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)
VOTED = HEADER.split(",")[2:10]
FER2013_CODES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
USAGES = ("Training", "PublicTest", "PrivateTest")

CLEAR = (10, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def labels(rows, header=HEADER) -> bytes:
    lines = [header]
    for number, (usage, votes) in enumerate(rows):
        name = "" if votes == (0,) * 9 + (10,) else f"fer{number:07d}.png"
        lines.append(f"{usage},{name},{','.join(map(str, votes))}")
    return ("\n".join(lines) + "\n").encode()


def pixels(rows) -> bytes:
    """Return FER2013's table: each face is a shade of gray that is its number."""
    lines = ["emotion,pixels,Usage"]
    for number, (usage, code) in enumerate(rows):
        lines.append(f"{code},{' '.join([str(number % 256)] * 2304)},{usage}")
    return ("\n".join(lines) + "\n").encode()


def two_tables(rows) -> dict[str, bytes]:
    """Return both tables of rows (usage, votes, code of FER2013)."""
    return {
        "fer2013new.csv": labels([row[:2] for row in rows]),
        "fer2013.csv": pixels([(usage, code) for usage, _, code in rows]),
    }


def written(folder, rows):
    write_folder(folder, two_tables(rows))
    return folder / "fer2013new.csv", folder / "fer2013.csv"


ROWS = [
    ("Training", (4, 0, 0, 1, 3, 2, 0, 0, 0, 0), 0),  # 4 of 9, for one is single
    ("Training", (6, 0, 1, 1, 0, 0, 0, 0, 2, 0), 6),
    ("Training", (0, 0, 0, 0, 0, 0, 0, 0, 0, 10), 0),
    ("PublicTest", (0, 0, 0, 0, 0, 0, 0, 9, 1, 0), 6),
    ("PrivateTest", (5, 0, 0, 5, 0, 0, 0, 0, 0, 0), 4),
    ("PrivateTest", (0, 1, 0, 2, 0, 1, 0, 0, 6, 0), 4),
    ("PrivateTest", (0, 6, 0, 0, 2, 2, 0, 0, 0, 0), 3),
]


def test_faces_get_the_emotion_that_most_voted_for_and_the_others_are_counted(tmp_path):
    entries = everything(FERPLUS, *written(tmp_path, ROWS))
    kept = stills(entries)
    assert [(still.image[0, 0, 0], still.emotion, still.split) for still in kept] == [
        (1, "neutral", 0),
        (3, "contempt", 1),
        (6, "happiness", 2),
    ]
    assert [still.place for still in kept] == [
        f"{tmp_path / 'fer2013.csv'}, line {number + 2}" for number in (1, 3, 6)
    ]
    assert skipped(entries) == {
        "no emotion has more than half of the votes": 2,
        "most votes are that it is no face": 1,
        "most votes are for an unknown emotion": 1,
    }
    assert len(entries) == len(ROWS)


def test_votes_are_shares_of_all_emotions(tmp_path):
    kept = stills(everything(FERPLUS, *written(tmp_path, ROWS)))
    assert all(tuple(sorted(still.votes)) == tuple(sorted(EMOTIONS)) for still in kept)
    shares = [{name: x for name, x in still.votes.items() if x} for still in kept]
    assert shares == [
        {"neutral": 1.0},
        {"contempt": 1.0},
        {"happiness": 0.6, "anger": 0.2, "disgust": 0.2},
    ]
    assert FERPLUS.votes
    assert FERPLUS.emotions == EMOTIONS


def as_the_authors_do(counts):
    """Return emotion and distribution as a plain transcription of the published procedure says."""
    votes = [0.0 if count < 1 + sys.float_info.epsilon else float(count) for count in counts]
    total, most = sum(votes), max(votes)
    majority = votes.index(most) if most > 0.5 * total else 8
    taken, part, number, valid = [0.0] * 10, 0.0, 0, True
    while part < 0.75 * total and number < 3 and valid:
        most = max(votes)
        for i in range(10):
            if votes[i] != most:
                continue
            taken[i], votes[i] = most, 0.0
            part, number = part + most, number + 1
            if i >= 8:
                valid = False
                if sum(taken) > most:
                    taken[i], number = 0.0, number - 1
                break
    shares = [x / sum(taken[:8]) for x in taken[:8]] if majority < 8 else None
    return majority, shares


def compositions(total, parts):
    """Yield all ways to spread votes over choices, larger before smaller."""
    for cuts in itertools.combinations_with_replacement(range(total + 1), parts - 1):
        edges = (0, *cuts, total)
        yield [b - a for a, b in itertools.pairwise(edges)]


def check_against_the_authors(counts):
    majority, shares = as_the_authors_do(counts)
    votes = Votes("", 0, tuple(counts))
    if shares is None:
        assert votes.majority not in EMOTIONS
    else:
        assert votes.majority == VOTED[majority]
        assert [votes.distribution[name] for name in VOTED] == pytest.approx(shares)


def test_every_outcome_of_ten_votes_on_four_choices_is_judged_as_the_authors_do():
    for first, second, unknown, no_face in compositions(10, 4):
        check_against_the_authors((0, first, 0, 0, second, 0, 0, 0, unknown, no_face))


@given(st.lists(st.integers(0, 9), max_size=20))
def test_any_votes_are_judged_as_the_authors_do(votes):
    check_against_the_authors([votes.count(choice) for choice in range(10)])


def test_the_tables_are_found_by_their_columns_in_any_order_and_wrapping(tmp_path):
    tables = two_tables(ROWS)
    first, second = written(tmp_path / "a", ROWS)
    renamed = (tmp_path / "votes.txt", tmp_path / "faces.data")
    for path, content in zip(renamed, tables.values(), strict=True):
        path.write_bytes(content)
    extra = {
        "deep/README.txt": b"read me",
        "deep/other.csv": b"a,b\n1,2\n",
        "deep/train.csv": pixels([]),
        "sample.png": any_picture(1),
    }
    wrappings = [
        (first, second),
        (second, first),
        (first.parent,),
        renamed,
        (write_zip(tmp_path / "a.zip", {**extra, **tables}),),
        (write_tar(tmp_path / "a.tar.gz", {"fer2013/fer2013.csv": tables["fer2013.csv"]}), first),
    ]
    wanted = [
        (still.image.tobytes(), still.emotion)
        for still in stills(everything(FERPLUS, first, second))
    ]
    for sources in wrappings:
        kept = stills(everything(FERPLUS, *sources))
        assert [(still.image.tobytes(), still.emotion) for still in kept] == wanted, sources


def test_the_older_table_without_names_is_read_too(tmp_path):
    first, second = written(tmp_path, ROWS)
    lines = first.read_text().splitlines()
    first.write_text(
        "\n".join(",".join(line.split(",")[:1] + line.split(",")[2:]) for line in lines)
    )
    assert len(stills(everything(FERPLUS, first, second))) == 3


def test_a_missing_or_doubled_table_is_refused(tmp_path):
    first, second = written(tmp_path, ROWS)
    assert "no table of FER2013 pixels there; give FER2013's fer2013.csv" in refused(FERPLUS, first)
    assert "no table of FER+ votes there; give fer2013new.csv" in refused(FERPLUS, second)
    assert "several tables of FER+ votes" in refused(FERPLUS, first, second, first)
    assert "no such file" in refused(FERPLUS, first, tmp_path / "nowhere.csv")


@pytest.mark.parametrize("side", [0, 1])
def test_tables_of_unlike_length_are_refused(side, tmp_path):
    paths = written(tmp_path, ROWS)
    lines = paths[side].read_text().splitlines()
    paths[side].write_text("\n".join(lines[:-1]))
    assert "has not as many rows as" in refused(FERPLUS, *paths)


def test_tables_in_another_order_are_refused_by_their_usage(tmp_path):
    first, second = written(tmp_path, ROWS)
    lines = second.read_text().splitlines()
    second.write_text("\n".join([lines[0], lines[-1], *lines[1:-1]]))
    message = refused(FERPLUS, first, second)
    assert f"{first}, line 2: another usage than in {second}, line 2; " in message


def many_rows(number):
    """Rows of all emotions in turn, on which both corpora agree."""
    for i in range(number):
        emotion = FER2013_CODES[i % 7]
        votes = tuple(10 * (name == emotion) for name in (*VOTED, "unknown", "NF"))
        yield "Training", votes, i % 7


def test_tables_in_another_order_are_refused_by_their_emotions(tmp_path):
    rows = list(many_rows(140))
    assert len(stills(everything(FERPLUS, *written(tmp_path, rows)))) == 140
    moved = [(*row[:2], rows[i - 1][2]) for i, row in enumerate(rows)]
    message = refused(FERPLUS, *written(tmp_path, moved))
    assert "only 0 of 140 faces have the emotion that" in message


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("Training,a.png,x,0,0,0,0,0,0,0,0,0", "the votes for neutral are 'x', not a number"),
        ("Training,a.png,-1,0,0,0,0,0,0,0,0,0", "the votes for neutral are '-1'"),
        ("Training,a.png,0,0,0,0,0,0,0,0,0,99999", "the votes for nf are '99999'"),
        ("Training,a.png,10", "columns: 3 instead of 12"),
        ("Train,a.png,10,0,0,0,0,0,0,0,0,0", "the usage is 'Train', none of Training"),
    ],
)
def test_a_bad_row_of_votes_is_listed_and_moves_no_other(line, problem, tmp_path):
    rows = [("Training", CLEAR, 6)] * 3
    first, second = written(tmp_path, rows)
    lines = first.read_text().splitlines()
    first.write_text("\n".join([*lines[:2], line, lines[3]]))
    one, bad, three = everything(FERPLUS, first, second)
    assert [one.image[0, 0, 0], three.image[0, 0, 0]] == [0, 2]
    assert bad.place == f"{first}, line 3"
    assert problem in bad.problem


def test_a_bad_row_of_pixels_is_listed_and_moves_no_other(tmp_path):
    first, second = written(tmp_path, [("Training", CLEAR, 6)] * 3)
    lines = second.read_text().splitlines()
    second.write_text("\n".join([*lines[:2], "6,1 2 3,Training", lines[3]]))
    one, bad, three = everything(FERPLUS, first, second)
    assert [one.image[0, 0, 0], three.image[0, 0, 0]] == [0, 2]
    assert bad == Unusable(f"{second}, line 3", "pixels: 3 instead of 2304")


texts = st.sampled_from(
    ["Training", "PublicTest", "", "x", "1", "2", "10", '"', "é", "," * 11, "0,0,0,0,0,0,0,0,0,0"]
)


@given(st.lists(st.lists(texts, max_size=13).map(",".join), max_size=4))
def test_whatever_the_votes_are_each_row_is_accounted_for(lines):
    filled = [line for line in lines if line.strip()]
    usages = [next((u for u in USAGES if line.startswith(u + ",")), "Training") for line in filled]
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "fer2013new.csv"), Path(folder, "fer2013.csv")
        first.write_text("\n".join([HEADER, *lines]), encoding="utf-8")
        second.write_bytes(pixels([(usage, 6) for usage in usages]))
        entries = everything(FERPLUS, first, second)
    assert len(entries) == len(filled)
    assert all(isinstance(entry, Still | Skipped | Unusable) for entry in entries)
    assert all(np.isclose(sum(still.votes.values()), 1) for still in stills(entries))
    assert all(entry.problem.isprintable() for entry in unusable(entries))


def test_most_votes_are_enough_if_asked(tmp_path):
    cases = {
        (4, 3, 3, 0, 0, 0, 0, 0, 0, 0): "neutral",  # more than any other, and no majority
        (0, 0, 5, 5, 0, 0, 0, 0, 0, 0): "surprise",  # the first of equals
        (0, 0, 0, 0, 0, 0, 0, 4, 3, 3): "contempt",
        (0, 0, 0, 4, 0, 0, 0, 0, 4, 2): "sadness",  # before unknown, as in the authors' columns
        (0, 0, 0, 2, 0, 0, 0, 0, 5, 3): None,
        (3, 0, 0, 0, 0, 0, 0, 0, 3, 4): None,
        (1, 1, 1, 1, 1, 1, 1, 1, 1, 1): None,  # single votes count for nothing
    }
    sources = written(tmp_path, [("Training", votes, 0) for votes in cases])
    entries = list(FERPLUS.read(sources, ReadOptions(most_voted=True), lambda _: None))
    assert [getattr(one, "emotion", None) for one in entries] == list(cases.values())
    strict = FERPLUS.read(sources, ReadOptions(), lambda _: None)
    assert not any(hasattr(one, "emotion") for one in strict)
