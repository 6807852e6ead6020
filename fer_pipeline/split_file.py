"""The split that a model folder remembers, so that it can be looked up and replayed.

``split.npz`` says for every face of the dataset on which side it was, and tells faces by a hash of
their images and by their person, so that they are found again in a dataset that has grown or lost
people since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import UNKNOWN, Dataset
from fer_pipeline.errors import ModelError, SplitError
from fer_pipeline.model_folder import SPLIT_FILE, ModelSpec, read_arrays
from fer_pipeline.splits import (
    BY_PERSON,
    Rows,
    Split,
    SplitKind,
    check_sides,
    labelled_rows,
    participants_by_side,
    without_copies,
)

SIDES = ("training", "validation", "test", "seen")
"""In the order of their numbers in the file; −1 stands for no side."""

_TRAINING, _SEEN = SIDES.index("training"), SIDES.index("seen")

_NOBODY = ""

_REMEDY = "train the model again"


@dataclass(frozen=True, eq=False)
class StoredSplit:
    """Who was on which side when a model was trained.

    Attributes:
        side: Number of each face's side in `SIDES`, or −1; shape (fits, N), int8.
        image: `Dataset.image_hashes` of the faces, shape (N,), uint64.
        person: Code of each face's person, empty if unknown, shape (N,); None in a file without.
    """

    side: NDArray[np.int8]
    image: NDArray[np.uint64]
    person: NDArray[np.str_] | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of it: equal splits of equal images have the same."""
        return hashlib.sha256(self.side.tobytes() + self.image.tobytes()).hexdigest()

    def images(self, side: str) -> NDArray[np.uint64]:
        """Return the hashes of the images that were on a side in any of the fits."""
        on_side: NDArray[np.bool_] = (self.side == SIDES.index(side)).any(axis=0)
        return np.unique(self.image[on_side])


def write_split(folder: Path, dataset: Dataset, splits: tuple[Split, ...]) -> None:
    """Write the splits of a dataset into a model folder."""
    side = np.full((len(splits), len(dataset)), UNKNOWN, np.int8)
    for fit, split in enumerate(splits):
        for number, name in enumerate(SIDES):
            side[fit, getattr(split, name)] = number
    person = np.array([*dataset.participants, _NOBODY])[dataset.column("participant")]
    np.savez_compressed(folder / SPLIT_FILE, side=side, image=dataset.image_hashes, person=person)


def read_split(folder: Path) -> StoredSplit:
    """Read the split of a model folder.

    Raises:
        ModelError: It is missing or broken.
    """
    stored = read_arrays(folder, SPLIT_FILE, _REMEDY)
    path = folder / SPLIT_FILE
    try:
        split = StoredSplit(stored["side"], stored["image"], stored.get("person"))
    except KeyError as error:
        raise ModelError(f"{path}: broken (no {error}); {_REMEDY}") from error
    people_fit = split.person is None or split.person.shape == split.image.shape
    if split.side.ndim != 2 or split.side.shape[1:] != split.image.shape or not people_fit:
        raise ModelError(f"{path}: broken (its arrays do not fit); {_REMEDY}")
    return split


def replay(dataset: Dataset, folder: Path) -> tuple[Split, ...]:
    """Divide a dataset as it was divided when a model was trained.

    Every face goes to the side it was on. In a split by participant, faces that are new go with
    their person, and new people to training.

    Raises:
        ModelError: The folder remembers no split.
        SplitError: The dataset is another one, or has lost a side.
    """
    kind: SplitKind = ModelSpec.read(folder).split["kind"]
    stored = read_split(folder)
    rows = labelled_rows(dataset)
    if not np.isin(dataset.image_hashes[rows], stored.image).any():
        raise SplitError(
            f"{dataset.path}: holds none of the faces that {folder} was trained and tested on; "
            "give the dataset it was trained on, or one that has grown from it"
        )
    splits = []
    for fit in range(len(stored.side)):
        place = _sides_of_people if kind in BY_PERSON else _sides_of_images
        side = place(dataset, rows, stored, fit, folder)
        split = without_copies(_as_split(dataset, kind, rows, side), dataset.image_hashes)
        _check_nothing_lost(dataset, split, folder)
        check_sides(dataset, split)
        splits.append(split)
    return tuple(splits)


def _sides_of_people(
    dataset: Dataset, rows: Rows, stored: StoredSplit, fit: int, folder: Path
) -> NDArray[np.int8]:
    """Return the side of each row: that of its person; −1 for one that was left out."""
    people = dataset.people(rows)
    if people is None or stored.person is None:
        who = dataset.path if people is None else folder / SPLIT_FILE
        raise SplitError(
            f"{who}: does not tell whose face each one is, and the split of {folder} is by "
            "participant; choose another --split"
        )
    known = stored.side[fit] != UNKNOWN
    of_person = dict(zip(stored.person[known].tolist(), stored.side[fit][known], strict=True))
    side = np.array([of_person.get(person, _TRAINING) for person in people.tolist()], np.int8)
    side[side == _SEEN] = _TRAINING
    held_out = stored.image[stored.side[fit] == _SEEN]
    side[(side == _TRAINING) & np.isin(dataset.image_hashes[rows], held_out)] = _SEEN
    if np.array_equal(dataset.image_hashes, stored.image):  # the same copies are left out
        was_divided = np.isin(stored.image[rows], stored.image[known])
        side[was_divided] = stored.side[fit][rows][was_divided]
    return side


def _sides_of_images(
    dataset: Dataset, rows: Rows, stored: StoredSplit, fit: int, folder: Path
) -> NDArray[np.int8]:
    """Return the side of each row: that of its image; −1 for one that was left out."""
    images = dataset.image_hashes[rows]
    on_side = stored.side[fit] != UNKNOWN
    # All copies of an image that are on a side are on the same.
    known, first = np.unique(stored.image[on_side], return_index=True)
    new = int(np.sum(~np.isin(images, known)))
    if new:
        kind = ModelSpec.read(folder).split["kind"]
        raise SplitError(
            f"{dataset.path}: {new} faces were on no side when {folder} was trained, and its "
            f"split by {kind} does not tell where they belong; give the same data"
        )
    if np.array_equal(dataset.image_hashes, stored.image):
        side: NDArray[np.int8] = stored.side[fit][rows]
        return side
    found: NDArray[np.int8] = stored.side[fit][on_side][first][np.searchsorted(known, images)]
    return found


def _check_nothing_lost(dataset: Dataset, split: Split, folder: Path) -> None:
    for name in ("training", "validation", "test"):
        if not len(getattr(split, name)):
            raise SplitError(
                f"{dataset.path}: no face is left of the {name} part of {folder}; "
                "divide anew, without --split-from"
            )


def _as_split(dataset: Dataset, kind: SplitKind, rows: Rows, side: NDArray[np.int8]) -> Split:
    training, validation, test, seen = (rows[side == number] for number in range(len(SIDES)))
    split = Split(kind, training, validation, test, seen, copies=int(np.sum(side == UNKNOWN)))
    if kind in BY_PERSON:
        return replace(split, groups=_names(participants_by_side(dataset, [split])))
    if kind == "video":
        videos, names = dataset.column("video"), np.array(dataset.videos)
        sides = {"training": training, "validation": validation, "test": test}
        return replace(
            split, groups=_names({side: np.unique(names[videos[on]]) for side, on in sides.items()})
        )
    return split


def _names(of_sides: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {side: tuple(map(str, names)) for side, names in of_sides.items()}
