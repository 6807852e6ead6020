"""A split that is written, read, and replayed on data that has changed since."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.dataset import Dataset
from fer_pipeline.errors import ModelError, SplitError
from fer_pipeline.model_folder import ModelSpec
from fer_pipeline.split_file import SIDES, read_split, replay, write_split
from fer_pipeline.splits import Split, divide
from tests.conftest import crop_record
from tests.test_splits import SEEDS, TWO, Face, all_rows, dataset_of, people_of, study

Sides = dict[str, list[int]]


def numbered(faces: Sequence[Face]) -> list[Face]:
    """Give every face an image of its own, by which it is known wherever it goes."""
    return [face._replace(image=1000 + index) for index, face in enumerate(faces)]


def by_image(dataset: Dataset, faces: Sequence[Face], splits: Sequence[Split]) -> list[Sides]:
    """Return the numbers of the images on each side, in a dataset of these faces."""
    assert len(dataset) == len(faces)
    return [
        {side: sorted(faces[row].image or 0 for row in getattr(split, side)) for side in SIDES}
        for split in splits
    ]


@contextmanager
def trained_on(
    faces: Sequence[Face], kind: str | None = None, seed: int = 0, folds: int | None = None
) -> Iterator[tuple[Path, list[Sides]]]:
    """Give what a training leaves of its split, and the images on each side."""
    with dataset_of(list(faces)) as dataset, tempfile.TemporaryDirectory() as folder:
        splits = divide(dataset, kind, seed, folds)
        ModelSpec(
            network="lenet5",
            emotions=dataset.emotions,
            input_size=16,
            input_channels="gray",
            crop=crop_record(),
            split={"kind": splits[0].kind},
        ).write(Path(folder))
        write_split(Path(folder), dataset, splits)
        yield Path(folder), by_image(dataset, faces, splits)


def replayed(faces: Sequence[Face], folder: Path) -> list[Sides]:
    with dataset_of(list(faces)) as dataset:
        return by_image(dataset, faces, replay(dataset, folder))


STUDY = numbered(study(7))


# Written and read


@pytest.mark.parametrize("kind", ["participant", "video", "random", "leave-one-participant-out"])
def test_the_file_says_for_every_face_on_which_side_it_was(kind):
    faces = [*STUDY, Face("P0", None, image=1), Face(None, None, image=2)]
    with dataset_of(faces) as dataset, tempfile.TemporaryDirectory() as folder:
        splits = divide(dataset, kind, 0)
        write_split(Path(folder), dataset, splits)
        stored = read_split(Path(folder))
        assert stored.side.shape == (len(splits), len(faces))
        assert (stored.image == dataset.image_hashes).all()
        assert (stored.side[:, -2:] == -1).all()
        for fit, split in enumerate(splits):
            for number, side in enumerate(SIDES):
                assert np.flatnonzero(stored.side[fit] == number).tolist() == sorted(
                    getattr(split, side).tolist()
                )
        tested = np.concatenate([split.test for split in splits])
        assert set(stored.images("test")) == set(dataset.image_hashes[tested])


def test_the_digest_is_that_of_the_split():
    with trained_on(STUDY) as (one, _), trained_on(STUDY) as (same, _):
        assert read_split(one).digest == read_split(same).digest
        for seed, folds in ((1, None), (0, 2)):
            with trained_on(STUDY, None, seed, folds) as (other, _):
                assert read_split(other).digest != read_split(one).digest


# The same data


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from([*TWO, None]), st.integers(0, 60)),
        min_size=20,
        max_size=50,
    ),
    st.sampled_from(["participant", "video", "random", "corpus", "leave-one-participant-out"]),
    SEEDS,
)
def test_on_the_same_data_the_same_rows_are_on_the_same_sides(shown, kind, seed):
    faces = [
        Face(f"P{person}", emotion, f"P{person}_{emotion}.mp4", index % 3, image)
        for index, (person, emotion, image) in enumerate(shown)
    ]
    with dataset_of(faces) as dataset, tempfile.TemporaryDirectory() as folder:
        try:
            splits = divide(dataset, kind, seed)
        except SplitError:
            return
        spec = ModelSpec("lenet5", TWO, 16, "gray", crop_record(), split={"kind": kind})
        spec.write(Path(folder))
        write_split(Path(folder), dataset, splits)
        again = replay(dataset, Path(folder))
    assert len(again) == len(splits)
    for one, other in zip(splits, again, strict=True):
        for side in SIDES:
            assert getattr(one, side).tolist() == getattr(other, side).tolist()
        assert (one.kind, one.copies) == (other.kind, other.copies)


@pytest.mark.parametrize("kind", ["participant", "video", "random"])
def test_the_names_on_each_side_are_those_of_the_training(kind):
    with dataset_of(STUDY) as dataset, trained_on(STUDY, kind) as (folder, _):
        (split,), (again,) = divide(dataset, kind, 0), replay(dataset, folder)
        assert again.groups == split.groups


# Data that has changed


@settings(max_examples=10)
@given(st.permutations(range(len(STUDY))), st.sampled_from(["participant", "video", "random"]))
def test_in_another_order_every_face_stays_on_its_side(order, kind):
    with trained_on(STUDY, kind) as (folder, sides):
        assert replayed([STUDY[index] for index in order], folder) == sides


@pytest.mark.parametrize("kind", ["participant", "video", "random"])
def test_without_some_people_the_others_stay_where_they_were(kind):
    with trained_on(STUDY, kind, seed=3) as (folder, (sides,)):
        for person in {face.person for face in STUDY}:
            left = [face for face in STUDY if face.person != person]
            images = {face.image for face in left}
            expected = {side: [one for one in on if one in images] for side, on in sides.items()}
            if all(expected[side] for side in SIDES[:3]):
                assert replayed(left, folder) == [expected]


def test_new_people_join_the_training_and_new_faces_their_person():
    more = [
        Face(f"P{person}", emotion, "new.mp4", image=2000 + 2 * person + index)
        for person in range(9)  # two of whom are new
        for index, emotion in enumerate(TWO)
    ]
    with trained_on(STUDY) as (folder, (sides,)):
        (grown,) = replayed([*STUDY, *more], folder)
    of_person = {face.image: face.person for face in [*STUDY, *more]}
    people = {side: {of_person[image] for image in grown[side]} for side in SIDES}
    before = {side: {of_person[image] for image in sides[side]} for side in SIDES}
    assert people["test"] == before["test"]
    assert people["validation"] == before["validation"]
    assert people["training"] == before["training"] | {"P7", "P8"}
    assert grown["seen"] == sides["seen"]
    assert sum(map(len, grown.values())) == len(STUDY) + len(more)
    for side in SIDES:
        assert set(sides[side]) <= set(grown[side])


def test_a_person_whose_faces_are_all_new_stays_on_their_side():
    with trained_on(STUDY) as (folder, (sides,)):
        tested = {face.person for face in STUDY if face.image in sides["test"]}
        again = [
            face._replace(image=5000 + index) if face.person in tested else face
            for index, face in enumerate(STUDY)
        ]
        (told,) = replayed(again, folder)
    assert told["test"] == [face.image for face in again if face.person in tested]
    assert told["training"] == sides["training"]


def test_faces_that_had_no_label_join_their_person():
    before = [face._replace(emotion=None) if index % 3 == 0 else face
              for index, face in enumerate(STUDY)]  # fmt: skip
    with trained_on(before) as (folder, (sides,)):
        (told,) = replayed(STUDY, folder)
    assert sum(map(len, told.values())) == len(STUDY)
    of_person = {face.image: face.person for face in STUDY}
    for side in ("validation", "test"):
        people = {of_person[image] for image in sides[side]}
        assert {of_person[image] for image in told[side]} == people


@pytest.mark.parametrize("removed", range(8))
def test_nobody_changes_sides_for_the_sake_of_an_images_copy(removed):
    # P0 to P7 all have copies of the same two images, which count on the test side alone.
    common = [Face(f"P{n}", emotion, image=index) for n in range(8)
              for _ in range(5) for index, emotion in enumerate(TWO)]  # fmt: skip
    faces = [*numbered(study(8, frames=2)), *common]
    with trained_on(faces) as (folder, (sides,)):
        of_person = {face.image: face.person for face in faces if (face.image or 0) >= 1000}
        owners = {side: {of_person[one] for one in sides[side] if one >= 1000} for side in SIDES}
        owners["training"] |= owners["seen"]
        left = [face for face in faces if face.person != f"P{removed}"]
        with dataset_of(left) as dataset:
            if {f"P{removed}"} in (owners["validation"], owners["test"]):
                with pytest.raises(SplitError, match="no face is left of the"):
                    replay(dataset, folder)
                return
            (split,) = replay(dataset, folder)
            for side in SIDES[:3]:
                assert people_of(dataset, getattr(split, side)) == owners[side] - {f"P{removed}"}
            of_sides = [set(dataset.image_hashes[getattr(split, side)]) for side in SIDES]
            assert sum(map(len, of_sides)) == len(set.union(*of_sides))
            assert len(all_rows(split)) + split.copies == len(left)


def test_new_faces_that_are_copies_of_each_other_are_on_one_side():
    more = [Face(f"P{n}", TWO[0], "new.mp4", image=9) for n in range(7)]
    with trained_on(STUDY) as (folder, _), dataset_of([*STUDY, *more]) as dataset:
        (split,) = replay(dataset, folder)
        images = dataset.image_hashes
        copy = images[-1]
        assert copy in images[split.test]
        for side in ("training", "validation", "seen"):
            assert copy not in images[getattr(split, side)]
        assert split.copies == 7 - int(np.sum(images[split.test] == copy))


@settings(max_examples=15)
@given(st.sets(st.integers(0, 6), max_size=3), st.integers(0, 3), SEEDS)
def test_nobody_is_on_two_sides_however_the_data_changed(gone, new, seed):
    with trained_on(STUDY, seed=seed) as (folder, _):
        left = [face for face in STUDY if face.person not in {f"P{n}" for n in gone}]
        joined = [face._replace(image=3000 + index, person=f"Q{index % 2}")
                  for index, face in enumerate(STUDY[: 6 * new])]  # fmt: skip
        with dataset_of([*joined, *left]) as dataset:
            try:
                (split,) = replay(dataset, folder)
            except SplitError:
                return
            training = people_of(dataset, np.array([*split.training, *split.seen]))
            others = people_of(dataset, split.validation), people_of(dataset, split.test)
    assert not training & others[0]
    assert not training & others[1]
    assert not others[0] & others[1]
    assert {"Q0", "Q1"} & training == {face.person for face in joined}


# What is refused


def test_another_dataset_is_refused():
    other = [face._replace(image=(face.image or 0) + 500) for face in STUDY]
    with (
        trained_on(STUDY) as (folder, _),
        dataset_of(other) as dataset,
        pytest.raises(SplitError, match=r"holds none of the faces that .* was trained and"),
    ):
        replay(dataset, folder)


@pytest.mark.parametrize("kind", ["video", "random"])
def test_new_faces_are_refused_where_it_cannot_be_told_where_they_belong(kind):
    more = [Face("P1", "neutral", image=1), Face("P1", "neutral", image=2)]
    with (
        trained_on(STUDY, kind) as (folder, _),
        dataset_of([*STUDY, *more]) as dataset,
        pytest.raises(SplitError, match=f"2 faces were on no side .* split by {kind} does not"),
    ):
        replay(dataset, folder)


@pytest.mark.parametrize("side", ["training", "validation", "test"])
def test_a_dataset_that_has_lost_a_side_is_refused(side):
    with trained_on(STUDY) as (folder, (sides,)):
        gone = {*sides[side], *(sides["seen"] if side == "training" else ())}
        left = [face for face in STUDY if face.image not in gone]
        with (
            dataset_of(left) as dataset,
            pytest.raises(SplitError, match=f"no face is left of the {side} part of .*; divide"),
        ):
            replay(dataset, folder)


def test_people_who_are_no_longer_known_are_refused():
    nameless = [face._replace(person=None) for face in STUDY]
    with (
        trained_on(STUDY) as (folder, _),
        dataset_of(nameless) as dataset,
        pytest.raises(SplitError, match="does not tell whose face each one is, and the split"),
    ):
        replay(dataset, folder)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ModelError, match=r"split\.npz: missing from the model folder; train"):
        read_split(tmp_path)


def test_a_broken_file_is_refused_in_one_line(tmp_path):
    with trained_on(STUDY) as (folder, _):
        whole = (folder / "split.npz").read_bytes()
    file = tmp_path / "split.npz"
    broken = [b"", b"no archive", whole[:200], whole[: len(whole) // 2]]
    # A byte changed somewhere: as often as the archive notices, it is told in the same words.
    rng = np.random.default_rng(0)
    for place in rng.integers(len(whole), size=150):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        broken.append(bytes(damaged))
    told = []
    for content in broken:
        file.write_bytes(content)
        with suppress(ModelError) if len(content) == len(whole) else pytest.raises(ModelError):
            try:
                read_split(tmp_path)
            except ModelError as error:
                told.append(str(error))
                raise
    assert len(told) > 100
    for line in told:
        assert re.fullmatch(re.escape(f"{file}: broken (") + r".*\); train the model again", line)


@pytest.mark.parametrize(
    "arrays",
    [
        {"side": np.zeros((1, 3), np.int8)},
        {"side": np.zeros(3, np.int8), "image": np.zeros(3, np.uint64)},
        {"side": np.zeros((1, 3), np.int8), "image": np.zeros(4, np.uint64)},
        {
            "side": np.zeros((1, 3), np.int8),
            "image": np.zeros(3, np.uint64),
            "person": np.array(["P1"]),
        },
        {"side": np.array([[None]]), "image": np.zeros(1, np.uint64)},
    ],
    ids=["no images", "no fits", "too short", "too few people", "objects"],
)
def test_a_file_whose_arrays_do_not_fit_is_refused(tmp_path, arrays):
    np.savez(tmp_path / "split.npz", **arrays)
    with pytest.raises(ModelError, match=r"split\.npz: broken \(.*\); train the model again"):
        read_split(tmp_path)
