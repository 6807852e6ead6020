"""Which faces of a dataset a model may be judged on, and whose faces they are.

A figure on faces that a model learned from says nothing about other people. So the model folder is
asked first whom the model has seen, and whatever is chosen has a name that tells it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fer_pipeline.dataset import UNKNOWN, Dataset
from fer_pipeline.errors import DatasetError, ModelError
from fer_pipeline.evaluation import Side
from fer_pipeline.json_values import parse_json
from fer_pipeline.listing import few
from fer_pipeline.model_folder import METRICS_FILE, SPLIT_FILE, ModelSpec, model_file
from fer_pipeline.split_file import SIDES, StoredSplit, read_split
from fer_pipeline.splits import Rows

WhichSide = Literal["test", "validation", "seen", "training", "all"]

WHICH_SIDES: tuple[WhichSide, ...] = get_args(WhichSide)

_MEANING: dict[WhichSide, Side] = {
    "test": "unseen",
    "validation": "validation",
    "seen": "seen",
    "training": "training",
    "all": "all",
}


@dataclass(frozen=True, slots=True)
class ChoiceOptions:
    """Which faces are wanted.

    Attributes:
        side: Part of the dataset that the model was trained on; None for its test part. Of another
            dataset all faces are taken.
        other_people: Whether equal participant codes in another dataset stand for other people.
        common: Whether faces of emotions that the model does not know are left out; else they are
            refused.
    """

    side: WhichSide | None = None
    other_people: bool = False
    common: bool = False


@dataclass(frozen=True, eq=False)
class Learned:
    """Whom a model has seen, as far as its folder tells.

    Attributes:
        spec: Its spec.
        split: Who was on which side; None if the folder does not remember it.
        refitted: Whether the saved model was fitted on everyone in the end.
    """

    spec: ModelSpec
    split: StoredSplit | None
    refitted: bool

    @classmethod
    def read(cls, folder: Path) -> Learned:
        """Read it from a model folder.

        Raises:
            ModelError: There is no model, or what its folder tells is broken.
        """
        spec = ModelSpec.read(folder)
        if not (folder / SPLIT_FILE).is_file():
            return cls(spec, None, refitted=True)
        split, path = read_split(folder), model_file(folder, METRICS_FILE, "train the model again")
        try:
            refitted = parse_json(path.read_text("utf-8"))["refitted_on_everyone"]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{path}: broken ({error!r}); train the model again") from error
        return cls(spec, split, refitted=bool(refitted) or len(split.side) > 1)

    @property
    def notes(self) -> list[str]:
        """What is not known about whom it has seen."""
        options = self.spec.training.get("run", {}).get("options", {})
        first = options.get("weights")
        if first in (None, "imagenet"):
            return []
        return [f"training began with the weights of {first}: whom those have seen is not known"]

    @property
    def images(self) -> NDArray[np.uint64]:
        """Hashes of the images that the model learned from, or that decided about it."""
        if self.split is None:
            return np.empty(0, np.uint64)
        if self.refitted:
            return self.split.image
        return np.concatenate([self.split.images(side) for side in SIDES if side != "test"])

    @property
    def people(self) -> frozenset[str]:
        """Codes of the people whom the model learned from, or who decided about it."""
        of_side = self.spec.split.get("participants", {})
        return frozenset(
            person
            for side, people in of_side.items()
            if self.refitted or side != "test"
            for person in people
        )

    def is_own(self, dataset: Dataset) -> bool:
        """Tell whether a dataset is the one that the model was trained on, or a part of it."""
        if self.split is None:
            return bool(self.spec.dataset.get("digest") == dataset.digest)
        return bool(np.isin(dataset.image_hashes, self.split.image).all())


@dataclass(frozen=True, eq=False)
class Choice:
    """The faces that a model is judged on.

    Attributes:
        rows: Their rows in the dataset, ascending.
        truth: What each shows, as an index into the model's emotions.
        side: Whose faces they are.
        notes: What was left out and why, and what is not known, a sentence each.
    """

    rows: Rows
    truth: NDArray[np.int64]
    side: Side
    notes: tuple[str, ...]


def choose_faces(dataset: Dataset, learned: Learned, options: ChoiceOptions) -> Choice:
    """Choose the faces of a dataset that a model is judged on.

    Args:
        dataset: The model's own dataset, or another.
        learned: Whom the model has seen.
        options: Which faces are wanted.

    Raises:
        ModelError: The model has no such faces in its own dataset.
        DatasetError: No face is left, or the dataset shows emotions that the model does not know.
    """
    labels, notes = _labels(dataset), learned.notes
    rows = np.flatnonzero(labels != UNKNOWN)
    if not len(rows):
        raise DatasetError(f"{dataset.path}: no face has a label to compare with")
    if learned.is_own(dataset):
        rows, side = _of_own(dataset, rows, learned, options.side)
    else:
        if options.side is not None:
            problem = f"{dataset.path}: not the data that the model was trained on"
            raise DatasetError(problem, "leave --side out: all faces that it has not seen count")
        rows, side = _of_another(dataset, rows, learned, options, notes), "other"
    numbers = {emotion: index for index, emotion in enumerate(learned.spec.emotions)}
    of_label = np.array([numbers.get(emotion, UNKNOWN) for emotion in dataset.emotions])
    truth = of_label[labels[rows]]
    _check_unknown(dataset, rows[truth == UNKNOWN], learned.spec, options, notes)
    rows, truth = rows[truth != UNKNOWN], truth[truth != UNKNOWN]
    if not len(rows):
        why = f" ({'; '.join(notes)})" if notes else ""
        raise DatasetError(f"{dataset.path}: no face is left to judge the model on{why}")
    return Choice(rows, truth, side, tuple(notes))


def _labels(dataset: Dataset) -> NDArray[np.int8]:
    labels: NDArray[np.int8] = dataset.column("label")
    if np.any((labels < UNKNOWN) | (labels >= len(dataset.emotions))):
        raise DatasetError(f"{dataset.path}: broken; fer data verify tells where")
    return labels


def _of_own(
    dataset: Dataset, rows: Rows, learned: Learned, which: WhichSide | None
) -> tuple[Rows, Side]:
    """Take a part of the model's own dataset."""
    which = which or "test"
    if learned.refitted and which in ("training", "all") and learned.split is not None:
        return rows, "training"
    if which == "all":
        return rows, "all"
    if learned.split is None:
        raise ModelError(
            f"{dataset.path}: the model was trained on it, and its folder has no {SPLIT_FILE} that "
            "would tell on which of its faces",
            "train the model again",
        )
    if learned.refitted:
        raise ModelError(
            f"{dataset.path}: the saved model was fitted on everyone in it in the end, so it has "
            f"no {which} faces",
            f"{METRICS_FILE} in the model folder has the figures of the evaluation with people set "
            "aside; --side training shows how well it knows the faces that it learned from",
        )
    chosen = rows[_on_side(dataset, learned.split, which)[rows]]
    if not len(chosen):
        problem = f"{dataset.path}: holds no face of the model's {which} part"
        raise DatasetError(problem, "choose another --side")
    return chosen, _MEANING[which]


