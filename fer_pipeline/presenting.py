"""Timelines to look at: drawn into their clips, plotted, and as pages.

Each clip's pictures are made from the rows that were written before, so the clip is not searched
again; for a video it is decoded once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fer_pipeline import exports
from fer_pipeline.errors import OutputError, UsageError
from fer_pipeline.files import PathKind, kind_of, locked
from fer_pipeline.outputs import Picture, PictureKind, forget
from fer_pipeline.overlay import (
    FORMATS,
    OverlayOptions,
    OverlayReport,
    is_overlay,
    write_overlay,
)
from fer_pipeline.report.timeline_page import (
    PageOptions,
    is_timeline_page,
    require_embeddable,
    write_timeline_page,
)
from fer_pipeline.report.timeline_plot import is_timeline_plot, plot_timeline
from fer_pipeline.sources import Source
from fer_pipeline.timeline import (
    AnalysisOptions,
    Derived,
    People,
    References,
    TimelineRow,
    analysed,
    open_timeline,
    read_rows,
)
from fer_pipeline.workers import Crew, Footing, Outcome, Progress, run_tasks

_OURS: dict[PictureKind, Callable[[Path], bool]] = {
    "video": is_overlay,
    "plot": is_timeline_plot,
    "report": is_timeline_page,
}

_SUFFIXES: dict[PictureKind, tuple[str, ...]] = {
    "video": tuple(FORMATS),
    "plot": (".png", ".svg", ".pdf"),
    "report": (".html", ".htm"),
}


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """What is made to look at.

    Attributes:
        pictures: Where each goes.
        overlay: What of a clip is seen and heard in a video.
        embed: Whether a page holds the clip itself.
    """

    pictures: tuple[Picture, ...] = ()
    overlay: OverlayOptions = OverlayOptions()
    embed: bool = False

    def check(self) -> None:
        """Make sure that all of it can be made, before anything long is begun.

        Raises:
            UsageError: It cannot.
        """
        for picture in self.pictures:
            suffixes = _SUFFIXES[picture.kind]
            if not picture.folder and picture.path.suffix.lower() not in suffixes:
                raise UsageError(
                    f"{picture.path}: no name for a {picture.kind}; its suffix is one of "
                    f"{' '.join(suffixes)}"
                )
        self.overlay.check()

    def needs_clip(self, picture: Picture) -> bool:
        """Tell whether a picture cannot be made without the clip itself."""
        return picture.kind == "video" or (picture.kind == "report" and self.embed)

    @property
    def values(self) -> dict[PictureKind, dict[str, Any]]:
        """By kind of picture, what it depends on beside the rows, plain."""
        return {"video": asdict(self.overlay), "plot": {}, "report": {"embed": self.embed}}


@dataclass(frozen=True, slots=True)
class PictureTask:
    """One clip whose pictures are made, complete with all that a worker needs.

    Attributes:
        source: The clip.
        rows: Its timeline, as `fer_pipeline.exports` writes it to a table.
        targets: The file of each picture.
        emotions: Of the model.
        options: What is seen of the clip.
        analysis: What is made of the raw values.
        people: Whose faces the clips show.
        references: Of each person, where a baseline is asked for.
        made: How the timeline was made, plain.
        before: The steps that its rows hold already; none if they are raw.
    """

    source: Source
    rows: Path
    targets: Mapping[Picture, Path]
    emotions: tuple[str, ...]
    options: PictureOptions
    analysis: AnalysisOptions
    people: People
    references: References
    made: Mapping[str, Any]
    before: tuple[Derived, ...] = ()

    @property
    def derived(self) -> tuple[Derived, ...]:
        """The steps that are shown."""
        return self.analysis.derived(self.before)

    def analysed(self) -> Iterator[TimelineRow]:
        """Yield what is made of the clip's rows, from the beginning each time."""
        raw = open_timeline(self.rows).rows() if self.before else read_rows(self.rows)
        return analysed(raw, self.analysis, self.people, self.references)


def refuse_too_large(options: PictureOptions, clips: Iterable[Path]) -> None:
    """Make sure that clips can go into their pages, if they shall, before anything long is begun.

    Raises:
        OutputError: One cannot be read.
        UsageError: One is too large.
    """
    if options.embed:
        for clip in clips:
            require_embeddable(clip)


