"""``fer summarize``: what a study adds up to, by true media time."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.domain import Box, Status
from fer_pipeline.errors import UsageError
from fer_pipeline.exports import Details, write_timeline
from fer_pipeline.study_summary import KEYS, Grouping, Study
from fer_pipeline.timeline import (
    People,
    SegmentOptions,
    TimelineRow,
    clips_of,
    segment_clip,
)

EMOTIONS = ("neutral", "happiness", "sadness", "anger")
BOX = Box(1, 2, 30, 40)

NEUTRAL = (0.8, 0.1, 0.06, 0.04)
HAPPY = (0.05, 0.9, 0.03, 0.02)
ANGRY = (0.1, 0.1, 0.1, 0.7)
SAD = (0.1, 0.1, 0.8, 0.0)
WORDS = {"n": NEUTRAL, "h": HAPPY, "a": ANGRY, "s": SAD}


def clip(
    video: str, shown: str, step: float = 0.1, face: int = 0, start: float = 0.0
) -> list[TimelineRow]:
    """A clip whose frames show what letters say; a dot is no face, an x a lost frame."""
    rows = []
    for frame, letter in enumerate(shown):
        time = round(start + frame * step, 6)
        status = {".": Status.NO_FACE, "x": Status.DECODE_ERROR}.get(letter)
        rows.append(
            TimelineRow(video, frame, time, Status.OK, face, BOX, 5.0, WORDS[letter])
            if status is None
            else TimelineRow(video, frame, time, status)
        )
    return rows


def write(folder: Path, rows: list[TimelineRow], name: str = "labels.csv") -> Path:
    path = folder / name
    write_timeline(path, "csv", rows, EMOTIONS)
    return path


@pytest.fixture
def study(tmp_path) -> Path:
    """Two clips of P1 and one of P2, at different rates."""
    write(
        tmp_path, clip("P1/talk.mp4", "n" * 20 + "h" * 10 + "." * 5 + "a" * 10 + "x" * 5), "a.csv"
    )
    write(tmp_path, clip("P1/film.mp4", "h" * 20 + "n" * 30 + "h" * 50, 0.02, start=1.5), "b.csv")
    write(tmp_path, clip("P2/talk.mp4", "n" * 10), "c.csv")
    return tmp_path


def table(fer, *arguments: object, out: Path) -> pd.DataFrame:
    result = fer("summarize", *arguments, "--out", out)
    assert result.exit_code == 0, result.stderr
    return pd.read_csv(out)


def test_a_study_by_participant_and_emotion(study, tmp_path, fer):
    found = table(fer, study, out=tmp_path / "o" / "t.csv")
    assert list(found.columns) == [
        "participant", "emotion", "value_mean", "dominant_s", "dominant_share", "episodes",
        "episodes_per_min", "episode_s", "episode_share", "episode_mean_s", "latency_mean_s",
        "latency_clips", "clips", "observed_s", "face_s", "missing_face_share",
        "decode_error_share", "valence_mean", "valence_sd",
    ]  # fmt: skip
    assert found.participant.tolist() == ["P1"] * 4 + ["P2"] * 4
    assert found.emotion.tolist() == list(EMOTIONS) * 2
    happy = found.iloc[1]
    # 1 s in the one clip and 0.4 + 1 s in the other, whatever the number of frames.
    assert happy.dominant_s == pytest.approx(2.4)
    assert happy.dominant_share == pytest.approx(2.4 / 6, abs=1e-6)
    assert happy.episodes == 3
    assert happy.episode_mean_s == pytest.approx(0.8)
    assert happy.episode_share == pytest.approx(0.4)
    assert happy.episodes_per_min == pytest.approx(30)
    # 2 s into the one clip, at once in the other, which begins late.
    assert happy.latency_mean_s == pytest.approx(1.0)
    assert happy.latency_clips == 2
    assert happy.clips == 2
    assert (happy.observed_s, happy.face_s) == (pytest.approx(7), pytest.approx(6))
    assert happy.missing_face_share == pytest.approx(0.5 / 7, abs=1e-6)
    assert happy.decode_error_share == pytest.approx(0.5 / 7, abs=1e-6)
    expected = 2.6 * NEUTRAL[1] + 2.4 * HAPPY[1] + 1.0 * ANGRY[1]
    assert happy.value_mean == pytest.approx(expected / 6, abs=1e-6)
    sad = found.iloc[2]
    assert (sad.episodes, sad.dominant_s) == (0, 0)
    assert math.isnan(sad.episode_mean_s)
    assert math.isnan(sad.latency_mean_s)


def test_valence_is_happiness_less_the_strongest_negative_emotion(tmp_path, fer):
    labels = write(tmp_path, clip("P1/a.mp4", "h" * 10 + "a" * 30))
    found = table(fer, labels, "--by", "participant", out=tmp_path / "t.csv")
    assert len(found) == 1
    assert "emotion" not in found.columns
    high, low = 0.9 - 0.03, 0.1 - 0.7
    mean = 0.25 * high + 0.75 * low
    assert found.valence_mean[0] == pytest.approx(mean, abs=1e-6)
    spread = math.sqrt(0.25 * (high - mean) ** 2 + 0.75 * (low - mean) ** 2)
    assert found.valence_sd[0] == pytest.approx(spread, abs=1e-6)


def test_a_model_without_happiness_has_no_valence(tmp_path, fer):
    path = tmp_path / "l.csv"
    row = TimelineRow("P1/a.mp4", 0, 0.0, Status.OK, 0, BOX, 1.0, (0.7, 0.3))
    write_timeline(path, "csv", [row], ("neutral", "anger"))
    result = fer("summarize", path, "--out", tmp_path / "t.csv")
    assert result.exit_code == 0
    assert "no valence" in result.stderr
    assert pd.read_csv(tmp_path / "t.csv").valence_mean.isna().all()


def test_transitions_count_what_follows_what(study, tmp_path, fer):
    steps = tmp_path / "o" / "steps.csv"
    result = fer("summarize", study, "--transitions", steps)
    assert result.exit_code == 0, result.stderr
    found = pd.read_csv(steps)
    assert list(found.columns) == [
        "participant", "from", "to", "count", "probability", "between_mean_s",
    ]  # fmt: skip
    assert len(found) == 2 * 16
    one = found[found.participant == "P1"].set_index(["from", "to"])
    counts = {pair: int(count) for pair, count in one["count"].items() if count}
    # P1_talk: neutral, happiness, anger; P1_film: happiness, neutral, happiness.
    assert counts == {
        ("neutral", "happiness"): 2,
        ("happiness", "anger"): 1,
        ("happiness", "neutral"): 1,
    }
    assert one.probability["happiness", "anger"] == pytest.approx(0.5)
    assert one.probability["neutral", "happiness"] == pytest.approx(1)
    assert one.probability["neutral", "sadness"] == 0
    assert math.isnan(one.probability["anger", "neutral"])
    assert one.between_mean_s["happiness", "anger"] == pytest.approx(0.5)


def two_faces(video: str) -> list[TimelineRow]:
    """A clip in which P1's face gets a new number half-way, and somebody else is there."""
    first = clip(video, "h" * 10 + "." * 10)
    later = clip(video, "." * 10 + "h" * 10, face=2)
    other = clip(video, "a" * 20, face=1)
    return [
        row
        for rows in zip(first, other, later, strict=True)
        for row in sorted((one for one in rows if one.face is not None), key=lambda one: one.face)
    ]