def _on_side(dataset: Dataset, split: StoredSplit, which: WhichSide) -> NDArray[np.bool_]:
    images = dataset.image_hashes
    if np.array_equal(images, split.image):
        on_side: NDArray[np.bool_] = split.side[0] == SIDES.index(which)
        return on_side
    return np.isin(images, split.images(which))


def _of_another(
    dataset: Dataset, rows: Rows, learned: Learned, options: ChoiceOptions, notes: list[str]
) -> Rows:
    """Take the faces of another dataset that the model has not seen, of people it has not."""
    if learned.split is None:
        notes.append(
            f"the model folder has no {SPLIT_FILE}: images that the model has seen cannot be known"
        )
    copies = np.isin(dataset.image_hashes[rows], learned.images)
    if copies.any():
        notes.append(f"{copies.sum()} faces left out: the model was trained with the same images")
    rows = rows[~copies]
    person = dataset.column("participant")[rows]
    if np.any(person >= len(dataset.participants)):
        raise DatasetError(f"{dataset.path}: broken; fer data verify tells where")
    if not learned.people or np.any(person == UNKNOWN):
        whose = "some of these faces" if learned.people else "the model's own faces"
        notes.append(f"it is not known whose {whose} are: people it has seen may be among these")
    same = np.array([*(code in learned.people for code in dataset.participants), False])[person]
    if not same.any():
        return rows
    codes = few(sorted({dataset.participants[index] for index in person[same]}))
    if options.other_people:
        notes.append(f"taken for other people than those it was trained with: {codes}")
        return rows
    notes.append(
        f"{same.sum()} faces left out: the model was trained with people of the same codes "
        f"({codes}); --other-people if these are others"
    )
    unlike: Rows = rows[~same]
    return unlike


def _check_unknown(
    dataset: Dataset, rows: Rows, spec: ModelSpec, options: ChoiceOptions, notes: list[str]
) -> None:
    """Refuse faces of emotions that the model does not know, or note that they are left out."""
    if not len(rows):
        return
    shown = (dataset.emotions[index] for index in np.unique(dataset.column("label")[rows]))
    what = f"{len(rows)} faces show {', '.join(shown)}, which the model does not know"
    if not options.common:
        raise DatasetError(
            f"{dataset.path}: {what} (it tells {', '.join(spec.emotions)})",
            "--common leaves them out",
        )
    notes.append(f"left out: {what}")
