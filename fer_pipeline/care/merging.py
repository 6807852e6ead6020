"""Several datasets → one: a study with a public corpus, or the parts of a study.

Emotions are the same by their names. People are the same by their codes within studies of one's
own; the people of a public corpus, who have codes of their own, get its name before theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fer_pipeline.care.traces import Traces, forget, videos_of
from fer_pipeline.dataset import (
    NOBODY,
    Admission,
    CropRecord,
    Edits,
    Excerpt,
    Withdrawn,
    admit,
    called_in,
    copy_rows,
    open_dataset,
    withdrawn_from,
)
from fer_pipeline.dataset.copying import Progress
from fer_pipeline.errors import DatasetError, OutputError
from fer_pipeline.faces import Channels
from fer_pipeline.provenance import HISTORY, MERGED, provenance

_ANEW = "give another -o, or --overwrite to begin anew"

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class MergeOptions:
    """How datasets are joined.

    Attributes:
        size: Side of the images in pixels; None for that of the first dataset.
        channels: Their channels; None for those of the first dataset.
        apart: Whether each file's people and videos are others even if they are called the same.
        readmit: People who were withdrawn and are taken in again.
    """

    size: int | None = None
    channels: Channels | None = None
    apart: bool = False
    readmit: frozenset[str] = NOBODY


@dataclass(frozen=True)
class Part:
    """One of the datasets to be joined.

    Attributes:
        path: The file.
        belonging: What its people and videos get before their names; empty for nothing.
        digest: Of its data.
        faces: How many.
        crop: How its images were cut out.
        people: Codes as they are called in the result.
        videos: Names as they are called in the result.
        withdrawn: People who were withdrawn from it.
        made: Its provenance.
    """

    path: Path
    belonging: str
    digest: str
    faces: int
    crop: CropRecord
    people: tuple[str, ...]
    videos: tuple[str, ...]
    withdrawn: tuple[Withdrawn, ...]
    made: dict[str, Any]

    @classmethod
    def of(cls, path: Path, *, apart: bool) -> Part:
        """Look at a dataset."""
        with open_dataset(path) as dataset:
            corpus = path.stem if apart else _corpus_of(dataset.provenance)
            called = partial(called_in, corpus)
            scoped = (
                one if one.corpus or not corpus else replace(one, corpus=corpus)
                for one in dataset.withdrawn
            )
            return cls(
                path=path,
                belonging=corpus,
                digest=dataset.digest,
                faces=len(dataset),
                crop=dataset.crop,
                people=tuple(map(called, dataset.participants)),
                videos=tuple(map(called, dataset.videos)),
                withdrawn=tuple(scoped),
                made=dataset.provenance,
            )


def _corpus_of(made: dict[str, Any]) -> str:
    """Return the corpus whose people have codes of their own; none for a study of one's own."""
    return "" if made.get("own") else str(made.get("corpus", ""))


@dataclass(frozen=True)
class MergePlan:
    """What a run is about to do.

    Attributes:
        output: The dataset to be made.
        parts: What goes into it.
        crop: How its images are said to be cut out: as those of the first part.
        withdrawn: People whom it refuses.
        refused: Codes of those of them who are in the parts, and are left out.
        known: Whether it exists already, made of just this.
    """

    output: Path
    parts: tuple[Part, ...]
    crop: CropRecord
    withdrawn: tuple[Withdrawn, ...]
    refused: frozenset[str]
    known: bool

    @property
    def faces(self) -> int:
        """How many rows are to be looked at."""
        return sum(part.faces for part in self.parts)

    @property
    def notes(self) -> list[str]:
        """What the user should know about how the parts fit together."""
        return [*self._rescaled(), *self._cut_out_otherwise(), *self._same_people()]

    def _rescaled(self) -> list[str]:
        kind = f"{self.crop.size} px, {self.crop.channels}"
        return [
            f"{part.path}: its images of {part.crop.size} px, {part.crop.channels}, "
            f"are made {kind}; --size and --channels choose otherwise"
            for part in self.parts
            if (part.crop.size, part.crop.channels) != (self.crop.size, self.crop.channels)
        ]

    def _cut_out_otherwise(self) -> list[str]:
        def cut(crop: CropRecord) -> tuple[object, ...]:
            return crop.margin, crop.detector, crop.cascade_digest

        others = [str(part.path) for part in self.parts if cut(part.crop) != cut(self.crop)]
        if not others:
            return []
        return [
            f"{', '.join(others)}: faces cut out with another margin or detector than in "
            f"{self.parts[0].path}; a model may tell the corpora apart by that"
        ]

    def _same_people(self) -> list[str]:
        own = [set(part.people) for part in self.parts if not part.belonging]
        several = sorted({code for people in own for code in people if _count(own, code) > 1})
        if not several:
            return []
        some = ", ".join(several[:_SHOWN]) + (", …" if len(several) > _SHOWN else "")
        return [f"taken for the same people, by their codes: {some}; --apart keeps them apart"]


def _count(sets: Sequence[set[str]], code: str) -> int:
    return sum(code in one for one in sets)


