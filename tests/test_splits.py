"""Who is in training, validation and test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.dataset import Dataset, FaceRow, create_dataset, open_dataset
from fer_pipeline.domain import Box
from fer_pipeline.errors import SplitError
from fer_pipeline.splits import Split, default_kind, divide, participants_by_side
from tests.conftest import crop_record

TWO = ("neutral", "happiness")
SIDES = ("training", "validation", "test", "seen")
SEEDS = st.integers(0, 2**32 - 1)


class Face(NamedTuple):
    """Whose face shows what in which video; the corpus's own split; equal numbers, equal images."""

    person: str | None
    emotion: str | None
    video: str | None = "clip.mp4"
    split: int = -1
    image: int | None = None


def faces_of(person: int, frames: int, emotions: tuple[str, ...] = TWO) -> list[Face]:
    return [
        Face(f"P{person}", emotion, f"P{person}_{emotion}.mp4")
        for emotion in emotions
        for _ in range(frames)
    ]


def study(people: int, frames: int = 3, emotions: tuple[str, ...] = TWO) -> list[Face]:
    return [face for person in range(people) for face in faces_of(person, frames, emotions)]


@contextmanager
def dataset_of(faces: list[Face], emotions: tuple[str, ...] = TWO) -> Iterator[Dataset]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "faces.h5"
        with create_dataset(path, crop_record(size=2, channels="rgb"), emotions) as writer:
            for index, face in enumerate(faces):
                content = index if face.image is None else face.image
                image = np.frombuffer(content.to_bytes(12, "little"), np.uint8).reshape(2, 2, 3)
                row = FaceRow(image, face.emotion, face.person, index, 0.0, Box(0, 0, 9, 9), 1.0, 0)
                writer.append(face.video or "", row)
            writer.finish({})
        with h5py.File(path, "r+") as file:
            file["split"][:] = [face.split for face in faces]
            unknown = [index for index, face in enumerate(faces) if face.video is None]
            if unknown:
                file["video"][unknown] = -1
        with open_dataset(path) as dataset:
            yield dataset


def people_of(dataset: Dataset, rows: np.ndarray) -> set[str]:
    return {dataset.participants[index] for index in dataset.column("participant")[rows]}


def all_rows(split: Split) -> list[int]:
    return [row for side in SIDES for row in getattr(split, side).tolist()]


# By participant


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=5, max_size=14), SEEDS)
def test_no_person_is_on_two_sides(frames, seed):
    faces = [face for person, count in enumerate(frames) for face in faces_of(person, count)]
    with dataset_of(faces) as dataset:
        (split,) = divide(dataset, None, seed)
        sides = [people_of(dataset, getattr(split, side)) for side in SIDES[:3]]
        sides[0] |= people_of(dataset, split.seen)  # of few faces, all may be held out
        assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]
        assert sides[0] | sides[1] | sides[2] == set(dataset.participants)
        assert sorted(all_rows(split)) == list(range(len(dataset)))
        for side, people in zip(SIDES[:3], sides, strict=True):
            assert split.groups[side] == tuple(sorted(people))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from([*TWO, "fear"])), min_size=10, max_size=40
    ),
    SEEDS,
)
def test_every_class_is_in_training_or_the_split_is_refused(shown, seed):
    faces = [Face(f"P{person}", emotion) for person, emotion in shown]
    with dataset_of(faces, (*TWO, "fear")) as dataset:
        try:
            (split,) = divide(dataset, None, seed)
        except SplitError:
            return
        assert set(dataset.column("label")[split.training]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("people", "tested", "validated"),
    [(5, 1, 1), (7, 1, 1), (10, 2, 2), (20, 4, 3), (40, 8, 6)],
)
def test_a_fifth_of_the_people_test_and_15_percent_validate_at_least_one_each(
    people, tested, validated
):
    with dataset_of(study(people, frames=1)) as dataset:
        (split,) = divide(dataset, None, seed=0)
        assert (len(split.groups["test"]), len(split.groups["validation"])) == (tested, validated)


