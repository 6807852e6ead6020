"""What many tests share: datasets and models, made once in a run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, settings

from fer_pipeline.cli.root import root
from fer_pipeline.dataset import CropRecord, FaceRow, create_dataset
from fer_pipeline.domain import Box
from fer_pipeline.faces import FaceDetector
from tests.media import PARTICIPANTS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")
# Tests run side by side, and small networks gain nothing from several threads.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
# Hundreds of processes are started, each of which would compile the package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# The same examples in every run, so that a test fails for what was changed and not by chance.
# HYPOTHESIS_PROFILE=search looks for new ones.
# A busy machine is no fault of a test.
UNHURRIED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("repeatable", derandomize=True, **UNHURRIED)
settings.register_profile("search", max_examples=1000, **UNHURRIED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


PEOPLE = ("P00", "P07", "P10", "P13", "P200", "P201")
EMOTIONS = ("happy", "neutral", "surprised")


@pytest.fixture
def fer():
    """Run ``fer`` in this process; returns click's result."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(root, [str(argument) for argument in arguments])

    return run


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all pages that tests of a process look at."""
    from tests.browsing import chromium

    with chromium() as started:
        yield started


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 40 MiB in memory, where the system lets us have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("no small disk can be had here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="session")
def few_videos(tmp_path_factory) -> Path:
    """A folder with two people showing two emotions, four clips."""
    folder = tmp_path_factory.mktemp("videos")
    for person in PEOPLE[:2]:
        for emotion in EMOTIONS[:2]:
            shutil.copy2(PARTICIPANTS / f"{person}_{emotion}.mp4", folder)
    return folder


def crop_record(size: int = 48, channels: str = "gray") -> CropRecord:
    """How the crops of made-up datasets claim to have been cut out."""
    detector = FaceDetector()
    return CropRecord(size, 0.1, channels, asdict(detector.options), detector.digest)


def write_faces(
    path: Path,
    people: int = 6,
    emotions: tuple[str, ...] = ("neutral", "happiness", "surprise"),
    frames: int = 8,
    *,
    size: int = 48,
    channels: str = "gray",
    participants: bool = True,
) -> Path:
    """Write a dataset of made-up faces that a network can learn: each emotion a bright band."""
    rng = np.random.default_rng(0)
    depth = 3 if channels == "rgb" else 1
    with create_dataset(path, crop_record(size, channels), emotions) as writer:
        for person in range(people):
            for emotion in sorted(emotions):  # as the paths of the videos are
                index = emotions.index(emotion)
                video = f"P{person:02d}_{emotion}.mp4"
                for frame in range(frames):
                    image = rng.integers(0, 90, (size, size, depth), dtype=np.uint8)
                    band = size // len(emotions)
                    image[index * band : (index + 1) * band] += np.uint8(100 + 5 * person)
                    row = FaceRow(
                        image,
                        emotion,
                        f"P{person:02d}" if participants else None,
                        frame,
                        frame / 25,
                        Box(10, 10, 50, 50),
                        1.0,
                        0,
                    )
                    writer.append(video, row)
        writer.finish({})
    return path


@pytest.fixture(scope="session")
def faces_file(tmp_path_factory) -> Path:
    """A dataset of made-up faces: six people, three emotions, eight faces of each."""
    return write_faces(tmp_path_factory.mktemp("faces") / "faces.h5")


SMALL_TRAINING = ("--network", "lenet5", "--size", "32", "--epochs", "2")


@pytest.fixture(scope="session")
def training(tmp_path_factory, faces_file) -> tuple[Path, Result]:
    """The folder of a model trained for two epochs on the made-up faces, and what was said."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    arguments = ["train", "--data", str(faces_file), "-o", str(folder), *SMALL_TRAINING]
    result = CliRunner().invoke(root, arguments)
    assert result.exit_code == 0, result.output
    return folder, result


@pytest.fixture(scope="session")
def model_folder(training) -> Path:
    """A model trained for two epochs on the made-up faces."""
    return training[0]
