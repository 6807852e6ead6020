"""Pieces: the rows of one clip, put together beside the output, and what became of the clip."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fer_pipeline.files import FileState, name_digest, replacing
from fer_pipeline.json_values import fits, parse_json
from fer_pipeline.model_folder import write_json
from fer_pipeline.outputs import Output
from fer_pipeline.timeline import Totals

_PLAIN = {
    "source": {"size": int, "changed": int},
    "settings": str,
    "read": int,
    "lost": int,
    "damaged": bool,
    "warnings": [str],
    "totals": {
        "frames": int,
        "with_face": int,
        "errors": int,
        "seconds": {str: {str: (int, float)}},
    },
}
"""A record in its plain form."""


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """What became of a clip.

    Attributes:
        source: State of the clip when it was read.
        settings: Digest of the model and the options.
        read: Frames that decoded, or that nobody wanted decoded.
        lost: Frames that did not.
        damaged: Whether part of the clip could not be read.
        warnings: What a user should know about it.
        totals: What its rows add up to.
    """

    source: FileState
    settings: str
    read: int
    lost: int
    damaged: bool
    warnings: tuple[str, ...]
    totals: Totals

    @classmethod
    def from_json(cls, values: Any) -> ClipRecord:
        """Rebuild a record from its plain form.

        Raises:
            KeyError, TypeError, ValueError: Something is missing, too much, or of another kind.
        """
        if not fits(values, _PLAIN, "only"):
            raise ValueError("no record of a clip")
        seconds = {int(face): times for face, times in values["totals"]["seconds"].items()}
        rebuilt = {
            "source": FileState(**values["source"]),
            "warnings": tuple(values["warnings"]),
            "totals": Totals(**{**values["totals"], "seconds": seconds}),
        }
        return cls(**{**values, **rebuilt})


def pieces_folder(outputs: Sequence[Output]) -> Path:
    """Return where pieces are put together; without an output it is a folder of its own."""
    if not outputs:
        return Path(tempfile.mkdtemp(prefix="fer-annotate-"))
    return outputs[0].pieces


def piece_of(folder: Path, name: str) -> Path:
    """Return where the rows of a clip are put together."""
    return folder / f"{name_digest(name)}.csv"


def finish_piece(piece: Path, record: ClipRecord) -> None:
    """Say that a piece is complete.

    Raises:
        OutputError: The record cannot be written.
    """
    with replacing(_record_of(piece)) as unfinished:
        write_json(unfinished, asdict(record))


def finished_piece(piece: Path, settings: str, clip: Path) -> ClipRecord | None:
    """Return the record of a piece that an earlier run finished in the same way, if any."""
    try:
        values = parse_json(_record_of(piece).read_text("utf-8"))
        record = ClipRecord.from_json(values)
        state = FileState.of(clip)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    same = record.settings == settings and record.source == state
    return record if same and piece.exists() else None


def files_of(piece: Path) -> tuple[Path, Path]:
    """Return the files of a piece; the last is there when it is complete."""
    return piece, _record_of(piece)


def remove_piece(piece: Path) -> None:
    """Remove a piece and its record, as far as the system lets us."""
    for file in files_of(piece):
        with suppress(OSError):
            file.unlink()


def _record_of(piece: Path) -> Path:
    return piece.with_suffix(".json")