def test_the_same_seed_gives_the_same_split_and_another_gives_another():
    with dataset_of(study(12)) as dataset:
        one, same, other = (divide(dataset, None, seed)[0] for seed in (3, 3, 4))
    assert [getattr(one, side).tolist() for side in SIDES] == [
        getattr(same, side).tolist() for side in SIDES
    ]
    assert one.groups == same.groups
    assert one.groups != other.groups


def test_a_tenth_of_the_training_peoples_frames_is_held_out_as_seen():
    with dataset_of(study(10, frames=20)) as dataset:
        (split,) = divide(dataset, None, seed=0)
        people = people_of(dataset, split.training)
    assert people_of(dataset, split.seen) <= people
    assert len(split.seen) == round(0.1 * (len(split.training) + len(split.seen)))
    assert not set(split.seen) & set(split.training)
    assert len(people_of(dataset, split.seen)) > 3  # at random, not the frames of one person


@pytest.mark.parametrize("seed", range(10))
def test_an_emotion_that_few_people_show_is_on_every_side_if_that_is_possible(seed):
    faces = study(12) + [Face(f"P{person}", "fear") for person in range(4) for _ in range(5)]
    with dataset_of(faces, (*TWO, "fear")) as dataset:
        (split,) = divide(dataset, None, seed)
        labels = dataset.column("label")
        for side in SIDES[:3]:
            assert set(labels[getattr(split, side)]) == {0, 1, 2}


@pytest.mark.parametrize(("kind", "most"), [("participant", 50), ("random", 50)])
def test_draws_end_when_a_rare_emotion_is_where_it_can_be(monkeypatch, kind, most):
    drawn = []

    class Counting:
        def __init__(self, seed: object) -> None:
            self._rng = np.random.Generator(np.random.PCG64(0))

        def permutation(self, values: int) -> np.ndarray:
            drawn.append(values)
            return self._rng.permutation(values)

    monkeypatch.setattr(np.random, "default_rng", Counting)
    faces = [*study(12), *[Face("P0", "fear")] * 2, *[Face("P1", "anger")] * 2]
    with dataset_of(faces, (*TWO, "fear", "anger")) as dataset, suppress(SplitError):
        divide(dataset, kind, seed=0)
    assert 0 < len(drawn) < most


@pytest.mark.parametrize("kind", ["participant", "video", "random", "corpus"])
def test_the_people_on_each_side_are_known_whatever_decides(kind):
    faces = [face._replace(split=index % 3) for index, face in enumerate(study(6))]
    faces.append(faces[0]._replace(person=None)) if kind != "participant" else None
    with dataset_of(faces) as dataset:
        splits = divide(dataset, kind, seed=0)
        for side, people in participants_by_side(dataset, splits).items():
            index = dataset.column("participant")[getattr(splits[0], side)]
            assert set(people) >= {dataset.participants[one] for one in index if one >= 0}
            assert people == sorted(set(people))


def test_people_of_the_leak_meter_are_training_people():
    with dataset_of(study(4, frames=1)) as dataset:
        rows = [np.flatnonzero(dataset.column("participant") == person) for person in range(4)]
        split = Split("participant", *rows[:3], seen=rows[3])
        people = participants_by_side(dataset, [split])
    assert people == {"training": ["P0", "P3"], "validation": ["P1"], "test": ["P2"]}


def test_faces_without_a_label_are_on_no_side():
    faces = [*study(6), Face("P0", None), Face(None, None)]
    with dataset_of(faces) as dataset:
        (split,) = divide(dataset, None, seed=0)
        assert split.kind == "participant"
        assert sorted(all_rows(split)) == list(range(len(faces) - 2))


# Leave one participant out