def refuse_among_clips(inputs: Sequence[Path], pictures: Sequence[Picture]) -> None:
    """Make sure that no video is drawn into a folder that is searched for clips.

    The next run would take it for one.

    Raises:
        OutputError: One would be.
    """
    folders = [path.resolve() for path in inputs if path.is_dir()]
    beside = {path.resolve().parent for path in inputs if not path.is_dir()}
    for picture in pictures:
        place = picture.path.resolve()
        if picture.kind == "video" and (
            any(place.is_relative_to(folder) for folder in folders)
            or (picture.folder and place in beside)
        ):
            raise OutputError(
                f"{picture.path}: lies in a folder of clips, and would be taken for one next time",
                "give a place outside",
            )


def refuse_taken(
    targets: Mapping[str, Mapping[Picture, Path]], clips: Sequence[Path], *, overwrite: bool
) -> tuple[Path, ...]:
    """Return the pictures of ours that will be replaced.

    Args:
        targets: The file of each picture of each clip.
        clips: The clips themselves, which are never replaced.
        overwrite: Whether other files may be.

    Raises:
        OutputError: Something else is there.
    """
    read = {clip.resolve() for clip in clips}
    replaced = []
    for of_clip in targets.values():
        for picture, path in of_clip.items():
            if path.resolve() in read:
                raise OutputError(f"{path}: is one of the clips", f"give another --{picture.kind}")
            kind = kind_of(path, OutputError)
            if kind is PathKind.MISSING:
                continue
            if kind is not PathKind.FILE or not (overwrite or _OURS[picture.kind](path)):
                raise OutputError(
                    f"{path}: exists and is nothing that fer made",
                    f"give another --{picture.kind}, or --overwrite",
                )
            replaced.append(path)
    return tuple(replaced)


def made_beside(path: Path, format_name: str) -> tuple[Path, ...]:
    """Return what stands beside a timeline under its name and was made by us: formats, pictures.

    Args:
        path: The timeline.
        format_name: Its format.
    """
    suffix = exports.FORMATS[format_name].suffix
    ours = path.name.lower().endswith(suffix.lower())
    stem = path.name[: -len(suffix)] if ours else path.stem
    found: list[tuple[Path, Callable[[Path], bool]]] = [
        (path.with_name(stem + one.suffix), partial(exports.is_timeline, format_name=name))
        for name, one in exports.FORMATS.items()
    ]
    found += [
        (path.with_name(stem + end), _OURS[kind])
        for kind, ends in _SUFFIXES.items()
        for end in ends
    ]
    return tuple(one for one, is_ours in found if one != path and _is_file(one) and is_ours(one))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long
        return False


def make_pictures(
    tasks: Sequence[PictureTask],
    crew: Crew,
    progress: Progress,
) -> Iterator[Outcome[PictureTask, OverlayReport | None]]:
    """Make the pictures of clips, one clip after the other or side by side.

    Args:
        tasks: The clips.
        crew: Who makes them.
        progress: Called with the number of frames drawn since the last call.

    Yields:
        What became of each clip, with what was drawn if a video was asked for.

    Raises:
        ClusterError: The cluster cannot be used, or was lost.
    """
    for task in tasks:
        for picture, path in task.targets.items():
            if kind_of(path, OutputError) is not PathKind.MISSING:
                forget(picture, task.source.name)
    footing: Footing[PictureTask] = Footing(
        reads=lambda task: (task.source.path, task.rows),
        leaves=lambda task: tuple(task.targets.values()),
    )
    yield from run_tasks(_make, tasks, crew, progress, footing)


def _make(task: PictureTask, progress: Progress) -> OverlayReport | None:
    report = None
    for picture, path in task.targets.items():
        # The folder is ours already, but another run may be given the file by its own name.
        with locked(path) if picture.folder else nullcontext():
            if picture.kind == "video":
                report = _write_video(path, task, progress)
            elif picture.kind == "plot":
                plot_timeline(path, task.analysed, task.emotions, task.source.name, task.derived)
            else:
                _write_page(path, task)
    return report


def _write_video(path: Path, task: PictureTask, progress: Progress) -> OverlayReport:
    return write_overlay(
        path,
        task.source.path,
        task.analysed,
        task.emotions,
        task.options.overlay,
        progress,
        task.derived,
    )


def _write_page(path: Path, task: PictureTask) -> None:
    made = PageOptions(
        derived=task.derived,
        segments=task.analysis.segments,
        people=task.people,
        embed=task.options.embed,
        made=task.made,
    )
    write_timeline_page(path, task.source.path, task.analysed(), task.emotions, made)
