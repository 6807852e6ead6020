"""Segments: from when to when a face showed an emotion.

A segment begins where an emotion dominates and reaches one threshold, and goes on as long as it
keeps a lower one and no other that reaches the first leads by more than lies between the two. With
a single threshold, or with whatever is strongest, noise would cut a long smile to pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fer_pipeline.errors import UsageError
from fer_pipeline.timeline.clips import FaceRow, clips_of, end_of, runs_of
from fer_pipeline.timeline.rows import TimelineRow


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """What makes a segment.

    Attributes:
        enter: Value that the dominant emotion must reach.
        leave: Value below which it ends; it also ends where another emotion reaches ``enter`` and
            leads by more than ``enter`` - ``leave``.
        shortest: Seconds that a segment has to last.
        gap: Seconds of a gap within a segment that are bridged.
    """

    enter: float = 0.5
    leave: float = 0.35
    shortest: float = 0.2
    gap: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.leave <= self.enter <= 1:
            raise UsageError(
                f"a segment cannot begin at {self.enter:g} and end below {self.leave:g}",
                "give 0 <= --leave <= --enter <= 1",
            )
        if self.shortest < 0 or self.gap < 0:
            raise UsageError("seconds below 0 make no sense", "change --min-duration or --merge")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch in which a face showed an emotion.

    Attributes:
        video: Name of the clip.
        face: Number of the face.
        emotion: What it showed.
        onset: Seconds: the first frame.
        apex: Seconds: the frame with the greatest value.
        offset: Seconds: the end of the last frame.
        peak: The greatest value.
        mean: The mean value over the time of its frames.
        frames: How many frames show it; not those of a bridged gap.
    """

    video: str
    face: int
    emotion: str
    onset: float
    apex: float
    offset: float
    peak: float
    mean: float
    frames: int

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.offset - self.onset


@dataclass(frozen=True, slots=True)
class ClipSegments:
    """The segments of a clip.

    Attributes:
        video: Its name.
        end: Seconds: the end of its last frame.
        faces: Numbers of its faces, also of those without a segment.
        segments: In order of onset, then face; those of one face do not overlap.
    """

    video: str
    end: float
    faces: tuple[int, ...]
    segments: tuple[Segment, ...]

    def of_face(self, face: int) -> tuple[Segment, ...]:
        """Return the segments of one face, in order of time."""
        return tuple(one for one in self.segments if one.face == face)


def segment_clips(
    rows: Iterable[TimelineRow], emotions: Sequence[str], options: SegmentOptions
) -> Iterator[ClipSegments]:
    """Yield the segments of clip after clip, by the latest step that was done."""
    for _, of_clip in clips_of(rows):
        yield segment_clip(of_clip, emotions, options)


def segment_clip(
    rows: Sequence[TimelineRow], emotions: Sequence[str], options: SegmentOptions
) -> ClipSegments:
    """Find the segments of one clip.

    Args:
        rows: All its rows, at least one, in order of their frames.
        emotions: The model's emotions.
        options: What makes a segment.
    """
    found: list[Segment] = []
    runs = runs_of(rows)
    for face, of_face in runs.items():
        pieces = [piece for run in of_face for piece in _pieces(run, options)]
        kept = [piece for piece in _merged(pieces, options.gap) if _lasts(piece, options.shortest)]
        # Of three, the middle one may have been too short: then the others meet.
        whole = _merged(kept, options.gap)
        found += [_described(rows[0].video, face, piece, emotions) for piece in whole]
    found.sort(key=lambda one: (one.onset, one.face))
    return ClipSegments(rows[0].video, end_of(rows), tuple(runs), tuple(found))


@dataclass(frozen=True, slots=True)
class _Piece:
    emotion: int
    rows: tuple[FaceRow, ...]

    @property
    def onset(self) -> float:
        return self.rows[0].row.time

    @property
    def offset(self) -> float:
        return self.rows[-1].until


def _pieces(run: Sequence[FaceRow], options: SegmentOptions) -> Iterator[_Piece]:
    """Yield the stretches of one run, which have no gap."""
    margin = options.enter - options.leave
    emotion: int | None = None
    held: list[FaceRow] = []
    for one in run:
        values = one.row.latest or ()
        top = max(range(len(values)), key=values.__getitem__)
        enters = values[top] >= options.enter
        if emotion is not None and (
            values[emotion] < options.leave
            or (enters and values[top] - values[emotion] > margin + _EVEN)
        ):
            yield _Piece(emotion, tuple(held))
            emotion, held = None, []
        if emotion is None:
            emotion = top if enters else None
        if emotion is not None:
            held.append(one)
    if emotion is not None:
        yield _Piece(emotion, tuple(held))


def _merged(pieces: Sequence[_Piece], gap: float) -> list[_Piece]:
    """Join neighbours of one emotion with at most a short gap between them."""
    joined: list[_Piece] = []
    for piece in pieces:
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.emotion == piece.emotion
            and piece.onset - before.offset <= gap + _ROUNDING
        ):
            joined[-1] = _Piece(piece.emotion, before.rows + piece.rows)
        else:
            joined.append(piece)
    return joined


# Differences of shares are not exact.
_EVEN = 1e-9

# Times have six decimals: 0.2 s of frames is not a little less than 0.2 s.
_ROUNDING = 1e-6


def _lasts(piece: _Piece, shortest: float) -> bool:
    return piece.offset - piece.onset >= shortest - _ROUNDING


def _described(video: str, face: int, piece: _Piece, emotions: Sequence[str]) -> Segment:
    values = [(one.row.latest or ())[piece.emotion] for one in piece.rows]
    seconds = [one.seconds for one in piece.rows]
    whole = sum(seconds)
    peak = max(values)
    mean = (
        sum(value * share for value, share in zip(values, seconds, strict=True)) / whole
        if whole > 0
        else sum(values) / len(values)
    )
    return Segment(
        video=video,
        face=face,
        emotion=emotions[piece.emotion],
        onset=piece.onset,
        apex=piece.rows[values.index(peak)].row.time,
        offset=piece.offset,
        peak=peak,
        mean=mean,
        frames=len(values),
    )