@pytest.mark.parametrize("people", [3, 4, 9])
def test_leaving_one_out_tests_each_person_once(people):
    with dataset_of(study(people)) as dataset:
        splits = divide(dataset, "leave-one-participant-out", seed=0)
        tested = [person for split in splits for person in people_of(dataset, split.test)]
        assert sorted(tested) == sorted(dataset.participants)
        for split in splits:
            sides = [people_of(dataset, getattr(split, side)) for side in SIDES[:3]]
            assert sum(map(len, sides)) == people
            assert set.union(*sides) == set(dataset.participants)
            assert people_of(dataset, split.seen) <= sides[0]


# What the default falls to


def test_people_come_first_even_if_the_corpus_has_a_split():
    with dataset_of([face._replace(split=0) for face in study(6)]) as dataset:
        assert default_kind(dataset) == "participant"


def test_one_face_of_an_unknown_person_makes_the_corpus_split_decide():
    faces = [face._replace(split=index % 3) for index, face in enumerate(study(6, frames=5))]
    faces[4] = faces[4]._replace(person=None)
    with dataset_of(faces) as dataset:
        (split,) = divide(dataset, None, seed=0)
        assert split.kind == "corpus"
        for side, name in enumerate(SIDES[:3]):
            assert getattr(split, name).tolist() == list(range(side, len(faces), 3))
        assert not len(split.seen)


def test_without_people_and_corpus_split_no_video_is_on_two_sides():
    with dataset_of([face._replace(person=None) for face in study(6)]) as dataset:
        (split,) = divide(dataset, None, seed=0)
        assert split.kind == "video"
        videos = [set(dataset.column("video")[getattr(split, side)]) for side in SIDES[:3]]
        assert sum(map(len, videos)) == len(dataset.videos)
        assert sorted(split.groups["test"]) == sorted(dataset.videos[one] for one in videos[2])


def test_a_random_split_puts_frames_of_one_person_on_several_sides():
    with dataset_of(study(6, frames=10)) as dataset:
        (split,) = divide(dataset, "random", seed=0)
        assert split.kind == "random"
        assert sorted(all_rows(split)) == list(range(len(dataset)))
        assert len(split.test) == round(0.2 * len(dataset))
        assert people_of(dataset, split.test) & people_of(dataset, split.training)


# What cannot be divided


def changed(faces: list[Face], **fields: object) -> list[Face]:
    return [face._replace(**fields) for face in faces]


@pytest.mark.parametrize(
    ("faces", "kind", "message"),
    [
        (study(4), None, "4 participants are too few .* --split leave-one-participant-out"),
        (study(2), None, "2 participants are too few: it takes three .* --split video"),
        (study(1), None, "1 participant is too few: .*; add more, or .* --split video or"),
        (study(2), "leave-one-participant-out", "2 participants are too few: it takes three"),
        (changed(study(6), emotion=None), None, "no face has a label; extract again with --labels"),
        ([], None, "no face has a label"),
        (study(6, emotions=TWO[:1]), None, "no face shows happiness; add videos that do"),
        (changed(study(6), person=None), "participant", "participant of 36 faces is unknown; tell"),
        (
            changed(study(6), person=None),
            "leave-one-participant-out",
            "participant of 36 faces is unknown; .* --labels or --pattern",
        ),
        (changed(study(6), person=None, video=None), None, "nor videos are known; --split random"),
        (changed(study(6), video=None), "video", "video of 36 faces is unknown; tell it"),
        (changed(study(1), person=None), None, "2 videos cannot be divided .* --split random"),
        (study(1, frames=1), "random", "2 faces cannot be divided in three; add more$"),
        (study(6), "corpus", "no training part; choose another --split"),
        (changed(study(6), split=0), "corpus", "no test part; choose another --split"),
        (changed(study(6), split=1), "corpus", "no training part; choose another --split"),
    ],
)
def test_what_cannot_be_divided_is_refused_with_what_to_do(faces, kind, message):
    with dataset_of(faces) as dataset:
        with pytest.raises(SplitError, match=message) as error:
            divide(dataset, kind, seed=0)
        assert "\n" not in str(error.value)


