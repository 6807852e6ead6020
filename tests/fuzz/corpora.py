"""Corpora: tables of pixels, pictures, archives of them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from random import Random

import cv2
import numpy as np

from tests.corpus_files import write_tar, write_zip
from tests.fuzz.case import Command, Kind
from tests.fuzz.damage import NASTY, damaged, damaged_text


def prepare(folder: Path) -> None:
    """Write a table and pictures of noise."""
    rng = np.random.default_rng(0)
    rows = [
        f"{emotion},{' '.join(map(str, rng.integers(0, 256, 2304)))},{usage}\n"
        for emotion in range(3)
        for usage in ("Training", "PublicTest", "PrivateTest")
    ]
    (folder / "fer2013.csv").write_text("emotion,pixels,Usage\n" + "".join(rows))
    for suffix in (".png", ".jpg", ".bmp", ".tiff"):
        image = rng.integers(0, 256, (32, 32, 3), np.uint8)
        (folder / f"picture{suffix}").write_bytes(cv2.imencode(suffix, image)[1].tobytes())


def png_bomb(side: int) -> bytes:
    """Return a PNG file of some kilobytes that claims ``side`` squared pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    lines = zlib.compress(bytes(2**20), 9)
    ends = chunk(b"IHDR", head) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + ends


def _bomb(random: Random, suffix: str, data: bytes) -> bytes:
    """Change the size that a picture claims."""
    changed = bytearray(data)
    side = random.choice((0, 1, 60_000, 16_000, 2**31 - 1, 2**32 - 1))
    if suffix == ".png":
        return png_bomb(random.choice((60_000, 30_000, 20_000)))
    if suffix == ".bmp":
        changed[18:26] = struct.pack("<II", side % 2**32, side % 2**32)
    if suffix == ".jpg":
        place = changed.find(b"\xff\xc0") + 5
        changed[place : place + 4] = struct.pack(">HH", 65_500, 65_500)
    return bytes(changed)


def make(random: Random, seeds: Path, folder: Path) -> str:
    """Write one corpus that is not as it should be."""
    if random.random() < 0.35:
        text = damaged_text(random, (seeds / "fer2013.csv").read_text())
        inside = random.random() < 0.3
        (folder / "corpus.csv").write_bytes(text)
        if inside:
            (folder / "corpus.csv").unlink()
            made = write_zip(folder / "w.zip", {"fer2013.csv": text}).read_bytes()
            (folder / "corpus.zip").write_bytes(damaged(random, made))
            (folder / "w.zip").unlink()
        return "fer2013"
    members = {}
    for number in range(4):
        suffix = random.choice((".png", ".jpg", ".bmp", ".tiff"))
        data = (seeds / f"picture{suffix}").read_bytes()
        way = random.random()
        data = (
            damaged(random, data)
            if way < 0.4
            else _bomb(random, suffix, data)
            if way < 0.6
            else data
        )
        name = random.choice(("angry", "happy", random.choice(NASTY)[:60] or "x")).replace("\0", "")
        members[f"P0{number}/{name}/{number}{suffix}"] = data
    if random.random() < 0.4:
        members[random.choice(("../../escaped.png", "/tmp/fer-escaped.png", "a/../../b.png"))] = (
            data
        )
    archive = random.choice((write_zip, write_tar))(folder / "corpus.any", members)
    if random.random() < 0.3:
        archive.write_bytes(damaged(random, archive.read_bytes()))
    return f"pictures in {archive.name}"


def commands(_random: Random, folder: Path) -> Sequence[Command]:
    """Return the command that imports it."""
    source = next(path.name for path in folder.iterdir() if path.name.startswith("corpus"))
    kind = "folder" if source.endswith(".any") else "fer2013"
    return [("import", kind, source, "-o", "out/faces.h5", "--workers", "1")]


def zip_bomb(size: int) -> bytes:
    """Return an archive whose one table is ``size`` bytes of zeros."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fer2013.csv", b"emotion,pixels,Usage\n" + bytes(size))
    return made.getvalue()


KIND = Kind("corpora", prepare, make, commands)
