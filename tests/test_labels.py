"""Where labels come from, and what a frame at a given time gets."""

from __future__ import annotations

import csv
import json
import math
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.domain import EMOTIONS, canonical_emotion
from fer_pipeline.errors import LabelError, UsageError
from fer_pipeline.label_layouts import LAYOUTS, Told, guess, nearest_folder, pattern_reader
from fer_pipeline.labels import Labelling, LabelOptions, Stretch, VideoLabels, label_videos

HEADER = "video,participant,emotion,start,end\n"


def label_from(folder: Path, text: str | bytes, *paths: str, **options: object) -> Labelling:
    """Label ``paths`` by a CSV file with this ``text``."""
    file = folder / "segments.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return label_videos(paths, LabelOptions(labels=file, **options))  # type: ignore[arg-type]


# Guessing


@pytest.mark.parametrize(
    ("path", "participant", "emotion"),
    [
        # The participant is the first word before the emotion in the file name ...
        ("P00_angry.mp4", "P00", "anger"),
        ("P00-angry-02.mp4", "P00", "anger"),
        ("P00.angry.mp4", "P00", "anger"),
        ("P00 HAPPY.MP4", "P00", "happiness"),
        ("P00_take_angry.mp4", "P00", "anger"),
        ("S1/P00_angry.mp4", "P00", "anger"),
        ("happy/P00_sad.mp4", "P00", "sadness"),
        # ... else the nearest folder that names no emotion ...
        ("P07/happy.mp4", "P07", "happiness"),
        ("P07/happy_2.mp4", "P07", "happiness"),
        ("P 07/session_1/happy.mp4", "session_1", "happiness"),
        ("P07/happy/clip_3.mp4", "P07", "happiness"),
        ("happy/P07/clip_3.mp4", "P07", "happiness"),
        (r"P07\happy\clip_3.mp4", "P07", "happiness"),
        ("./P07/happy.mp4", "P07", "happiness"),
        # ... else the first word after the emotion.
        ("happy_P09_1.mp4", "P09", "happiness"),
        ("happy/P09_1.mp4", "P09", "happiness"),
        ("P08_happy/P09_1.mp4", "P09", "happiness"),
        ("happy_smile_P09.mp4", "P09", "happiness"),
        ("happy.mp4", None, "happiness"),
        # The nearest folder that names one counts.
        ("sad/P07/happy/1.mp4", "P07", "happiness"),
        # Words for one emotion are one emotion; the suffix is no word.
        ("P00_happy_joy_happy.mp4", "P00", "happiness"),
        ("P00_angry.sad", "P00", "anger"),
        ("P00_angry", "P00", "anger"),
    ],
)
def test_guess(path: str, participant: str | None, emotion: str) -> None:
    told = guess(path)
    assert (told.participant, told.emotion) == (participant, emotion)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("P00_angry_sad.mp4", "file name names different emotions: sadness, anger"),
        ("happy/P00_angry_sad.mp4", "file name names different emotions: sadness, anger"),
        ("happy/sad_fear/P00.mp4", "folder 'sad_fear' names different emotions: sadness, fear"),
        ("P00/clip.mp4", "no word"),
        ("P00/clip.angry", "no word"),
        ("P00AngryTake.mp4", "no word"),
        ("unhappyish.mp4", "no word"),
        ("", "no word"),
    ],
)
def test_guess_refuses(path: str, reason: str) -> None:
    with pytest.raises(LabelError, match=reason):
        guess(path)


@given(st.text() | st.text("/\\_-. aAngryHppS1"))
def test_guess_fails_in_one_way_only(path: str) -> None:
    try:
        told = guess(path)
    except LabelError:
        return
    assert told.emotion in EMOTIONS
    assert told.participant is None or told.participant in path


@pytest.mark.parametrize(
    ("path", "folder"),
    [("a/P1/happy/x.mp4", "P1"), ("happy/x.mp4", None), ("x.mp4", None), ("", None)],
)
def test_nearest_folder(path: str, folder: str | None) -> None:
    assert nearest_folder(path) == folder


