"""Datasets for other programs, told from the files that come out."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.care.export import NOBODY, UNLABELLED, safe_names
from fer_pipeline.dataset import FaceRow, create_dataset, open_dataset
from fer_pipeline.domain import Box
from fer_pipeline.files import locked
from tests.conftest import crop_record, write_faces

NAMES = ("a/b.mp4", 'ü,".mp4')


def write(path: Path, *, channels: str = "rgb", votes: bool = False) -> Path:
    """Write a dataset in which every column has known and unknown values."""
    rng = np.random.default_rng(0)
    shape = (16, 16, 3 if channels == "rgb" else 1)
    record = crop_record(16, channels)
    with create_dataset(path, record, ["happiness", "a/b"], votes=votes) as writer:
        for number in range(20):
            image = rng.integers(0, 255, shape, np.uint8)
            still = number < 5
            row = FaceRow(
                image,
                ("happiness", "a/b", None)[number % 3],
                ("P 1", "Zoë", None)[number // 7],
                -1 if still else number,
                math.nan if still else number / 25,
                Box(number, -2, 9, 10),
                None if number % 2 else -1.0,
                number % 2,
                (0, 1, 2, -1)[number % 4],
                {"happiness": 2, "a/b": number} if votes and number % 2 else None,
            )
            writer.append(None if still else NAMES[number // 13], row)
        writer.finish({})
    return path


def pixels(path: Path) -> np.ndarray:
    """Read a picture as it is, red first, shape (height, width, 1 or 3)."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return picture[..., None] if picture.ndim == 2 else picture[..., ::-1]


def files(folder: Path) -> set[str]:
    return {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}


def index(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# Pictures


@pytest.mark.parametrize("channels", ["rgb", "gray"])
@pytest.mark.parametrize("by", ["emotion", "participant"])
def test_each_face_is_a_picture_without_loss_and_a_line(fer, tmp_path, channels, by):
    data, out = write(tmp_path / "f.h5", channels=channels, votes=True), tmp_path / "out"
    result = fer("data", "export", data, "-o", out, "--by", by)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}: 20 pictures, and index.csv which tells of them\n"
    lines = index(out)
    assert files(out) == {"index.csv", *(line["file"] for line in lines)}
    with h5py.File(data) as file:
        emotions, people, videos = (
            [*file.attrs["emotions"], ""],
            [*file["participants"].asstr()[:], ""],
            [*file["videos"].asstr()[:], ""],
        )
        assert [int(line["row"]) for line in lines] == list(range(20))
        for row, line in enumerate(lines):
            assert np.array_equal(pixels(out / line["file"]), file["images"][row])
            assert line["emotion"] == emotions[file["label"][row]]
            assert line["participant"] == people[file["participant"][row]]
            assert line["video"] == videos[file["video"][row]]
            assert [int(line[n]) for n in ("x", "y", "width", "height")] == [*file["box"][row]]
            assert int(line["track"]) == file["track"][row]
            for name in ("frame", "split"):
                assert int(line[name] or -1) == file[name][row]
            for name in ("time", "score"):
                told = float(line[name] or "nan")
                assert np.array_equal(told, file[name][row], equal_nan=True)
            told = [float(line[f"votes_{name}"] or "nan") for name in emotions[:-1]]
            assert np.array_equal(told, file["votes"][row], equal_nan=True)


def test_folders_are_named_by_emotion_and_person(fer, tmp_path):
    data = write(tmp_path / "f.h5")
    assert fer("data", "export", data, "-o", tmp_path / "e").exit_code == 0
    folders = {name.rpartition("/")[0] for name in files(tmp_path / "e") - {"index.csv"}}
    assert folders == {"happiness", "a_b", "unlabelled"}
    assert {"happiness/P_1_000000.png", "a_b/Zoe_000007.png", "unlabelled/unknown_000014.png"} < (
        files(tmp_path / "e")
    )
    assert fer("data", "export", data, "-o", tmp_path / "p", "--by", "participant").exit_code == 0
    assert {"P_1/happiness/000000.png", "unknown/unlabelled/000014.png"} < files(tmp_path / "p")


