"""Copies: hashes of what looks alike, pairs of near ones, and which of two copies stays."""

from __future__ import annotations

import tempfile
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.care.duplicates import DedupeOptions, Reason, find_copies
from fer_pipeline.care.perceptual import MOST_BITS, near_pairs, perceptual_hashes
from fer_pipeline.dataset import FaceRow, create_dataset, open_dataset
from fer_pipeline.domain import Box
from fer_pipeline.errors import DatasetError
from tests.conftest import crop_record
from tests.media import PARTICIPANTS

SIDE = 48


def picture(seed: int) -> np.ndarray:
    """Make a picture of large spots, gray, unlike that of another seed."""
    spots = np.random.default_rng(seed).integers(20, 236, (6, 6), dtype=np.uint8)
    return cv2.resize(spots, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)[..., np.newaxis]


def bits_between(one: np.ndarray, other: np.ndarray) -> int:
    first, second = (int(perceptual_hashes(image[np.newaxis])[0]) for image in (one, other))
    return (first ^ second).bit_count()


# Hashes


def first_frame(name: str) -> np.ndarray:
    read, frame = cv2.VideoCapture(str(PARTICIPANTS / name)).read()
    assert read
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)[:240, :240]


@pytest.mark.parametrize(
    "change",
    [
        lambda image: cv2.imdecode(
            cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR
        ),
        lambda image: cv2.resize(image, (90, 90), interpolation=cv2.INTER_AREA),
        lambda image: (image * 0.8 + 20).astype(np.uint8),
        lambda image: cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    ],
    ids=["jpeg", "smaller", "darker", "gray"],
)
def test_small_changes_leave_the_hash_nearly_the_same(change):
    image = first_frame("P00_happy.mp4")
    assert bits_between(image, change(image)) <= 4


def test_other_pictures_have_other_hashes():
    hashes = perceptual_hashes(np.stack([picture(seed) for seed in range(20)]))
    apart = [int(hashes[i] ^ hashes[j]).bit_count() for i in range(len(hashes)) for j in range(i)]
    assert min(apart) > MOST_BITS


def test_the_hash_is_that_of_opencvs_cosine_transform():
    images = np.stack([picture(seed) for seed in range(30)])
    other = 0
    for image, found in zip(images, perceptual_hashes(images), strict=True):
        small = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA)
        lowest = cv2.dct(small.astype(np.float32))[:8, :8].ravel()
        above = np.packbits(lowest > np.median(lowest))
        other += (int(above.view(np.uint64)[0]) ^ int(found)).bit_count()
    assert other <= 2  # rounding may decide about the two at the median


# Pairs


@st.composite
def clustered_hashes(draw):
    """Hashes of which many differ in few bits."""
    centers = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3))
    flipped = st.lists(st.integers(0, 63), max_size=8)
    members = draw(st.lists(st.tuples(st.sampled_from(centers), flipped), max_size=25))
    hashes = []
    for center, places in members:
        flips = np.bitwise_xor.reduce([1 << place for place in places] or [0], dtype=np.uint64)
        hashes.append(np.uint64(center) ^ flips)
    return np.array(hashes, np.uint64)


@given(clustered_hashes(), st.integers(0, MOST_BITS))
@settings(max_examples=100)
def test_near_pairs_are_those_that_comparing_each_with_each_finds(hashes, bits):
    found = [
        pair
        for later, earlier in near_pairs(hashes, bits)
        for pair in zip(later.tolist(), earlier.tolist(), strict=True)
    ]
    values = hashes.tolist()
    assert found == [
        (i, j)
        for i in range(len(values))
        for j in range(i)
        if (values[i] ^ values[j]).bit_count() <= bits
    ]


