"""Where the frames of a live view come from: a camera, or a file that is played as if it were one.

A thread takes them as they come, so that nothing waits in a queue: what is shown is always the
newest picture.
"""

from __future__ import annotations

import re
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from fer_pipeline.domain import Frame
from fer_pipeline.errors import UsageError, VideoError
from fer_pipeline.faces import require_opencv
from fer_pipeline.live.newest import Newest
from fer_pipeline.live.pixels import CameraPixels
from fer_pipeline.quiet import quiet
from fer_pipeline.sources import find_videos
from fer_pipeline.video import Video, open_video

if TYPE_CHECKING:
    from cv2 import VideoCapture

# A camera by its number, as OpenCV counts them, or by its device file on Linux.
_CAMERA = re.compile(r"(?:/dev/video)?(\d{1,4})")

# Some cameras miss a picture now and then; one that is silent so long is gone.
_PATIENCE_SECONDS = 2.0

# A camera that tells no rate.
_USUAL_RATE = 30.0

# A driver that hangs must not keep the command from ending.
_GRACE_SECONDS = 3.0

_NAP_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class CameraWishes:
    """What a camera is asked for; it may give something else.

    Attributes:
        size: Width and height in pixels; None for what it gives by itself.
        fps: Pictures a second; None for what it gives by itself.
    """

    size: tuple[int, int] | None = None
    fps: float | None = None


class LiveSource(ABC):
    """Takes frames in a thread of its own, as they come.

    Args:
        name: What it is called in the timeline.
        rate: Nominal frames a second.

    Attributes:
        newest: Where the frames are fetched.
        warnings: What a user should know when it has ended.
    """

    def __init__(self, name: str, rate: float) -> None:
        self.name, self.rate = name, rate
        self.newest = Newest()
        self.warnings: tuple[str, ...] = ()
        self._stopped = Event()
        self._thread = Thread(target=self._run, name=f"frames of {name}", daemon=True)

    def start(self) -> None:
        """Begin to take frames."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more frames."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(_GRACE_SECONDS)

    @property
    @abstractmethod
    def now(self) -> float:
        """Its time in seconds, that of a frame that would come just now."""

    @abstractmethod
    def hold(self) -> None:
        """Give no more frames for a while."""

    @abstractmethod
    def go_on(self) -> None:
        """Give frames again."""

    @abstractmethod
    def _deliver(self) -> None:
        """Offer frames until there are no more, or nobody wants them."""

    def _run(self) -> None:
        try:
            self._deliver()
        except BaseException as error:  # noqa: BLE001 - it is raised where frames are fetched
            self.newest.end(error)
        else:
            self.newest.end()


class PlayClock:
    """Media time that goes on as fast as time does, unless it is held."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._offset: float | None = None  # from media time to that of the clock
        self._held: float | None = None

    @property
    def now(self) -> float:
        """Seconds of media time; 0 before the start."""
        with self._lock:
            if self._offset is None:
                return 0.0
            return (time.monotonic() if self._held is None else self._held) - self._offset

    def start(self, media_time: float) -> None:
        """Begin, with this media time."""
        with self._lock:
            self._offset = (time.monotonic() if self._held is None else self._held) - media_time

    def hold(self) -> None:
        """Stand still."""
        with self._lock:
            self._held = time.monotonic() if self._held is None else self._held

    def go_on(self) -> None:
        """Go on from where it stands."""
        with self._lock:
            if self._held is not None and self._offset is not None:
                self._offset += time.monotonic() - self._held
            self._held = None


class PlayedFile(LiveSource):
    """A video that is played at its own rate; what nobody fetches in time is passed over.

    Args:
        video: The open video.
        name: What it is called in the timeline.
    """

    def __init__(self, video: Video, name: str) -> None:
        super().__init__(name, video.info.rate)
        self._video = video
        self._clock = PlayClock()

    @property
    def now(self) -> float:
        """Media time."""
        return self._clock.now

    def hold(self) -> None:
        """Stop playing."""
        self._clock.hold()

    def go_on(self) -> None:
        """Play on."""
        self._clock.go_on()

    def _deliver(self) -> None:
        started = False
        last = 0.0
        for frame in self._video.frames():
            if not started:
                self._clock.start(frame.time)
                started = True
            self._wait_until(frame.time)
            if self._stopped.is_set():
                return
            self.newest.put(frame)
            last = frame.time
        self._wait_until(last + 1 / self.rate)  # the last frame is seen as long as others
        self.warnings = tuple(self._video.report.warnings)

    def _wait_until(self, media_time: float) -> None:
        while (ahead := media_time - self._clock.now) > 0:
            if self._stopped.wait(min(ahead, _NAP_SECONDS)):
                return