# Patterns


@pytest.mark.parametrize(
    ("pattern", "path", "participant", "emotion"),
    [
        ("{participant}/{emotion}_{take}", "P1/happy_03.mp4", "P1", "happiness"),
        ("{participant}/{emotion}_{take}", "P1/happy_03_b.mp4", "P1", "happiness"),
        ("{participant}_{emotion}", "P1_angry.mp4", "P1", "anger"),
        ("{participant}_{emotion}", "P1_very_angry.mp4", "P1", "very_angry"),
        ("{participant}_{emotion}_{take}", "P1_angry_2_b.mp4", "P1", "anger"),
        ("sub_{participant}_{emotion}", "sub_P1_bored.mp4", "P1", "bored"),
        ("{participant}--{emotion}--{take}", "P-1--sad--2.mp4", "P-1", "sadness"),
        ("{participant}_{emotion}_final", "P1_sad_final.mp4", "P1", "sadness"),
        ("{participant}/{participant}_{emotion}", "P_1/P_1_sad.mp4", "P_1", "sadness"),
        ("{study}/{participant}/{emotion}", "A/B/Calm .mp4", "B", "Calm"),
        ("{emotion}/{take 1}", "sad/x.mp4", None, "sadness"),
        ("{Participant}/{EMOTION}", "P1/sad.mp4", "P1", "sadness"),
        ("{participant}.{emotion}", "P1.sad.mp4", "P1", "sadness"),
        ("a+(b)/{emotion}", "a+(b)/sad.mp4", None, "sadness"),
        (r"{participant}\{emotion}", "P1/sad.mp4", "P1", "sadness"),
        ("./{participant}/{emotion}", "P1/sad.mp4", "P1", "sadness"),
        ("{participant}/{take}", "P1/sad.mp4", "P1", None),
    ],
)
def test_pattern(pattern: str, path: str, participant: str | None, emotion: str | None) -> None:
    assert pattern_reader(pattern)(path) == Told(participant, emotion)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("{participant}_{emotion}", "P1/P1_sad.mp4"),
        ("{participant}/{emotion}", "P1/x/sad.mp4"),
        ("{participant}_{emotion}", "P1_.mp4"),
        ("{participant}_{emotion}", "P1-sad.mp4"),
        ("{participant}_{emotion}.mp4", "P1_sad.mp4"),
        ("Take_{emotion}", "take_sad.mp4"),
        ("a.b_{emotion}", "axb_sad.mp4"),
        ("{participant}/{participant}_{emotion}", "P1/P2_sad.mp4"),
        ("{participant}_{emotion}", "P1_ .mp4"),
    ],
)
def test_pattern_that_does_not_fit(pattern: str, path: str) -> None:
    with pytest.raises(LabelError, match=re.escape(pattern)):
        pattern_reader(pattern)(path)


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("{participant", "brace without its partner"),
        ("participant}_{emotion}", "brace without its partner"),
        ("{{emotion}}", "brace without its partner"),
        ("{participant}{emotion}", "nothing between {participant} and {emotion}"),
        ("{}_{emotion}", "field without a name"),
        ("{take}_x", "neither {participant} nor {emotion}"),
        ("", "neither {participant} nor {emotion}"),
    ],
)
def test_malformed_pattern(pattern: str, fault: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"'{pattern}' has")) as caught:
        label_videos([], LabelOptions(pattern=pattern))
    assert fault in str(caught.value)


plain_words = st.text(st.characters(categories=["L", "N"]), min_size=1)


@given(
    fields=st.permutations(["participant", "emotion", "take", "day"]),
    separators=st.lists(
        st.sampled_from(["/", "_", "-", "__", " of ", "."]), min_size=3, max_size=3
    ),
    values=st.lists(plain_words, min_size=4, max_size=4),
)
def test_pattern_reads_what_was_formatted_with_it(
    fields: list[str], separators: tuple[str, ...], values: list[str]
) -> None:
    gaps = ["", *separators]
    pattern = "".join(gap + f"{{{field}}}" for gap, field in zip(gaps, fields, strict=True))
    value = dict(zip(fields, values, strict=True))
    value["emotion"] = "own " + value["emotion"]
    told = pattern_reader(pattern)(pattern.format(**value) + ".mp4")
    assert told == Told(value["participant"], value["emotion"])


