"""``fer agree``: a timeline beside what a human coder saw."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pympi.Elan import Eaf
from sklearn.metrics import cohen_kappa_score

from fer_pipeline.agreeing import AgreeOptions, compare_with_coder
from fer_pipeline.domain import Box, Status
from fer_pipeline.exports import FORMATS, write_timeline
from fer_pipeline.timeline import TimelineRow

EMOTIONS = ("neutral", "happiness", "anger")

# What each frame shows, by one letter; a dot is no face, an x a frame that did not decode.
LETTERS = "nha"

STEP = 0.04


def clip(
    shown: str, video: str = "P1/talk.mp4", face: int = 0, times: list[float] | None = None
) -> list[TimelineRow]:
    rows = []
    for frame, letter in enumerate(shown):
        time = round(frame * STEP, 6) if times is None else times[frame]
        status = {".": Status.NO_FACE, "x": Status.DECODE_ERROR}.get(letter)
        if status is not None:
            rows.append(TimelineRow(video, frame, time, status))
            continue
        # A dash is a face whose emotions are all weak, the strongest of them neutral.
        shares = (0.4, 0.3, 0.3)
        if letter != "-":
            shares = tuple(0.9 if letter == one else 0.05 for one in LETTERS)
        box = Box(1, 2, 30, 40)
        rows.append(TimelineRow(video, frame, time, Status.OK, face, box, 5.0, shares))
    return rows


SHOWN = "n" * 25 + "h" * 50 + "-" * 10 + "." * 15 + "a" * 25 + "x" * 5 + "n" * 20


@pytest.fixture
def labels(tmp_path) -> Path:
    path = tmp_path / "labels.csv"
    write_timeline(path, "csv", clip(SHOWN), EMOTIONS)
    return path


def codes(folder: Path, text: str, name: str = "coder.csv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def record(path: Path) -> dict:
    return json.loads(path.with_name(path.name + ".analysis.json").read_text("utf-8"))


@pytest.mark.parametrize("format_name", ["eaf", "textgrid", "boris", "bids", "segments"])
@pytest.mark.parametrize("rate", [25.0, 29.97, 23.976, 120.0])
def test_what_fer_timeline_wrote_agrees_with_its_timeline(format_name, rate, tmp_path, fer):
    times = [round(1.234567 + frame / rate, 6) for frame in range(len(SHOWN))]
    labels = tmp_path / "labels.csv"
    write_timeline(labels, "csv", clip(SHOWN, times=times), EMOTIONS)
    coder = tmp_path / f"coder{FORMATS[format_name].suffix}"
    lasting = ("--min-duration", 0.05)
    assert fer("timeline", labels, "--out", coder, *lasting).exit_code == 0
    out = tmp_path / "o.csv"
    result = fer("agree", labels, coder, "--out", out, *lasting)
    assert result.exit_code == 0, result.stderr
    assert "Cohen's kappa  1.000" in result.stdout
    assert "the two never differ" in result.stdout
    told = record(out)["agreement"]
    assert told["kappa"] == pytest.approx(1, abs=1e-12)
    assert [one["name"] for one in told["classes"]] == [*EMOTIONS, "none"]


_stretches = st.lists(
    st.tuples(st.sampled_from("nha-"), st.integers(1, 12)), min_size=2, max_size=8
)


@settings(max_examples=25)
@given(_stretches, _stretches)
def test_kappa_is_that_of_scikit_learn_on_the_frames(tmp_path_factory, ours, theirs):
    shown = "".join(letter * count for letter, count in ours)
    coded = "".join(letter * count for letter, count in theirs)[: len(shown)].ljust(len(shown), "-")
    folder = tmp_path_factory.mktemp("kappa")
    write_timeline(folder / "labels.csv", "csv", clip(shown), EMOTIONS)
    words = dict(zip("nha-", ("neutral", "Happy", "angry", "none"), strict=True))
    rows = "".join(f"{frame},{words[letter]}\n" for frame, letter in enumerate(coded))
    coder = codes(folder, f"frame,code\n{rows}")
    found = compare_with_coder(folder / "labels.csv", coder, AgreeOptions(judged="frames"))
    if found.figures.kappa is not None:
        fer = [letter.replace("-", "n") for letter in shown]
        theirs = cohen_kappa_score(list(coded), fer)
        assert found.figures.kappa == pytest.approx(theirs, abs=1e-9)
    wrong = sum(a != b.replace("-", "n") for a, b in zip(coded, shown, strict=True))
    assert sum(one.end - one.start for one in found.stretches) == pytest.approx(STEP * wrong)


def test_a_hand_made_case(labels, tmp_path, fer):
    # Half of the happiness is missed, and the anger taken for happiness.
    coder = codes(tmp_path, "start,end,code\n0,2,neutral\n2,3,smile\n4,5,smile\n5.2,6,neutral\n")
    out = tmp_path / "o.csv"
    result = fer("agree", labels, coder, "--map", "smile=Happy", "--out", out)
    assert result.exit_code == 0, result.stderr
    told = record(out)["agreement"]
    assert told["seconds"] == pytest.approx(5.2)
    # neutral 0 to 1 and 5.2 to 6, happiness 2 to 3, nothing 3 to 3.4
    assert told["observed"] == pytest.approx((1 + 0.8 + 1 + 0.4) / 5.2)
    happy = next(one for one in told["classes"] if one["name"] == "happiness")
    assert happy["precision"] == pytest.approx(0.5)
    assert happy["recall"] == pytest.approx(0.5)
    assert happy["positive_agreement"] == pytest.approx(0.5)
    assert "not compared: 0.60 s without the face, 0.20 s that did not decode" in result.stderr
    table = pd.read_csv(out)
    assert list(table["rank"]) == [1, 2]
    assert table[["start_s", "end_s", "coder", "fer"]].to_numpy().tolist() == [
        [1.0, 2.0, "neutral", "happiness"],
        [4.0, 5.0, "happiness", "anger"],
    ]
    assert list(table.columns[:3]) == ["video", "participant", "face"]
    assert set(table.participant) == {"P1"}


def test_the_longest_difference_comes_first(labels, tmp_path, fer):
    coder = codes(tmp_path, "start,end,code\n0,0.4,anger\n0.4,1,neutral\n1,3,anger\n")
    out = tmp_path / "o.json"
    fer("agree", labels, coder, "--uncoded", "skip", "--out", out)
    rows = json.loads(out.read_text("utf-8"))["rows"]
    assert [(one["start_s"], one["end_s"]) for one in rows] == [(1.0, 3.0), (0.0, 0.4)]


def test_time_without_the_face_ends_a_difference(tmp_path, fer):
    labels = tmp_path / "labels.csv"
    write_timeline(labels, "csv", clip("h" * 10 + "." * 10 + "h" * 15), EMOTIONS)
    coder = codes(tmp_path, "start,end,code\n0,1.4,anger\n")
    out = tmp_path / "o.csv"
    assert fer("agree", labels, coder, "--out", out).exit_code == 0
    assert pd.read_csv(out)[["start_s", "end_s"]].to_numpy().tolist() == [[0.8, 1.4], [0.0, 0.4]]


def test_a_models_own_word_for_an_emotion_is_the_same_emotion(tmp_path, fer):
    labels = tmp_path / "labels.csv"
    write_timeline(labels, "csv", clip("h" * 50), ("calm", "joyful", "tired"))
    coder = codes(tmp_path, "start,end,code\n0,1,Smile\n1,2,happy\n")
    assert "agreement      100.0 %" in fer("agree", labels, coder).stdout


@pytest.mark.parametrize(
    ("uncoded", "seconds", "none"), [("none", 5.2, True), ("skip", 1.0, False), ("sad", 5.2, False)]
)
def test_time_without_a_code_is_what_one_says(uncoded, seconds, none, labels, tmp_path, fer):
    coder = codes(tmp_path, "start,end,code\n1,2,happy\n")
    out = tmp_path / "o.csv"
    result = fer("agree", labels, coder, "--uncoded", uncoded, "--out", out)
    assert result.exit_code == 0, result.stderr
    told = record(out)["agreement"]
    assert told["seconds"] == pytest.approx(seconds)
    assert ("none" in [one["name"] for one in told["classes"]]) == none
    assert ("does not know sadness" in result.stderr) == (uncoded == "sad")


def test_segments_and_frames_are_two_questions(labels, tmp_path, fer):
    # A weak face is no segment, and its strongest emotion is neutral.
    coder = codes(tmp_path, "start,end,code\n3,3.4,neutral\n")
    for judged, expected in (("segments", 0.0), ("frames", 1.0)):
        out = tmp_path / f"{judged}.csv"
        fer("agree", labels, coder, "--compare", judged, "--uncoded", "skip", "--out", out)
        assert record(out)["agreement"]["observed"] == expected


def test_the_offset_moves_the_coder(labels, tmp_path, fer):
    coder = codes(tmp_path, "start,end,code\n11,13,happy\n")
    assert fer("agree", labels, coder).exit_code == 1
    out = tmp_path / "o.csv"
    assert fer("agree", labels, coder, "--offset", "-10", "--out", out).exit_code == 0
    happy = record(out)["agreement"]["classes"][1]
    assert (happy["precision"], happy["recall"]) == (1.0, 1.0)


def eaf_of(folder: Path, spans, origin: int = 0, tier: str = "expression") -> Path:
    eaf = Eaf()
    eaf.remove_tier("default")
    eaf.add_tier(tier)
    for start, end, code in spans:
        eaf.add_annotation(tier, start, end, code)
    url, media = "file:///study/talk.mp4", "video/mp4"
    eaf.add_linked_file(url, relpath="./talk.mp4", mimetype=media, time_origin=origin)
    path = folder / "coder.eaf"
    eaf.to_file(path)
    return path


def test_the_tiers_stand_beside_the_coders(labels, tmp_path, fer):
    # The document's clock begins a second into the clip.
    coder = eaf_of(tmp_path, [(0, 1000, "happy"), (3000, 4000, "happy")], origin=1000)
    before = coder.read_bytes()
    both = tmp_path / "o" / "both.eaf"
    result = fer("agree", labels, coder, "--uncoded", "skip", "--elan", both)
    assert result.exit_code == 0, result.stderr
    assert "begins 1 s into the clip" in result.stderr
    assert coder.read_bytes() == before
    eaf = Eaf(both)
    assert eaf.get_annotation_data_for_tier("expression") == Eaf(
        coder
    ).get_annotation_data_for_tier("expression")
    assert eaf.get_annotation_data_for_tier("fer: P1") == [
        (0, 2000, "happiness"), (3000, 4000, "anger"), (4200, 5000, "neutral"),
    ]  # fmt: skip
    assert eaf.get_annotation_data_for_tier("coder / fer: P1") == [
        (3000, 4000, "happiness / anger")
    ]
    assert eaf.get_linked_files()[0]["RELATIVE_MEDIA_URL"] == "../talk.mp4"
    # What was written can be compared again, and its own tier agrees.
    again = fer("agree", labels, both, "--tier", "fer: P1", "--uncoded", "skip")
    assert "Cohen's kappa  1.000" in again.stdout


def test_other_formats_become_a_document_of_elan(labels, tmp_path, fer):
    coder = codes(tmp_path, "start,end,code\n1,2,happy\n4,5,fear\n")
    both = tmp_path / "both.eaf"
    assert fer("agree", labels, coder, "--uncoded", "neutral", "--elan", both).exit_code == 0
    eaf = Eaf(both)
    assert eaf.get_annotation_data_for_tier("coder: code") == [
        (1000, 2000, "happiness"), (4000, 5000, "fear"),
    ]  # fmt: skip
    assert {"fer: P1", "coder / fer: P1"} <= set(eaf.get_tier_names())
    assert eaf.get_linked_files()[0]["MEDIA_URL"].endswith("/P1/talk.mp4")
    assert not list(tmp_path.glob("*.unfinished*"))


def test_a_face_that_somebody_coded_where_it_is_not_seen(labels, tmp_path, fer):
    coder = codes(tmp_path, "start,end,code\n3.45,3.9,happy\n")
    result = fer("agree", labels, coder, "--uncoded", "skip")
    assert result.exit_code == 1
    assert "no coded time of 'code' in which P1 is seen" in result.stderr


# Intensities


def test_intensities_have_their_correlation(labels, tmp_path, fer):
    values = {"n": 0.05, "h": 0.9, "-": 0.3, "a": 0.05}
    rows = "".join(f"{i},{5 * values[one]:g}\n" for i, one in enumerate(SHOWN) if one in values)
    coder = codes(tmp_path, f"frame,intensity\n{rows}")
    out = tmp_path / "o.csv"
    result = fer("agree", labels, coder, "--intensity", "happy:5", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "ICC(2,1)           1.000" in result.stdout
    told = record(out)["intensity"]
    assert told["emotion"] == "happiness"
    assert told["correlation"] == pytest.approx({"icc21": 1, "icc31": 1})
    assert told["seconds"] == pytest.approx(5.2)
    higher = "".join(
        f"{i},{5 * values[one] + 0.4:g}\n" for i, one in enumerate(SHOWN) if one in values
    )
    coder = codes(tmp_path, f"frame,intensity\n{higher}")
    fer("agree", labels, coder, "--intensity", "happy:5", "--out", out, "--overwrite")
    told = record(out)["intensity"]["correlation"]
    assert told["icc31"] == pytest.approx(1)
    assert told["icc21"] < 0.99
    assert pd.read_csv(out).empty


def test_where_intensities_are_far_apart_is_told(labels, tmp_path, fer):
    coder = codes(tmp_path, "start,end,intensity\n0,1,0\n1,2,0.1\n2,3,0.9\n4,5,0.5\n")
    out = tmp_path / "o.csv"
    assert fer("agree", labels, coder, "--intensity", "happiness", "--out", out).exit_code == 0
    table = pd.read_csv(out)
    assert table[["start_s", "end_s", "coder", "fer"]].to_numpy().tolist() == [
        [1.0, 2.0, 0.1, 0.9],
        [4.0, 5.0, 0.5, 0.05],
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [("much", "'much' of 'intensity' is no number from 0 to 5"), ("6", "'6' of 'intensity' is no")],
)
def test_an_intensity_beyond_the_scale_is_told(text, problem, labels, tmp_path, fer):
    coder = codes(tmp_path, f"start,end,intensity\n0,1,{text}\n")
    result = fer("agree", labels, coder, "--intensity", "happiness:5")
    assert result.exit_code == 1
    assert problem in result.stderr


# What goes wrong


@pytest.mark.parametrize(
    ("text", "arguments", "problem"),
    [
        (
            "start,end,code\n0,1,AU12\n1,2,AU12\n2,3,happy\n",
            (),
            "codes of 'code' that stand for no emotion: 'AU12' (2×)",
        ),
        (
            "start,end,code\n0,1,happy\n9,12,sad\n",
            (),
            "'sad' is from 9.00 to 12.00 s, and the clip",
        ),
        ("start,end,code\n0,1,happy\n", ("--offset", "-3"), "'happy' is from -3.00 to -2.00 s"),
        ("frame,code\n0,happy\n150,sad\n", (), "codes frame 150, and the clip's last one is 149"),
        (
            "start,end,code\n0,2,happy\n1,3,sad\n",
            (),
            "'sad' of 'code' begins at second 1, when a code with another meaning has not ended",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_one_line(text, arguments, problem, labels, tmp_path, fer):
    result = fer("agree", labels, codes(tmp_path, text), *arguments)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("fer: ")
    assert problem in line
    assert "; " in line.partition(problem)[2]


def test_codes_may_be_left_out_and_then_may_overlap(labels, tmp_path, fer):
    coder = codes(tmp_path, "start,end,code\n1,3,happy\n0,5.9,talk\n1.5,2,Joy\n")
    out = tmp_path / "o.csv"
    mapped = ("--map", "talk=", "--map", "unused=anger")
    result = fer("agree", labels, coder, *mapped, "--uncoded", "skip", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert record(out)["agreement"]["observed"] == 1.0


def test_of_several_faces_one_must_be_named(tmp_path, fer):
    rows = [
        one for both in zip(clip("h" * 50), clip("a" * 50, face=1), strict=True) for one in both
    ]
    labels = tmp_path / "labels.csv"
    write_timeline(labels, "csv", rows, EMOTIONS)
    coder = codes(tmp_path, "start,end,code\n0,2,anger\n")
    result = fer("agree", labels, coder)
    assert result.exit_code == 1
    assert "which face is meant? there is 0 (P1, in 50 frames), 1 (P1, in 50" in result.stderr
    assert "100.0 %" in fer("agree", labels, coder, "--face", "1").stdout
    people = codes(tmp_path, "video,participant,face\ntalk.mp4,P8,0\ntalk.mp4,P9,1\n", "p.csv")
    result = fer("agree", labels, coder, "--participants", people, "--face", "P9")
    assert "agreement      100.0 %" in result.stdout
    result = fer("agree", labels, coder, "--face", "7")
    assert "has no face 7: there is 0" in result.stderr


def test_of_several_clips_one_must_be_named(tmp_path, fer):
    labels = tmp_path / "labels.csv"
    rows = [*clip("h" * 50, "P1/a.mp4"), *clip("a" * 50, "P1/b.mp4")]
    write_timeline(labels, "csv", rows, EMOTIONS)
    coder = codes(tmp_path, "video,start,end,code\na.mp4,0,2,happy\nb.mp4,0,2,anger\n")
    result = fer("agree", labels, coder)
    assert result.exit_code == 1
    assert "which clip is meant? there is P1/a.mp4, P1/b.mp4" in result.stderr
    assert "agreement      100.0 %" in fer("agree", labels, coder, "--video", "b.mp4").stdout
    assert fer("agree", labels, coder, "--video", "c.mp4").exit_code == 1


def test_a_document_about_another_clip_is_told(tmp_path, fer):
    labels = tmp_path / "labels.csv"
    write_timeline(labels, "csv", clip(SHOWN, "other.mp4"), EMOTIONS)
    coder = eaf_of(tmp_path, [(0, 1000, "happy")])
    result = fer("agree", labels, coder)
    assert result.exit_code == 0
    assert "is about talk.mp4, not other.mp4" in result.stderr


@pytest.mark.parametrize("option", ["--out", "--elan"])
def test_nothing_is_written_over(option, labels, tmp_path, fer):
    coder = eaf_of(tmp_path, [(0, 1000, "happy")])
    mine = tmp_path / ("mine.csv" if option == "--out" else "mine.eaf")
    mine.write_text("mine")
    result = fer("agree", labels, coder, option, mine)
    assert result.exit_code == 1
    assert "exists; give another name, or --overwrite" in result.stderr
    assert mine.read_text() == "mine"
    assert fer("agree", labels, coder, option, mine, "--overwrite").exit_code == 0
    assert mine.read_text() != "mine"
    read = labels if option == "--out" else coder
    before = read.read_bytes()
    result = fer("agree", labels, coder, option, read, "--overwrite")
    assert result.exit_code == 1
    assert "is what is read" in result.stderr
    assert read.read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("--map", "smile"),
        ("--map", "=anger"),
        ("--map", "happy=anger", "--map", "happy=fear"),
        ("--map", "happy=nonsense"),
        ("--intensity", "happy:0"),
        ("--intensity", "happy:x"),
        ("--intensity", "nonsense"),
        ("--intensity", "happy", "--map", "a=b"),
        ("--intensity", "happy", "--uncoded", "neutral"),
        ("--uncoded", "nonsense"),
        ("--elan", "both.csv"),
        ("--out", "o.doc"),
        ("--compare", "guesses"),
    ],
)
def test_wrong_usage(arguments, labels, tmp_path, fer):
    coder = codes(tmp_path, "start,end,code\n0,1,happy\n")
    assert fer("agree", labels, coder, *arguments).exit_code == 2


def test_hostile_xml_is_refused(labels, tmp_path, fer):
    text = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><ANNOTATION_DOCUMENT/>'
    result = fer("agree", labels, codes(tmp_path, text, "coder.eaf"))
    assert result.exit_code == 1
    assert "declares a document type" in result.stderr


def test_names_that_a_spreadsheet_would_compute_stay_text(tmp_path, fer):
    labels = tmp_path / "labels.csv"
    write_timeline(labels, "csv", clip("h" * 50, "=cmd().mp4"), ("neutral", "=joy()", "anger"))
    coder = codes(tmp_path, "start,end,code\n0,2,anger\n")
    out = tmp_path / "o.csv"
    assert fer("agree", labels, coder, "--out", out).exit_code == 0
    assert out.read_text("utf-8").splitlines()[1].startswith("'=cmd().mp4,,0,1,")
    assert out.read_text("utf-8").splitlines()[1].endswith(",anger,'=joy()")
