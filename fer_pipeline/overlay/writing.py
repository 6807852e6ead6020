"""A clip and its timeline → the clip with the timeline drawn into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

from fer_pipeline.ahead import ahead
from fer_pipeline.domain import Box, Frame, LostFrame, Status
from fer_pipeline.errors import OutputError, UsageError, VideoError
from fer_pipeline.overlay.canvas import Canvas, blank_canvas
from fer_pipeline.overlay.covering import CoverOptions, Covers, cover
from fer_pipeline.overlay.encoding import VideoWriter, encoder_for, format_of, writing_video
from fer_pipeline.overlay.judgements import Current, Judged, Overview, Rows
from fer_pipeline.overlay.marks import Marker
from fer_pipeline.overlay.pictures import PictureReader
from fer_pipeline.overlay.sound import Sound, open_beside, pixel_shape
from fer_pipeline.timeline import Derived
from fer_pipeline.video import open_video

_FRAMES_AHEAD = 8

_BLANK = "#23282E"

# Seconds; tables that somebody worked on may be rounded.
_SAME_TIME = 2e-3

Picture = Literal["shown", "covered", "blank"]


@dataclass(frozen=True, slots=True)
class OverlayOptions:
    """What of a clip is seen and heard.

    Attributes:
        picture: The clip as it is; with every face covered; or nothing of it at all.
        keep_sound: Whether its sound is kept; None keeps it only with the clip as it is.
        cover: What is covered, if faces are.
    """

    picture: Picture = "shown"
    keep_sound: bool | None = None
    cover: CoverOptions = CoverOptions()

    @property
    def with_sound(self) -> bool:
        """Whether the sound is kept."""
        return self.picture == "shown" if self.keep_sound is None else self.keep_sound

    def check(self) -> None:
        """Make sure that they go together.

        Raises:
            UsageError: A blank picture with a voice would not be anonymous.
        """
        if self.picture == "blank" and self.with_sound:
            raise UsageError("a voice tells who speaks; with a blank picture there is no sound")


@dataclass(frozen=True, slots=True)
class OverlayReport:
    """What was written.

    Attributes:
        frames: Frames in the video, a notice for each that did not decode among them.
        lost: Frames that did not decode.
        wholly_covered: Frames of which the whole picture was covered, because nobody was found or
            looked for, or because its size is not that of the first.
        uncovered: Frames without a face that stayed as they are, because that was allowed.
        sound_tracks: Sound tracks.
        encoder: What encoded the picture, as FFmpeg calls it.
    """

    frames: int
    lost: int
    wholly_covered: int
    uncovered: int
    sound_tracks: int
    encoder: str


def write_overlay(
    path: Path,
    clip: Path,
    rows: Rows,
    emotions: Sequence[str],
    options: OverlayOptions = OverlayOptions(),
    progress: Callable[[int], None] = lambda _: None,
    derived: Sequence[Derived] = (),
) -> OverlayReport:
    """Draw the timeline of a clip into it.

    Every frame of the clip is drawn, at its own time, with the values of the last step that the
    rows hold. The file appears when it is complete.

    Args:
        path: Where the video goes; its suffix is one of `FORMATS`.
        clip: The clip.
        rows: Gives its timeline.
        emotions: The model's.
        options: What of the clip is seen and heard.
        progress: Called with the number of frames drawn since the last call.
        derived: The steps that the rows hold beside the probabilities.

    Raises:
        UsageError: The suffix stands for no format, or options contradict each other.
        VideoError: The clip cannot be read, nothing of it decodes, or it is not that of the
            timeline.
        OutputError: The video cannot be written, or would replace the clip.
    """
    options.check()
    encoder = encoder_for(path)
    if path.exists() and clip.exists() and path.samefile(clip):
        raise OutputError(f"{path}: is the clip itself", "give another name")
    overview = Overview.of(rows())
    with ExitStack() as stack:
        video = stack.enter_context(open_video(clip))
        beside = stack.enter_context(open_beside(clip))
        frames = stack.enter_context(closing(ahead(video.frames(), _FRAMES_AHEAD)))
        before, first = _first_picture(frames, clip)
        reader = PictureReader(first)
        container = stack.enter_context(writing_video(path))
        writer = VideoWriter(
            container,
            encoder,
            reader.shape(video.info.rate, pixel_shape(beside)),
        )
        sound = None
        if options.with_sound:
            copy = options.picture == "shown"  # else nothing that a packet may hide is taken over
            sound = Sound(beside, container, format_of(path), video.info.start, copy=copy)
        drawing = _Drawing(clip, reader, overview, rows, emotions, options, derived)
        for frame in chain(before, (first,), frames):
            if sound is not None:
                sound.write_until(frame.time)
            writer.write(drawing.draw(frame), frame.time)
            progress(1)
        drawing.finish()
        writer.finish()
        if sound is not None:
            sound.finish()
    return drawing.report(sound.tracks if sound else 0, encoder)


def _first_picture(
    frames: Iterator[Frame | LostFrame], clip: Path
) -> tuple[list[LostFrame], Frame]:
    """Read up to the first frame that decoded: it tells the size of all."""
    lost: list[LostFrame] = []
    for frame in frames:
        if isinstance(frame, Frame):
            return lost, frame
        lost.append(frame)
    raise VideoError(f"{clip}: holds no frame that can be read", "leave it out")


class _Drawing:
    """Makes the picture of each frame, and counts."""

    def __init__(
        self,
        clip: Path,
        reader: PictureReader,
        overview: Overview,
        rows: Rows,
        emotions: Sequence[str],
        options: OverlayOptions,
        derived: Sequence[Derived],
    ) -> None:
        self._clip = clip
        self._reader = reader
        self._options = options
        self._current = Current(rows(), overview.interval)
        self._covers = Covers(overview.faces, reader.even_size, options.cover)
        self._marker = Marker(emotions, *reader.even_size, derived)
        self._frames = self._lost = self._wholly = self._uncovered = 0

    def draw(self, frame: Frame | LostFrame) -> Canvas:
        self._frames += 1
        shown = self._current.at(frame.index, frame.time)
        self._require_same(frame, shown)
        if isinstance(frame, LostFrame):
            self._lost += 1
            canvas = self._blank()
            self._marker.draw_notice(canvas, "this frame could not be decoded")
            self._marker.draw_footer(canvas, frame.index, frame.time)
            return canvas
        canvas = self._ground(frame, shown)
        if not self._reader.is_of_first_size(frame):  # boxes are of another size, too
            self._marker.draw_footer(canvas, frame.index, frame.time, "other size: not drawn")
            return canvas
        faces = shown.faces if shown is not None else ()
        self._marker.draw_faces(canvas, faces)
        remark = "not judged" if shown is None else self._marker.steps if faces else "no face"
        self._marker.draw_footer(canvas, frame.index, frame.time, remark)
        return canvas

    def finish(self) -> None:
        """Make sure that the timeline tells of no more than the clip holds.

        Raises:
            VideoError: It does, so it is that of another clip.
        """
        left = self._current.left()
        if left is not None:
            raise self._another(f"frame {left.index} at {left.time:.3f} s is missing in it")

    def _require_same(self, frame: Frame | LostFrame, shown: Judged | None) -> None:
        """Refuse a clip of which the timeline is not: nobody's face would be where it tells."""
        if shown is None or shown.index != frame.index or not shown.decoded:
            return
        if not isinstance(frame, Frame):
            return
        if abs(shown.time - frame.time) > _SAME_TIME:
            raise self._another(
                f"frame {frame.index} is at {frame.time:.3f} s in it, and at {shown.time:.3f} s "
                "in the timeline"
            )
        if self._reader.is_of_first_size(frame):
            self._require_inside(shown)

    def _require_inside(self, shown: Judged) -> None:
        """Refuse a clip with smaller pictures: what was found in a picture lies within it."""
        width, height = self._reader.size
        for row in shown.faces:
            box = row.box
            assert box is not None
            if row.status is Status.OK and (
                box.x + box.width > width or box.y + box.height > height
            ):
                raise self._another(
                    f"its pictures have {width}x{height} pixels, and face {row.face} of frame "
                    f"{shown.index} reaches beyond"
                )

    def _another(self, why: str) -> VideoError:
        problem = f"{self._clip}: is not the clip of this timeline: {why}"
        return VideoError(problem, "give the clip from which the timeline was made")

    def report(self, sound_tracks: int, encoder: str) -> OverlayReport:
        return OverlayReport(
            self._frames, self._lost, self._wholly, self._uncovered, sound_tracks, encoder
        )

    def _ground(self, frame: Frame, shown: Judged | None) -> Canvas:
        if self._options.picture == "blank":
            return self._blank()
        canvas = self._reader.canvas(frame)
        if self._options.picture == "covered":
            self._cover(canvas, frame, shown)
        return canvas

    def _cover(self, canvas: Canvas, frame: Frame, shown: Judged | None) -> None:
        this = shown if shown is not None and shown.index == frame.index else None
        areas = self._covers.at(frame.time, this)
        if not self._reader.is_of_first_size(frame):
            self._cover_all(canvas, "the picture has another size here: all is covered")
            return
        allowed = self._options.cover.allow_uncovered
        if not allowed and not self._current.is_near(frame.time):
            self._cover_all(canvas, "nobody looked for faces here: all is covered")
            return
        for face, area in areas.items():
            cover(canvas, area, face)
        if areas:
            return
        if allowed:
            self._uncovered += 1
            return
        self._cover_all(canvas, "no face was found here: all is covered")

    def _cover_all(self, canvas: Canvas, why: str) -> None:
        self._wholly += 1
        cover(canvas, Box(0, 0, canvas.width, canvas.height), -1)
        self._marker.draw_notice(canvas, why)

    def _blank(self) -> Canvas:
        return blank_canvas(*self._reader.even_size, _BLANK, self._reader.colouring)
