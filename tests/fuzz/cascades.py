"""Cascades: XML files that OpenCV is to make a detector of."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.fuzz.case import Command, Kind
from tests.fuzz.damage import NASTY, damaged
from tests.media import PARTICIPANTS, pictures_of, write_video

_NUMBERS = (
    "0",
    "-1",
    "1",
    "7",
    "255",
    "100000",
    "2147483647",
    "-2147483648",
    "4294967295",
    "1e300",
    "nan",
    "1e-300",
)


def prepare(folder: Path) -> None:
    """Copy the bundled cascades."""
    bundled = Path(__file__).parents[2] / "haarcascades"
    for path in bundled.glob("*.xml"):
        shutil.copy(path, folder)
    pictures = pictures_of(PARTICIPANTS / "P00_happy.mp4", 4)
    write_video(folder / "P01_happy.mp4", pictures)


def make(random: Random, seeds: Path, folder: Path) -> str:
    """Write one cascade that is not as it should be."""
    shutil.copy(seeds / "P01_happy.mp4", folder)
    seed = random.choice(sorted(seeds.glob("*.xml")))
    text = seed.read_text("utf-8")
    way = random.choice(("bytes", "numbers", "numbers", "numbers", "tags", "entities", "laughs"))
    data = text.encode()
    if way == "bytes":
        data = damaged(random, data)
    elif way == "numbers":
        for _ in range(random.choice((1, 2, 10))):
            found = random.choice(list(re.finditer(r"(?<=[\s>])-?[\d.]+(e-?\d+)?(?=[\s<])", text)))
            text = text[: found.start()] + random.choice(_NUMBERS) + text[found.end() :]
        data = text.encode()
    elif way == "tags":
        found = random.choice(list(re.finditer(r"<(/?)(\w+)>", text)))
        data = (
            text[: found.start()]
            + random.choice(("", "<a>", "</_>", "<_>", "<size>", random.choice(NASTY)))
            + text[found.end() :]
        ).encode("utf-8", "replace")
    elif way == "entities":
        data = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><opencv_storage><a>&x;</a></opencv_storage>'
    else:
        lines = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
        kind = f'<!DOCTYPE a [<!ENTITY l0 "ha">{lines}]>'
        data = f"{kind}<opencv_storage><a>&l11;</a></opencv_storage>".encode()
    (folder / "cascade.xml").write_bytes(data)
    return f"{way} of {seed.name}"


def commands(_random: Random, _folder: Path) -> Sequence[Command]:
    """Return the command that takes a cascade."""
    return [
        (
            "extract",
            "P01_happy.mp4",
            "-o",
            "out/faces.h5",
            "--cascade",
            "cascade.xml",
            "--workers",
            "1",
        )
    ]


KIND = Kind("cascades", prepare, make, commands)
