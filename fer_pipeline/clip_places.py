"""Where the clips of timelines are: in a folder that was given, beside them, or as recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fer_pipeline.analysis_record import recorded_clips, records_about
from fer_pipeline.errors import FerError, VideoError
from fer_pipeline.outputs import read_clips
from fer_pipeline.overlay import is_overlay


@dataclass(frozen=True, slots=True)
class ClipPlace:
    """Where a clip is, or would be.

    Attributes:
        path: The most likely place; nothing need be there.
        size: How many bytes the clip had when it was annotated; None if nobody noted it.
    """

    path: Path
    size: int | None = None

    def fault(self) -> FerError | None:
        """Return why this is not the clip of the timeline; None if it may be."""
        try:
            size = self.path.stat().st_size
        except OSError:
            problem = f"{self.path}: the clip of the timeline is not there"
            return VideoError(problem, "tell with --media in which folder the clips are")
        if self.size is not None and size != self.size:
            problem = f"{self.path}: has {size} bytes, and {self.size} when it was annotated"
            return VideoError(problem, "annotate it anew, or give the right folder with --media")
        if self.size is None and is_overlay(self.path):
            problem = f"{self.path}: is a video with a timeline drawn in, not the clip itself"
            return VideoError(problem, "tell with --media in which folder the clips are")
        return None


class ClipFinder:
    """Finds the clips of timelines.

    Args:
        media: The folder in which the clips are; None: beside each timeline, else where they were.
    """

    def __init__(self, media: Path | None) -> None:
        self._media = media
        self._notes: dict[Path, dict[str, tuple[Path, int]]] = {}

    def find(self, name: str, timeline: Path) -> ClipPlace:
        """Find a clip.

        Args:
            name: Its path below the folder that was annotated.
            timeline: The file in which its rows are.

        Returns:
            Where it is; if it is nowhere, the place in which one would look first.
        """
        root = _mirrored_root(timeline, name)
        before, size = self._noted(name, timeline, root)
        if self._media is not None:
            return ClipPlace(self._media / name, size)
        places = [timeline.parent / name, root / name]
        if before is not None:
            places.append(before)
        there = [ClipPlace(place, size) for place in dict.fromkeys(places) if place.is_file()]
        if not there:
            return ClipPlace(before or places[0], size)
        # What lies beside the timeline under that name may be a picture of the clip.
        fitting = (place for place in there[:-1] if place.fault() is None)
        return next(fitting, there[-1])

    def _noted(self, name: str, timeline: Path, root: Path) -> tuple[Path | None, int | None]:
        """Return where a clip was when it was annotated, and how many bytes it had."""
        own, of_folder = records_about(timeline, root)
        for source, read in (
            (own, recorded_clips),
            (of_folder, recorded_clips),
            (root, read_clips),
        ):
            if source not in self._notes:
                self._notes[source] = read(source)
            if name in self._notes[source]:
                return self._notes[source][name]
        return None, None


def _mirrored_root(timeline: Path, name: str) -> Path:
    """Return the folder that stands for the one that was annotated, if timelines mirror its tree.

    The timeline ``out/P1/a.csv`` of ``P1/a.mp4`` lies below ``out``.
    """
    below = PurePosixPath(name).parent.parts
    parts = timeline.parent.parts
    mirrored = below and parts[-len(below) :] == below
    return Path(*parts[: -len(below)]) if mirrored else timeline.parent
