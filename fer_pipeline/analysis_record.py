"""Beside a timeline that was analysed: how, from what, and who was taken for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fer_pipeline.errors import OutputError
from fer_pipeline.exports import FORMATS
from fer_pipeline.files import PathKind, kind_of, replacing
from fer_pipeline.json_values import json_text, parse_json
from fer_pipeline.outputs import Output, way_to
from fer_pipeline.provenance import provenance
from fer_pipeline.timeline import AnalysisOptions, Derived, People, References

_FOLDER_RECORD = "fer-timeline.json"
_RECORD_SUFFIX = ".analysis.json"
_FORMAT, _VERSION = "fer-timeline-analysis", 1


@dataclass(frozen=True, slots=True)
class AnalysisRecord:
    """How timelines were analysed.

    Attributes:
        options: What was done.
        people: Whose faces they show.
        references: The neutral reference of each person.
        emotions: Of the model.
        sources: What the timelines were made from, plain.
        before: Steps that they had already.
        command: The command line as it was typed.
        clips: Where the clips were, by name, as far as that is known.
    """

    options: AnalysisOptions
    people: People
    references: References
    emotions: tuple[str, ...]
    sources: Sequence[dict[str, Any]]
    before: tuple[Derived, ...]
    command: str
    clips: Mapping[str, Path] = field(default_factory=dict)

    def write(self, output: Output) -> None:
        """Write the record of an output, unless the output tells everything itself.

        Raises:
            OutputError: It cannot be written.
        """
        if not _has_record(output, self.options):
            record_path(output).unlink(missing_ok=True)  # of what stood there before
            return
        with (
            replacing(record_path(output)) as unfinished,
            unfinished.open("w", encoding="utf-8", newline="") as file,
        ):
            file.write(json_text(self._values(output), indent=2) + "\n")

    def _values(self, output: Output) -> dict[str, Any]:
        segments = asdict(self.options.segments) if FORMATS[output.format].segments else None
        return {
            "format": _FORMAT,
            "version": _VERSION,
            **provenance(self.command),
            "sources": list(self.sources),
            "clips": self._clips(record_path(output).parent),
            "participants": dict(sorted(self.people.by_clip.items())),
            "faces": [
                {"video": video, "face": face, "participant": name}
                for (video, face), name in sorted(self.people.by_face.items())
            ],
            "baseline": self._baseline(),
            "smoothing": self._smoothing(),
            "segments": segments,
        }

    def _clips(self, folder: Path) -> dict[str, dict[str, Any]]:
        """Return where clips are from the record's folder, and how many bytes they have."""
        return {
            name: {"path": way_to(path, folder), "size": path.stat().st_size}
            for name, path in sorted(self.clips.items())
            if path.is_file()
        }

    def _baseline(self) -> dict[str, Any] | None:
        if self.options.baseline is None:
            return None
        told = {name: one.to_json(self.emotions) for name, one in self.references.items()}
        return {"reference": str(self.options.baseline), "people": told}

    def _smoothing(self) -> dict[str, Any] | None:
        if self.options.smoothing is None:
            return None
        earlier = [step for step in self.options.derived(self.before) if step != "smoothed"]
        return asdict(self.options.smoothing) | {"of": earlier[-1] if earlier else "raw"}


def record_path(output: Output) -> Path:
    """Return where the record of an output is."""
    if output.folder:
        return output.path / _FOLDER_RECORD
    return output.path.with_name(output.path.name + _RECORD_SUFFIX)


def recorded_clips(record: Path) -> dict[str, tuple[Path, int]]:
    """Return where the clips of timelines were, and how many bytes they had, by name.

    Args:
        record: A record of an analysis; of one that cannot be read nothing is known.
    """
    try:
        values = parse_json(record.read_text("utf-8"))
        if values["format"] != _FORMAT:
            return {}
        return {
            name: (record.parent / one["path"], int(one["size"]))
            for name, one in values["clips"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def records_about(timeline: Path, folder: Path) -> tuple[Path, Path]:
    """Return where records of a timeline would be: its own, and that of all of its folder."""
    return timeline.with_name(timeline.name + _RECORD_SUFFIX), folder / _FOLDER_RECORD


def refuse_foreign_record(output: Output) -> None:
    """Make sure that an output's record would replace nothing but a record.

    Raises:
        OutputError: There is something else.
    """
    path = record_path(output)
    if kind_of(path, OutputError) is PathKind.MISSING:
        return
    try:
        ours = parse_json(path.read_text("utf-8"))["format"] == _FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise OutputError(f"{path}: exists and is no record of fer", "move it, or --overwrite")


def _has_record(output: Output, options: AnalysisOptions) -> bool:
    """Tell whether there is anything that an output does not tell of itself."""
    return bool(options.derived()) or FORMATS[output.format].segments
