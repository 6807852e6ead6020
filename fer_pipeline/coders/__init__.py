"""What human coders wrote: one reader for each format, chosen by the end of the file's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fer_pipeline.coders.code_tables import read_table_of_codes
from fer_pipeline.coders.coding import Code, Coding, Wanted
from fer_pipeline.coders.elan import (
    NewTier,
    add_tiers,
    move_links,
    parse_elan,
    read_elan,
    write_document,
)
from fer_pipeline.coders.praat import read_praat
from fer_pipeline.errors import CoderError

__all__ = [
    "READERS",
    "Code",
    "Coding",
    "NewTier",
    "Wanted",
    "add_tiers",
    "move_links",
    "parse_elan",
    "read_coding",
    "write_document",
]

READERS: dict[str, Callable[[Path, Wanted], Coding]] = {
    ".eaf": read_elan,
    ".textgrid": read_praat,
    ".csv": read_table_of_codes,
    ".tsv": read_table_of_codes,
    ".txt": read_table_of_codes,
}


def read_coding(path: Path, wanted: Wanted) -> Coding:
    """Read what a coder wrote about a clip.

    Raises:
        CoderError: It cannot be read, or it cannot be told which part is meant.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = "ELAN .eaf, Praat .TextGrid, BORIS events or codes as .csv .tsv"
        raise CoderError(f"{path}: codes are read from {known}", "export them so")
    coding = reader(path, wanted)
    if not coding.codes:
        raise CoderError(
            f"{path}: no code of '{coding.tier}' lasts any time",
            "code from when to when, not points",
        )
    return coding