def plan_merge(
    sources: Sequence[Path], output: Path, options: MergeOptions, *, overwrite: bool = False
) -> MergePlan:
    """Find out what joining datasets comes to, without doing it.

    Args:
        sources: The datasets; the first one says what the images are like.
        output: The dataset to be made.
        options: How they are joined.
        overwrite: Replace what is there.

    Raises:
        DatasetError: A source is missing or broken, or two have the same video.
        OutputError: The output exists and is something else, or is one of the sources.
    """
    _refuse_own_input(sources, output)
    parts = tuple(Part.of(path, apart=options.apart) for path in sources)
    _refuse_same_name(parts, apart=options.apart)
    _refuse_same_video(parts)
    before = (*withdrawn_from(output), *(one for part in parts for one in part.withdrawn))
    people = {code for part in parts for code in part.people}
    admission = admit(sorted(people), tuple(dict.fromkeys(before)), options.readmit)
    if options.apart and not options.readmit:
        admission = replace(admission, refused=admission.refused | _alike(parts))
    first = parts[0].crop
    crop = replace(
        first, size=options.size or first.size, channels=options.channels or first.channels
    )
    return MergePlan(
        output=output,
        parts=parts,
        crop=crop,
        withdrawn=admission.withdrawn,
        refused=admission.refused,
        known=not overwrite and _is_known(output, parts, crop, admission),
    )


def run_merge(plan: MergePlan, command: str, progress: Progress) -> None:
    """Join the datasets.

    Args:
        plan: What to do.
        command: The command line as it was typed.
        progress: Called with the number of faces done since the last call.

    Raises:
        DatasetError: A source is broken.
        OutputError: The dataset cannot be written.
    """
    excerpts = [_excerpt(part, plan.refused) for part in plan.parts]
    described = provenance(command) | {
        MERGED: {part.path.name: _record(part, plan.refused) for part in plan.parts}
    }
    copy_rows(
        plan.output, excerpts, plan.crop, described, withdrawn=plan.withdrawn, progress=progress
    )


def _alike(parts: Sequence[Part]) -> frozenset[str]:
    """Return people of whom one file says that they were withdrawn, and who are in another.

    They may be others of the same code, but who was withdrawn should not come back by a guess.
    """
    codes = {
        code: code.removeprefix(f"{part.belonging}/") for part in parts for code in part.people
    }
    withdrawn = [replace(one, corpus="") for part in parts for one in part.withdrawn]
    return frozenset(
        called for called, code in codes.items() if any(one.is_of(code) for one in withdrawn)
    )


def _excerpt(part: Part, refused: frozenset[str]) -> Excerpt:
    called = partial(called_in, part.belonging)
    edits = Edits(participant=called, video=called)
    with open_dataset(part.path) as dataset:
        out = frozenset(code for code in dataset.participants if called(code) in refused)
        if not out:
            return Excerpt.of(dataset, edits=edits)
        indexes = [index for index, code in enumerate(dataset.participants) if code in out]
        rows = np.flatnonzero(~np.isin(dataset.column("participant"), indexes))
        return Excerpt.of(dataset, rows, edits, unlisted=videos_of(dataset, out).own)


def _record(part: Part, refused: frozenset[str]) -> dict[str, Any]:
    """Return what is kept of where a part comes from; of people who stay out, nothing."""
    beginning = called_in(part.belonging, "")
    out = frozenset(code.removeprefix(beginning) for code in refused.intersection(part.people))
    made = part.made
    if out:
        with open_dataset(part.path) as dataset:
            made = forget(made, Traces(out, videos_of(dataset, out).own))
    return {
        "digest": part.digest,
        "faces": part.faces,
        "belonging": part.belonging,
        "crop": asdict(part.crop),
        "made": made,
    }


def _refuse_own_input(sources: Sequence[Path], output: Path) -> None:
    if output.resolve() in {path.resolve() for path in sources}:
        raise OutputError(f"{output}: is one of the inputs", "give another -o")


def _refuse_same_name(parts: Sequence[Part], *, apart: bool) -> None:
    names = [part.belonging if apart else part.path.name for part in parts]
    for name in names:
        if names.count(name) > 1:
            problem = f"{name}: two of the datasets have this file name"
            raise DatasetError(problem, "rename one, so that it can be told what came from where")


def _refuse_same_video(parts: Sequence[Part]) -> None:
    found: dict[str, Path] = {}
    for part in parts:
        for video in part.videos:
            if video in found:
                raise DatasetError(
                    f"{video}: a video of this name is in {found[video]} and in {part.path}",
                    "leave one of them out if it is the same video, or add --apart",
                )
            found[video] = part.path


def _is_known(output: Path, parts: Sequence[Part], crop: CropRecord, admission: Admission) -> bool:
    """Tell whether the output was made of just this; anything else that is there is refused."""
    if not output.exists():
        return False
    with open_dataset(output) as dataset:
        made = dataset.provenance
        same = (
            dataset.crop == crop
            and dataset.withdrawn == admission.withdrawn
            and not made.get(HISTORY)
        )
    if MERGED not in made:
        raise OutputError(f"{output}: not made by fer data merge", _ANEW)
    if not same or made[MERGED] != {
        part.path.name: _record(part, admission.refused) for part in parts
    }:
        raise OutputError(f"{output}: made of other datasets, or otherwise", _ANEW)
    return True