@given(st.lists(st.text(max_size=80), unique=True, max_size=8))
def test_names_are_safe_on_every_file_system_and_stay_apart(names):
    made = safe_names(names, "unknown")
    assert made[-1] == "unknown"
    assert len({one.casefold() for one in made}) == len(names) + 1
    for one in made:
        assert re.fullmatch(r"[A-Za-z0-9_.+@-]{1,64}", one)
        assert not one.startswith(".")
        assert not one.endswith(".")
        assert one.partition(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1", "lpt9"}


def test_names_that_are_safe_stay_as_they_are():
    assert safe_names(["P01", "p.2", "a-b_c"], NOBODY) == ["P01", "p.2", "a-b_c", "unknown"]
    assert safe_names(["A", "a", "CON", "nul.x", "..", "Unlabelled"], UNLABELLED) == [
        "A", "a-2", "_CON", "_nul.x", "_", "Unlabelled-2", "unlabelled",
    ]  # fmt: skip


def test_what_was_exported_by_participant_is_read_back_as_it_was(fer, tmp_path):
    data = write_faces(tmp_path / "f.h5", people=3, frames=2)
    out, again = tmp_path / "out", tmp_path / "again.h5"
    assert fer("data", "export", data, "-o", out, "--by", "participant").exit_code == 0
    options = ["--no-detect", "--size", 48, "--channels", "gray"]
    result = fer("import", "folder", out, "-o", again, *options)
    assert result.exit_code == 0, result.output
    assert faces(again) == faces(data)


def faces(path: Path) -> list[tuple]:
    with open_dataset(path) as dataset:
        images = dataset.images(np.arange(len(dataset)))
        label, person = dataset.column("label"), dataset.column("participant")
        return sorted(
            (dataset.emotions[label[row]], dataset.participants[person[row]], image.tobytes())
            for row, image in enumerate(images)
        )


# A folder that is there already


def test_a_folder_that_is_not_empty_is_refused(fer, tmp_path):
    data, out = write(tmp_path / "f.h5"), tmp_path / "out"
    out.mkdir()
    assert fer("data", "export", data, "-o", out).exit_code == 0  # it was empty
    before = {name: (out / name).read_bytes() for name in files(out)}
    result = fer("data", "export", data, "-o", out)
    assert result.exit_code == 1
    assert result.stderr == (
        f"fer: {out}: exists and is not empty; give another -o, or --overwrite\n"
    )
    assert {name: (out / name).read_bytes() for name in files(out)} == before


def test_overwriting_removes_only_what_an_export_wrote(fer, tmp_path):
    data, out = write(tmp_path / "f.h5"), tmp_path / "out"
    assert fer("data", "export", data, "-o", out).exit_code == 0
    arguments = ["data", "export", data, "-o", out, "--by", "participant", "--overwrite"]
    assert fer(*arguments).exit_code == 0
    assert not (out / "happiness").exists()
    notes = out / "P_1" / "notes.txt"
    notes.write_text("mine")
    before = files(out)
    result = fer(*arguments)
    assert result.exit_code == 1
    assert "holds P_1/notes.txt, which --overwrite would remove" in result.stderr
    assert files(out) == before
    for foreign in ("text", "a,b\n1,2\n", ""):
        (out / "index.csv").write_text(foreign)
        result = fer(*arguments)
        assert result.exit_code == 1
        assert "and 21 more, which --overwrite would remove" in result.stderr
    assert files(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.h5", "out"]


@pytest.mark.parametrize("end", ["unfinished", "replaced", "exporting", "exported"])
@pytest.mark.parametrize("there", [False, True])
def test_folders_of_others_beside_it_stay(fer, tmp_path, end, there):
    """``model.unfinished`` is where a training to ``model`` puts what it has so far."""
    data, out = write(tmp_path / "f.h5"), tmp_path / "model"
    theirs = tmp_path / f"model.{end}" / "run.json"
    theirs.parent.mkdir()
    theirs.write_text("{}")
    for _ in range(1 + there):
        assert fer("data", "export", data, "-o", out, "--overwrite").exit_code == 0
    assert theirs.read_text() == "{}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.h5", "model", f"model.{end}"]


def test_what_is_no_export_in_the_place_of_its_work_is_refused(fer, tmp_path):
    data, out, work = write(tmp_path / "f.h5"), tmp_path / "out", tmp_path / ".out.exporting"
    work.mkdir()
    (work / "mine.txt").write_text("mine")
    result = fer("data", "export", data, "-o", out)
    assert result.exit_code == 1
    assert f"{work}: holds mine.txt, which no export wrote; move that elsewhere" in result.stderr
    assert (work / "mine.txt").read_text() == "mine"
    assert not out.exists()


KILLED = """
import os, sys
from pathlib import Path
from fer_pipeline.care.export import export_pictures
from fer_pipeline.dataset import open_dataset

rename, last = Path.rename, sys.argv[3]

def killed(path, target):
    if path.name == last:
        os._exit(9)
    return rename(path, target)

Path.rename = killed
with open_dataset(Path(sys.argv[1])) as dataset:
    export_pictures(dataset, Path(sys.argv[2]), overwrite=True, progress=lambda _: (
        os._exit(9) if last == "progress" else None))
"""


@pytest.mark.parametrize("moment", ["progress", "out", "new"])
def test_a_killed_export_leaves_the_old_one_and_the_next_removes_its_rest(fer, tmp_path, moment):
    """Killed while it writes, before the old folder is put aside, and right after that."""
    data, out = write(tmp_path / "f.h5"), tmp_path / "out"
    assert fer("data", "export", data, "-o", out).exit_code == 0
    before = {name: (out / name).read_bytes() for name in files(out)}
    command = [sys.executable, "-c", KILLED, str(data), str(out), moment]
    assert subprocess.run(command, check=False).returncode == 9
    assert (tmp_path / ".out.exporting").exists()
    assert out.exists() == (moment != "new")
    result = fer("data", "export", data, "-o", out)
    assert "exists and is not empty" in result.stderr  # the old one, put back if need be
    assert {name: (out / name).read_bytes() for name in files(out)} == before
    assert fer("data", "export", data, "-o", out, "--overwrite").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.h5", "out"]


def test_a_folder_is_refused_where_a_file_is(fer, tmp_path):
    data, out = write(tmp_path / "f.h5"), tmp_path / "out"
    out.write_text("mine")
    result = fer("data", "export", data, "-o", out, "--overwrite")
    assert (result.exit_code, out.read_text()) == (1, "mine")
    with locked(tmp_path / "other"):
        result = fer("data", "export", data, "-o", tmp_path / "other")
        assert "another run is writing it" in result.stderr


def test_a_dataset_that_cannot_be_read_to_its_end_leaves_nothing(fer, tmp_path):
    data = write(tmp_path / "f.h5")
    with h5py.File(data, "r+") as file:
        info = file["images"].id.get_chunk_info(17)
    content = bytearray(data.read_bytes())
    content[info.byte_offset : info.byte_offset + info.size] = bytes(info.size)
    data.write_bytes(content)
    for name in ("out", "out.npz"):
        result = fer("data", "export", data, "-o", tmp_path / name)
        assert result.exit_code == 1
        assert "an image cannot be read" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["f.h5"]


# Arrays


@pytest.mark.parametrize("votes", [False, True])
def test_arrays_are_those_of_the_dataset(fer, tmp_path, votes):
    data, out = write(tmp_path / "f.h5", votes=votes), tmp_path / "f.npz"
    result = fer("data", "export", data, "-o", out)
    assert (result.exit_code, result.stdout) == (0, f"{out}: 20 faces\n")
    with h5py.File(data) as file, np.load(out, allow_pickle=False) as arrays:
        assert set(arrays) == set(file) | {"emotions"}
        assert ("votes" in arrays) == votes
        assert arrays["emotions"].tolist() == list(file.attrs["emotions"])
        for name in ("participants", "videos"):
            assert arrays[name].tolist() == list(file[name].asstr()[:])
        for name in set(file) - {"participants", "videos"}:
            assert arrays[name].dtype == file[name].dtype
            assert np.array_equal(arrays[name], file[name][:], equal_nan=name != "images")


def test_the_same_dataset_gives_the_same_file(fer, tmp_path):
    data = write(tmp_path / "f.h5")
    for name in ("a.npz", "b.NPZ"):
        assert fer("data", "export", data, "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.NPZ").read_bytes()


def test_an_empty_dataset_can_be_exported(fer, tmp_path):
    data = write_faces(tmp_path / "f.h5", people=0)
    assert fer("data", "export", data, "-o", tmp_path / "e.npz").exit_code == 0
    with np.load(tmp_path / "e.npz") as arrays:
        assert arrays["images"].shape == (0, 48, 48, 1)
        assert arrays["participants"].tolist() == []
    assert fer("data", "export", data, "-o", tmp_path / "e").exit_code == 0
    assert files(tmp_path / "e") == {"index.csv"}


def test_a_file_is_replaced_only_with_overwrite(fer, tmp_path):
    data, out = write(tmp_path / "f.h5"), tmp_path / "f.npz"
    out.write_text("mine")
    result = fer("data", "export", data, "-o", out)
    assert (result.exit_code, out.read_text()) == (1, "mine")
    assert fer("data", "export", data, "-o", out, "--overwrite").exit_code == 0
    renamed = Path(shutil.copy2(data, tmp_path / "data.npz"))
    result = fer("data", "export", renamed, "-o", renamed, "--overwrite")
    assert (result.exit_code, renamed.read_bytes()) == (1, data.read_bytes())
    assert "is the dataset" in result.stderr
    assert fer("data", "export", data, "-o", out, "--by", "emotion").exit_code == 2


MEASURE = """
import resource, sys
from pathlib import Path
from fer_pipeline.dataset import open_dataset
from fer_pipeline.care.export import export_arrays, export_pictures
with open_dataset(Path(sys.argv[1])) as dataset:
    export_arrays(dataset, Path(sys.argv[2] + ".npz"))
    export_pictures(dataset, Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory otherwise")
def test_memory_does_not_grow_with_the_number_of_faces(tmp_path):
    """Twenty times the images, 100 MB of them, must not show in what the process needs."""
    peaks = []
    for number in (30, 600):
        data = tmp_path / f"{number}.h5"
        with create_dataset(data, crop_record(240, "rgb"), ["fear"]) as writer:
            for frame in range(number):
                image = np.full((240, 240, 3), frame % 256, np.uint8)
                row = FaceRow(image, "fear", "P", frame, frame / 25, Box(0, 0, 9, 9), 1.0, 0)
                writer.append("a.mp4", row)
            writer.finish({})
        command = [sys.executable, "-c", MEASURE, str(data), str(tmp_path / f"out{number}")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
        peaks.append(json.loads(done.stdout) / 1024)
    assert peaks[1] - peaks[0] < 40