# Well-known corpora


@pytest.mark.parametrize(
    ("layout", "path", "participant", "emotion"),
    [
        ("ravdess", "Actor_12/02-01-06-01-02-01-12.mp4", "12", "fear"),
        ("ravdess", "02-01-01-01-02-01-03.mp4", "03", "neutral"),
        ("ravdess", "a/b/01-02-02-01-02-01-24.MP4", "24", "calm"),
        ("ravdess", "01-01-08-02-02-02-01.mp4", "01", "surprise"),
        ("crema-d", "1001_DFA_ANG_XX.flv", "1001", "anger"),
        ("crema-d", "VideoFlash/1091_WSI_NEU_XX.flv", "1091", "neutral"),
        ("crema-d", "1040_ITH_SAD_X.flv", "1040", "sadness"),
        ("savee", "DC_a01.avi", "DC", "anger"),
        ("savee", "AudioVisualClip/KL/su15.avi", "KL", "surprise"),
        ("savee", "JE/sa02.avi", "JE", "sadness"),
        ("savee", "JK/n30.avi", "JK", "neutral"),
        ("mead", "M003/video/front/angry/level_1/001.mp4", "M003", "anger"),
        ("mead", "MEAD/W011/video/left_30/surprised/level_3/020.mp4", "W011", "surprise"),
        ("mead", "M003/contempt/001.mp4", "M003", "contempt"),
        ("MEAD", "M003/video/front/disgusted/level_1/001.mp4", "M003", "disgust"),
    ],
)
def test_layout(layout: str, path: str, participant: str, emotion: str) -> None:
    labelling = label_videos([path], LabelOptions(layout=layout))
    assert labelling.videos == {path: VideoLabels((Stretch(emotion, participant),), "layout")}


@pytest.mark.parametrize(
    ("layout", "path"),
    [
        ("ravdess", "Actor_12/02-01-09-01-02-01-12.mp4"),
        ("ravdess", "02-01-06-01-02-01.mp4"),
        ("crema-d", "1001_DFA_SUR_XX.flv"),
        ("crema-d", "1001_DFA_ANG.flv"),
        ("savee", "a01.avi"),
        ("savee", "DC/x01.avi"),
        ("savee", "DC/s01.avi"),
        ("mead", "video/front/angry/level_1/001.mp4"),
        ("mead", "M003/video/front/level_1/001.mp4"),
    ],
)
def test_layout_refuses(layout: str, path: str) -> None:
    with pytest.raises(LabelError, match="form, such as"):
        LAYOUTS[layout](path)


# The CSV file

PLAIN = HEADER + "a/P0_x.mp4,P0,angry,0.5,1.5\nP1.mp4,P1,bored,,\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("\n", "\n\n ,,\n"),
        "\n\n" + PLAIN.replace(",", ";"),
        PLAIN.replace(",", " , "),
        PLAIN.replace(",", ";").replace("0.5", "0,5"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace("a/P0", "a\\P0"),
        PLAIN.replace("a/P0", "./a/P0"),
        PLAIN.replace("a/P0", "P0"),
        PLAIN.replace("angry", "ANGER").replace("video,", "Video,"),
        PLAIN.replace("P1,bored,,", "P1,bored"),
        PLAIN.replace("P1,bored,,", "P1,bored,,,,"),
        PLAIN.replace("\n", ",note\n", 1).replace("1.5", "1.5,loud"),
        '"emotion","video","start","participant","end"\n'
        '"angry", "a/P0_x.mp4","0.5","P0","1.5"\nbored,P1.mp4,,P1,\n',
        HEADER + "P1.mp4,P1,bored\na/P0_x.mp4,P0,angry,5e-1,1.5000000001",
    ],
)
def test_csv_as_spreadsheets_write_it(tmp_path: Path, text: str | bytes) -> None:
    labelling = label_from(tmp_path, text, "a/P0_x.mp4", "P1.mp4")
    assert labelling.videos == {
        "a/P0_x.mp4": VideoLabels((Stretch("anger", "P0", 0.5, 1.5),), "labels"),
        "P1.mp4": VideoLabels((Stretch("bored", "P1"),), "labels"),
    }
    assert labelling.emotions == ("anger", "bored")
    assert labelling.warnings == ()
    assert labelling.untold == ()


