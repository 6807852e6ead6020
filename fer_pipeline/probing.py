"""All that can be known of a clip in seconds, before hours are spent on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.faces import FaceDetector
from fer_pipeline.video import PacketTimes, ReadReport, VideoInfo, open_video

PICTURES_LOOKED_AT = 10


@dataclass(frozen=True, slots=True)
class FaceLook:
    """What a look at a few pictures found.

    Attributes:
        size: Width and height of the upright picture in pixels; None if none could be decoded.
        looked_at: Pictures that were looked at.
        faces: Number of faces in each of them.
        widths: Width of each face in pixels, ascending.
    """

    size: tuple[int, int] | None
    looked_at: int
    faces: tuple[int, ...]
    widths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """All that is known of a clip.

    Attributes:
        bytes: Size of the file.
        info: What its container claims.
        packets: What its packets say.
        damage: What went wrong while they were read.
        look: What a look at a few pictures found.
        reading: What came out when everything was decoded; None if it was not.
    """

    bytes: int
    info: VideoInfo
    packets: PacketTimes
    damage: ReadReport
    look: FaceLook
    reading: ReadReport | None

    @property
    def damaged(self) -> bool:
        """Whether part of the clip cannot be read."""
        return self.damage.damaged or bool(self.reading and self.reading.damaged)


def probe(path: Path, *, decode: bool) -> Probe:
    """Find out about a clip.

    Args:
        path: The clip.
        decode: Whether to decode all of it, which takes as long as it takes.

    Raises:
        VideoError: It cannot be opened as a video.
    """
    with open_video(path) as video:
        packets = video.packet_times()
        info, damage = video.info, video.report
    return Probe(
        bytes=path.stat().st_size,
        info=info,
        packets=packets,
        damage=damage,
        look=_look(path, packets),
        reading=_read_all(path) if decode else None,
    )


def _look(path: Path, packets: PacketTimes) -> FaceLook:
    """Look for faces in a few pictures spread over the clip."""
    step = max(1, len(packets.times) // PICTURES_LOOKED_AT)
    detector = FaceDetector()
    size: tuple[int, int] | None = None
    faces: list[int] = []
    widths: list[int] = []
    with open_video(path) as video:
        for time in packets.times[::step][:PICTURES_LOOKED_AT]:
            picture = video.picture_at(time)
            if picture is None:
                continue
            luma = picture.luma()
            found = detector.detect(luma)
            size = luma.shape[1], luma.shape[0]
            faces.append(len(found))
            widths += [face.box.width for face in found]
    return FaceLook(size, len(faces), tuple(faces), tuple(sorted(widths)))


def _read_all(path: Path) -> ReadReport:
    with open_video(path) as video:
        for _ in video.frames():
            pass
        return video.report
