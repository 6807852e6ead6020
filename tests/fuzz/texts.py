"""Tables, codings and records: texts that people and programs write, and what reads them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random

from fer_pipeline.domain import Box, Status
from fer_pipeline.exports import Details, write_timeline
from fer_pipeline.timeline import TimelineRow
from tests.conftest import write_faces
from tests.fuzz.case import Command, Kind
from tests.fuzz.damage import damaged, damaged_json, damaged_text
from tests.fuzz.running import run
from tests.media import PARTICIPANTS, pictures_of, write_video

_EMOTIONS = ("neutral", "happiness", "surprise")

_CLIP = "P01_happy.mp4"

_LABELS = (
    "video,participant,emotion,start,end,face\n"
    "P01_happy.mp4,P01,happy,0.0,0.1,0\n"
    "P01_happy.mp4,P01,neutral,0.1,0.2,1\n"
)
_PEOPLE = "video,participant,face\nclip.mp4,P01,0\nclip.mp4,P02,1\n"
_CODES = "start,end,code\n0.0,0.2,happiness\n0.3,0.5,neutral\n"
_BORIS = (
    "Observation id\tSubject\tBehavior\tBehavior type\tTime\tMedia file name\tFPS\n"
    "o\tP01\thappiness\tSTART\t0.1\tclip.mp4\t25\no\tP01\thappiness\tSTOP\t0.3\tclip.mp4\t25\n"
)


def _rows() -> list[TimelineRow]:
    rows = []
    for frame in range(20):
        if frame in (5, 6):
            status = Status.NO_FACE if frame == 5 else Status.DECODE_ERROR
            rows.append(TimelineRow("clip.mp4", frame, frame / 25, status))
            continue
        for face in (0, 1):
            share = 0.05 * (frame % 10)
            rows.append(
                TimelineRow(
                    "clip.mp4",
                    frame,
                    frame / 25,
                    Status.OK,
                    face,
                    Box(10, 10 + frame, 40, 50),
                    1.5,
                    (share, 0.9 - share, 0.1),
                )
            )
    return rows


def prepare(folder: Path) -> None:
    """Write one whole file of each kind, with what its command needs besides."""
    about = Details()
    for name in ("labels.csv", "labels.tsv", "labels.json", "labels.jsonl", "labels.parquet"):
        write_timeline(folder / name, name.rpartition(".")[2], _rows(), _EMOTIONS, about)
    for name, kind in (("coder.eaf", "eaf"), ("coder.TextGrid", "textgrid")):
        write_timeline(folder / name, kind, _rows(), _EMOTIONS, about)
    texts = {
        "segments.csv": _LABELS,
        "people.csv": _PEOPLE,
        "codes.csv": _CODES,
        "boris.tsv": _BORIS,
    }
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    write_faces(folder / "faces.h5", people=3, frames=1, size=16)
    write_video(folder / _CLIP, pictures_of(PARTICIPANTS / "P00_happy.mp4", 6))
    run(("data", "review", "faces.h5", "-o", "review.html"), folder)
    (folder / "review.csv").write_text("row,decision\n", "utf-8")
    done = ("annotate", _CLIP, "--out", "out/", "--smooth", "mean:0.2", "--workers", "1")
    run(done, folder)


# What is damaged, and what reads it then.
_READ_BY: dict[str, tuple[Command, ...]] = {
    "segments.csv": (
        ("extract", _CLIP, "--labels", "segments.csv", "-o", "out/f.h5", "--workers", "1"),
    ),
    "people.csv": (
        ("timeline", "labels.csv", "--participants", "people.csv", "--out", "out/x.csv"),
    ),
    **{
        f"labels.{kind}": (
            (
                "timeline",
                f"labels.{kind}",
                "--smooth",
                "mean:0.2",
                "--baseline",
                "auto",
                "--out",
                "out/x.jsonl",
            ),
            ("timeline", f"labels.{kind}", "--out", "out/segments/", "--format", "eaf"),
            ("timeline", f"labels.{kind}", "--report", "out/x.html"),
            ("timeline", f"labels.{kind}", "--plot", "out/plots/"),
            (
                "summarize",
                f"labels.{kind}",
                "--out",
                "out/study.csv",
                "--transitions",
                "out/steps.csv",
            ),
            ("agree", f"labels.{kind}", "codes.csv", "--face", "0", "-o", "out/agree.csv"),
        )
        for kind in ("csv", "tsv", "json", "jsonl", "parquet")
    },
    **{
        name: (
            ("agree", "labels.csv", name, "--face", "0", "--elan", "out/both.eaf", *tier),
            ("agree", "labels.csv", name, "--face", "0", "-o", "out/d.csv", *tier),
        )
        for name, *tier in (
            ("coder.eaf", "--tier", "face 0"),
            ("coder.TextGrid", "--tier", "face 0"),
            ("codes.csv",),
            ("boris.tsv",),
        )
    },
}


def make_text(random: Random, seeds: Path, folder: Path) -> str:
    """Write one text that is not as it should be."""
    name = random.choice(sorted(_READ_BY))
    for other in ("labels.csv", "codes.csv", _CLIP):
        shutil.copy(seeds / other, folder)
    path = seeds / name
    if path.suffix == ".parquet":
        data = damaged(random, path.read_bytes())
    elif path.suffix == ".json":
        data = damaged_json(random, path.read_text("utf-8"))
    else:
        data = damaged_text(random, path.read_text("utf-8"))
    (folder / name).write_bytes(data)
    (folder / ".kind").write_text(name)
    return name


def read_text(random: Random, folder: Path) -> Sequence[Command]:
    """Return two of the commands that read the text."""
    known = _READ_BY[(folder / ".kind").read_text()]
    return random.sample(known, min(2, len(known)))


# Records that runs leave, and that later runs read


def make_record(random: Random, seeds: Path, folder: Path) -> str:
    """Damage a record beside a timeline, as a run that was killed or a stranger leaves it."""
    shutil.copytree(seeds / "out", folder / "out")
    shutil.copy(seeds / _CLIP, folder)
    files = sorted(path for path in (folder / "out").rglob("*") if path.is_file())
    path = random.choice(files)
    text = path.read_text("utf-8")
    try:
        json.loads(text)
        path.write_bytes(damaged_json(random, text))
    except ValueError:
        path.write_bytes(damaged_text(random, text))
    return str(path.relative_to(folder))


def read_record(_random: Random, _folder: Path) -> Sequence[Command]:
    """Return the commands that go on with what is there."""
    return (
        ("annotate", _CLIP, "--out", "out/", "--smooth", "mean:0.2", "--workers", "1"),
        ("timeline", "out", "--video", "out/drawn/", "--anonymous"),
        ("summarize", "out"),
    )


TEXTS = Kind("texts", prepare, make_text, read_text)
RECORDS = Kind("records", prepare, make_record, read_record)
