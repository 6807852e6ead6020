"""Does somebody else's network see the expression that was acted, at its apex?"""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks import peer
from fer_pipeline.domain import Frame, UInt8Array, canonical_emotion
from fer_pipeline.image_coding import as_png
from fer_pipeline.video import open_video
from study.commands import MissingError
from study.records import Figures
from study.truth import apex_frame, truth_of, write_table

PROGRAM = Path(__file__).resolve().parent / "apex_peer.py"

Apexes = dict[tuple[str, str], int]
"""Number of the apex frame by seed (name of the folder) and clip."""


def picture_apexes(studies: Iterable[Path], pictures: Path) -> Apexes:
    """Write the apex frame of each clip as a picture, and return which frames these are."""
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    found: Apexes = {}
    for folder in studies:
        for name, rows in truth_of(folder).items():
            wanted = apex_frame(rows)
            found[folder.name, name] = wanted
            (pictures / f"{_picture_of(folder.name, name)}.png").write_bytes(
                as_png(picture_in(folder / name, wanted))
            )
    return found


def picture_in(clip: Path, number: int) -> UInt8Array:
    """Return one frame of a clip in colour, shape (height, width, 3)."""
    with open_video(clip) as video:
        for frame in video.frames():
            if isinstance(frame, Frame) and frame.index == number:
                return frame.rgb
    raise ValueError(f"{clip}: has no frame {number}")


def named_by_peer(pictures: Path) -> dict[str, str | None]:
    """Ask the peer, in its own environment.

    Raises:
        MissingError: That cannot be made.
    """
    named = pictures.with_suffix(".json")
    try:
        peer.prepare()
        peer.run_program(PROGRAM, pictures, named)
    except peer.NoPeerError as error:
        raise MissingError(f"the package fer of PyPI cannot be had: {error}") from error
    return dict(json.loads(named.read_text("utf-8")))


def named_in_timelines(apexes: Apexes, timelines: Path) -> dict[str, str | None]:
    """Return what timelines, one table for each seed, say of the apex frames."""
    told: dict[str, str | None] = {}
    for seed in sorted({seed for seed, _ in apexes}):
        with (timelines / f"{seed}.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                clip = row["video"].replace("\\", "/")
                if apexes.get((seed, clip)) == int(row["frame"]):
                    told[_picture_of(seed, clip)] = row["emotion"] or None
    return told


def agreed(
    studies: Iterable[Path], named: dict[str, dict[str, str | None]], results: Path
) -> Figures:
    """Compare what was named with what was acted; write a table of the pictures.

    Args:
        studies: Folders, one for each seed.
        named: By whom, then by picture.
        results: Folder for the table.
    """
    acted = {
        _picture_of(folder.name, name): (folder.name, rows[0].emotion)
        for folder in studies
        for name, rows in truth_of(folder).items()
    }
    lines = [
        (seed, picture, emotion, *(_canonical(by[picture]) for by in named.values()))
        for picture, (seed, emotion) in acted.items()
    ]
    write_table(results / "apexes.csv", ("seed", "picture", "acted", *named), lines)
    return {
        who: _counted([(seed, acted, told[number]) for seed, _, acted, *told in lines])
        for number, who in enumerate(named)
    }


def _counted(lines: list[tuple[str, str, str]]) -> Figures:
    right = [line for line in lines if line[1] == line[2]]
    by_seed, by_emotion = Counter(line[0] for line in lines), Counter(line[1] for line in lines)
    right_by_seed = Counter(line[0] for line in right)
    right_by_emotion = Counter(line[1] for line in right)
    return {
        "pictures": len(lines),
        "without a face": sum(not told for _, _, told in lines),
        "right": len(right),
        "share": len(right) / len(lines),
        "seeds": {seed: right_by_seed[seed] / count for seed, count in by_seed.items()},
        "emotions": {name: right_by_emotion[name] / count for name, count in by_emotion.items()},
    }


def _picture_of(seed: str, clip: str) -> str:
    return f"{seed}_{Path(clip).stem}"


def _canonical(name: str | None) -> str:
    return (canonical_emotion(name) or name) if name else ""