def test_csv_without_times_covers_whole_videos(tmp_path: Path) -> None:
    labelling = label_from(tmp_path, "video,participant,emotion\nP0.mp4,,happy\n", "P0.mp4")
    assert labelling.videos["P0.mp4"].at(123.0) == Stretch("happiness", None)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "lacks video, participant, emotion"),
        ("video,emotion\nP0.mp4,sad\n", 1, "lacks participant"),
        ("\nP0.mp4,P0,sad\n", 2, "lacks video, participant, emotion"),
        ("video,participant,emotion,Emotion\n", 1, "'emotion' occurs twice"),
        (HEADER + "P0.mp4,P0,sad,abc,1\n", 2, "start 'abc' is no time"),
        (HEADER + "\nP0.mp4,P0,sad,0,nan\n", 3, "end 'nan' is no time"),
        (HEADER + "P0.mp4,P0,sad,inf,\n", 2, "start 'inf' is no time"),
        (HEADER + "P0.mp4,P0,sad,,1e999\n", 2, "end '1e999' is no time"),
        (HEADER + "P0.mp4,P0,sad,-1,1\n", 2, "start '-1' is no time"),
        (HEADER + "P0.mp4,P0,sad,0:01,1\n", 2, "start '0:01' is no time"),
        (HEADER + 'P0.mp4,P0,sad,"0,5",1\n', 2, "start '0,5' is no time"),
        (HEADER + "P0.mp4,P0,sad,2,1\n", 2, "end 1 is not after the start 2"),
        (HEADER + "P0.mp4,P0,sad,2,2\n", 2, "end 2 is not after the start 2"),
        (HEADER + "P0.mp4,P0,sad,,0\n", 2, "end 0 is not after the start 0"),
        (HEADER + "P0.mp4,P0,sad,1,1.0000001\n", 2, "is not after"),
        (HEADER + "P0.mp4,P0,sad,0,640,1,600\n", 2, "7 cells and the header 5"),
        (HEADER + "P0.mp4,P0\n", 2, "2 cells and the header 5"),
        (HEADER + ",P0,sad,1,2\n", 2, "'video' is empty"),
        (HEADER + 'P0.mp4,"P0,sad,1,2\n', 2, "cannot be read as CSV"),
        (HEADER.encode() + "Zoë.mp4,P0,sad,1,2\n".encode("latin-1"), 2, "not encoded as UTF-8"),
        (HEADER.encode("utf-16"), 1, "not encoded as UTF-8"),
        (HEADER + "P0.mp4,P0,sad,1,2\nP0.mp4,P0,fear,1.5,3\n", 3, "overlaps that of line 2"),
        (HEADER + "P0.mp4,P0,sad,1,2\nP0.mp4,P0,fear,0,1.5\n", 3, "overlaps that of line 2"),
        (HEADER + "P0.mp4,P0,sad,1,\nP0.mp4,P0,fear,5,6\n", 3, "overlaps that of line 2"),
        (HEADER + "P0.mp4,P0,sad,,2\nP0.mp4,P0,fear,,1\n", 3, "overlaps that of line 2"),
        (HEADER + "P0.mp4,P0,sad\nP0.mp4,P0,sad\n", 3, "overlaps that of line 2"),
        (HEADER + "a/P0.mp4,P0,sad,0,2\na\\P0.mp4,P0,sad,1,3\n", 3, "overlaps that of line 2"),
        (HEADER + "P2.mp4,P0,sad\n", 2, "may be any of x/P2.mp4, y/P2.mp4"),
    ],
)
def test_csv_errors_name_the_line(
    tmp_path: Path, text: str | bytes, line: int, problem: str
) -> None:
    with pytest.raises(LabelError) as caught:
        label_from(tmp_path, text, "P0.mp4", "a/P0.mp4", "x/P2.mp4", "y/P2.mp4")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'segments.csv'}, line {line}: ")
    assert problem in message
    assert "; " in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_csv_that_cannot_be_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(LabelError, match=r"cannot be read: .*; check --labels"):
        label_videos(["P0.mp4"], LabelOptions(labels=tmp_path / name))


