"""What earlier runs have left in folders of timelines and pictures, and what it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fer_pipeline.annotation.pieces import ClipRecord
from fer_pipeline.errors import OutputError, TimelineError
from fer_pipeline.exports import FORMATS, write_timeline
from fer_pipeline.files import FileState, PathKind, digest_of, kind_of
from fer_pipeline.json_values import fits
from fer_pipeline.outputs import Output, Picture, PictureKind, read_manifest
from fer_pipeline.sources import Source
from fer_pipeline.timeline import Tally, open_timeline

Goal = Output | Picture

_DAMAGE = "damage"
"""In a manifest: what is broken in a clip."""

_CONTENT = "sha256"
"""In a manifest: the digest of a timeline, which tells whether somebody worked on it since."""

_BYTES = "bytes"
"""In a manifest: how many a picture has, which tells one that was made otherwise meanwhile."""

_BESIDES = frozenset({_DAMAGE, _CONTENT, _BYTES})

_TOLD = {_DAMAGE: [str]}
"""What is taken on trust from a manifest; all else is only compared."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What files are made from beside their clip.

    Attributes:
        settings: Digest of the model and the options.
        study: Digest of the analysis and whatever else of the study it depends on; None for none.
        pictures: By kind of picture what it depends on beside the rows, plain.
    """

    settings: str
    study: str | None = None
    pictures: Mapping[PictureKind, Any] = field(default_factory=dict)

    def of(self, goal: Goal, clip: FileState) -> dict[str, Any]:
        """Return what a file is made from, as a manifest tells it."""
        analysis = {} if self.study is None else {"analysis": self.study}
        picture = {"pictures": self.pictures[goal.kind]} if isinstance(goal, Picture) else {}
        return {**self.raw(clip), **analysis, **picture}

    def raw(self, clip: FileState) -> dict[str, Any]:
        """Return what the raw rows of a clip are made from, as a manifest tells it."""
        return {"settings": self.settings, **asdict(clip)}


def told_besides(goal: Goal, path: Path, record: ClipRecord) -> dict[str, Any]:
    """Return what a manifest tells of a file beside what it is made from."""
    damage = {_DAMAGE: list(record.warnings)} if record.damaged else {}
    if isinstance(goal, Picture):
        return damage | {_BYTES: path.stat().st_size}
    return damage | {_CONTENT: digest_of(path)}


@dataclass(frozen=True, slots=True)
class EarlierRows:
    """The rows of a clip in a timeline that an earlier run made in the same way.

    Attributes:
        timeline: Where they are.
        emotions: Of the model.
        record: What became of the clip then.
    """

    timeline: Path
    emotions: tuple[str, ...]
    record: ClipRecord

    def write_to(self, piece: Path) -> None:
        """Write the raw ones of their values as a piece, the same that the clip would give anew.

        Raises:
            TimelineError: The timeline was changed meanwhile, so that it cannot be read.
            OutputError: The piece cannot be written.
        """
        write_timeline(piece, "csv", open_timeline(self.timeline).rows(), self.emotions)


class EarlierRuns:
    """Knows what stands in the folders of a run already.

    Args:
        goals: Where timelines and pictures go.
        recipe: What this run makes them from.
    """

    def __init__(self, goals: Sequence[Goal], recipe: Recipe) -> None:
        self._recipe = recipe
        self._manifests = {goal: read_manifest(goal) for goal in goals if goal.folder}

    def has(self, goal: Goal, path: Path, source: Source) -> bool:
        """Tell whether the file of a clip is there, made as this run would make it."""
        entry = self._of(goal, source.name)
        found = {key: value for key, value in entry.items() if key not in _BESIDES}
        same = found == self._recipe.of(goal, source.state()) and exists(path)
        # A run that was given the file by its own name has told the folder nothing.
        return same and (not isinstance(goal, Picture) or path.stat().st_size == entry.get(_BYTES))

    def damage(self, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return what was found broken in clips that are not read again."""
        return {
            name: tuple(map(str, entry[_DAMAGE]))
            for name in names
            for goal in self._manifests
            if _DAMAGE in (entry := self._of(goal, name))
        }

    def rows(
        self, source: Source, places: Mapping[Output, Path], emotions: tuple[str, ...]
    ) -> EarlierRows | None:
        """Find a timeline that holds the rows which the clip would give anew.

        Args:
            source: The clip.
            places: Where its timelines are.
            emotions: Of the model.

        Returns:
            Its rows, gone through once; None if there are none that can be read.
        """
        state = source.state()
        wanted = self._recipe.raw(state)
        for output, path in places.items():
            entry = self._of(output, source.name)
            same = entry and all(entry.get(name) == value for name, value in wanted.items())
            if not same or FORMATS[output.format].segments or not _is_as_written(path, entry):
                continue
            warnings = tuple(map(str, entry.get(_DAMAGE, ())))
            record = self._read(path, source.name, emotions, state, warnings)
            if record is not None:
                return EarlierRows(path, emotions, record)
        return None

    def _read(
        self,
        path: Path,
        name: str,
        emotions: tuple[str, ...],
        state: FileState,
        warnings: tuple[str, ...],
    ) -> ClipRecord | None:
        tally = Tally(emotions)
        try:
            timeline = open_timeline(path)
            if timeline.emotions != emotions:
                return None
            for row in timeline.rows():
                if row.video != name:
                    return None
                tally.add(row)
        except TimelineError:
            return None
        totals = tally.totals()
        return ClipRecord(
            source=state,
            settings=self._recipe.settings,
            read=totals.frames - totals.errors,
            lost=totals.errors,
            damaged=bool(warnings),
            warnings=warnings,
            totals=totals,
        )

    def _of(self, goal: Goal, name: str) -> Mapping[str, Any]:
        entry = self._manifests.get(goal, {}).get(name, {})
        return entry if fits(entry, _TOLD) else {}


def _is_as_written(path: Path, entry: Mapping[str, Any]) -> bool:
    """Tell whether nobody worked on a timeline; else the clip itself tells."""
    try:
        return bool(digest_of(path) == entry.get(_CONTENT))
    except OSError:
        return False


def exists(path: Path) -> bool:
    """Tell whether there is something at a path; of one that the system refuses writing tells."""
    try:
        return kind_of(path, OutputError) is not PathKind.MISSING
    except OutputError:
        return False
