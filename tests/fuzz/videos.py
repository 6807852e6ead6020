"""Videos: damaged containers of every kind, absurd sizes, rates and times."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import av
import numpy as np

from tests.fuzz.case import Command, Kind
from tests.fuzz.damage import damaged, spliced
from tests.media import PARTICIPANTS, SESSION, pictures_of, write_sound, write_video

_FRAMES = 14

_CODECS = {
    "h264.mp4": "libx264",
    "h264.mov": "libx264",
    "h264.mkv": "libx264",
    "h264.flv": "libx264",
    "h264.ts": "libx264",
    "mpeg4.avi": "mpeg4",
    "mpeg4.mp4": "mpeg4",
    "mjpeg.avi": "mjpeg",
    "mjpeg.mov": "mjpeg",
    "ffv1.mkv": "ffv1",
    "vp8.webm": "libvpx",
    "vp9.webm": "libvpx-vp9",
    "mpeg2.mpg": "mpeg2video",
    "wmv2.wmv": "wmv2",
    "prores.mov": "prores_ks",
}

# Names of boxes, chunks and elements behind which numbers stand that readers believe.
_MARKS: dict[str, tuple[bytes, ...]] = {
    ".mp4": (
        *(b"mvhd", b"tkhd", b"mdhd", b"stts", b"ctts", b"stsz", b"stsc", b"stco", b"stss"),
        *(b"elst", b"avc1", b"hev1", b"mp4v", b"avcC", b"hvcC", b"esds", b"hdlr", b"trak"),
        *(b"moov", b"mdat", b"ftyp", b"stsd", b"dref", b"jpeg", b"apch"),
    ),
    ".avi": (b"avih", b"strh", b"strf", b"idx1", b"movi", b"hdrl", b"00dc", b"RIFF", b"FMP4"),
    ".mkv": (
        *(b"\xb0\x82", b"\xba\x82", b"\xb0\x81", b"\xba\x81", b"\x2a\xd7\xb1", b"\x44\x89"),
        *(b"\xe7", b"\xa3", b"\x23\xe3\x83", b"\x63\xa2", b"\x86", b"\x1f\x43\xb6\x75", b"\xae"),
        *(b"\x1c\x53\xbb\x6b", b"\x16\x54\xae\x6b", b"\x18\x53\x80\x67", b"\x54\xb0"),
    ),
    ".flv": (b"duration", b"width", b"height", b"framerate", b"\x09\x00", b"onMetaData"),
    ".ts": (b"\x47\x40", b"\x47\x41", b"\x00\x00\x01\xe0"),
    ".mpg": (b"\x00\x00\x01\xb3", b"\x00\x00\x01\xba", b"\x00\x00\x01\xe0", b"\x00\x00\x01\x00"),
    ".wmv": (b"WMV2", b"\xb7\xdc\x20\x91", b"\xa1\xdc\xab\x8c"),
}
_MARKS[".mov"] = _MARKS[".mp4"]
_MARKS[".webm"] = _MARKS[".mkv"]

_VALUES = (0, 1, 2, 3, 16, 255, 1000, 30_000, 65_535, 10**6, 10**8, 2**31 - 1, 2**31, 2**32 - 1)


def prepare(folder: Path) -> None:
    """Write whole clips in many containers."""
    pictures = [one[::2, ::2] for one in pictures_of(PARTICIPANTS / "P00_happy.mp4", _FRAMES)]
    for name, codec in _CODECS.items():
        pixels = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le"}.get(codec, "yuv420p")
        write_video(folder / name, pictures, codec=codec, pixels=pixels)
    fragments = {"movflags": "frag_keyframe+empty_moov"}
    write_video(folder / "fragments.mp4", pictures, container_options=fragments)
    write_video(folder / "turned.mp4", pictures, rotation=90)
    times = [0.04 * step + (0.3 if step > 7 else 0) for step in range(_FRAMES)]
    write_video(folder / "varying.mkv", pictures, times)
    write_sound(folder / "sound.mp4", 0.2)
    shutil.copy(SESSION, folder)


def make(random: Random, seeds: Path, folder: Path) -> str:
    """Write one clip that is not as it should be."""
    way = random.choice((_bytes, _bytes, _claims, _claims, _claims, _splice, _rename, _absurd))
    return way(random, seeds, folder)


def _seed(random: Random, seeds: Path) -> Path:
    return random.choice(sorted(seeds.iterdir()))


def _bytes(random: Random, seeds: Path, folder: Path) -> str:
    seed = _seed(random, seeds)
    (folder / f"P01_happy{seed.suffix}").write_bytes(damaged(random, seed.read_bytes()))
    return f"bytes of {seed.name}"


def _claims(random: Random, seeds: Path, folder: Path) -> str:
    """Change numbers that the container claims."""
    seed = _seed(random, seeds)
    data = bytearray(seed.read_bytes())
    told = []
    for _ in range(random.choice((1, 1, 2, 4))):
        mark = random.choice(_MARKS[seed.suffix])
        places = _occurrences(bytes(data), mark)
        if not places:
            continue
        place = random.choice(places) + len(mark) + random.randrange(40)
        size, value = random.choice((1, 2, 4, 8)), random.choice(_VALUES)
        data[place : place + size] = (value % 2 ** (8 * size)).to_bytes(size, "big")
        told.append(f"{mark!r}+{size} = {value}")
    (folder / f"P01_happy{seed.suffix}").write_bytes(data)
    return f"claims of {seed.name}: {', '.join(told)}"


def _occurrences(data: bytes, mark: bytes) -> list[int]:
    places, place = [], data.find(mark)
    while place >= 0 and len(places) < 20:
        places.append(place)
        place = data.find(mark, place + 1)
    return places


def _splice(random: Random, seeds: Path, folder: Path) -> str:
    head, tail = _seed(random, seeds), _seed(random, seeds)
    made = spliced(random, head.read_bytes(), tail.read_bytes())
    (folder / f"P01_happy{head.suffix}").write_bytes(made)
    return f"head of {head.name}, tail of {tail.name}"


def _rename(random: Random, seeds: Path, folder: Path) -> str:
    seed, other = _seed(random, seeds), _seed(random, seeds)
    data = seed.read_bytes()
    if random.random() < 0.7:
        data = damaged(random, data)
    (folder / f"P01_happy{other.suffix}").write_bytes(data)
    return f"{seed.name} as {other.suffix}"


def _absurd(random: Random, _seeds: Path, folder: Path) -> str:
    """Encode a clip that is whole, and absurd."""
    way = random.choice((_small, _stamps, _rates, _turned))
    return way(random, folder)


def _encode(random: Random, folder: Path, size: tuple[int, int], count: int, **how: object) -> None:
    rng = np.random.default_rng(random.randrange(2**32))
    pictures = [rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8) for _ in range(count)]
    suffix = str(how.pop("suffix", ".mkv"))
    (folder / f"P01_happy{suffix}").touch()
    with suppress(av.error.FFmpegError):  # a muxer that refuses leaves what it has written so far
        write_video(folder / f"P01_happy{suffix}", pictures, **how)  # type: ignore[arg-type]


def _small(random: Random, folder: Path) -> str:
    size = random.choice(((2, 2), (16, 16), (2, 3000), (4000, 2), (18, 34)))
    _encode(random, folder, size, random.choice((1, 2, 5)), codec="ffv1")
    return f"{size[0]} x {size[1]} pixels"


def _stamps(random: Random, folder: Path) -> str:
    kinds: dict[str, Callable[[int], float]] = {
        "negative": lambda step: -5 + 0.04 * step,
        "far": lambda step: 0.04 * step + (10**6 if step == 9 else 0),
        "farther": lambda step: 0.04 * step * 10 ** random.randrange(1, 8),
        "back": lambda step: 0.04 * (step % 5),
        "together": lambda step: 0.001 * step,
        "jumping": lambda step: random.uniform(0, 100),
    }
    name = random.choice(sorted(kinds))
    times = [kinds[name](step) for step in range(12)]
    if name in ("negative", "back", "jumping"):  # a muxer takes no disorder
        times.sort()
    _encode(random, folder, (64, 48), 12, times=times, suffix=random.choice((".mkv", ".mp4")))
    return f"stamps {name}"


def _rates(random: Random, folder: Path) -> str:
    rate = random.choice((1, 240, 999, 1001, 60_000, 90_000))
    _encode(random, folder, (64, 48), 10, rate=rate, suffix=random.choice((".mp4", ".mkv", ".mov")))
    return f"{rate} frames a second"


def _turned(random: Random, folder: Path) -> str:
    angle = random.choice((45, 90, 180, 270, 1, -33))
    _encode(random, folder, (64, 48), 5, rotation=angle, suffix=".mp4")
    return f"turned by {angle}"


def commands(_random: Random, folder: Path) -> Sequence[Command]:
    """Return the three commands that read clips."""
    clip = next(path.name for path in folder.iterdir() if path.name.startswith("P01_happy"))
    fast = ("--workers", "1")
    return (
        ("probe", clip, "--decode"),
        ("extract", clip, "-o", "out/faces.h5", *fast),
        ("annotate", clip, "--out", "out/labels.csv", *fast),
    )


KIND = Kind("videos", prepare, make, commands)
