"""``fer data sheet``, told from the pixels of the picture it writes."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from fer_pipeline.augmentation import AUGMENTERS
from fer_pipeline.dataset import FaceRow, create_dataset, open_dataset
from fer_pipeline.domain import Box, order_emotions
from fer_pipeline.files import locked
from fer_pipeline.report.contact_sheet import SheetOptions, choose_faces, write_sheet
from tests.conftest import crop_record, write_faces

SMALLEST = 90
"""No letter is as large as this, and every face is larger."""


def picture_of(path: Path) -> np.ndarray:
    """Read a picture, shape (height, width, 3), red first."""
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def places(picture: np.ndarray) -> list[list[tuple[int, int, int, int]]]:
    """Return (x, y, width, height) of each tile, row by row: what is large and not white."""
    ink = (picture != 255).any(axis=2).astype(np.uint8)
    found = cv2.connectedComponentsWithStats(ink)[2][1:, :4]
    rows: dict[int, list[tuple[int, int, int, int]]] = {}
    for x, y, width, height in sorted(map(tuple, found.tolist())):
        if min(width, height) >= SMALLEST:
            rows.setdefault(y, []).append((x, y, width, height))
    return [rows[y] for y in sorted(rows)]


def tiles(path: Path, size: int) -> list[list[np.ndarray]]:
    """Return the faces of each row of a sheet, brought back to their stored size."""
    picture = picture_of(path)
    shown = []
    for row in places(picture):
        faces = []
        for x, y, width, height in row:
            assert width == height
            assert width % size == 0
            tile = picture[y : y + height, x : x + width]
            times = width // size
            small = tile[::times, ::times]
            assert np.array_equal(small.repeat(times, 0).repeat(times, 1), tile)
            faces.append(small)
        shown.append(faces)
    return shown


def write(path: Path, faces: list[tuple[str | None, str | None]], size: int = 48) -> Path:
    """Write a dataset with a face of random pixels, none white, for each emotion and person."""
    rng = np.random.default_rng(1)
    with create_dataset(path, crop_record(size), {one for one, _ in faces if one}) as writer:
        for frame, (emotion, person) in enumerate(faces):
            image = rng.integers(0, 255, (size, size, 1), dtype=np.uint8)
            box = Box(0, 0, 9, 9)
            row = FaceRow(image, emotion, person, frame, frame / 25, box, None, 0)
            writer.append("a.mp4", row)
        writer.finish({})
    return path


def stored(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images in three channels, and the number of each one's emotion and person."""
    with h5py.File(path) as file:
        images = np.repeat(file["images"][:], 3 // file["images"].shape[3], axis=3)
        return images, file["label"][:], file["participant"][:]


def numbers_of(faces: list[np.ndarray], images: np.ndarray) -> list[int]:
    """Return which stored images these are."""
    known = {image.tobytes(): number for number, image in enumerate(images)}
    return [known[face.tobytes()] for face in faces]


@pytest.mark.parametrize(("by", "column"), [("emotion", 1), ("participant", 2)])
def test_a_row_shows_different_faces_of_one_group(fer, faces_file, tmp_path, by, column):
    out = tmp_path / "sheet.png"
    result = fer("data", "sheet", faces_file, "-o", out, "--by", by, "--columns", 7)
    assert result.exit_code == 0, result.output
    data = stored(faces_file)
    groups = len(set(data[column]))
    assert result.stdout == f"{out}: {groups} rows, {7 * groups} pictures\n"
    rows = tiles(out, 48)
    assert len(rows) == groups
    for group, faces in enumerate(rows):
        numbers = numbers_of(faces, data[0])
        assert len(set(numbers)) == 7
        assert set(data[column][numbers]) == {group}
    assert list(tmp_path.iterdir()) == [out]


def test_a_group_of_few_faces_shows_them_all_in_order(fer, tmp_path):
    data = write_faces(tmp_path / "faces.h5", people=1, frames=3)
    assert fer("data", "sheet", data, "-o", tmp_path / "s.png").exit_code == 0
    images, labels, _ = stored(data)
    shown = [numbers_of(row, images) for row in tiles(tmp_path / "s.png", 48)]
    assert shown == [np.flatnonzero(labels == label).tolist() for label in range(3)]


def test_one_face_is_enough(fer, tmp_path):
    data = write(tmp_path / "faces.h5", [("fear", None)])
    result = fer("data", "sheet", data, "-o", tmp_path / "s.png")
    assert result.stdout.endswith(": 1 row, 1 picture\n")
    assert np.array_equal(tiles(tmp_path / "s.png", 48)[0][0], stored(data)[0][0])


def test_rows_have_names_and_numbers_with_the_unlabelled_below(tmp_path):
    faces = [("fear", "P2"), (None, "P10"), ("neutral", "P2"), ("fear", None), ("zeal", "P1")]
    with open_dataset(write(tmp_path / "faces.h5", faces)) as dataset:
        by_emotion = write_sheet(dataset, tmp_path / "e.png").rows
        by_person = write_sheet(dataset, tmp_path / "p.png", SheetOptions("participant")).rows
    told = [[(row.name, row.faces) for row in rows] for rows in (by_emotion, by_person)]
    assert told == [
        [("neutral", 1), ("fear", 2), ("zeal", 1), ("(unlabelled)", 1)],
        [("P1", 1), ("P10", 1), ("P2", 2), ("(unknown)", 1)],
    ]
    images = stored(tmp_path / "faces.h5")[0]
    shown = [numbers_of(row, images) for row in tiles(tmp_path / "e.png", 48)]
    assert shown == [[2], [0, 3], [4], [1]]


def test_the_name_stands_at_the_left_of_its_row_and_nowhere_else(tmp_path):
    pictures = []
    for name in ("Pxyz", "Pabc"):
        data = write(tmp_path / "faces.h5", [("fear", name), ("fear", "P")])
        with open_dataset(data) as dataset:
            write_sheet(dataset, tmp_path / "s.png", SheetOptions("participant"))
        pictures.append(picture_of(tmp_path / "s.png"))
    assert pictures[0].shape == pictures[1].shape  # that of "1 face" is the wider text
    differs = np.argwhere((pictures[0] != pictures[1]).any(axis=2))
    x, y, _, height = places(pictures[0])[1][0]
    assert len(differs)
    assert (differs[:, 1] < x).all()
    assert ((y <= differs[:, 0]) & (differs[:, 0] < y + height)).all()


@pytest.mark.parametrize("name", ["light", "papers"])
@pytest.mark.parametrize(("size", "channels"), [(48, "gray"), (100, "rgb")])
def test_with_augment_one_stored_face_leads_what_training_makes_of_it(
    fer, tmp_path, name, size, channels
):
    data = write_faces(tmp_path / "faces.h5", people=2, size=size, channels=channels)
    out = tmp_path / "s.png"
    arguments = ("--augment", name, "--columns", 4, "--seed", 3)
    assert fer("data", "sheet", data, "-o", out, *arguments).exit_code == 0
    with open_dataset(data) as dataset:
        images = dataset.images(slice(0, len(dataset)))
        labels = dataset.column("label")
    rows = tiles(out, size)
    assert [len(row) for row in rows] == [4, 4, 4]
    for label, row in enumerate(rows):
        rng = np.random.default_rng([3, label + 1])
        number = rng.choice(np.flatnonzero(labels == label), 1)
        varied = AUGMENTERS[name](np.repeat(images[number], 3, axis=0), rng)
        expected = np.concatenate([images[number], varied])
        expected = np.repeat(expected, 3 // expected.shape[3], axis=3)
        assert np.array_equal(row, expected)
    x = [place[0] for place in places(picture_of(out))[0]]
    assert x[1] - x[0] > x[2] - x[1] == x[3] - x[2]


@pytest.mark.parametrize(
    ("size", "side"), [(8, 96), (28, 112), (48, 96), (96, 96), (120, 120), (192, 192)]
)
def test_small_faces_are_enlarged_pixel_by_pixel(tmp_path, size, side):
    data = write(tmp_path / "faces.h5", [("fear", "P")] * 2, size)
    with open_dataset(data) as dataset:
        write_sheet(dataset, tmp_path / "s.png")
    assert np.array_equal(tiles(tmp_path / "s.png", size)[0], stored(data)[0])
    assert places(picture_of(tmp_path / "s.png"))[0][0][2:] == (side, side)


def test_large_faces_are_reduced(tmp_path):
    data = write(tmp_path / "faces.h5", [("fear", "P")], 384)
    with open_dataset(data) as dataset:
        write_sheet(dataset, tmp_path / "s.png")
    picture = picture_of(tmp_path / "s.png")
    ((x, y, width, height),) = places(picture)[0]
    assert (width, height) == (192, 192)
    means = stored(data)[0][0].reshape(192, 2, 192, 2, 3).mean(axis=(1, 3))
    assert np.abs(picture[y : y + 192, x : x + 192] - means).max() <= 0.5


def test_the_seed_decides_which_faces_and_the_same_one_gives_the_same_picture(fer, tmp_path):
    data = write_faces(tmp_path / "faces.h5", frames=20)
    sheets = [tmp_path / f"{number}.png" for number in range(3)]
    for path, seed in zip(sheets, (1, 1, 2), strict=True):
        assert fer("data", "sheet", data, "-o", path, "--seed", seed).exit_code == 0
    one, same, other = (path.read_bytes() for path in sheets)
    assert one == same
    images = stored(data)[0]
    first, second = (
        {number for row in tiles(path, 48) for number in numbers_of(row, images)}
        for path in (sheets[0], sheets[2])
    )
    assert one != other
    assert len(first - second) > 10


def test_faces_are_drawn_from_the_whole_group(tmp_path):
    data = write(tmp_path / "faces.h5", [("fear", "P")] * 60, 8)
    seen: set[int] = set()
    with open_dataset(data) as dataset:
        images = dataset.images(slice(0, 60))
        for seed in range(60):
            (row,) = choose_faces(dataset, SheetOptions(columns=5, seed=seed)).rows
            seen |= set(numbers_of(list(row.images), images))
    assert seen == set(range(60))


def test_more_people_than_can_be_looked_at_are_drawn_by_the_seed(fer, tmp_path):
    people = [f"P{number:02d}" for number in range(45)]
    data = write(tmp_path / "faces.h5", [("fear", person) for person in people], 8)
    out = tmp_path / "s.png"
    result = fer("data", "sheet", data, "-o", out, "--by", "participant")
    assert result.exit_code == 0
    assert result.stderr == (
        "warning: 40 of 45 participants are shown, drawn at random; another --seed shows others\n"
    )
    images = stored(data)[0]
    shown = [numbers_of(row, images)[0] for row in tiles(out, 8)]
    assert len(shown) == 40
    assert shown == sorted(shown) != list(range(40))
    assert fer("data", "sheet", data, "-o", out).stderr == ""


def test_only_the_faces_shown_are_read(fer, tmp_path):
    data = write(tmp_path / "faces.h5", [("fear", "P")] * 20)
    out = tmp_path / "s.png"
    assert fer("data", "sheet", data, "-o", out, "--columns", 3).exit_code == 0
    shown = numbers_of(tiles(out, 48)[0], stored(data)[0])
    with h5py.File(data, "r+") as file:
        for row in set(range(20)) - set(shown):
            file["images"].id.write_direct_chunk((row, 0, 0, 0), b"damaged")
    assert fer("data", "sheet", data, "-o", out, "--columns", 3).exit_code == 0
    with h5py.File(data, "r+") as file:
        file["images"].id.write_direct_chunk((shown[0], 0, 0, 0), b"damaged")
    result = fer("data", "sheet", data, "-o", out, "--columns", 3)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"fer: {data}: an image cannot be read (")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "name", ["$x^2$", r"$\frac$", "$", "名前", "two\nlines", "\x1b[31m", "a" * 300, "é̂", ""]
)
def test_any_name_can_be_written(tmp_path, name):
    data = write(tmp_path / "faces.h5", [("fear", name)])
    with warnings.catch_warnings(), open_dataset(data) as dataset:
        warnings.simplefilter("error")
        write_sheet(dataset, tmp_path / "s.png", SheetOptions("participant"))
    assert np.array_equal(tiles(tmp_path / "s.png", 48)[0][0], stored(data)[0][0])
    assert picture_of(tmp_path / "s.png").shape[1] < 600