def people(folder: Path) -> Path:
    path = folder / "people.txt"
    path.write_text("video,participant,face\nx.mp4,P1,0\nx.mp4,P2,1\nx.mp4,P1,2\n")
    return path


def test_a_face_that_got_a_new_number_is_one_person(tmp_path, fer):
    labels = write(tmp_path, two_faces("x.mp4"))
    found = table(fer, labels, "--participants", people(tmp_path), out=tmp_path / "t.csv")
    happy = found[(found.participant == "P1") & (found.emotion == "happiness")].iloc[0]
    assert (happy.episodes, happy.face_s, happy.missing_face_share) == (1, pytest.approx(2), 0)
    other = found[(found.participant == "P2") & (found.emotion == "anger")].iloc[0]
    assert other.dominant_share == 1


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("participant", [("P1",), ("P2",)]),
        ("video", [("x.mp4",)]),
        ("video,face", [("x.mp4", 0), ("x.mp4", 1), ("x.mp4", 2)]),
        (
            "emotion,face,video,participant",
            [("P1", "x.mp4", 0), ("P1", "x.mp4", 2), ("P2", "x.mp4", 1)],
        ),
    ],
)
def test_groups_are_what_was_asked_for(by, groups, tmp_path, fer):
    labels = write(tmp_path, two_faces("x.mp4"))
    found = table(
        fer, labels, "--by", by, "--participants", people(tmp_path), out=tmp_path / "t.csv"
    )
    keys = [key for key in ("participant", "video", "face") if key in by]
    assert list(found.columns[: len(keys)]) == keys
    assert list(dict.fromkeys(found[keys].itertuples(index=False, name=None))) == groups
    assert ("emotion" in found.columns) == ("emotion" in by)


