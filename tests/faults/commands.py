"""What each command is that faults are injected into: one entry to a command.

A scene is a folder in which a command runs: what it reads is in ``in``, what it writes in ``out``,
and paths are given as they are seen from the folder, so that two runs can be compared byte by byte.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.care.checking import verify
from fer_pipeline.dataset import open_dataset
from tests.conftest import write_faces
from tests.corpus_files import any_picture
from tests.media import PARTICIPANTS

Content = dict[str, Any]
"""What is compared of each file of a result, by its path below ``out``."""

HDF5_ROOM = 17 * 2**20
"""Bytes of free disk without which nothing is written to a dataset."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command on small real input.

    Attributes:
        line: What is typed, seen from the scene.
        prepare: Makes what it reads.
        begin: Makes what is there in ``out`` before; nothing by default.
        needed: Names below ``out`` that a second run may go on with, as a regular expression.
        changing: Names of files that change before all is done: what is kept for going on, and
            descriptions of something that is not complete.
        room: Bytes of free disk that it wants beside what it writes.
        workers: Whether it has worker processes.
    """

    line: str
    prepare: Callable[[Path], None] = lambda _: None
    begin: Callable[[Path], None] = lambda _: None
    needed: str = r"(?!)"
    changing: str = r"(?!)"
    room: int = 0
    workers: bool = False

    @property
    def words(self) -> list[str]:
        """What is typed, word by word."""
        return shlex.split(self.line)

    def content(self, scene: Path) -> Content:
        """Return what is compared of all files of a result that stand under their final names."""
        files = (path for path in sorted((scene / "out").rglob("*")) if path.is_file())
        names = {path.relative_to(scene / "out").as_posix(): path for path in files}
        return {
            name: content_of(path) for name, path in names.items() if not self.is_kept_aside(name)
        }

    def is_kept_aside(self, name: str) -> bool:
        """Tell whether a file is none of the result: a lock, or something unfinished."""
        return bool(LEFT_BY_A_KILL.search(name) or re.search(self.needed, name))


LEFT_BY_A_KILL = re.compile(r"\.lock$|\.unfinished(/|$)")
"""What a process that had no time to clear up leaves; the next run removes it."""


# What is compared


def content_of(path: Path) -> Any:
    """Return what has to be equal of two files: all but times, durations and random names."""
    reader = READERS.get(path.name) or READERS.get(path.suffix) or digest
    return reader(path)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest_of_dataset(path: Path) -> str:
    with open_dataset(path) as dataset:
        return dataset.digest


def arrays(path: Path) -> dict[str, str]:
    with np.load(path) as stored:
        return {
            name: hashlib.sha256(np.ascontiguousarray(stored[name]).tobytes()).hexdigest()
            for name in stored.files
        }


def plain(path: Path) -> Any:
    """Return the values of a JSON file without those that differ from run to run."""
    return without(json.loads(path.read_text("utf-8")))


def notes(path: Path) -> dict[str, Any]:
    """Return the last note on each clip, which is the one that counts."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {f"{line['video']} {line['format']}": without(line) for line in lines}


TOLD_OF_THE_RUN = frozenset(
    ("provenance", "created", "time", "seconds", "speed", "made", "started", "machine", "changed")
)


def without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without(one) for key, one in value.items() if key not in TOLD_OF_THE_RUN}
    return [without(one) for one in value] if isinstance(value, list) else value


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table without how long something took."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: cell for name, cell in row.items() if not re.search("second|ms|speed", name)}
            for row in csv.DictReader(file)
        ]


def exists(_: Path) -> str:
    return "exists"


def whole_dataset(path: Path) -> list[object]:
    """Return how many faces a dataset holds whose names are drawn at random."""
    with open_dataset(path) as dataset:
        return [len(dataset), *verify(dataset)]


READERS: dict[str, Callable[[Path], Any]] = {
    "coded.h5": whole_dataset,
    "key": exists,
    ".h5": digest_of_dataset,
    ".npz": arrays,
    ".json": plain,
    ".jsonl": notes,
    "history.csv": table,
    "comparison.csv": table,
    # They tell the time, how long something took, or both; their figures are compared elsewhere.
    "model-card.md": exists,
    "comparison.md": exists,
    "comparison.html": exists,
    "README.md": exists,
    "model.keras": exists,
    "measured.json": exists,
    "comparison.json": exists,
    "spec.json": exists,
    ".png": exists,
    ".log": exists,
}


