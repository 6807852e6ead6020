"""The folder of a study: what is in it, what may be added, and what is whose."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fer_pipeline.errors import OutputError
from fer_pipeline.files import (
    PathKind,
    kind_of,
    remove_folder,
    remove_if_empty,
    replacing,
    writing,
)
from fer_pipeline.simulation.options import StudyOptions
from fer_pipeline.simulation.truth import COLUMNS

FORMAT, VERSION = "fer-simulated-study", 1

STUDY_FILE, TRUTH_FILE, SEGMENTS_FILE, README_FILE = (
    "study.json", "truth.csv", "segments.csv", "README.md",
)  # fmt: skip

WARNING = (
    "The people in these clips are rendered, not filmed. A simulated study tests a pipeline and a "
    "protocol; it says nothing about accuracy on human faces."
)
"""Said wherever a study is described."""

# What is true of clips that are finished, in a study that is not.
_PARTS = "truth.parts"

_PERSON_FOLDER = re.compile(r"P\d{2,}")
_CLIP_FILE = re.compile(r"P\d{2,}_\w+\.mp4(\.unfinished)?")


class StudyFolder:
    """Where a study is.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def study_file(self) -> Path:
        """What tells the study's settings."""
        return self.path / STUDY_FILE

    @property
    def truth_file(self) -> Path:
        """What is true of every frame."""
        return self.path / TRUTH_FILE

    def part(self, clip_name: str) -> Path:
        """Return where the truth of a finished clip waits."""
        return self.path / _PARTS / f"{Path(clip_name).stem}.csv"

    def clip(self, clip_name: str) -> Path:
        """Return where a clip is."""
        return self.path / clip_name

    def refuse_another(self, options: StudyOptions, *, overwrite: bool) -> None:
        """Make sure that the folder is free, or that of the same study.

        Raises:
            OutputError: It is not.
        """
        kind = kind_of(self.path, OutputError)
        if kind is PathKind.MISSING:
            return
        if kind is not PathKind.FOLDER:
            raise OutputError(f"{self.path}: is no folder", "give another OUT")
        if not self.study_file.exists():
            if any(self.path.iterdir()):
                problem = f"{self.path}: holds something that is no simulated study"
                raise OutputError(problem, "give another OUT, or an empty folder")
            return
        if overwrite:
            return
        there = self._read()
        differing = _differing(there.get("settings", {}), _plain(options.settings))
        if differing:
            raise OutputError(
                f"{self.path}: a study with other settings ({', '.join(differing)})",
                "give another OUT, or --overwrite to replace it",
            )
        for name, count in there.get("amount", {}).items():
            if count > options.amount.get(name, 0):
                raise OutputError(
                    f"{self.path}: has {count} {name}, more than the {options.amount.get(name, 0)} "
                    "asked for",
                    "a study may grow but not shrink: give another OUT, or --overwrite",
                )

    def clear(self) -> None:
        """Remove a study that was there, and nothing that is not part of it."""
        with writing(self.path):
            for file in (TRUTH_FILE, SEGMENTS_FILE, README_FILE, STUDY_FILE):
                (self.path / file).unlink(missing_ok=True)
            remove_folder(self.path / _PARTS)
            for clip in list(self._clips()):
                clip.unlink()
                remove_if_empty(clip.parent)

    def describe(self, options: StudyOptions, made: dict[str, Any], *, complete: bool) -> None:
        """Write what the study is, for programs and for people.

        Raises:
            OutputError: It cannot be written.
        """
        described = {
            "format": FORMAT,
            "version": VERSION,
            "rendered": True,
            "warning": WARNING,
            "complete": complete,
            "settings": options.settings,
            "amount": options.amount,
            "columns": {TRUTH_FILE: dict(COLUMNS)},
            "provenance": made,
        }
        with replacing(self.study_file) as unfinished:
            text = json.dumps(described, indent=2, ensure_ascii=False)
            unfinished.write_text(text + "\n", "utf-8")
        with replacing(self.path / README_FILE) as unfinished:
            unfinished.write_text(_readme(options, complete=complete), "utf-8")

    def remove_parts(self) -> None:
        """Remove what was kept for going on."""
        remove_folder(self.path / _PARTS)

    def _clips(self) -> Iterator[Path]:
        for folder in self.path.iterdir():
            if _PERSON_FOLDER.fullmatch(folder.name) and folder.is_dir():
                yield from (file for file in folder.iterdir() if _CLIP_FILE.fullmatch(file.name))

    def _read(self) -> dict[str, Any]:
        try:
            described = json.loads(self.study_file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            problem = f"{self.study_file}: cannot be read"
            raise OutputError(problem, "--overwrite begins the study anew") from error
        if not isinstance(described, dict) or described.get("format") != FORMAT:
            problem = f"{self.study_file}: is of no simulated study"
            raise OutputError(problem, "give another OUT")
        if described.get("version") != VERSION:
            problem = f"{self.study_file}: version {described.get('version')} of another fer"
            raise OutputError(problem, "give another OUT, or --overwrite")
        return described


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as they are after a way through JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


def _differing(there: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Return the names of settings that differ."""
    names: list[str] = []
    for name, value in wanted.items():
        before = there.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            names += _differing(before, value)
        elif before != value:
            names.append(name)
    return names


def _readme(options: StudyOptions, *, complete: bool) -> str:
    recording = options.recording
    shown = ", ".join(options.emotions)
    state = "" if complete else "\nIt is not complete: the same command goes on with it.\n"
    faces = " --faces all" if options.pairs else ""
    conditions = ", ".join(recording.conditions) or "none"
    return f"""# A simulated study: rendered people, not filmed

{WARNING}
{state}
{options.participants} people, female and male by turns; {options.takes} takes of each of {shown};
{options.sessions} sessions of each person, {options.pairs} clips of each two people.
{recording.width} × {recording.height} pixels, {recording.fps:g} frames a second, \
{recording.seconds:g} s for an expression; difficult conditions: {conditions}.

- `P01/P01_happiness_1.mp4`: participant, emotion, take. Neutral, apex, neutral again.
- `{TRUTH_FILE}`: emotion, intensity and place of every face in every frame; `{STUDY_FILE}` explains
  its columns.
- `{SEGMENTS_FILE}`: the stretches with an intensity of at least a half, and all of the neutral
  faces, for

      fer extract . --labels {SEGMENTS_FILE}{faces}

Made by `fer simulate` (seed {options.seed}) from MakeHuman's base mesh and targets, which are CC0;
the clips may be used without conditions.
"""
