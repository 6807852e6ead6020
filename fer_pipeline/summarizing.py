"""Timelines of a study → one tidy table, and one of the transitions between emotions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fer_pipeline.errors import TimelineError
from fer_pipeline.files import digest_of
from fer_pipeline.provenance import provenance
from fer_pipeline.rewriting import Progress, RewriteOptions, RewritePlan, plan_rewrite
from fer_pipeline.study_summary import (
    NEGATIVE,
    POSITIVE,
    EmotionTotals,
    Grouping,
    GroupName,
    Study,
    Totals,
)
from fer_pipeline.tidy_tables import Row, Table, Value, write_record, write_tidy
from fer_pipeline.timeline import clips_of

_KEY_TYPES: Mapping[str, type] = {"participant": str, "video": str, "face": int}

_GROUP_COLUMNS: dict[str, type] = {
    "clips": int,
    "observed_s": float,
    "face_s": float,
    "missing_face_share": float,
    "decode_error_share": float,
    "valence_mean": float,
    "valence_sd": float,
}

_EMOTION_COLUMNS: dict[str, type] = {
    "value_mean": float,
    "dominant_s": float,
    "dominant_share": float,
    "episodes": int,
    "episodes_per_min": float,
    "episode_s": float,
    "episode_share": float,
    "episode_mean_s": float,
    "latency_mean_s": float,
    "latency_clips": int,
}

_TRANSITION_COLUMNS: dict[str, type] = {
    "from": str,
    "to": str,
    "count": int,
    "probability": float,
    "between_mean_s": float,
}


@dataclass(frozen=True)
class Summary:
    """What a study adds up to.

    Attributes:
        plan: What was read, and whose faces it shows.
        study: The sums.
        shared: Clips with several faces of which only the clip's participant is known.
    """

    plan: RewritePlan
    study: Study
    shared: tuple[str, ...]

    @property
    def table(self) -> Table:
        """The figures: a row for each group, and for each emotion if that was asked for."""
        by_emotion = self.study.grouping.emotions
        columns = _key_columns(self.study) | ({"emotion": str} if by_emotion else {})
        columns |= (_EMOTION_COLUMNS if by_emotion else {}) | _GROUP_COLUMNS
        return Table("summary", columns, list(_figures(self.study)))

    @property
    def transitions(self) -> Table:
        """How often each emotion followed each: a row for each pair of every group."""
        columns = _key_columns(self.study) | _TRANSITION_COLUMNS
        return Table("transitions", columns, list(_transitions(self.study)))


def plan_summary(inputs: Sequence[Path], options: RewriteOptions) -> RewritePlan:
    """Read all timelines once, and find out whose faces they show.

    Args:
        inputs: Timelines and folders of timelines.
        options: What is made of them before anything is added up.

    Raises:
        TimelineError: None can be read, or they are not of one model, or not of the same steps.
        LabelError: The table of participants cannot be read.
    """
    plan = plan_rewrite(inputs, (), options)
    first = plan.timelines[0]
    for other in plan.timelines[1:]:
        same = other.emotions == first.emotions
        if not same or plan.derived(other) != plan.derived(first):
            raise TimelineError(
                f"{other.path}: has other {'columns' if same else 'emotions'} than {first.path}",
                "summarize those of one model together",
            )
    return plan


def run_summary(
    plan: RewritePlan, grouping: Grouping, progress: Progress = lambda _: None
) -> Summary:
    """Add timelines up, clip by clip.

    Args:
        plan: What to read.
        grouping: What a row is about.
        progress: Called with the number of rows done.
    """
    people = plan.found.people
    study = Study(grouping, plan.timelines[0].emotions, people, plan.options.analysis.segments)
    shared = []
    for timeline in plan.timelines:
        for video, rows in clips_of(plan.rows_of(timeline)):
            study.add(video, rows)
            faces = {row.face for row in rows if row.face is not None}
            told = video in people.by_clip and any(
                (video, face) not in people.by_face for face in faces
            )
            if told and len(faces) > 1:
                shared.append(video)
            progress(len(rows))
    return Summary(plan, study, tuple(shared))


def write_summary(
    summary: Summary, out: Path | None, transitions: Path | None, command: str
) -> None:
    """Write the tables, and beside each how it was made.

    Raises:
        OutputError: One cannot be written.
    """
    record = _record(summary, command)
    for path, table in ((out, summary.table), (transitions, summary.transitions)):
        if path is not None:
            write_tidy(path, table)
            write_record(path, record)


def _key_columns(study: Study) -> dict[str, type]:
    return {key: _KEY_TYPES[key] for key in study.grouping.keys}


def _keys(study: Study, name: GroupName) -> dict[str, Value]:
    return dict(zip(study.grouping.keys, name, strict=True))


def _figures(study: Study) -> Iterator[Row]:
    for name, totals in study.sorted_groups():
        keys, of_group = _keys(study, name), _group_figures(study, totals)
        if not study.grouping.emotions:
            yield keys | of_group
            continue
        for emotion, shown in totals.emotions.items():
            yield keys | {"emotion": emotion} | _emotion_figures(shown, totals) | of_group


def _group_figures(study: Study, totals: Totals) -> dict[str, Value]:
    valence = totals.valence() if study.has_valence else None
    mean, deviation = valence or (None, None)
    return {
        "clips": totals.clips,
        "observed_s": totals.observed_s,
        "face_s": totals.face_s,
        "missing_face_share": _part(totals.missing_s, totals.observed_s),
        "decode_error_share": _part(totals.lost_s, totals.observed_s),
        "valence_mean": mean,
        "valence_sd": deviation,
    }


def _emotion_figures(shown: EmotionTotals, totals: Totals) -> dict[str, Value]:
    number = len(shown.episodes)
    return {
        "value_mean": _part(shown.value_s, totals.face_s),
        "dominant_s": shown.dominant_s,
        "dominant_share": _part(shown.dominant_s, totals.face_s),
        "episodes": number,
        "episodes_per_min": _part(60.0 * number, totals.face_s),
        "episode_s": shown.episode_s,
        "episode_share": _part(shown.shown_s, totals.face_s),
        "episode_mean_s": _part(shown.episode_s, number),
        "latency_mean_s": _part(sum(shown.latencies), len(shown.latencies)),
        "latency_clips": len(shown.latencies),
    }


def _transitions(study: Study) -> Iterator[Row]:
    for name, totals in study.sorted_groups():
        for before in study.emotions:
            leaving = sum(len(totals.transitions.get((before, one), ())) for one in study.emotions)
            for after in study.emotions:
                between = totals.transitions.get((before, after), [])
                yield _keys(study, name) | {
                    "from": before,
                    "to": after,
                    "count": len(between),
                    "probability": _part(float(len(between)), leaving),
                    "between_mean_s": _part(sum(between), len(between)),
                }


def _part(value: float, whole: float) -> float | None:
    return value / whole if whole > 0 else None


def _record(summary: Summary, command: str) -> dict[str, Any]:
    plan, study = summary.plan, summary.study
    analysis, people = plan.options.analysis, plan.found.people
    told = {name: one.to_json(study.emotions) for name, one in plan.references.items()}
    return {
        "format": "fer-summary-analysis",
        "version": 1,
        **provenance(command),
        "sources": [
            {
                "path": str(timeline.path),
                "sha256": digest_of(timeline.path),
                "steps": list(timeline.derived),
            }
            for timeline in plan.timelines
        ],
        "left_out": {path: str(error) for path, error in plan.failures.items()},
        "by": str(study.grouping),
        "participants": dict(sorted(people.by_clip.items())),
        "faces": [
            {"video": video, "face": face, "participant": name}
            for (video, face), name in sorted(people.by_face.items())
        ],
        "emotions": list(study.emotions),
        "values": ("raw", *plan.derived(plan.timelines[0]))[-1],
        "valence": {
            "positive": POSITIVE,
            "strongest_of": [name for name in NEGATIVE if name in study.emotions],
        }
        if study.has_valence
        else None,
        "baseline": None
        if analysis.baseline is None
        else {"reference": str(analysis.baseline), "people": told},
        "smoothing": None if analysis.smoothing is None else asdict(analysis.smoothing),
        "segments": asdict(analysis.segments),
    }
