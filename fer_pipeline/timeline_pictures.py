"""Pictures of timelines that are finished: nothing is searched, and nothing told, anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.errors import FerError
from fer_pipeline.exports import Details, write_timeline
from fer_pipeline.files import name_digest
from fer_pipeline.outputs import Picture, picture_targets
from fer_pipeline.presenting import (
    PictureOptions,
    PictureTask,
    refuse_among_clips,
    refuse_taken,
    refuse_too_large,
)
from fer_pipeline.provenance import provenance
from fer_pipeline.rewriting import RewritePlan
from fer_pipeline.sources import Source
from fer_pipeline.timeline import AnalysisOptions, clips_of


@dataclass(frozen=True)
class PicturePlan:
    """Which pictures of timelines are made.

    Attributes:
        options: What is made.
        targets: The file of each picture of each clip, by name of the clip.
        failures: Why a clip lacks pictures for which it is needed itself, by its name.
        unfound: Why clips to whose place a page links are not there, or are others, by name.
        alone: Clips whose faces are to be covered and of which no frame shows two, so that others
            may have been left out of the timeline.
        unsure: Clips whose faces are to be covered and of which nobody noted how many bytes they
            had, so that another one of the same name and times would pass for them.
        replaced: Pictures of ours that will be replaced.
        left: Pictures of an earlier run that are not replaced, since the clip is not there.
    """

    options: PictureOptions
    targets: dict[str, dict[Picture, Path]]
    failures: dict[str, FerError]
    unfound: dict[str, FerError]
    alone: tuple[str, ...]
    unsure: tuple[str, ...]
    replaced: tuple[Path, ...]
    left: tuple[Path, ...]


def plan_pictures(
    plan: RewritePlan, options: PictureOptions, *, overwrite: bool = False
) -> PicturePlan:
    """Find out which pictures can be made, without making any.

    Args:
        plan: The timelines.
        options: What is made of them.
        overwrite: Replace files that are not ours.

    Raises:
        VideoError: Every clip is needed, and none is there.
        UsageError: A clip is too large to go into its page.
        OutputError: A picture exists and is not ours to replace, or would stand among the clips.
    """
    sources = [Source(place.path, name) for name, place in plan.clips.items()]
    targets = picture_targets(sources, options.pictures)
    faults = {
        name: fault
        for name, place in plan.clips.items()
        if options.pictures and (fault := place.fault()) is not None
    }
    impossible = {
        name: {one: targets[name].pop(one) for one in options.pictures if options.needs_clip(one)}
        for name in faults
    }
    failures = {name: fault for name, fault in faults.items() if impossible[name]}
    if failures and not any(targets.values()):
        raise next(iter(failures.values()))
    folders = [] if plan.options.media is None else [plan.options.media]
    refuse_among_clips(folders, options.pictures)
    refuse_too_large(options, [one.path for name, one in plan.clips.items() if name not in faults])
    paged = {name for name, places in targets.items() if any(p.kind == "report" for p in places)}
    covered = options.overlay.picture == "covered"
    unnoted = (name for name, place in plan.clips.items() if place.size is None)
    return PicturePlan(
        options=options,
        targets=targets,
        failures=failures,
        unfound={name: fault for name, fault in faults.items() if name in paged},
        alone=_alone(plan) if covered else (),
        unsure=tuple(name for name in unnoted if covered and name not in faults),
        replaced=refuse_taken(targets, list(plan.media.values()), overwrite=overwrite),
        left=tuple(path for of in impossible.values() for path in of.values() if path.is_file()),
    )


def picture_tasks(
    pictures: PicturePlan, plan: RewritePlan, folder: Path, command: str
) -> tuple[list[PictureTask], int]:
    """Prepare what makes the pictures.

    Args:
        pictures: Which are made.
        plan: The timelines.
        folder: Where the rows of each clip are put, until the pictures are made.
        command: The command line as it was typed.

    Returns:
        A task for each clip, and how many frames their rows tell of.

    Raises:
        OutputError: The rows cannot be written.
    """
    tasks, frames = [], 0
    analysis = AnalysisOptions(segments=plan.options.analysis.segments)
    for timeline in plan.timelines:
        derived = plan.derived(timeline)
        for name, rows in clips_of(plan.rows_of(timeline)):
            if not pictures.targets[name]:
                continue
            piece = folder / f"{name_digest(name)}.csv"
            write_timeline(piece, "csv", rows, timeline.emotions, Details(derived))
            frames += len({row.frame for row in rows})
            task = PictureTask(
                source=Source(plan.clips[name].path, name),
                rows=piece,
                targets=pictures.targets[name],
                emotions=timeline.emotions,
                options=pictures.options,
                analysis=analysis,
                people=plan.found.people,
                references={},
                made=provenance(command) | {"timeline": str(timeline.path)},
                before=derived,
            )
            tasks.append(task)
    return tasks, frames


def _alone(plan: RewritePlan) -> tuple[str, ...]:
    """Return clips in which no frame shows two faces: others may have been left out of them."""
    crowded = set()
    for timeline in plan.timelines:
        before = None
        for row in timeline.rows():
            if row.face is not None and before == (row.video, row.frame):
                crowded.add(row.video)
            before = row.video, row.frame
    return tuple(name for name in plan.clips if name not in crowded)
