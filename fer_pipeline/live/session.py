"""The loop of a live view: the newest frame, its faces, the picture, the keys."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fer_pipeline.domain import Frame
from fer_pipeline.live.newest import Taken
from fer_pipeline.live.picture import Artist, Caption, shown_size
from fer_pipeline.live.recording import Recording
from fer_pipeline.live.sources import LiveSource
from fer_pipeline.live.tallies import Tallies
from fer_pipeline.live.watching import Watcher
from fer_pipeline.live.window import CLOSED, ESCAPE, Window
from fer_pipeline.timeline import TimelineRow, Totals

QUIT = frozenset({"q", "Q", ESCAPE, CLOSED})
PAUSE, MARK, HELP = " ", frozenset("mM"), frozenset("hH?")
NUMBERED = frozenset("123456789")

KEYS = (
    "space: pause, go on",
    "m, 1 to 9: mark an event",
    "h: these keys",
    "q, Esc: end",
)

# So long the loop waits for a frame before it looks for keys again.
_PATIENCE_SECONDS = 0.02

_NOTICE_SECONDS = 1.5

# Frames over which the rate in the window is taken.
_RATE_FRAMES = 30


@dataclass(slots=True)
class Pace:
    """How well the view kept up with its source.

    Attributes:
        shown: Frames shown.
        delay: Seconds from the moment a frame was there to that at which it was shown, added up.
        seconds: Time in which frames were shown, pauses left out.
    """

    shown: int = 0
    delay: float = 0.0
    seconds: float = 0.0
    _resumed: float = 0.0
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RATE_FRAMES))

    def show(self, taken: Taken) -> None:
        """Note that a frame is in the window."""
        now = time.monotonic()
        if self._recent:
            self.seconds += now - self._recent[-1]
        self._recent.append(now)
        self.delay += now - max(taken.at, self._resumed)
        self.shown += 1

    def interrupt(self) -> None:
        """Leave the time until the next frame out."""
        self._recent.clear()

    def resume(self) -> None:
        """Leave the time out for which a frame waited until now."""
        self._resumed = time.monotonic()

    @property
    def latest_rate(self) -> float | None:
        """Frames a second, of late; None if that cannot be told yet."""
        span = self._recent[-1] - self._recent[0] if self._recent else 0.0
        return (len(self._recent) - 1) / span if span else None


@dataclass(frozen=True, slots=True)
class LiveReport:
    """What was seen.

    Attributes:
        name: What the source is called.
        totals: What the rows add up to.
        shown: Frames shown.
        passed_over: Frames that came while another one was worked on.
        rate: Frames shown a second, pauses left out; None if there were too few.
        delay: Mean seconds from a frame's coming to its showing; None if there was none.
        warnings: What a user should know about the source.
    """

    name: str
    totals: Totals
    shown: int
    passed_over: int
    rate: float | None
    delay: float | None
    warnings: tuple[str, ...]


class LiveSession:
    """Shows a source in a window until it ends or somebody wants the end.

    Args:
        source: A source that gives frames.
        watcher: Finds faces and tells emotions.
        artist: Draws.
        recording: Where rows and events go, if anywhere.
        stop: Tells whether somebody outside the window wants the end.
    """

    def __init__(
        self,
        source: LiveSource,
        watcher: Watcher,
        artist: Artist,
        recording: Recording | None,
        stop: Callable[[], bool],
    ) -> None:
        self._source, self._watcher, self._artist = source, watcher, artist
        self._recording = recording
        self._stop = stop
        self._tallies = Tallies(watcher.emotions)
        self._pace = Pace()
        self._shown: tuple[Frame, tuple[TimelineRow, ...]] | None = None
        self._drawn: Taken | None = None  # until the window has shown it
        self._pauses: list[list[float]] = []
        self._began: datetime | None = None
        self._over = self._paused = self._helping = False
        self._notice, self._notice_until = "", 0.0
        self._window: Window | None = None

    def run(self) -> LiveReport:
        """Show frames until the end.

        Raises:
            VideoError: The source gives nothing.
            OutputError: Rows cannot be written.
        """
        try:
            while not (self._over or self._stop() or self._source.newest.exhausted):
                self._turn()
        finally:
            if self._window is not None:
                self._window.close()
        self._keep(self._watcher.finish())
        if self._paused:
            self._pauses[-1].append(self._source.now)
        pace = self._pace
        return LiveReport(
            name=self._source.name,
            totals=self._tallies.totals(),
            shown=pace.shown,
            passed_over=self._source.newest.passed_over,
            rate=(pace.shown - 1) / pace.seconds if pace.seconds else None,
            delay=pace.delay / pace.shown if pace.shown else None,
            warnings=self._source.warnings,
        )

    def values(self) -> dict[str, Any]:
        """Return what a record of the recording tells of the source, plain."""
        began = None if self._began is None else self._began.isoformat(timespec="milliseconds")
        size = None if self._shown is None else list(self._shown[0].luma.shape[::-1])
        return {
            "source": self._source.name,
            "began": began,
            "size": size,
            "nominal_rate": self._source.rate,
            "shown": self._pace.shown,
            "passed_over": self._source.newest.passed_over,
            "pauses": [[round(time, 6) for time in pause] for pause in self._pauses],
        }

    def _turn(self) -> None:
        if self._paused:
            time.sleep(_PATIENCE_SECONDS)
        for taken in () if self._paused else self._source.newest.fetch(_PATIENCE_SECONDS):
            self._take(taken)
        key = self._look_for_key()
        if key:
            self._press(key)
        if key and not self._over:
            self._redraw()

    def _look_for_key(self) -> str:
        """Let the window show what was drawn, and return the key that was pressed."""
        key = "" if self._window is None else self._window.key()
        if self._drawn is not None:
            self._pace.show(self._drawn)
            self._drawn = None
        return key

    def _take(self, taken: Taken) -> None:
        if self._began is None:
            self._began = datetime.now(UTC) - timedelta(seconds=time.monotonic() - taken.at)
        rows = self._watcher.take(taken.frame)
        self._keep(self._watcher.certain())
        if isinstance(taken.frame, Frame):
            self._shown, self._drawn = (taken.frame, rows), taken
            self._redraw()

    def _keep(self, certain: Iterable[TimelineRow]) -> None:
        rows = tuple(certain)
        self._tallies.add(rows)
        if self._recording is not None:
            self._recording.add(rows)

    def _redraw(self) -> None:
        if self._shown is None:
            return
        frame, rows = self._shown
        if self._window is None:
            height, width = frame.luma.shape
            self._window = Window(f"fer live: {self._source.name}", shown_size(width, height))
        self._window.show(self._artist.draw(frame, rows, self._caption()))

    def _caption(self) -> Caption:
        rate = self._pace.latest_rate
        state = "not recorded" if self._recording is None else "recording"
        state = "paused" if self._paused else state
        told = [f"{rate:.1f} frames/s"] if rate is not None and not self._paused else []
        lines = ["paused: space goes on"] if self._paused else []
        if time.monotonic() < self._notice_until:
            lines.append(self._notice)
        if self._helping:
            lines += KEYS
        return Caption("   ".join([*told, state, "h: keys"]), lines)

    def _press(self, key: str) -> None:
        if key in QUIT:
            self._over = True
        elif key == PAUSE:
            self._toggle_pause()
        elif key in HELP:
            self._helping = not self._helping
        elif key in MARK or key in NUMBERED:
            self._mark(key if key in NUMBERED else "mark")

    def _mark(self, name: str) -> None:
        onset = self._source.now
        if self._recording is not None and self._shown is not None:
            self._recording.mark(onset, name, self._shown[0].index)
        aside = "" if self._recording is not None else ", not recorded: no --out"
        label = name if name == "mark" else f"mark {name}"
        self._notice = f"{label} at {onset:.2f} s{aside}"
        self._notice_until = time.monotonic() + _NOTICE_SECONDS

    def _toggle_pause(self) -> None:
        self._paused = not self._paused
        now = self._source.now
        if self._paused:
            self._source.hold()
            self._keep(self._watcher.interrupt())
            self._tallies.interrupt()
            self._pace.interrupt()
            self._pauses.append([now])
        else:
            self._source.go_on()
            self._pace.resume()
            self._pauses[-1].append(now)
        if self._recording is not None and self._shown is not None:
            self._recording.mark(now, "pause" if self._paused else "resume", self._shown[0].index)
