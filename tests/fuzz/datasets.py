"""Datasets: HDF5 files of any structure, and with any bytes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np

from tests.conftest import write_faces
from tests.fuzz.case import Command, Kind
from tests.fuzz.damage import NASTY, damaged, damaged_json
from tests.media import PARTICIPANTS

_FILE = "faces.h5"


def prepare(folder: Path) -> None:
    """Write a small dataset, and a clip that may be added to it."""
    write_faces(folder / _FILE, people=6, frames=2, size=16)
    shutil.copy(PARTICIPANTS / "P00_happy.mp4", folder / "P77_happy.mp4")


def make(random: Random, seeds: Path, folder: Path) -> str:
    """Write one dataset that is not as it should be."""
    shutil.copy(seeds / _FILE, folder / "whole.h5")
    data = (seeds / _FILE).read_bytes()
    if random.random() < 0.35:
        (folder / _FILE).write_bytes(damaged(random, data))
        return "bytes"
    (folder / _FILE).write_bytes(data)
    told = []
    with h5py.File(folder / _FILE, "r+") as file:
        for _ in range(random.choice((1, 1, 2, 3))):
            way = random.choice((_value, _value, _replace, _replace, _attribute, _names, _link))
            told.append(way(random, file, folder))
    return "; ".join(told)


_COLUMNS = (
    "images",
    "label",
    "participant",
    "video",
    "frame",
    "time",
    "box",
    "score",
    "track",
    "split",
)


def _value(random: Random, file: Any, _folder: Path) -> str:
    name = random.choice(_COLUMNS)
    if (
        name not in file
        or not isinstance(file[name], h5py.Dataset)
        or not file[name].shape
        or not file[name].shape[0]
        or file[name].dtype.kind not in "iuf"
    ):
        return "nothing"
    values = file[name][:]
    row = random.randrange(len(values))
    if values.dtype.kind == "f":
        values[row] = random.choice(
            (np.nan, np.inf, -np.inf, -1, 1e300 if values.itemsize == 8 else 1e38)
        )
    else:
        info = np.iinfo(values.dtype)
        values[row] = random.choice(
            (info.min, info.max, -1 % (int(info.max) + 1), 99 % int(info.max))
        )
    file[name][:] = values
    return f"{name}[{row}] = {values[row]!r}"[:80]


def _replace(random: Random, file: Any, folder: Path) -> str:
    name = random.choice((*_COLUMNS, "participants", "videos"))
    rows = (
        len(file["label"])
        if "label" in file and isinstance(file["label"], h5py.Dataset) and file["label"].shape
        else 36
    )
    if name in file:
        del file[name]
    huge = 10 ** random.choice((9, 10, 11, 12))
    ways = {
        "gone": lambda: None,
        "group": lambda: file.create_group(name),
        "scalar": lambda: file.create_dataset(name, data=3),
        "empty": lambda: file.create_dataset(name, data=h5py.Empty("f")),
        "text": lambda: file.create_dataset(name, data=["x"] * rows, dtype=h5py.string_dtype()),
        "bytes": lambda: file.create_dataset(name, data=np.array([b"\xff\xfe"] * rows)),
        "compound": lambda: file.create_dataset(name, (rows,), dtype=[("a", "i4"), ("b", "f4")]),
        "ragged": lambda: file.create_dataset(name, (rows,), dtype=h5py.vlen_dtype(np.int32)),
        "float": lambda: file.create_dataset(name, data=np.full(rows, np.nan)),
        "complex": lambda: file.create_dataset(name, data=np.zeros(rows, complex)),
        "bool": lambda: file.create_dataset(name, data=np.ones(rows, bool)),
        "plane": lambda: file.create_dataset(name, data=np.zeros((rows, 3), np.int32)),
        "short": lambda: file.create_dataset(name, data=np.zeros(3, np.int32)),
        "none": lambda: file.create_dataset(name, data=np.zeros(0, np.int32)),
        "huge": lambda: file.create_dataset(
            name, (huge,), np.int8, chunks=(2**20,), compression="gzip"
        ),
        "huge flat": lambda: file.create_dataset(name, (huge,), np.int32, chunks=None),
        "huge text": lambda: file.create_dataset(
            name, (huge,), h5py.string_dtype(), chunks=(2**16,)
        ),
        "huge images": lambda: file.create_dataset(
            name, (rows, 30000, 30000, 3), np.uint8, chunks=(1, 3000, 3000, 3), compression="gzip"
        ),
        "many images": lambda: file.create_dataset(
            name, (huge, 16, 16, 1), np.uint8, chunks=(1, 16, 16, 1), compression="gzip"
        ),
        "chunks": lambda: file.create_dataset(
            name,
            data=np.zeros((rows, 16, 16, 1), np.uint8),
            chunks=(rows, 16, 16, 1),
            compression="lzf",
        ),
        "flat images": lambda: file.create_dataset(
            name, data=np.zeros((rows, 16, 16, 1), np.uint8)
        ),
        "thin images": lambda: file.create_dataset(name, data=np.zeros((rows, 16, 0, 1), np.uint8)),
        "wide images": lambda: file.create_dataset(
            name, data=np.zeros((rows, 16, 16, 7), np.uint8), chunks=(1, 16, 16, 7)
        ),
        "float images": lambda: file.create_dataset(
            name, data=np.zeros((rows, 16, 16, 1), np.float64), chunks=(1, 16, 16, 1)
        ),
        "external": lambda: file.create_dataset(
            name, (rows,), np.int8, external=[("/etc/passwd", 0, rows)]
        ),
        "virtual": lambda: _virtual(file, name, rows),
    }
    way = random.choice(sorted(ways))
    ways[way]()
    return f"{name}: {way}"


def _virtual(file: Any, name: str, rows: int) -> None:
    layout = h5py.VirtualLayout((rows,), np.int32)
    layout[:] = h5py.VirtualSource("whole.h5", "participant", (36,))[:rows] if rows <= 36 else 0
    file.create_virtual_dataset(name, layout)


def _link(random: Random, file: Any, _folder: Path) -> str:
    name = random.choice((*_COLUMNS, "participants", "videos", "votes"))
    if name in file:
        del file[name]
    target = random.choice(
        (
            h5py.ExternalLink("whole.h5", "/" + name),
            h5py.ExternalLink("/etc/passwd", "/x"),
            h5py.ExternalLink(_FILE, "/" + name),
            h5py.SoftLink("/" + name),
            h5py.SoftLink("/nowhere"),
            h5py.SoftLink("/label"),
        )
    )
    file[name] = target
    return f"{name}: {target!r}"


def _attribute(random: Random, file: Any, _folder: Path) -> str:
    name = random.choice(
        ("format", "version", "emotions", "channels", "crop", "provenance", "withdrawn")
    )
    old = file.attrs.get(name, "[]")
    if name in ("crop", "provenance") and isinstance(old, str) and random.random() < 0.6:
        new = damaged_json(random, old).decode("utf-8", "replace").replace("\0", "")
    else:
        new = random.choice(
            (
                *(one.replace("\0", "0") for one in NASTY),
                *(
                    1,
                    -1.5,
                    np.array([1, 2]),
                    np.array([[b"a"]]),
                    np.bytes_(b"\xff"),
                    h5py.Empty("i4"),
                ),
                *(["neutral"] * 2, ["../a", "<b>", "", "=1+1"], ["e"] * 200),
                *("[" * 200_000, json.dumps([{"salt": "x"}]), json.dumps({"sources": 3})),
            )
        )
    try:
        file.attrs[name] = new
    except (OSError, RuntimeError, UnicodeEncodeError):
        file.attrs[name] = "too large"
    return f"@{name} = {str(new)[:40]!r}"


def _names(random: Random, file: Any, _folder: Path) -> str:
    name = random.choice(("participants", "videos"))
    if (
        name not in file
        or not isinstance(file[name], h5py.Dataset)
        or not file[name].shape
        or file[name].dtype != h5py.string_dtype()
    ):
        return "nothing"
    names = [text.decode() for text in file[name][:]]
    for _ in range(random.choice((1, 1, 3))):
        if names:
            names[random.randrange(len(names))] = random.choice(NASTY).replace("\0", "")
    del file[name]
    file.create_dataset(
        name, data=[n.encode("utf-8", "replace") for n in names], dtype=h5py.string_dtype()
    )
    return f"{name} renamed"


def commands(random: Random, folder: Path) -> Sequence[Command]:
    """Return some of the commands that read datasets."""
    shutil.copy(PARTICIPANTS / "P00_happy.mp4", folder / "P77_happy.mp4")
    shutil.copy(folder / _FILE, folder / "out.h5")
    (folder / "out").mkdir()
    shutil.move(folder / "out.h5", folder / "out" / "own.h5")
    return [
        ("data", "show", "-v", _FILE),
        ("data", "verify", _FILE),
        *random.sample(
            (
                ("data", "export", _FILE, "-o", "out/pictures", "--by", "participant"),
                ("data", "export", _FILE, "-o", "out/faces.npz"),
                ("data", "sheet", _FILE, "-o", "out/sheet.png"),
                ("data", "review", _FILE, "-o", "out/review.html"),
                ("data", "merge", "whole.h5", _FILE, "-o", "out/merged.h5"),
                ("data", "split", _FILE, "-o", "out/split.h5"),
                ("data", "dedupe", _FILE, "-o", "out/clean.h5"),
                ("data", "dedupe", _FILE, "--near", "--dry-run"),
                ("data", "pseudonymize", _FILE, "-o", "out/p.h5", "--key", "out/key"),
                ("data", "withdraw", "out/own.h5", "P01"),
                ("evaluate", "--data", _FILE, "--model", "default", "-o", "out/evaluation"),
                ("extract", "P77_happy.mp4", "-o", "out/own.h5", "--every", "10", "--workers", "1"),
            ),
            3,
        ),
    ]


KIND = Kind("datasets", prepare, make, commands)
