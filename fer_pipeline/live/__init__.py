"""A camera, or a file in its place, in a window: faces and emotions as they happen.

A thread takes frames (`sources`); the newest one is always worked on, and those that come meanwhile
are passed over (`newest`). What is known of a frame at once is shown (`picture`, `window`). Its
rows are recorded when nothing about them can change any more (`watching`, `recording`). `session`
is the loop over all that.
"""

from fer_pipeline.live.recording import RecordingFiles
from fer_pipeline.live.running import LiveOptions, LiveResult, run_live
from fer_pipeline.live.session import LiveReport
from fer_pipeline.live.sources import CameraWishes
from fer_pipeline.live.stopping import StopRequest, stop_on_signals
from fer_pipeline.live.watching import WatchOptions
from fer_pipeline.live.window import require_window

__all__ = [
    "CameraWishes",
    "LiveOptions",
    "LiveReport",
    "LiveResult",
    "RecordingFiles",
    "StopRequest",
    "WatchOptions",
    "require_window",
    "run_live",
    "stop_on_signals",
]