def test_a_dataset_of_one_emotion_is_refused():
    with (
        dataset_of(study(6, emotions=("neutral",)), ("neutral",)) as dataset,
        pytest.raises(SplitError, match="every face shows neutral; add videos that show another"),
    ):
        divide(dataset, None, seed=0)


def test_an_emotion_that_only_the_tested_person_shows_is_refused():
    faces = [*study(5), Face("P2", "fear")]
    with (
        dataset_of(faces, (*TWO, "fear")) as dataset,
        pytest.raises(SplitError, match="training part shows fear; add more people who do"),
    ):
        divide(dataset, "leave-one-participant-out", seed=0)


# In folds

KINDS = ("participant", "video", "random")


@settings(max_examples=25)
@given(
    st.lists(st.integers(1, 5), min_size=6, max_size=14),
    st.integers(2, 6),
    st.sampled_from(KINDS),
    SEEDS,
)
def test_in_folds_every_labelled_face_is_tested_once_and_nobody_is_on_two_sides(
    frames, folds, kind, seed
):
    faces = [face for person, count in enumerate(frames) for face in faces_of(person, count)]
    faces.append(Face("P0", None, "P0_none.mp4"))
    with dataset_of(faces) as dataset:
        splits = divide(dataset, kind, seed, folds)
        assert len(splits) == folds
        tested = np.concatenate([split.test for split in splits])
        assert sorted(tested.tolist()) == list(range(len(faces) - 1))
        groups = {
            "participant": dataset.column("participant"),
            "video": dataset.column("video"),
            "random": dataset.image_hashes,
        }[kind]
        for split in splits:
            assert len(split.validation)
            assert len(all_rows(split)) == len(set(all_rows(split))) == len(faces) - 1
            learned = {*groups[split.training], *groups[split.seen]}
            assert not learned & {*groups[split.validation]}
            assert not learned & {*groups[split.test]}
            assert not {*groups[split.validation]} & {*groups[split.test]}
        sizes = [len(np.unique(groups[split.test])) for split in splits]
        assert max(sizes) - min(sizes) <= 1


def test_folds_are_the_same_with_the_same_seed_and_others_with_another():
    with dataset_of(study(9)) as dataset:
        one, same, other = (divide(dataset, None, seed, 3) for seed in (1, 1, 2))
    assert [all_rows(split) for split in one] == [all_rows(split) for split in same]
    assert [split.groups for split in one] != [split.groups for split in other]


@pytest.mark.parametrize(("people", "folds"), [(3, 3), (4, 2), (5, 3), (5, 5)])
def test_as_few_people_as_can_be_are_dealt_out(people, folds):
    with dataset_of(study(people)) as dataset:
        for split in divide(dataset, "participant", 0, folds):
            assert min(len(split.training), len(split.validation), len(split.test)) > 0


@pytest.mark.parametrize(("people", "folds"), [(3, 2), (2, 2), (4, 5), (1, 9)])
@pytest.mark.parametrize(
    ("kind", "named"),
    [("participant", "participants"), ("video", "videos"), ("random", "different faces")],
)
def test_too_few_to_be_dealt_out_are_refused(kind, named, people, folds):
    both = [Face(f"P{n}", emotion, f"{n}.mp4", image=n) for n in range(people) for emotion in TWO]
    with (
        dataset_of(both) as dataset,
        pytest.raises(SplitError, match=rf"{people} {named} cannot be dealt out into {folds} fold"),
    ):
        divide(dataset, kind, 0, folds)


@pytest.mark.parametrize("kind", ["corpus", "leave-one-participant-out"])
def test_folds_do_not_go_with_a_split_that_says_itself_who_is_tested(kind):
    faces = [face._replace(split=index % 3) for index, face in enumerate(study(6))]
    with dataset_of(faces) as dataset, pytest.raises(SplitError, match="--folds does not go with"):
        divide(dataset, kind, 0, 3)


