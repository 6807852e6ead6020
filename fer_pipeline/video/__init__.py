"""The only decoder: from a path to frames with true media time.

Packets are decoded one by one, because that goes on after a damaged packet, and times come from the
presentation timestamps, because ``index / rate`` is wrong on every clip of variable rate. Where not
all frames are wanted, the others are counted, and decoded only as far as those need them.
"""

from fer_pipeline.video.reading import VIDEO_SUFFIXES, Video, expected_frames, open_video
from fer_pipeline.video.report import PacketTimes, ReadReport, VideoInfo
from fer_pipeline.video.sparse import Choice

__all__ = [
    "VIDEO_SUFFIXES",
    "Choice",
    "PacketTimes",
    "ReadReport",
    "Video",
    "VideoInfo",
    "expected_frames",
    "open_video",
]