def test_near_pairs_of_many_hashes_need_no_table_of_each_with_each():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 100_000, dtype=np.uint64)
    hashes[70_000] = hashes[30] ^ np.uint64(0b1011)
    tracemalloc.start()
    found = [np.stack(pair).tolist() for pair in near_pairs(hashes, 6)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [[[70_000], [30]]]
    assert peak < 4000 * len(hashes)  # a table would take a hundred thousand bytes a hash


# Which of two copies stays

IMAGES = [picture(0), np.clip(picture(0).astype(int) + 3, 0, 255).astype(np.uint8), picture(1)]

rows = st.lists(
    st.tuples(
        st.integers(0, len(IMAGES) - 1),
        st.sampled_from([-1, 0, 1, 2]),
        st.sampled_from([None, "P1", "P2"]),
        st.sampled_from([None, "fear", "anger"]),
    ),
    max_size=12,
)


def write(path: Path, faces: list[tuple[int, int, str | None, str | None]]) -> Path:
    """Write stills: number of the image, side, person, emotion."""
    with create_dataset(path, crop_record(SIDE), ["fear", "anger"]) as writer:
        for image, side, person, emotion in faces:
            box = Box(0, 0, SIDE, SIDE)
            row = FaceRow(IMAGES[image], emotion, person, -1, np.nan, box, None, 0, split=side)
            writer.append(None, row)
        writer.finish({})
    return path


def deduped(faces, options):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "faces.h5", faces)
        with open_dataset(path) as dataset:
            return find_copies(dataset, options)


def too_many(one, other, options: DedupeOptions) -> bool:
    """Tell in the plainest way whether only one of two faces may stay."""
    (image, side, person, _), (other_image, other_side, other_person, _) = one, other
    if options.near is None and image != other_image:
        return False
    if options.near is not None and bits_between(IMAGES[image], IMAGES[other_image]) > options.near:
        return False
    sides = side != other_side and -1 not in (side, other_side)
    people = person != other_person and None not in (person, other_person)
    return {"harmful": sides or people, "splits": sides, "everywhere": True}[options.scope]


@given(rows, st.sampled_from(["harmful", "splits", "everywhere"]), st.sampled_from([None, 4]))
@settings(max_examples=50)
def test_no_two_copies_stay_and_none_goes_without_one_that_stays(faces, scope, near):
    options = DedupeOptions(scope, near)
    kept = deduped(faces, options).kept.tolist()

    def precedence(row: int) -> tuple[int, bool, int]:
        _, side, _, emotion = faces[row]
        return {2: 0, 1: 1, 0: 2, -1: 3}[side], emotion is None, row

    for row, face in enumerate(faces):
        instead = [one for one in kept if one != row and too_many(face, faces[one], options)]
        if row in kept:
            assert not instead
        else:
            assert min(map(precedence, instead)) < precedence(row)


def test_the_images_of_these_tests_are_near_and_far():
    near, far = (bits_between(IMAGES[0], image) for image in IMAGES[1:])
    assert near <= 4 < far


@given(rows)
@settings(max_examples=30)
def test_contradictions_go_altogether(faces):
    done = deduped(faces, DedupeOptions(drop_contradictions=True))
    for (image, _, _, emotion), reason in zip(faces, done.reasons, strict=True):
        others = {face[3] for face in faces if face[0] == image and face[3]}
        assert (reason == Reason.CONTRADICTION) == (emotion is not None and len(others) > 1)


def test_frames_of_a_still_face_stay():
    still = [(0, -1, "P1", "fear")] * 5
    assert len(deduped(still, DedupeOptions()).kept) == 5
    assert deduped(still, DedupeOptions("everywhere")).kept.tolist() == [0]


def test_the_reason_told_is_the_side_before_the_person():
    faces = [(0, 2, "P1", "fear"), (0, 0, "P2", "fear"), (0, 2, "P2", "fear"), (0, 2, "P1", None)]
    assert deduped(faces, DedupeOptions("everywhere")).reasons.tolist() == [
        Reason.STAYS,
        Reason.OTHER_SIDE,
        Reason.OTHER_PERSON,
        Reason.AGAIN,
    ]


def test_a_side_that_does_not_exist_is_told(tmp_path):
    path = write(tmp_path / "faces.h5", [(0, 0, "P1", "fear")] * 2)
    with open_dataset(path) as dataset:
        dataset.column("split")[1] = 7
        with pytest.raises(DatasetError, match="fer data verify tells where"):
            find_copies(dataset, DedupeOptions())