class Camera(LiveSource):
    """A camera; its time begins with its first picture and goes on whatever happens.

    A picture has the time at which it was there: the stamps that OpenCV gives for cameras differ by
    system and driver, and many are 0.

    Args:
        capture: The open camera.
        name: What it is called in the timeline.
    """

    def __init__(self, capture: VideoCapture, name: str) -> None:
        import cv2

        told = float(capture.get(cv2.CAP_PROP_FPS))
        super().__init__(name, told if 1 <= told <= 1000 else _USUAL_RATE)
        self._capture = capture
        self._held = Event()
        self._first: float | None = None

    @property
    def now(self) -> float:
        """Seconds since the first picture."""
        return 0.0 if self._first is None else time.monotonic() - self._first

    def hold(self) -> None:
        """Leave out what comes; time and numbers go on."""
        self._held.set()
        self.newest.forget()

    def go_on(self) -> None:
        """Take what comes."""
        self.newest.forget()  # what came while the hold began
        self._held.clear()

    def stop(self) -> None:
        """Take no more pictures, and let the camera go."""
        super().stop()
        if not self._thread.is_alive():
            self._capture.release()

    def _deliver(self) -> None:
        index = 0
        heard = time.monotonic()
        while not self._stopped.is_set():
            picture = self._capture.retrieve()[1] if self._capture.grab() else None
            at = time.monotonic()
            if picture is not None and picture.size:
                if self._first is None:
                    self._first = at
                if not self._held.is_set():
                    self.newest.put(Frame(index, at - self._first, CameraPixels(picture)), at)
                index, heard = index + 1, at
            elif at - heard > _PATIENCE_SECONDS:
                break
            else:
                time.sleep(_NAP_SECONDS)
        if not self._stopped.is_set():
            self._tell_silence()

    def _tell_silence(self) -> None:
        if self._first is None:
            raise VideoError(
                f"{self.name}: opens but gives no picture",
                "close other programs that use it, or ask for another --size",
            )
        self.warnings = ("gave no more pictures; is it still connected?",)


@contextmanager
def open_source(text: str, wishes: CameraWishes) -> Iterator[LiveSource]:
    """Open what was typed, and take frames from it within the block.

    Args:
        text: The number of a camera, its device file, or the path of a video.
        wishes: What a camera is asked for.

    Raises:
        UsageError: A file is asked for what only a camera can do.
        VideoError: The camera or the file cannot be opened.
    """
    camera = _CAMERA.fullmatch(text)
    if camera is not None:
        with _running(Camera(open_camera(int(camera[1]), wishes), f"camera {camera[1]}")) as source:
            yield source
        return
    if wishes != CameraWishes():
        raise UsageError(f"{text}: is a file; --size and --fps are asked of a camera")
    path = Path(text)
    if path.is_dir():
        raise VideoError(f"{path}: is a folder", "give one file, or the number of a camera")
    (named,) = find_videos([path])
    with open_video(path) as video, _running(PlayedFile(video, named.name)) as source:
        yield source


@contextmanager
def _running(source: LiveSource) -> Iterator[LiveSource]:
    source.start()
    try:
        yield source
    finally:
        source.stop()


def open_camera(number: int, wishes: CameraWishes) -> VideoCapture:
    """Open a camera.

    Args:
        number: As OpenCV counts them, from 0.
        wishes: What it is asked for.

    Raises:
        VideoError: There is no such camera, or it cannot be used.
    """
    cv2 = require_opencv()
    with quiet():
        capture: VideoCapture = cv2.VideoCapture(number)
    if not capture.isOpened():
        raise VideoError(
            f"camera {number}: cannot be opened",
            "see whether it is connected, whether this user may use it, and whether another "
            f"program does; the next one is fer live {number + 1}",
        )
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # where that is possible, nothing waits in the driver
    if wishes.size is not None:
        if sys.platform == "linux":  # else most give large pictures uncompressed, and so but few
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, wishes.size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wishes.size[1])
    if wishes.fps is not None:
        capture.set(cv2.CAP_PROP_FPS, wishes.fps)
    return capture
