"""Options → a folder of clips with their truth.

Participants are rendered side by side; each clip takes its name when it is complete, so that a run
that was stopped goes on with what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.faces import one_thread_each
from fer_pipeline.files import remove_unfinished
from fer_pipeline.provenance import provenance
from fer_pipeline.simulation.clips import Clip, clips_of
from fer_pipeline.simulation.folder import SEGMENTS_FILE, StudyFolder
from fer_pipeline.simulation.mesh import head_mesh
from fer_pipeline.simulation.options import RecordingOptions, StudyOptions, checked
from fer_pipeline.simulation.person import Identity
from fer_pipeline.simulation.recording import Recorder
from fer_pipeline.simulation.truth import TruthRow, read_truth, write_segments, write_truth
from fer_pipeline.workers import Crew, Outcome, Progress, run_tasks


@dataclass(frozen=True, slots=True)
class ParticipantTask:
    """The clips of one participant that are missing.

    Attributes:
        identity: Whose.
        clips: Them.
        folder: Where they go.
        options: How they are recorded.
    """

    identity: Identity
    clips: tuple[Clip, ...]
    folder: Path
    options: RecordingOptions

    @property
    def frames(self) -> int:
        """How many they have."""
        return self.options.frames * sum(clip.expressions for clip in self.clips)


@dataclass(frozen=True)
class StudyPlan:
    """What a run is about to do.

    Attributes:
        folder: Of the study.
        options: What it is to be like.
        clips: All that belong to it.
        tasks: What is missing, by participant.
        known: What is true of clips of an earlier run that was finished.
    """

    folder: StudyFolder
    options: StudyOptions
    clips: tuple[Clip, ...]
    tasks: tuple[ParticipantTask, ...]
    known: Mapping[str, list[TruthRow]]

    @property
    def frames(self) -> int:
        """How many are to be rendered."""
        return sum(task.frames for task in self.tasks)


def plan_study(out: Path, options: StudyOptions, *, overwrite: bool = False) -> StudyPlan:
    """Find out what is missing; with ``overwrite``, clear what is there.

    Raises:
        UsageError: The options make no sense.
        OutputError: Something else is there.
    """
    options = checked(options)
    folder = StudyFolder(out)
    folder.refuse_another(options, overwrite=overwrite)
    if overwrite and folder.study_file.exists():
        folder.clear()
    known = read_truth(folder.truth_file)
    clips: list[Clip] = []
    tasks: list[ParticipantTask] = []
    for number in range(1, options.participants + 1):
        own = clips_of(options, number)
        clips += own
        missing = tuple(clip for clip in own if not _finished(folder, clip, known))
        if missing:
            identity = Identity(options.seed, number)
            tasks.append(ParticipantTask(identity, missing, out, options.recording))
    return StudyPlan(folder, options, tuple(clips), tuple(tasks), known)


def run_study(
    plan: StudyPlan, workers: int, progress: Progress, command: str
) -> Iterator[Outcome[ParticipantTask, int]]:
    """Render what is missing.

    Args:
        plan: Tells what that is.
        workers: Participants rendered side by side.
        progress: Counts frames.
        command: The command line as it was typed.

    Yields:
        For each participant the number of clips, or the reason why there are none.
    """
    plan.folder.describe(plan.options, provenance(command), complete=False)
    outcomes = run_tasks(render_participant, plan.tasks, Crew(workers), progress)
    with one_thread_each(), closing(outcomes):
        for outcome in outcomes:
            if outcome.error is not None:
                for clip in outcome.task.clips:
                    remove_unfinished(plan.folder.clip(clip.name))
            yield outcome


def render_participant(task: ParticipantTask, progress: Progress) -> int:
    """Render the clips of one participant; return how many.

    Raises:
        OutputError: One cannot be written.
    """
    folder = StudyFolder(task.folder)
    recorder = Recorder(head_mesh(), task.options)
    for clip in task.clips:
        if _finished(folder, clip, {}):  # by a worker that died later
            continue
        # First what is true of it: so a clip that is there is finished.
        write_truth(folder.part(clip.name), recorder.truth(clip))
        recorder.record(clip, folder.clip(clip.name), progress)
    return len(task.clips)


def publish(plan: StudyPlan, command: str) -> tuple[int, int]:
    """Write the tables of all clips that are finished; return how many clips and frames.

    Raises:
        OutputError: They cannot be written.
    """
    folder = plan.folder
    finished = [clip for clip in plan.clips if _finished(folder, clip, plan.known)]
    rows = list(_rows(folder, finished, plan.known))
    write_truth(folder.truth_file, rows)
    write_segments(folder.path / SEGMENTS_FILE, rows, plan.options.recording.rate)
    complete = len(finished) == len(plan.clips)
    folder.describe(plan.options, provenance(command), complete=complete)
    if complete:
        folder.remove_parts()
    frames = plan.options.recording.frames * sum(clip.expressions for clip in finished)
    return len(finished), frames


def _rows(
    folder: StudyFolder, clips: Iterable[Clip], known: Mapping[str, list[TruthRow]]
) -> Iterator[TruthRow]:
    for clip in clips:
        part = read_truth(folder.part(clip.name))
        yield from part.get(clip.name) or known[clip.name]


def _finished(folder: StudyFolder, clip: Clip, known: Mapping[str, list[TruthRow]]) -> bool:
    told = clip.name in known or folder.part(clip.name).exists()
    return told and folder.clip(clip.name).exists()