def test_equal_path_goes_before_equal_file_name(tmp_path: Path) -> None:
    labelling = label_from(
        tmp_path, HEADER + "P0.mp4,P0,sad\na/P0.mp4,P1,fear\n", "P0.mp4", "a/P0.mp4"
    )
    assert [v.stretches[0].participant for v in labelling.videos.values()] == ["P0", "P1"]


def test_file_name_with_the_accent_written_apart(tmp_path: Path) -> None:
    labelling = label_from(tmp_path, HEADER + "Zo\u00eb.mp4,Z,sad\n", "Zoe\u0308.mp4")
    assert labelling.videos["Zoe\u0308.mp4"].stretches == (Stretch("sadness", "Z"),)


def test_video_among_the_rows_only_makes_one_warning(tmp_path: Path) -> None:
    rows = "".join(f"X{i}.mp4,P,sad,{j},{j + 1}\n" for i in range(22) for j in range(2))
    labelling = label_from(tmp_path, HEADER + rows + "P0.mp4,P,sad\n", "P0.mp4")
    (warning,) = labelling.warnings
    assert "X0.mp4 (line 2), X1.mp4 (line 4)" in warning
    assert warning.endswith("X19.mp4 (line 40), and 2 more")


def test_names_that_differ_in_capitals_make_a_warning(tmp_path: Path) -> None:
    text = HEADER + "a.mp4,p1,Bored\nb.mp4,P1,bored\nc.mp4,P2,SAD\nd.mp4,P2,sad\n"
    labelling = label_from(tmp_path, text, "a.mp4", "b.mp4", "c.mp4", "d.mp4")
    assert labelling.warnings == (
        "participant P1 and p1 differ only in capitals: kept apart",
        "emotion Bored and bored differ only in capitals: kept apart",
    )


def test_blank_emotion_is_an_unlabelled_stretch(tmp_path: Path) -> None:
    labelling = label_from(tmp_path, HEADER + "P0.mp4,P0,,1,2\n", "P0.mp4")
    assert labelling.videos["P0.mp4"].at(1.5) == Stretch(None, "P0", 1.0, 2.0)
    assert labelling.emotions == ()


# Times


@pytest.mark.parametrize(
    ("time", "emotion"),
    [
        (0.0, None),
        (0.999999, None),
        (1.0, "sadness"),
        (0.9999999999, "sadness"),
        (1.999999, "sadness"),
        (2.0, "fear"),
        (1.9999999999, "fear"),
        (2.999999, "fear"),
        (3.0, None),
        (4.0, "anger"),
        (1e6, "anger"),
        (math.nan, None),
    ],
)
def test_frame_on_a_boundary(tmp_path: Path, time: float, emotion: str | None) -> None:
    rows = "P0.mp4,P0,fear,2,3\nP0.mp4,P0,sad,1,2\nP0.mp4,P0,angry,4,\n"
    stretch = label_from(tmp_path, HEADER + rows, "P0.mp4").videos["P0.mp4"].at(time)
    assert (stretch.emotion if stretch else None) == emotion


def test_still_gets_the_label_of_a_whole_video() -> None:
    labels = label_videos(["P0_sad.jpg"], LabelOptions()).videos["P0_sad.jpg"]
    assert labels.at(math.nan) == Stretch("sadness", "P0")