@pytest.mark.parametrize("by", ["emotion", "face", "participant,face", "person", "", "video,video"])
def test_groups_that_make_no_sense_are_wrong_usage(by, study, fer):
    with pytest.raises(UsageError):
        Grouping.parse(by)
    assert fer("summarize", study, "--by", by).exit_code == 2


def test_a_clip_without_a_face_counts_as_missing(tmp_path, fer):
    labels = write(tmp_path, [*clip("P1/a.mp4", "h" * 10), *clip("P1/b.mp4", "." * 30)])
    found = table(fer, labels, "--by", "participant", out=tmp_path / "t.csv")
    assert found.missing_face_share.tolist() == [pytest.approx(0.75)]
    found = table(fer, labels, "--by", "video,face", out=tmp_path / "u.csv")
    assert found.missing_face_share.tolist() == [0, 1]
    assert found.valence_mean.isna().tolist() == [False, True]


def test_episodes_are_the_segments_of_fer_timeline(study, tmp_path, fer):
    options = ("--smooth", "mean:0.3", "--enter", 0.6, "--leave", 0.5, "--min-duration", 0)
    found = table(fer, study, *options, "--by", "video,emotion", out=tmp_path / "o" / "t.csv")
    fer("timeline", study, *options, "--out", tmp_path / "o" / "s.segments.csv")
    segments = pd.read_csv(tmp_path / "o" / "s.segments.csv")
    by = segments.groupby(["video", "emotion"]).duration.agg(["count", "sum"])
    shown = found[found.episodes > 0].set_index(["video", "emotion"])
    assert shown.episodes.to_dict() == by["count"].to_dict()
    assert shown.episode_s.to_dict() == pytest.approx(by["sum"].to_dict(), abs=1e-5)


def test_a_baseline_is_taken_away_before_anything_is_added_up(tmp_path, fer):
    labels = write(tmp_path, [*clip("P1/rest.mp4", "n" * 20), *clip("P1/talk.mp4", "h" * 20)])
    found = table(
        fer, labels, "--baseline", "rest", "--by", "video,emotion", out=tmp_path / "t.csv"
    )
    talk = found[found.video == "P1/talk.mp4"].set_index("emotion")
    assert talk.value_mean["happiness"] == pytest.approx(0.8)
    told = json.loads((tmp_path / "t.csv.analysis.json").read_text("utf-8"))
    assert told["values"] == "baseline"
    assert told["baseline"]["people"]["P1"]["clips"] == ["P1/rest.mp4"]
    assert told["by"] == "video,emotion"


def test_every_format_holds_the_same(study, tmp_path, fer):
    frames = []
    for name in ("t.csv", "t.tsv", "t.json", "t.parquet"):
        out = tmp_path / "o" / name
        assert fer("summarize", study, "--out", out).exit_code == 0
        read = {
            ".csv": pd.read_csv,
            ".tsv": lambda path: pd.read_csv(path, sep="\t"),
            ".json": lambda path: pd.DataFrame(json.loads(path.read_text())["rows"]),
            ".parquet": pd.read_parquet,
        }[out.suffix]
        frames.append(read(out))
    for frame in frames[1:]:
        pd.testing.assert_frame_equal(frame, frames[0], check_dtype=False, atol=1e-6)


