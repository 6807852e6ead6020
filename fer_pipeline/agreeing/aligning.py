"""A coder's codes on the frames of a timeline: the value that holds in the middle of each."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

from fer_pipeline.agreeing.options import Intensity, class_of
from fer_pipeline.coders import Code, Coding
from fer_pipeline.errors import CoderError, UsageError
from fer_pipeline.listing import few
from fer_pipeline.timeline.moments import Moment

Value = TypeVar("Value", str, float)

_MOST_LISTED = 12

# Players show a little more than a timeline when the sound is longer than the picture.
_BEYOND = 1.0

# Programs round times to the millisecond, each in its way.
_OVERLAP = 0.0021


def coder_classes(
    coding: Coding, meanings: Mapping[str, str], emotions: Sequence[str]
) -> dict[str, str | None]:
    """Return the class of each code; None for codes that are left out.

    Args:
        coding: What the coder wrote.
        meanings: Classes by code, as typed; empty to leave a code out. Codes that do not occur do
            no harm, so that one list serves many files.
        emotions: The model's emotions.

    Raises:
        CoderError: A code stands for nothing.
        UsageError: A meaning stands for nothing.
    """
    codes = Counter(code.text for code in coding.codes)
    for code, meaning in meanings.items():
        if meaning and class_of(meaning, emotions) is None:
            raise UsageError(
                f"--map {code}={meaning}: '{meaning}' is no emotion",
                f"the timeline has {', '.join(emotions)}",
            )
    classes = {
        code: (class_of(meanings[code], emotions) if meanings[code] else None)
        if code in meanings
        else class_of(code, emotions)
        for code in codes
    }
    unknown = [
        code for code in codes if classes[code] is None and meanings.get(code, "unknown") != ""
    ]
    if unknown:
        told = [f"'{code}' ({codes[code]}×)" for code in unknown]
        raise CoderError(
            f"{coding.path}: codes of '{coding.tier}' that stand for no emotion: "
            f"{few(told, _MOST_LISTED)}",
            "say what they mean with --map CODE=EMOTION, or leave them out with --map CODE=",
        )
    return classes


def coder_numbers(coding: Coding, intensity: Intensity) -> dict[str, float | None]:
    """Return the number that each code is, as a share of the greatest.

    Raises:
        CoderError: A code is no number, or beyond the scale.
    """
    numbers: dict[str, float | None] = {}
    for code in coding.codes:
        try:
            number = float(code.text.replace(",", ".", 1))
        except ValueError:
            number = math.nan
        if not 0 <= number <= intensity.most:
            raise CoderError(
                f"{coding.path}: the code '{code.text}' of '{coding.tier}' is no number from 0 to "
                f"{intensity.most:g}",
                "name the tier of numbers: --tier; and their greatest: --intensity EMOTION:MOST",
            )
        numbers[code.text] = number / intensity.most
    return numbers


def check_length(coding: Coding, moments: Sequence[Moment], offset: float) -> None:
    """Make sure that codes are about this clip.

    Raises:
        CoderError: They go beyond it.
    """
    if coding.unit == "frame":
        _check_frames(coding, moments)
        return
    end, shift = moments[-1].until, coding.origin + offset
    last = max(coding.codes, key=lambda code: code.end)
    first = coding.codes[0]
    beyond = last if last.end + shift > end + _BEYOND else None
    if beyond is None and first.start + shift < -_BEYOND:
        beyond = first
    if beyond is not None:
        raise CoderError(
            f"{coding.path}: '{beyond.text}' is from {beyond.start + shift:.2f} to "
            f"{beyond.end + shift:.2f} s, and the clip from 0 to {end:.2f} s",
            "give the codes of this clip, or --offset if their clock began at another time",
        )


def _check_frames(coding: Coding, moments: Sequence[Moment]) -> None:
    last, frame = round(max(code.end for code in coding.codes)) - 1, moments[-1].row.frame
    # Of a timeline of every tenth frame, nine may follow the last one.
    step = moments[-1].row.frame - moments[-2].row.frame if len(moments) > 1 else 1
    if last > frame + max(step, 1) - 1:
        raise CoderError(
            f"{coding.path}: codes frame {last}, and the clip's last one is {frame}",
            "give the codes of this clip, with frames that count from 0",
        )


def on_frames(
    coding: Coding,
    values: Mapping[str, Value | None],
    moments: Sequence[Moment],
    offset: float,
) -> list[Value | None]:
    """Return the value that holds in the middle of each moment; None where there is none.

    Args:
        coding: What the coder wrote.
        values: What each code stands for; None to leave it out.
        moments: Those of the clip.
        offset: Seconds to add to the coder's times.

    Raises:
        CoderError: Two values hold at once.
    """
    in_frames = coding.unit == "frame"
    shift = 0.0 if in_frames else coding.origin + offset
    spans: list[tuple[float, float, Value]] = []
    for code in coding.codes:
        value = values[code.text]
        if value is None:
            continue
        if spans and code.start + shift < spans[-1][1] - (0 if in_frames else _OVERLAP):
            start, end, before = spans[-1]
            if before != value:
                raise _overlap(coding, code, shift)
            spans[-1] = start, max(end, code.end + shift), value
        else:
            spans.append((code.start + shift, code.end + shift, value))
    positions = [one.row.frame + 0.5 if in_frames else one.middle for one in moments]
    return sampled(spans, positions)


def sampled(
    spans: Sequence[tuple[float, float, Value]], positions: Sequence[float]
) -> list[Value | None]:
    """Return the value of the span that holds each position; None where there is none.

    Args:
        spans: Start, end and value, in order of start; a span does not hold its end.
        positions: In the same unit.
    """
    starts = [span[0] for span in spans]
    found: list[Value | None] = []
    for position in positions:
        index = bisect_right(starts, position) - 1
        holds = index >= 0 and position < spans[index][1]
        found.append(spans[index][2] if holds else None)
    return found


def _overlap(coding: Coding, code: Code, shift: float) -> CoderError:
    unit = "frame" if coding.unit == "frame" else "second"
    return CoderError(
        f"{coding.path}: '{code.text}' of '{coding.tier}' begins at {unit} "
        f"{code.start + shift:g}, when a code with another meaning has not ended",
        "let one at a time hold, or leave the codes of other things out with --map CODE=",
    )