@pytest.mark.parametrize(
    ("outside", "second", "expected"),
    [
        (None, "P0", None),
        ("unlabelled", "P0", Stretch(None, "P0")),
        ("Unlabelled", "P1", Stretch(None, None)),
        ("Neutral", "P0", Stretch("neutral", "P0")),
        ("resting", "P1", Stretch("resting", None)),
    ],
)
def test_outside(
    tmp_path: Path, outside: str | None, second: str, expected: Stretch | None
) -> None:
    rows = f"P.mp4,P0,sad,1,2\nP.mp4,{second},fear,3,4\n"
    labelling = label_from(tmp_path, HEADER + rows, "P.mp4", outside=outside)
    labels = labelling.videos["P.mp4"]
    assert [labels.at(t) for t in (0.0, 2.5, 4.0)] == [expected] * 3
    assert labels.at(1.0) == Stretch("sadness", "P0", 1.0, 2.0)
    own = {expected.emotion} if expected and expected.emotion else set()
    assert set(labelling.emotions) == {"sadness", "fear"} | own


microseconds = st.integers(0, 5_000_000)
names = st.none() | st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1)


@st.composite
def timelines(draw: st.DrawFn) -> list[tuple[int | None, int | None, str | None, str | None]]:
    """Stretches of one video: start and end in microseconds, participant, emotion."""
    cuts = sorted(draw(st.sets(microseconds, min_size=2, max_size=8)))
    starts: list[int | None] = [*cuts[:-1]]
    ends: list[int | None] = [*cuts[1:]]
    if draw(st.booleans()) and cuts[1]:
        starts[0] = None
    if draw(st.booleans()):
        ends[-1] = None
    spans = draw(st.permutations(list(zip(starts, ends, strict=True))))
    kept = spans[: draw(st.integers(1, len(spans)))]
    return [(start, end, draw(names), draw(names)) for start, end in kept]