def test_a_name_stays_on_its_line(tmp_path):
    for name in ("two\nlines", "two·lines"):
        data = write(tmp_path / "faces.h5", [("fear", name)])
        with open_dataset(data) as dataset:
            write_sheet(dataset, tmp_path / f"{len(name.split())}.png", SheetOptions("participant"))
    assert np.array_equal(picture_of(tmp_path / "2.png"), picture_of(tmp_path / "1.png"))


def test_two_runs_do_not_write_the_same_sheet(fer, faces_file, tmp_path):
    out = tmp_path / "s.png"
    with locked(out):
        result = fer("data", "sheet", faces_file, "-o", out)
    assert result.exit_code == 1
    assert result.output.startswith(f"fer: {out}: another run is writing it; ")
    assert not out.exists()


def test_the_default_is_sheet_png_here_and_an_earlier_sheet_is_replaced(
    fer, faces_file, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert fer("data", "sheet", faces_file).stdout == "sheet.png: 3 rows, 36 pictures\n"
    first = (tmp_path / "sheet.png").read_bytes()
    assert fer("data", "sheet", faces_file, "--seed", 5).exit_code == 0
    assert (tmp_path / "sheet.png").read_bytes() != first
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_any_other_picture_is_refused_until_overwrite(fer, faces_file, tmp_path):
    out = tmp_path / "photo.png"
    cv2.imwrite(str(out), np.zeros((9, 9, 3), np.uint8))
    before = out.read_bytes()
    result = fer("data", "sheet", faces_file, "-o", out)
    assert result.exit_code == 1
    assert result.output == (
        f"fer: {out}: exists and is no contact sheet made by fer; give another -o, or --overwrite\n"
    )
    assert out.read_bytes() == before
    assert fer("data", "sheet", faces_file, "-o", out, "--overwrite").exit_code == 0
    assert len(tiles(out, 48)) == 3


def test_the_dataset_itself_and_a_folder_are_refused_whatever_is_said(fer, faces_file, tmp_path):
    data = Path(shutil.copy2(faces_file, tmp_path / "faces.png"))
    before = data.read_bytes()
    result = fer("data", "sheet", data, "-o", data, "--overwrite")
    assert (result.exit_code, result.output) == (
        1,
        f"fer: {data}: is the dataset; give another -o\n",
    )
    assert data.read_bytes() == before
    folder = tmp_path / "folder.png"
    folder.mkdir()
    result = fer("data", "sheet", data, "-o", folder, "--overwrite")
    assert (result.exit_code, result.output) == (1, f"fer: {folder}: is no file; give another -o\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-o", "sheet.jpg"), "sheet.jpg: a contact sheet is a PNG; give it a name"),
        (("-o", "sheet"), "sheet: a contact sheet is a PNG; give it a name"),
        (("--augment", "light", "--columns", 1), "--augment needs --columns 2 or more"),
        (("--columns", 41), "41 is not in the range 1<=x<=40"),
        (("--by", "video"), "'video' is not one of"),
    ],
)
def test_wrong_usage_ends_with_2_and_writes_nothing(
    fer, faces_file, tmp_path, monkeypatch, arguments, told
):
    monkeypatch.chdir(tmp_path)
    result = fer("data", "sheet", faces_file, *arguments)
    assert result.exit_code == 2
    assert told in result.output
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_shown_is_one_line_and_leaves_no_picture(fer, faces_file, tmp_path):
    empty = write_faces(tmp_path / "empty.h5", people=0)
    broken = Path(shutil.copy2(faces_file, tmp_path / "broken.h5"))
    with h5py.File(broken, "r+") as file:
        file["label"][3] = 9
    for data, told in (
        (empty, "holds no faces; there is nothing to show"),
        (broken, "broken (label points to what is not there); fer data verify tells where"),
        (tmp_path / "no.h5", "no such dataset; fer extract makes one"),
    ):
        result = fer("data", "sheet", data, "-o", tmp_path / "s.png")
        assert (result.exit_code, result.output) == (1, f"fer: {data}: {told}\n")
    result = fer("data", "sheet", faces_file, "-o", empty / "s.png")
    assert result.exit_code == 1
    assert result.output.startswith(f"fer: {empty / 's.png'}: cannot be written (")
    assert not list(tmp_path.glob("s.png*"))


def test_looking_leaves_the_dataset_as_it_was(fer, faces_file, tmp_path):
    before = faces_file.read_bytes()
    assert fer("data", "sheet", faces_file, "-o", tmp_path / "s.png").exit_code == 0
    assert faces_file.read_bytes() == before


def test_emotions_stand_in_the_order_of_the_dataset(tmp_path):
    names = ("zeal", "contempt", "neutral", "awe", "fear")
    with open_dataset(write(tmp_path / "f.h5", [(name, None) for name in names], 8)) as dataset:
        rows = choose_faces(dataset, SheetOptions()).rows
    assert tuple(row.name for row in rows) == order_emotions(names)