def test_the_terminal_shows_a_part(study, fer):
    result = fer("summarize", study)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["P1", "happiness", "40.0", "%", "3", "0.80", "1.00"] in lines
    assert ["P1", "2", "7.00", "7.1", "%", "7.1", "%", "0.27", "0.54"] in lines
    assert "participants guessed from names: " in result.stderr


def test_who_is_not_known_is_told_and_stays_apart(tmp_path, fer):
    labels = write(tmp_path, [*clip("a.mp4", "h" * 5), *clip("b.mp4", "h" * 5)])
    result = fer("summarize", labels, "--by", "participant", "--out", tmp_path / "t.csv")
    assert "nothing tells who is seen in a.mp4, b.mp4" in result.stderr
    assert pd.read_csv(tmp_path / "t.csv").participant.tolist() == [
        "a.mp4, face 0",
        "b.mp4, face 0",
    ]
    labels = write(tmp_path, two_faces("P1/x.mp4"), "two.csv")
    result = fer("summarize", labels)
    assert "several faces in P1/x.mp4, and only one participant" in result.stderr


def test_what_cannot_be_read_is_told_and_the_rest_is_done(study, tmp_path, fer):
    (study / "bad.csv").write_text((study / "a.csv").read_text().replace("0.900000", "high"))
    result = fer("summarize", study, "--out", tmp_path / "o" / "t.csv")
    assert result.exit_code == 3
    assert "is no number" in result.stderr
    assert len(pd.read_csv(tmp_path / "o" / "t.csv")) == 8


def test_timelines_of_two_models_are_refused(study, tmp_path, fer):
    row = TimelineRow("z.mp4", 0, 0.0, Status.OK, 0, BOX, 1.0, (0.7, 0.3))
    write_timeline(study / "z.csv", "csv", [row], ("neutral", "anger"))
    result = fer("summarize", study)
    assert result.exit_code == 1
    assert "has other emotions than" in result.stderr


def test_raw_and_smoothed_timelines_are_refused_together(study, fer):
    rows = clip("z.mp4", "h" * 3)
    smooth = [
        TimelineRow(
            row.video, row.frame, row.time, row.status, 0, BOX, 1.0, row.probabilities,
            smoothed=row.probabilities,
        )
        for row in rows
    ]  # fmt: skip
    write_timeline(study / "z.csv", "csv", smooth, EMOTIONS, Details(("smoothed",)))
    result = fer("summarize", study)
    assert result.exit_code == 1
    assert "has other columns than" in result.stderr


@pytest.mark.parametrize("name", ["t.csv", "t.csv.analysis.json"])
def test_nothing_is_written_over(name, study, tmp_path, fer):
    folder = tmp_path / "o"
    folder.mkdir()
    (folder / name).write_text("mine")
    result = fer("summarize", study, "--out", folder / "t.csv")
    assert result.exit_code == 1
    assert f"{name}: exists; give another name, or --overwrite" in result.stderr
    assert (folder / name).read_text() == "mine"
    assert fer("summarize", study, "--out", folder / "t.csv", "--overwrite").exit_code == 0
    assert (folder / name).read_text() != "mine"


def test_two_tables_are_not_one_file(study, tmp_path, fer):
    out = tmp_path / "o" / "t.csv"
    result = fer("summarize", study, "--out", out, "--transitions", out)
    assert result.exit_code == 1
    assert fer("summarize", study, "--out", tmp_path / "t.doc").exit_code == 2


@pytest.mark.parametrize("given", ["missing", "empty"])
def test_what_is_not_there_is_told(given, tmp_path, fer):
    (tmp_path / "empty").mkdir()
    result = fer("summarize", tmp_path / given)
    assert result.exit_code == 1
    assert given in result.stderr