@given(
    stretches=timelines(),
    times=st.lists(microseconds),
    delimiter=st.sampled_from(",;\t"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
)
def test_csv_gives_back_what_was_written(
    stretches: list[tuple[int | None, int | None, str | None, str | None]],
    times: list[int],
    delimiter: str,
    line_end: str,
    encoding: str,
) -> None:
    point = "," if delimiter == ";" else "."

    def cell(time: int | None) -> str:
        return "" if time is None else str(time / 1e6).replace(".", point)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "segments.csv"
        with file.open("w", encoding=encoding, newline="") as stream:
            writer = csv.writer(stream, delimiter=delimiter, lineterminator=line_end)
            writer.writerow(HEADER.strip().split(","))
            for start, end, who, what in stretches:
                writer.writerow(["v.mp4", who, what, cell(start), cell(end)])
        labels = label_videos(["v.mp4"], LabelOptions(labels=file)).videos["v.mp4"]

    bounds = [time for start, end, *_ in stretches for time in (start, end) if time is not None]
    for time in [*times, *bounds, *(bound - 1 for bound in bounds)]:
        expected = [
            (who, what and (canonical_emotion(what) or what))
            for start, end, who, what in stretches
            if (start is None or start <= time) and (end is None or time < end)
        ]
        found = labels.at(time / 1e6)
        assert ([(found.participant, found.emotion)] if found else []) == expected


# A whole run


def test_run_keeps_the_order_and_says_where_labels_come_from() -> None:
    labelling = label_videos(["P1_sad.mp4", "P0_joy.mp4"], LabelOptions())
    assert labelling == Labelling(
        {
            "P1_sad.mp4": VideoLabels((Stretch("sadness", "P1"),), "guess"),
            "P0_joy.mp4": VideoLabels((Stretch("happiness", "P0"),), "guess"),
        }
    )
    assert labelling.emotions == ("happiness", "sadness")


def test_videos_that_cannot_be_told_stop_the_run() -> None:
    paths = ["P0_sad.mp4", *(f"P{i}/clip.mp4" for i in range(21)), "P0_sad_joy.mp4"]
    with pytest.raises(LabelError) as caught:
        label_videos(paths, LabelOptions())
    first, *listed, last = str(caught.value).split("\n")
    assert "22 of 23 videos" in first
    assert listed[0] == "  P0/clip.mp4: no word of its path names an emotion"
    assert len(listed) == 21
    assert listed[-1] == "  and 2 more"
    for option in ("--labels", "--pattern", "--skip-unlabelled", "--unlabelled"):
        assert option in last


def test_twenty_videos_are_listed_without_a_count() -> None:
    with pytest.raises(LabelError) as caught:
        label_videos([f"{i}.mp4" for i in range(20)], LabelOptions())
    assert "more" not in str(caught.value)


def test_skip_unlabelled_leaves_them_out() -> None:
    labelling = label_videos(["P1/x.mp4", "P0_sad.mp4"], LabelOptions(skip_unlabelled=True))
    assert list(labelling.videos) == ["P0_sad.mp4"]
    assert labelling.untold == (("P1/x.mp4", "no word of its path names an emotion"),)


@pytest.mark.parametrize(
    ("path", "participant"),
    [("P1/x.mp4", "P1"), ("x.mp4", None), ("P1/sad_joy/x.mp4", "P1"), ("P1/sad_joy.mp4", "P1")],
)
def test_unlabelled_keeps_them(path: str, participant: str | None) -> None:
    labelling = label_videos([path], LabelOptions(unlabelled=True))
    assert labelling.videos == {path: VideoLabels((Stretch(None, participant),), "none")}
    assert labelling.emotions == ()


def test_video_that_the_csv_does_not_name_cannot_be_told(tmp_path: Path) -> None:
    labelling = label_from(
        tmp_path, HEADER + "P0_sad.mp4,P0,sad\n", "P0_sad.mp4", "P1_joy.mp4", skip_unlabelled=True
    )
    assert list(labelling.videos) == ["P0_sad.mp4"]
    assert labelling.untold == (("P1_joy.mp4", f"{tmp_path / 'segments.csv'} does not name it"),)


def test_pattern_does_not_fall_back_on_guessing() -> None:
    options = LabelOptions(pattern="{participant}-{emotion}", skip_unlabelled=True)
    labelling = label_videos(["P0-sad.mp4", "P0_sad.mp4"], options)
    assert labelling.videos == {"P0-sad.mp4": VideoLabels((Stretch("sadness", "P0"),), "pattern")}
    assert [path for path, _ in labelling.untold] == ["P0_sad.mp4"]


def test_pattern_without_emotion() -> None:
    with pytest.raises(LabelError, match="no emotion"):
        label_videos(["P0/sad.mp4"], LabelOptions(pattern="{participant}/{take}"))
    labelling = label_videos(
        ["P0/sad.mp4"], LabelOptions(pattern="{participant}/{take}", unlabelled=True)
    )
    assert labelling.videos == {"P0/sad.mp4": VideoLabels((Stretch(None, "P0"),), "pattern")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (LabelOptions(labels=Path("x"), pattern="{emotion}"), "--labels and --pattern exclude"),
        (LabelOptions(labels=Path("x"), layout="mead"), "--labels and --layout exclude"),
        (LabelOptions(pattern="{emotion}", layout="mead"), "--pattern and --layout exclude"),
        (LabelOptions(unlabelled=True, skip_unlabelled=True), "exclude each other"),
        (LabelOptions(outside="neutral"), "--outside needs --labels"),
        (LabelOptions(outside="neutral", layout="mead"), "--outside needs --labels"),
        (LabelOptions(labels=Path("x"), outside=" "), "--outside is empty"),
        (LabelOptions(layout="nope"), "'nope'; there are ravdess, crema-d, savee, mead"),
    ],
)
def test_options_that_make_no_sense(options: LabelOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        label_videos([], options)


@pytest.mark.parametrize("outside", [None, "unlabelled", "neutral"])
def test_plain_form_survives_json(tmp_path: Path, outside: str | None) -> None:
    rows = "P.mp4,P0,sad,0.1,2\nP.mp4,,,3,\n"
    labels = label_from(tmp_path, HEADER + rows, "P.mp4", outside=outside).videos["P.mp4"]
    plain = labels.to_json()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["stretches"] == [
        {"emotion": "sadness", "participant": "P0", "start": 0.1, "end": 2.0, "face": None},
        {"emotion": None, "participant": None, "start": 3.0, "end": None, "face": None},
    ]
    assert (plain["outside"] is None) == (outside is None)


def test_plain_form_tells_other_labels_and_not_other_ways_to_them() -> None:
    def plain(**options: str) -> object:
        (labels,) = label_videos(["P0/sad.mp4"], LabelOptions(**options)).videos.values()  # type: ignore[arg-type]
        return labels.to_json()

    assert plain() == plain(pattern="{participant}/{emotion}")
    assert plain() != plain(pattern="{emotion}/{participant}")


# Several people in one picture


def test_labels_of_two_faces_may_overlap_and_each_face_gets_its_own(tmp_path):
    rows = "clip.mp4,P1,happy,0,2,left\nclip.mp4,P2,sad,1,3,Right\nclip.mp4,P3,fear,3,4,\n"
    file = tmp_path / "labels.csv"
    file.write_text("video,participant,emotion,start,end,face\n" + rows)
    labels = label_videos(["clip.mp4"], LabelOptions(labels=file)).videos["clip.mp4"]
    told = {
        (time, side): getattr(labels.of_face(time, 0, lambda _, s=side: s), "participant", None)
        for time in (0.5, 1.5, 2.5, 3.5)
        for side in ("left", "right")
    }
    assert told == {
        (0.5, "left"): "P1",
        (0.5, "right"): None,
        (1.5, "left"): "P1",
        (1.5, "right"): "P2",
        (2.5, "left"): None,
        (2.5, "right"): "P2",
        (3.5, "left"): "P3",
        (3.5, "right"): "P3",
    }
    assert labels.tells_faces_apart


def test_a_face_may_be_named_by_its_number(tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text("video,participant,emotion,face\nc.mp4,P1,happy,0\nc.mp4,P2,sad,01\n")
    labels = label_videos(["c.mp4"], LabelOptions(labels=file)).videos["c.mp4"]
    people = [labels.of_face(0, number, lambda _: "left") for number in range(3)]
    assert [one and one.participant for one in people] == ["P1", "P2", None]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("c.mp4,P1,happy,left\nc.mp4,P1,sad,left\n", "line 3: the stretch of c.mp4 overlaps"),
        ("c.mp4,P1,happy,left\nc.mp4,P1,sad,\n", "line 3: the stretch of c.mp4 overlaps"),
        ("c.mp4,P1,happy,middle\n", "line 2: the face 'middle' is none"),
        ("c.mp4,P1,happy,left\nc.mp4,P2,sad,0\n", "line 3: c.mp4 has faces by number, and by side"),
    ],
)
def test_labels_of_faces_that_make_no_sense_are_refused(tmp_path, rows, problem):
    file = tmp_path / "labels.csv"
    file.write_text("video,participant,emotion,face\n" + rows)
    with pytest.raises(LabelError, match=problem):
        label_videos(["c.mp4"], LabelOptions(labels=file))


def test_outside_their_stretches_faces_keep_their_person_and_bystanders_are_left_out(tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text("video,participant,emotion,start,end,face\nc.mp4,P1,happy,0,4,0\n")
    options = LabelOptions(labels=file, outside="neutral")
    labels = label_videos(["c.mp4"], options).videos["c.mp4"]
    told = [labels.of_face(time, number, lambda _: "left") for time in (1, 5) for number in (0, 1)]
    assert [one and (one.participant, one.emotion) for one in told] == [
        ("P1", "happiness"),
        None,
        ("P1", "neutral"),
        None,
    ]