# What is read


def clips(scene: Path) -> None:
    folder = scene / "in"
    folder.mkdir(parents=True)
    for person in ("P00", "P07"):
        for emotion in ("sad", "happy"):
            shutil.copy2(PARTICIPANTS / f"{person}_{emotion}.mp4", folder)


def faces(scene: Path) -> None:
    write_faces(scene / "in" / "faces.h5")


def two_datasets(scene: Path) -> None:
    """Write datasets of different people: `write_faces` knows only one kind of names."""
    write_faces(scene / "in" / "faces.h5", people=6, frames=40)
    write_faces(scene / "in" / "more.h5", people=3, frames=40, emotions=("anger", "fear"))


def pictures(scene: Path) -> None:
    for person in ("KA", "KM"):
        for emotion in ("anger", "fear"):
            folder = scene / "in" / person / emotion
            folder.mkdir(parents=True)
            for number in range(60):
                picture = any_picture(hash_of(person, emotion, number), 48)
                (folder / f"{number}.png").write_bytes(picture)


def hash_of(*words: object) -> int:
    return int(hashlib.sha256(repr(words).encode()).hexdigest()[:8], 16)


def dataset_in_place(scene: Path) -> None:
    write_faces(scene / "out" / "faces.h5", people=6, frames=40)


SMALL_NETWORK = "--size 32 --epochs 4"

COMMANDS: dict[str, Command] = {
    "extract": Command(
        "extract in -o out/faces.h5 --every 5 --size 24 --workers 2",
        clips,
        needed=r"^faces\.h5\.parts(/\w+\.h5)?$",
        room=HDF5_ROOM,
        workers=True,
    ),
    "train": Command(
        f"train --data in/faces.h5 -o out/model --resume --network lenet5 {SMALL_NETWORK}",
        faces,
        needed=r"^model\.unfinished(/|$)",
    ),
    "annotate": Command(
        "annotate in --out out/timelines/ --out out/labels.csv --every 5 --workers 2",
        clips,
        needed=r"(^|/)fer-annotation\.parts(/\w+\.(csv|json))?$",
        changing=r"^timelines/fer-annotation\.jsonl$",
        workers=True,
    ),
    "import": Command(
        "import folder in -o out/faces.h5 --no-detect --balance 50",
        pictures,
        room=HDF5_ROOM,
    ),
    "merge": Command(
        "data merge in/faces.h5 in/more.h5 -o out/all.h5 --apart",
        two_datasets,
        room=HDF5_ROOM,
    ),
    "simulate": Command(
        "simulate out/study --participants 2 --takes 1 --sessions 0 --pairs 0 --size 96x96 "
        "--emotions happiness,anger --fps 10 --seconds 1 --workers 2",
        needed=r"^study/truth\.parts(/\w+\.csv)?$",
        changing=r"^study/(study\.json|truth\.csv|segments\.csv)$",
        workers=True,
    ),
    "compare": Command(
        "compare --data in/faces.h5 -o out/comparison --networks lenet5 --channels gray,rgb "
        + SMALL_NETWORK,
        faces,
        needed=r"^comparison/runs/[\w-]+\.unfinished(/|$)",
        changing=r"^comparison/(comparison|learning|measured)",
        workers=True,
    ),
}
"""The commands that write something, each with input on which it takes a second or some."""


def in_place(line: str, room: int = HDF5_ROOM) -> Command:
    return Command(f"data {line}", begin=dataset_in_place, room=room)


CARE: dict[str, Command] = {
    "split": in_place("split out/faces.h5 --overwrite"),
    "withdraw": in_place("withdraw out/faces.h5 P03"),
    "dedupe": in_place("dedupe out/faces.h5 -o out/unique.h5 --overwrite"),
    "pseudonymize": in_place("pseudonymize out/faces.h5 -o out/coded.h5 --key out/key --overwrite"),
    "export": in_place("export out/faces.h5 -o out/faces.npz --overwrite", room=0),
}
"""What is done with a dataset that exists: each result is as before, or complete."""
