"""What is made of a timeline: baseline, smoothing, segments."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from fer_pipeline.domain import Box, Status
from fer_pipeline.errors import TimelineError, UsageError
from fer_pipeline.timeline import (
    SMOOTHERS,
    AnalysisOptions,
    BaselineOptions,
    People,
    SegmentOptions,
    Smoothing,
    TimelineRow,
    analysed,
    clips_of,
    columns,
    find_references,
    segment_clip,
)

EMOTIONS = ("neutral", "happiness", "anger")

each_method = pytest.mark.parametrize("method", SMOOTHERS)


def face_row(
    frame: int, time: float, shares: tuple[float, ...], face: int = 0, video: str = "a.mp4"
) -> TimelineRow:
    return TimelineRow(video, frame, time, Status.OK, face, Box(1, 2, 30, 40), 5.0, shares)


def gap(frame: int, time: float, video: str = "a.mp4") -> TimelineRow:
    return TimelineRow(video, frame, time, Status.NO_FACE)


def happy(share: float) -> tuple[float, ...]:
    return (1 - share, share, 0.0)


def clip(shares: list[float | None], step: float = 0.1, video: str = "a.mp4") -> list[TimelineRow]:
    """A clip of one face, by its probability of happiness; None where there is no face."""
    return [
        gap(i, round(i * step, 6), video)
        if share is None
        else face_row(i, round(i * step, 6), happy(share), video=video)
        for i, share in enumerate(shares)
    ]


def smoothed(rows: list[TimelineRow], text: str) -> list[TimelineRow]:
    return list(analysed(rows, AnalysisOptions(smoothing=Smoothing.parse(text))))


_shares = st.lists(st.floats(0, 1), min_size=3, max_size=3).map(
    lambda parts: tuple(part / (sum(parts) or 1) for part in parts)
)


@st.composite
def _clips(draw: st.DrawFn) -> list[TimelineRow]:
    """Clips with irregular times, gaps, and one or two faces."""
    rows, time = [], 0.0
    for frame in range(draw(st.integers(1, 25))):
        faces = draw(st.sampled_from([(), (0,), (0,), (0, 1), (1,)]))
        rows += [face_row(frame, time, draw(_shares), face) for face in faces] or [gap(frame, time)]
        time = round(time + draw(st.floats(0.01, 0.5)), 6)
    return rows


_methods = st.builds(
    lambda name, s: f"{name}:{s}", st.sampled_from(list(SMOOTHERS)), st.floats(0.05, 3)
)


# Smoothing


@given(_clips(), _methods)
def test_smoothing_leaves_all_but_one_column_set_as_it_is(rows, method):
    done = smoothed(rows, method)
    for before, after in zip(rows, done, strict=True):
        assert (after.smoothed is None) == (before.face is None)
        assert before.values(EMOTIONS) == after.values(EMOTIONS)


@given(_clips(), _methods, _shares)
def test_what_does_not_change_stays_as_it_is(rows, method, shares):
    still = [face_row(r.frame, r.time, shares, r.face) if r.face is not None else r for r in rows]
    for row in smoothed(still, method):
        assert row.smoothed is None or row.smoothed == pytest.approx(shares, abs=1e-9)


@given(_clips(), st.floats(0.05, 3))
def test_a_mean_and_a_median_stay_between_the_least_and_the_greatest(rows, seconds):
    for method in ("mean", "median", "gaussian"):
        for face in (0, 1):
            told = [r for r in smoothed(rows, f"{method}:{seconds}") if r.face == face]
            if told:
                raw = np.array([r.probabilities for r in told])
                now = np.array([r.smoothed for r in told])
                assert (now >= raw.min(axis=0) - 1e-9).all()
                assert (now <= raw.max(axis=0) + 1e-9).all()


@given(_clips(), st.floats(0.05, 3))
def test_probabilities_that_are_averaged_still_add_up(rows, seconds):
    for method in ("mean", "gaussian", "savgol"):
        for row in smoothed(rows, f"{method}:{seconds}"):
            if row.smoothed is not None:
                assert sum(row.smoothed) == pytest.approx(sum(row.probabilities), abs=1e-6)


@each_method
@given(st.data())
def test_nothing_leaks_across_a_gap_or_from_another_face(method, data):
    rows = [*clip([0.2, 0.8, 0.1, None, 0.9, 0.3]), face_row(6, 0.6, happy(0.5), face=1)]
    there = data.draw(st.sampled_from([0, 1, 2, 4, 5, 6]))
    changed = list(rows)
    changed[there] = face_row(
        there, rows[there].time, happy(data.draw(st.floats(0, 1))), rows[there].face
    )
    parts = ((0, 1, 2), (4, 5), (6,))
    before, after = smoothed(rows, f"{method}:10"), smoothed(changed, f"{method}:10")
    for part in parts:
        if there not in part:
            assert [before[i] for i in part] == [after[i] for i in part]


def test_a_frame_that_did_not_decode_is_a_gap():
    rows = clip([0.0, 0.0, 1.0, 1.0])
    rows.insert(2, TimelineRow("a.mp4", 2, 0.15, Status.DECODE_ERROR))
    rows = [r if i < 3 else face_row(i, r.time, r.probabilities) for i, r in enumerate(rows)]
    assert [row.smoothed for row in smoothed(rows, "mean:5")] == [
        happy(0.0), happy(0.0), None, happy(1.0), happy(1.0),
    ]  # fmt: skip


def test_skipping_frames_as_asked_for_is_no_gap():
    rows = [face_row(frame, frame / 25, happy(frame % 2)) for frame in range(0, 50, 5)]
    assert smoothed(rows, "mean:10")[0].smoothed == pytest.approx(happy(0.5))


def test_a_mean_counts_a_frame_for_as_long_as_it_stands():
    # Ten dense frames in a second, then one sparse one: time decides, not the number of frames.
    rows = [face_row(i, i / 10, happy(1.0)) for i in range(10)]
    rows += [face_row(10, 1.0, happy(0.0)), face_row(11, 2.0, happy(0.0))]
    middle = smoothed(rows, "mean:2")[10]
    assert middle.smoothed[1] < 0.5


def test_a_median_removes_a_single_flicker_and_keeps_an_edge():
    told = smoothed(clip([0, 0, 1, 0, 0, 0, 1, 1, 1, 1]), "median:0.2")
    assert [row.smoothed[1] for row in told] == [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]


def test_at_regular_times_savgol_is_that_of_scipy():
    shares = np.random.default_rng(0).uniform(size=40)
    told = smoothed(clip(list(map(float, shares))), "savgol:0.6")
    expected = savgol_filter(shares, window_length=7, polyorder=2)
    assert [row.smoothed[1] for row in told[3:-3]] == pytest.approx(expected[3:-3])


def test_savgol_keeps_a_parabola_at_irregular_times():
    times = np.cumsum(np.random.default_rng(1).uniform(0.02, 0.2, 30))
    curve = 0.2 + 0.3 * (times / times[-1]) ** 2
    points = enumerate(zip(times.tolist(), curve.tolist(), strict=True))
    rows = [face_row(i, time, happy(share)) for i, (time, share) in points]
    told = smoothed(rows, "savgol:1")
    assert [row.smoothed[1] for row in told] == pytest.approx(curve)


@pytest.mark.parametrize(
    "text", ["", "mean", "mean:", "mean:0", "mean:-1", "mean:nan", "mode:1", ":1"]
)
def test_what_is_no_way_of_smoothing_is_wrong_usage(text):
    with pytest.raises(UsageError, match="methods are mean, median, gaussian, savgol"):
        Smoothing.parse(text)


# Baseline


def references(rows: list[TimelineRow], text: str, people: People | None = None):
    found = people or People()
    return find_references(clips_of(rows), EMOTIONS, found, BaselineOptions.parse(text))


def based(rows: list[TimelineRow], text: str, people: People | None = None) -> list[TimelineRow]:
    options = AnalysisOptions(BaselineOptions.parse(text))
    return list(analysed(rows, options, people or People(), references(rows, text, people)))


def test_a_baseline_is_what_is_above_the_mean_of_the_reference():
    told = based(clip([0.2, 0.4, 0.9, 0.9], step=1.0), "0-2")
    assert [row.baseline[1] for row in told] == pytest.approx([-0.1, 0.1, 0.6, 0.6])
    assert [row.baseline[0] for row in told] == pytest.approx([0.1, -0.1, -0.6, -0.6])


def test_raw_values_stay_beside_the_baseline_and_no_face_has_none():
    rows = clip([0.2, None, 0.9], step=1.0)
    told = based(rows, "auto")
    assert [row.values(EMOTIONS) for row in told] == [row.values(EMOTIONS) for row in rows]
    assert told[1].values(EMOTIONS, ("baseline",))["baseline_anger"] is None


def test_the_calmest_stretch_is_the_two_seconds_with_the_most_neutral():
    shares = [0.6] * 20 + [0.1] * 21 + [0.7] * 20
    (one,) = references(clip(shares), "auto").values()
    assert (one.start, one.end, one.frames) == (2.0, 4.0, 20)
    assert one.means == pytest.approx(happy(0.1))


def test_without_neutral_the_calmest_stretch_is_the_one_that_changes_least():
    shares = [0.2, 0.9] * 10 + [0.5] * 21 + [0.1, 0.8] * 10
    people = People()
    options = BaselineOptions.parse("auto")
    found = find_references(clips_of(clip(shares)), ("calm", "happiness", "anger"), people, options)
    (one,) = found.values()
    assert (one.start, one.end) == (2.0, 4.0)
    assert "least variance" in one.criterion


def test_a_stretch_of_two_seconds_is_better_than_a_calmer_shorter_one():
    rows = clip([0.0] * 10 + [None] + [0.4] * 30)
    (one,) = references(rows, "auto").values()
    assert one.start == pytest.approx(1.1)
    (short,) = references(clip([0.3] * 3 + [None] + [0.4] * 8), "auto").values()
    assert (short.start, short.frames) == (pytest.approx(0.4), 8)


def test_one_person_has_one_reference_in_all_clips():
    rows = clip([0.2] * 4, video="a.mp4") + clip([0.6] * 4, video="b.mp4")
    together = based(rows, "0-9", People({"a.mp4": "P1", "b.mp4": "P1"}))
    assert together[0].baseline[1] == pytest.approx(-0.2)
    apart = based(rows, "0-9", People({"a.mp4": "P1", "b.mp4": "P2"}))
    assert apart[0].baseline[1] == pytest.approx(0)


def test_a_named_clip_is_the_reference_of_the_others_of_that_person():
    rows = clip([0.1] * 3, video="x/P1_rest.mp4") + clip([0.9] * 3, video="x/P1_talk.mp4")
    people = People({"x/P1_rest.mp4": "P1", "x/P1_talk.mp4": "P1"})
    for name in ("P1_rest", "P1_rest.mp4", "x/P1_rest.mp4", "*_rest.mp4"):
        assert based(rows, name, people)[-1].baseline[1] == pytest.approx(0.8)


def test_faces_of_a_clip_with_several_are_people_of_their_own_until_somebody_names_them():
    rows = [face_row(0, 0.0, happy(0.2), 0), face_row(0, 0.0, happy(0.8), 1)]
    apart = references(rows, "auto", People({"a.mp4": "P1"}))
    assert list(apart) == ["a.mp4, face 0", "a.mp4, face 1"]
    named = People(by_face={("a.mp4", 0): "P1", ("a.mp4", 1): "P2"})
    assert list(references(rows, "auto", named)) == ["P1", "P2"]


@pytest.mark.parametrize("text", ["5-9", "nobody.mp4", "b.mp4"])
def test_a_person_without_a_reference_is_an_error_that_names_them(text):
    rows = clip([0.1] * 3, video="a.mp4") + clip([], video="b.mp4")
    with pytest.raises(TimelineError, match=r"--baseline"):
        references(rows, text, People({"a.mp4": "P1"}))


@pytest.mark.parametrize("text", ["", "5-5", "9-1"])
def test_what_is_no_reference_is_wrong_usage(text):
    with pytest.raises(UsageError):
        BaselineOptions.parse(text)


def test_what_is_smoothed_is_what_the_baseline_left():
    options = AnalysisOptions(BaselineOptions.parse("0-1"), Smoothing.parse("mean:100"))
    rows = clip([0.2, 0.4, 0.6], step=1.0)
    told = list(analysed(rows, options, People(), references(rows, "0-1")))
    assert [row.smoothed[1] for row in told] == pytest.approx([0.2] * 3)
    assert columns(("joy",), options.derived()) == (
        *columns(()),
        "joy",
        "baseline_joy",
        "smoothed_joy",
    )


# Segments


def segments(rows: list[TimelineRow], **options: float):
    return segment_clip(rows, EMOTIONS, SegmentOptions(**options)).segments


def test_a_segment_tells_when_how_strong_and_how_many_frames():
    found = segments(clip([0, 0, 0.6, 0.9, 0.7, 0.45, 0.1, 0]))
    (one,) = (one for one in found if one.emotion == "happiness")
    assert (one.onset, one.apex, one.offset) == (0.2, 0.3, 0.6)
    assert (one.peak, one.mean, one.frames) == (0.9, pytest.approx(0.6625), 4)
    assert one.duration == pytest.approx(0.4)


def test_a_segment_begins_high_and_ends_low():
    told = [0.4, 0.4, 0.6, 0.4, 0.4, 0.3, 0.4]
    rows = [face_row(i, i / 10, (0.0, share, 0.0)) for i, share in enumerate(told)]
    (one,) = segments(rows)
    assert (one.onset, one.offset) == (0.2, 0.5)


def test_noise_around_even_chances_does_not_cut_a_segment():
    assert len(segments(clip([0.51, 0.49] * 10), shortest=0, gap=0)) == 1


def test_an_emotion_that_leads_clearly_takes_over_though_the_first_is_still_there():
    found = segments(clip([0.1] * 5 + [0.57] * 2 + [0.6] * 5), shortest=0, gap=0)
    assert [(one.emotion, one.onset) for one in found] == [("neutral", 0.0), ("happiness", 0.7)]


def test_the_last_frame_of_a_clip_stands_as_long_as_the_one_before():
    (one,) = segments(clip([0.9, 0.9, 0.9]))
    assert (one.onset, one.offset) == (0.0, pytest.approx(0.3))


def test_a_short_gap_is_bridged_and_a_long_one_is_not():
    bridged = segments(clip([0.9] * 5 + [None] * 2 + [0.9] * 5))
    assert [(one.onset, one.offset, one.frames) for one in bridged] == [(0, pytest.approx(1.2), 10)]
    assert len(segments(clip([0.9] * 5 + [None] * 3 + [0.9] * 5))) == 2
    assert len(segments(clip([0.9] * 5 + [None] * 2 + [0.9] * 5), gap=0)) == 2


def test_what_is_too_short_is_left_out_and_what_it_parted_meets():
    told = [happy(0.9)] * 5 + [(0.0, 0.1, 0.9)] + [happy(0.9)] * 5
    (one,) = segments([face_row(i, i / 10, shares) for i, shares in enumerate(told)])
    assert (one.emotion, one.frames, one.offset) == ("happiness", 10, pytest.approx(1.1))


def test_segments_follow_the_last_step_that_was_done():
    rows = clip([0.0] * 20 + [0.9, 0.0] * 10)
    options = AnalysisOptions(smoothing=Smoothing.parse("mean:1"))
    raw = segment_clip(rows, EMOTIONS, SegmentOptions(shortest=0, gap=0)).segments
    calm = segment_clip(
        list(analysed(rows, options)), EMOTIONS, SegmentOptions(shortest=0, gap=0)
    ).segments
    assert len(raw) > 10 > len(calm)


_limits = st.builds(
    lambda a, b, shortest, gap: SegmentOptions(max(a, b), min(a, b), shortest, gap),
    st.floats(0.2, 1), st.floats(0.2, 1), st.floats(0, 1), st.floats(0, 1),
)  # fmt: skip


@given(_clips(), _limits)
def test_segments_are_in_order_disjoint_long_enough_and_as_strong_as_asked_for(rows, limits):
    found = segment_clip(rows, EMOTIONS, limits)
    assert list(found.segments) == sorted(found.segments, key=lambda one: (one.onset, one.face))
    for face in found.faces:
        for one, following in pairwise(found.of_face(face)):
            assert one.offset <= following.onset + 1e-9
            apart = following.onset - one.offset
            assert one.emotion != following.emotion or apart > limits.gap
    for one in found.segments:
        inside = [
            row for row in rows if row.face == one.face and one.onset <= row.time < one.offset
        ]
        told = [row.probabilities[EMOTIONS.index(one.emotion)] for row in inside]
        assert one.duration >= limits.shortest - 1e-5
        assert told[0] >= limits.enter
        assert told[0] == max(inside[0].probabilities)
        assert one.peak in told
        assert one.mean <= one.peak + 1e-9
        assert one.onset <= one.apex < one.offset or one.duration == 0
        assert sum(share >= limits.leave for share in told) >= one.frames


@pytest.mark.parametrize(
    "limits", [(0.3, 0.5, 0, 0), (0.5, 0.3, -1, 0), (0.5, 0.3, 0, -1), (2, 1, 0, 0)]
)
def test_limits_that_make_no_sense_are_wrong_usage(limits):
    with pytest.raises(UsageError):
        SegmentOptions(*limits)
