"""What a run of annotation is about to do, found out without doing any of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from fer_pipeline.analysis_record import refuse_foreign_record
from fer_pipeline.annotation.clips import AnnotationTask
from fer_pipeline.annotation.earlier import EarlierRows, EarlierRuns, Goal, Recipe, exists
from fer_pipeline.annotation.pieces import ClipRecord, finished_piece, piece_of, pieces_folder
from fer_pipeline.classifier import Classifier
from fer_pipeline.errors import OutputError
from fer_pipeline.exports import is_timeline
from fer_pipeline.face_search import SearchOptions
from fer_pipeline.files import FileState, digest_of
from fer_pipeline.model_folder import LITERT_FILE, SPEC_FILE, ModelSpec
from fer_pipeline.outputs import (
    Output,
    Picture,
    PictureKind,
    all_paths,
    mirrored_targets,
    picture_targets,
    refuse_shared_paths,
)
from fer_pipeline.real_paths import RealPaths
from fer_pipeline.sources import Source, find_videos
from fer_pipeline.timeline import AnalysisOptions, People
from fer_pipeline.timeline_people import FoundPeople, find_people
from fer_pipeline.workers import Outcome

AnyGoal = TypeVar("AnyGoal", Output, Picture)


@dataclass(frozen=True, slots=True)
class Making:
    """What becomes of the raw values of clips.

    Attributes:
        analysis: Baseline, smoothing and segments.
        participants: A table of who is who; None: the clips' names tell.
        pictures: Where pictures go, which others make from the rows; a clip that lacks one, or
            has one that was made otherwise, is not finished.
        picture_values: By kind of picture what it depends on beside the rows, plain.
    """

    analysis: AnalysisOptions = AnalysisOptions()
    participants: Path | None = None
    pictures: tuple[Picture, ...] = ()
    picture_values: Mapping[PictureKind, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AnnotationPlan:
    """What a run is about to do.

    Attributes:
        spec: The model's spec.
        outputs: Where timelines go.
        tasks: Clips to be annotated.
        finished: What became of clips that an earlier, unfinished run has annotated, by name.
        reread: Clips whose rows stand in a timeline of an earlier run that is finished, by name.
        skipped: Names of clips of which all is there already.
        damaged: Warnings about those of them that an earlier run found damaged.
        replaced: Timelines of ours that will be replaced.
        pieces: Folder of the pieces.
        targets: The files to be written of each clip in output folders, by name of the clip.
        pictures: The pictures to be made of each clip, by its name.
        analysis: What is made of the raw values.
        found: Whose faces the clips show, and how that is known.
        recipe: What files are made from beside their clip.
        media: The clips, by name.
        states: What tells the clips that an earlier run has finished, by name.
    """

    spec: ModelSpec
    outputs: tuple[Output, ...]
    tasks: tuple[AnnotationTask, ...]
    finished: dict[str, Outcome[AnnotationTask, ClipRecord]]
    reread: dict[str, tuple[AnnotationTask, EarlierRows]]
    skipped: tuple[str, ...]
    damaged: dict[str, tuple[str, ...]]
    replaced: tuple[Path, ...]
    pieces: Path
    targets: dict[str, dict[Output, Path]]
    pictures: dict[str, dict[Picture, Path]]
    analysis: AnalysisOptions
    found: FoundPeople
    recipe: Recipe
    media: dict[str, Path]
    states: dict[str, FileState]

    def piece(self, name: str) -> Path:
        """Return where the rows of a clip are put together."""
        return piece_of(self.pieces, name)

    @property
    def people(self) -> People:
        """Whose faces the clips show."""
        return self.found.people

    @property
    def needs_all(self) -> bool:
        """Whether what is written of a clip depends on other clips of the same person."""
        return self.analysis.baseline is not None


def plan_annotation(
    inputs: Sequence[Path],
    model: Path,
    options: SearchOptions,
    outputs: Sequence[Output],
    making: Making = Making(),
    *,
    overwrite: bool = False,
) -> AnnotationPlan:
    """Find out what there is to do, without doing any of it.

    Args:
        inputs: Clips and folders of clips.
        model: A model folder.
        options: Which frames and faces get a row.
        outputs: Where timelines go; with none there is only the summary.
        making: What becomes of the raw values.
        overwrite: Replace files that are no timelines of ours, and annotate everything again.

    Raises:
        VideoError: An input does not exist or holds no videos.
        ModelError: There is no usable model.
        LabelError: The table of participants cannot be read.
        OutputError: An output exists and is not ours to replace.
    """
    spec = Classifier(model).spec
    sources = find_videos(inputs)
    found = find_people([source.name for source in sources], People(), making.participants)
    targets = mirrored_targets(sources, outputs)
    refuse_shared_paths(outputs, targets)
    pictures = picture_targets(sources, making.pictures)
    recipe = Recipe(
        _settings_digest(model, options),
        _study_digest(sources, making, found.people),
        making.picture_values,
    )
    earlier = EarlierRuns((*outputs, *making.pictures), recipe)
    if overwrite:
        missing_targets, missing_pictures = targets, pictures
    else:
        missing_targets = _missing(sources, targets, earlier)
        missing_pictures = _missing(sources, pictures, earlier)
    skipped = _skipped(sources, outputs, making, missing_targets, missing_pictures)
    replaced = _refuse_taken(sources, outputs, missing_targets, overwrite=overwrite)
    already = frozenset(skipped)
    pieces, done = pieces_folder(outputs), set(skipped)
    tasks = [
        AnnotationTask(source, model, options, recipe.settings, piece_of(pieces, source.name))
        for source in sources
        if source.name not in done
    ]
    finished = {
        task.source.name: Outcome(task, record)
        for task in tasks
        if (record := finished_piece(task.piece, task.settings, task.source.path))
    }
    reread = {
        task.source.name: (task, rows)
        for task in tasks
        if not overwrite and task.source.name not in finished
        if (rows := earlier.rows(task.source, targets[task.source.name], spec.emotions))
    }
    done.update(finished, reread)
    return AnnotationPlan(
        spec=spec,
        outputs=tuple(outputs),
        tasks=tuple(task for task in tasks if task.source.name not in done),
        finished=finished,
        reread=reread,
        skipped=skipped,
        damaged=earlier.damage(skipped),
        replaced=replaced,
        pieces=pieces,
        targets=missing_targets,
        pictures=missing_pictures,
        analysis=making.analysis,
        found=found,
        recipe=recipe,
        media={source.name: source.path for source in sources},
        states={source.name: source.state() for source in sources if source.name in already},
    )


# What is there already


def _missing(
    sources: Sequence[Source], places: Mapping[str, Mapping[AnyGoal, Path]], earlier: EarlierRuns
) -> dict[str, dict[AnyGoal, Path]]:
    """Return the files of each clip that are not there, or were made from something else."""
    return {
        source.name: {
            goal: path
            for goal, path in places[source.name].items()
            if not earlier.has(goal, path, source)
        }
        for source in sources
    }


def _skipped(
    sources: Sequence[Source],
    outputs: Sequence[Output],
    making: Making,
    targets: Mapping[str, Mapping[Output, Path]],
    pictures: Mapping[str, Mapping[Picture, Path]],
) -> tuple[str, ...]:
    """Return the clips of which an earlier run has finished all, in folders."""
    goals: tuple[Goal, ...] = (*outputs, *making.pictures)
    if not goals or not all(goal.folder for goal in goals):
        return ()
    names = [source.name for source in sources]
    done = tuple(name for name in names if not targets[name] and not pictures[name])
    if making.analysis.baseline is not None and len(done) < len(sources):
        return ()  # a person's reference may be in any of the clips
    return done


def _refuse_taken(
    sources: Sequence[Source],
    outputs: Sequence[Output],
    targets: Mapping[str, Mapping[Output, Path]],
    *,
    overwrite: bool,
) -> tuple[Path, ...]:
    """Return the files of ours that will be replaced; refuse to replace others."""
    existing = [path for path in all_paths(outputs, targets) if exists(path[0])]
    real = RealPaths()
    read = {real.of(source.path) for source in sources} if existing else set()
    for path, format_name in existing:
        if real.of(path) in read:
            raise OutputError(f"{path}: is one of the clips; give another --out")
        if not overwrite and not is_timeline(path, format_name):
            raise OutputError(
                f"{path}: exists and is no timeline made by fer; give another --out, or --overwrite"
            )
    if not overwrite:
        for output in outputs:
            refuse_foreign_record(output)
    return tuple(path for path, _ in existing)


# What files depend on


def _settings_digest(model: Path, options: SearchOptions) -> str:
    parts = [digest_of(model / SPEC_FILE), digest_of(model / LITERT_FILE), asdict(options)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _study_digest(sources: Sequence[Source], making: Making, people: People) -> str | None:
    """Return a digest of what a clip's timeline depends on beside the clip and the model.

    With a baseline these are the other clips, in which the same person may be calmer.
    """
    if making.analysis == AnalysisOptions() and making.participants is None:
        return None
    clips = [(source.name, asdict(source.state())) for source in sources]
    parts = [
        asdict(making.analysis),
        sorted(people.by_clip.items()),
        sorted(people.by_face.items()),
        clips if making.analysis.baseline is not None else None,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