def test_names_that_a_spreadsheet_would_compute_stay_text(tmp_path, fer):
    labels = tmp_path / "l.csv"
    row = TimelineRow("=cmd().mp4", 0, 0.0, Status.OK, 0, BOX, 1.0, (0.7, 0.3))
    write_timeline(labels, "csv", [row], ("neutral", "@joy"))
    fer("summarize", labels, "--by", "participant,video,emotion", "--out", tmp_path / "t.csv")
    with io.StringIO((tmp_path / "t.csv").read_text("utf-8")) as text:
        rows = list(csv.DictReader(text))
    assert {row["video"] for row in rows} == {"'=cmd().mp4"}
    assert {row["participant"] for row in rows} == {"'=cmd().mp4, face 0"}
    assert {row["emotion"] for row in rows} == {"neutral", "'@joy"}


def test_every_column_is_in_the_data_dictionary(study, tmp_path, fer):
    written = (Path(__file__).parent.parent / "docs" / "summaries.md").read_text("utf-8")
    steps, out = tmp_path / "o" / "s.csv", tmp_path / "o" / "t.csv"
    fer("summarize", study, "--out", out, "--transitions", steps, "--by", ",".join(KEYS))
    for column in [*pd.read_csv(out).columns, *pd.read_csv(steps).columns]:
        assert f"`{column}`" in written


# Any timeline

_frames = st.lists(
    st.tuples(
        st.floats(0.001, 0.5),
        st.sampled_from([".", "x", ("n",), ("h",), ("a",), ("s",), ("h", "a"), ("s", "s", "n")]),
    ),
    min_size=1,
    max_size=40,
)


def _any_rows(frames: list[tuple[float, object]], video: str) -> list[TimelineRow]:
    rows, time = [], 0.0
    for frame, (step, shown) in enumerate(frames):
        if isinstance(shown, str):
            status = Status.NO_FACE if shown == "." else Status.DECODE_ERROR
            rows.append(TimelineRow(video, frame, round(time, 6), status))
        else:
            rows += [
                TimelineRow(
                    video, frame, round(time, 6), Status.OK, face, BOX, 1.0, WORDS[letter]
                )
                for face, letter in enumerate(shown)
            ]  # fmt: skip
        time += step
    return rows


@settings(max_examples=100)
@given(st.lists(_frames, min_size=1, max_size=3), st.booleans())
def test_times_and_shares_add_up_whatever_is_seen(clips, same_person):
    rows = [row for i, frames in enumerate(clips) for row in _any_rows(frames, f"{i}.mp4")]
    names = People({f"{i}.mp4": "P1" for i in range(len(clips))}) if same_person else People()
    study = Study(Grouping(("video", "face")), EMOTIONS, names, SegmentOptions())
    for video, of_clip in clips_of(rows):
        study.add(video, of_clip)
    for (video, face), totals in study.groups.items():
        of_clip = [row for row in rows if row.video == video]
        times = sorted({row.time for row in of_clip})
        step = times[-1] - times[-2] if len(times) > 1 else 0
        assert totals.observed_s == pytest.approx(times[-1] - times[0] + step, abs=1e-5)
        dominant = sum(one.dominant_s for one in totals.emotions.values())
        assert dominant == pytest.approx(totals.face_s, abs=1e-6)
        assert sum(one.value_s for one in totals.emotions.values()) == pytest.approx(
            totals.face_s, abs=1e-6
        )
        assert totals.face_s + totals.lost_s + totals.missing_s == pytest.approx(
            totals.observed_s, abs=1e-6
        )
        shown = sum(one.shown_s for one in totals.emotions.values())
        assert shown <= totals.face_s + 1e-6
        expected = segment_clip(of_clip, EMOTIONS, SegmentOptions()).of_face(face)
        found = [one for emotion in totals.emotions.values() for one in emotion.episodes]
        assert sorted(found, key=lambda one: one.onset) == list(expected)
        steps = sum(map(len, totals.transitions.values()))
        assert steps == max(0, len(expected) - 1)
