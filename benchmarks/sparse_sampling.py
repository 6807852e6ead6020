"""What does it save not to decode the frames that nobody looks at?

    python benchmarks/sparse_sampling.py
    python benchmarks/sparse_sampling.py --rounds 3 --height 720 --search

The sample session is encoded by several codecs and with several distances between key frames. Each
clip is read in two ways, which take turns: every frame decoded and then sampled, and decoded only
as far as the sampled frames need it. Printed are the share of the frames that is decoded and the
median of the ratio of the times, for reading alone and, if asked for, with the search for faces.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import av
from made_clips import CLIP, Size, resized
from turns import in_turns, ratio, seconds_of, tell

from fer_pipeline.domain import Frame
from fer_pipeline.face_search import SearchOptions, search_faces
from fer_pipeline.faces import FaceDetector
from fer_pipeline.following import FaceFollower
from fer_pipeline.report.tables import text_table
from fer_pipeline.sampling import Sampler, SamplingOptions, sample
from fer_pipeline.video import open_video

GOP_LENGTHS = (12, 30, 250)
SAMPLINGS = {"--fps 1": SamplingOptions(fps=1), "--every 5": SamplingOptions(every=5)}


@dataclass(frozen=True, slots=True)
class Coding:
    """A way to encode.

    Attributes:
        title: What to call it.
        suffix: Of the container.
        encoder: FFmpeg's name.
        options: Of the encoder.
        pixels: Pixel format.
        key_only: Whether every frame is a key frame, whatever the distance that is asked for.
    """

    title: str
    suffix: str
    encoder: str
    options: dict[str, str]
    pixels: str = "yuv420p"
    key_only: bool = False


CODINGS = (
    Coding("H.264, B-frames", ".mp4", "libx264", {"preset": "veryfast"}),
    Coding("H.264, no B-frames", ".mp4", "libx264", {"preset": "veryfast", "bf": "0"}),
    Coding("H.265", ".mp4", "libx265", {"preset": "ultrafast", "x265-params": "log-level=none"}),
    Coding("VP9", ".webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    Coding("MPEG-4", ".avi", "mpeg4", {"b": "2000000"}),
    Coding("MJPEG", ".avi", "mjpeg", {"q": "5"}, "yuvj420p", key_only=True),
)

DECODED, READING, SEARCHING = "decoded", "reading", "with the search"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20, help="of the sample session")
    parser.add_argument("--height", type=int, default=360, help="of the picture, 16:9")
    parser.add_argument("--search", action="store_true", help="measure the search for faces, too")
    options = parser.parse_args()
    size = Size(options.height * 16 // 9 // 2 * 2, options.height)
    with tempfile.TemporaryDirectory() as scratch:
        scratch_folder = Path(scratch)
        text = measure(options.rounds, scratch_folder, size, options.seconds, search=options.search)
    tell("")
    print(text)


def measure(rounds: int, scratch: Path, size: Size, seconds: float, *, search: bool = False) -> str:
    """Measure all codings and distances.

    Args:
        rounds: How often each way has its go.
        scratch: A folder for clips.
        size: Of the pictures.
        seconds: So much of the beginning of the sample session.
        search: Whether to measure the search for faces, too.
    """
    source = resized(CLIP, scratch / "source.mp4", size, seconds)
    available = [coding for coding in CODINGS if coding.encoder in av.codecs_available]
    clips = {}
    for coding in available:
        for length in (1,) if coding.key_only else GOP_LENGTHS:
            tell(f"encoding {coding.title}, {length}")
            target = scratch / f"{len(clips)}{coding.suffix}"
            clips[coding.title, length] = encoded(source, target, coding, length)
    columns = (DECODED, READING, SEARCHING) if search else (DECODED, READING)
    rows = []
    for (title, length), clip in clips.items():
        cells = [_cells(clip, option, rounds, search=search) for option in SAMPLINGS.values()]
        rows.append((title, str(length), *(cell[name] for cell in cells for name in columns)))
    header = ("codec", "key frame every", *(f"{o}: {name}" for o in SAMPLINGS for name in columns))
    heading = (
        f"time as a share of that with every frame decoded, {size}, medians of {rounds} rounds"
    )
    return f"{heading}\n{text_table(header, rows)}"


def encoded(source: Path, target: Path, coding: Coding, length: int) -> Path:
    """Encode a clip again, with a key frame every so many frames."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        video = old.streams.video[0]
        stream = new.add_stream(coding.encoder, rate=video.average_rate)
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, coding.pixels
        stream.options = coding.options | ({} if coding.key_only else {"g": str(length)})
        for number, frame in enumerate(old.decode(video)):
            picture = frame.reformat(format=coding.pixels)
            picture.pts, picture.time_base = number, 1 / video.average_rate
            picture.pict_type = av.video.frame.PictureType.NONE
            new.mux(stream.encode(picture))
        new.mux(stream.encode(None))
    return target


def _cells(clip: Path, options: SamplingOptions, rounds: int, *, search: bool) -> dict[str, str]:
    """Return the share of the frames that is decoded and the ratios of the times."""
    decoded = read_sparsely(clip, options) / read_all(clip, options)  # and the file is in memory
    cells = {DECODED: f"{decoded:.2f}"}
    pairs = {READING: (read_sparsely, read_all)}
    if search:
        search_sparsely(clip, options)  # which loads libraries
        pairs[SEARCHING] = (search_sparsely, search_all)
    for name, ways in pairs.items():
        times = in_turns({way: _timing(way, clip, options) for way in ways}, rounds)
        cells[name] = f"{ratio(times[ways[0]], times[ways[1]]):.2f}"
    return cells


def _timing(
    way: Callable[[Path, SamplingOptions], int], clip: Path, options: SamplingOptions
) -> Callable[[], float]:
    return lambda: seconds_of(lambda: way(clip, options))


def read_all(clip: Path, options: SamplingOptions) -> int:
    """Decode every frame, sample them, and return how many were decoded."""
    with open_video(clip) as video:
        _look_at(sample(video.frames(), options))
        return video.report.decoded


def read_sparsely(clip: Path, options: SamplingOptions) -> int:
    """Decode what the sampled frames need, and return how many frames that were."""
    with open_video(clip) as video:
        _look_at(sample(video.frames(lambda: Sampler(options).takes), options))
        return video.report.decoded


def _look_at(frames: Iterable[object]) -> None:
    for frame in frames:
        assert isinstance(frame, Frame)
        assert frame.luma.size


def search_all(clip: Path, options: SamplingOptions) -> int:
    """Search the sampled frames for faces, every frame decoded."""
    with open_video(clip) as video:
        follower = FaceFollower(FaceDetector(), options.interval(video.info.rate))
        return sum(bool(row.faces) for row in follower.follow(sample(video.frames(), options)))


def search_sparsely(clip: Path, options: SamplingOptions) -> int:
    """Search the sampled frames for faces, as `fer annotate` does."""
    with open_video(clip) as video:
        search = SearchOptions(sampling=options)
        found = search_faces(video, FaceDetector(), search, lambda _: None)
        return sum(bool(row.faces) for row in found)


if __name__ == "__main__":
    main()