# Exact copies of images


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 7), st.sampled_from(TWO), st.integers(0, 25)),
        min_size=16,
        max_size=60,
    ),
    st.sampled_from([*KINDS, "leave-one-participant-out", "corpus"]),
    st.sampled_from([None, 3]),
    SEEDS,
)
def test_no_image_is_on_two_sides_and_what_is_left_out_is_counted(shown, kind, folds, seed):
    faces = [
        Face(f"P{person}", emotion, f"P{person}.mp4", index % 3, image)
        for index, (person, emotion, image) in enumerate(shown)
    ]
    with dataset_of(faces) as dataset:
        try:
            splits = divide(dataset, kind, seed, folds if kind in KINDS else None)
        except SplitError:
            return
        images = dataset.image_hashes
        for split in splits:
            of_sides = [set(images[getattr(split, side)].tolist()) for side in SIDES]
            assert sum(map(len, of_sides)) == len(set.union(*of_sides))
            assert len(all_rows(split)) + split.copies == len(faces)
            # Nothing but a copy of a face on another side is left out.
            left_out = set(range(len(faces))) - set(all_rows(split))
            assert set(images[sorted(left_out)].tolist()) <= set.union(*of_sides)
            assert kind != "random" or split.copies == 0


def test_the_test_part_keeps_its_images_and_validation_comes_before_training():
    shared = [Face(None, "neutral", split=side, image=70) for side in (0, 1, 2)]
    two = [Face(None, "happiness", split=side, image=80) for side in (0, 1)]
    own = [Face(None, emotion, split=side) for side in (0, 1, 2) for emotion in TWO]
    with dataset_of([*shared, *two, *own]) as dataset:
        (split,) = divide(dataset, "corpus", 0)
    assert split.test.tolist() == [2, 9, 10]
    assert split.validation.tolist() == [4, 7, 8]
    assert split.training.tolist() == [5, 6]
    assert split.copies == 3


def test_a_still_that_was_filmed_for_long_is_learned_from_and_not_seen_only():
    # Whoever is in training, the leak meter holds out some of the copies of their image.
    stills = [
        Face(f"P{person}", emotion, image=2 * person + index)
        for person in range(6)
        for index, emotion in enumerate(TWO)
        for _ in range(20)
    ]
    with dataset_of(stills) as dataset:
        (split,) = divide(dataset, None, 0)
        learned = set(dataset.column("participant")[split.training])
    assert len(learned) == 4
    assert not len(split.seen)
    assert split.copies == round(0.1 * 4 * 40)


def test_a_part_of_nothing_but_copies_is_refused():
    copies = [face._replace(image=1 + index % 2) for index, face in enumerate(study(6, frames=1))]
    with (
        dataset_of(copies) as dataset,
        pytest.raises(SplitError, match=r"training part shows|has no face that is not a copy"),
    ):
        divide(dataset, None, 0)


# A corpus that has no validation part


@pytest.mark.parametrize(
    ("person", "video"),
    [(True, True), (False, True), (False, False)],
    ids=["by person", "by video", "by image"],
)
def test_a_corpus_without_validation_gives_some_of_its_training_part(person, video):
    faces = [
        Face(f"P{n}" if person else None, emotion, f"{n}.mp4" if video else None, split, image)
        for split, people in ((0, range(10)), (2, range(20, 23)))
        for n in people
        for emotion in TWO
        for image in [None] * 9
    ]
    with dataset_of(faces) as dataset:
        (split,), (same,) = (divide(dataset, "corpus", seed=4) for _ in range(2))
        (other,) = divide(dataset, "corpus", seed=5)
        assert all_rows(split) == all_rows(same) != all_rows(other)
        stated = dataset.column("split")
        assert set(stated[split.test]) == {2}
        assert set(stated[[*split.training, *split.validation]]) == {0}
        assert len(split.training) + len(split.validation) == 180
        assert 0.09 * 180 < len(split.validation) < 0.21 * 180
        assert set(dataset.column("label")[split.validation]) == {0, 1}
        for name in ("participant",) * person + ("video",) * video:
            group = dataset.column(name)
            assert not set(group[split.training]) & set(group[split.validation])
