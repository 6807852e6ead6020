"""CK+, the extended Cohn-Kanade dataset: 593 sequences of 123 people, 327 of them labelled.

Lucey et al., "The extended Cohn-Kanade dataset (CK+)", 2010. A sequence begins with a neutral face
and ends at the height of an emotion. By the README of its authors the frames are
``cohn-kanade-images/S005/001/S005_001_00000011.png``, person, sequence, frame, and the emotion of
the sequence is a number in ``Emotion/S005/001/S005_001_00000011_emotion.txt``. It is also passed on
flattened: as pictures in a folder for each class (CK+48: ``CK+48/anger/S010_004_00000017.png``, the
last three frames, cropped to 48 x 48), and as a table as FER2013 is (``ckextended.csv``).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fer_pipeline.corpora.corpus import (
    Corpus,
    Entry,
    Progress,
    ReadOptions,
    Still,
    Unusable,
)
from fer_pipeline.corpora.fer2013 import COLUMNS, SIZE, read_pixels, read_usage
from fer_pipeline.corpora.members import read_members, suffix, telling
from fer_pipeline.corpora.naming import (
    GIVEN_TWICE,
    Misnamed,
    Shown,
    counted_skips,
    file_stem,
    is_picture,
    list_sources,
    read_chosen,
)
from fer_pipeline.corpora.pictures import decode_picture
from fer_pipeline.corpora.tables import code_of, shown, table_rows
from fer_pipeline.domain import EMOTIONS, canonical_emotion
from fer_pipeline.errors import CorpusError
from fer_pipeline.faces import CropOptions
from fer_pipeline.quiet import quiet

_BY_NUMBER = dict(
    enumerate(
        (
            "neutral",
            "anger",
            "contempt",
            "disgust",
            "fear",
            "happiness",
            "sadness",
            "surprise",
        )
    )
)

_BY_CODE = {
    str(code).encode(): emotion
    for code, emotion in enumerate(
        (
            "anger",
            "disgust",
            "fear",
            "happiness",
            "sadness",
            "surprise",
            "neutral",
            "contempt",
        )
    )
}
"""The codes of the table, which are FER2013's and one more."""

_FLAT = CropOptions(size=SIZE, margin=0.0, channels="gray")

_FRAME = re.compile(r"(?P<sequence>(?P<person>S\d+)_\d+)_(?P<number>\d+)", re.IGNORECASE | re.ASCII)
_LABEL_ENDS = "_emotion.txt"
_LONGEST_LABEL = 64

_REMEDY = "give cohn-kanade-images and Emotion, or the folder above both"

_UNLABELLED = "sequence without an emotion label"
_LABEL_TWICE = "another copy of a label, by its name"
_FLATTENED = "cropped copy in a folder for each class"

_Listed = Sequence[tuple[Path, list[str]]]


def read(sources: Sequence[Path], options: ReadOptions, progress: Progress) -> Iterator[Entry]:
    """Read CK+ as its authors give it, or flattened; as `corpus.Reader`."""
    listed = list_sources(sources)
    names = [name for _, some in listed for name in some]
    if any(map(_is_label, names)):
        return _read_sequences(listed, options.last, progress)
    if any(map(_class_of, names)):
        return _read_classes(listed, progress)
    if any(map(_is_table, names)):
        return _read_tables(listed, progress)
    given = ", ".join(map(str, sources))
    raise CorpusError(f"{given}: holds no emotion labels (S005_001_00000011_emotion.txt)", _REMEDY)


def crop(sources: Sequence[Path]) -> CropOptions:
    """Return how faces are cut out: as cropped, where the sources are flattened."""
    names = [name for _, some in list_sources(sources) for name in some]
    flat = any(_class_of(name) or _is_table(name) for name in names)
    return CropOptions() if any(map(_is_label, names)) or not flat else _FLAT


CK = Corpus(
    title="CK+ (Lucey et al., 2010): cohn-kanade-images and Emotion, or the folder above both; "
    "also CK+48/anger/… and ckextended.csv.",
    crop=crop,
    read=read,
    emotions=EMOTIONS,
    heeds=frozenset({"last"}),
)


def _is_label(name: str) -> bool:
    return name.lower().endswith(_LABEL_ENDS)


def _is_table(name: str) -> bool:
    return suffix(name) == ".csv"


def _class_of(name: str) -> str | None:
    """Return the emotion after which a picture's folder is called."""
    return canonical_emotion(PurePosixPath(name).parent.name) if is_picture(name) else None


# Sequences with labels


@dataclass(frozen=True, slots=True)
class _Label:
    """The label of a sequence.

    Attributes:
        place: Its file, for messages.
        emotion: None where the file tells none.
    """

    place: str
    emotion: str | None


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame of a sequence: whose it is, and where."""

    person: str
    source: Path
    name: str


_Sequences = Mapping[str, Mapping[int, _Frame]]


def _read_sequences(listed: _Listed, last: int, progress: Progress) -> Iterator[Entry]:
    skipped: Counter[str] = Counter()
    labels: dict[str, _Label] = {}
    for sequence, label in _read_labels(listed, progress):
        before = labels.get(sequence)
        if isinstance(label, Unusable):
            yield label
            labels[sequence] = _Label(label.place, None)
        elif before is None:
            labels[sequence] = label
        elif before.emotion == label.emotion:
            skipped[_LABEL_TWICE] += 1
        else:
            yield Unusable(label.place, f"disagrees with {before.place}")
            labels[sequence] = _Label(label.place, None)

    sequences, chosen, copies = _gather_frames(listed)
    skipped += copies
    skipped[_UNLABELLED] = sum(sequence not in labels for sequence in sequences)
    yield from _without_frames(labels, sequences)
    for frame, emotion in _labelled_frames(labels, sequences, last):
        chosen[frame.source][frame.name] = Shown(emotion, frame.person)
    for source, own in chosen.items():
        yield from read_chosen(source, own, progress)
    yield from counted_skips(+skipped)


def _gather_frames(
    listed: _Listed,
) -> tuple[_Sequences, dict[Path, dict[str, Shown | Misnamed]], Counter[str]]:
    """Return all sequences, the pictures of each source that are of none, and what is a copy.

    Sequences are by name, frames by number, copies counted by the reason. Flattened pictures beside
    the original ones are called as these are, and must not be taken for them.
    """
    sequences: dict[str, dict[int, _Frame]] = defaultdict(dict)
    strange: dict[Path, dict[str, Shown | Misnamed]] = {source: {} for source, _ in listed}
    copies: Counter[str] = Counter()
    for source, name in ((s, name) for s, names in listed for name in names if is_picture(name)):
        if _class_of(name):
            copies[_FLATTENED] += 1
            continue
        match = _FRAME.fullmatch(file_stem(name))
        if match is None:
            strange[source][name] = _misnamed()
            continue
        frames = sequences[match["sequence"].upper()]
        if int(match["number"]) in frames:
            copies[GIVEN_TWICE] += 1
        else:
            frames[int(match["number"])] = _Frame(match["person"].upper(), source, name)
    return sequences, strange, copies


def _read_labels(listed: _Listed, progress: Progress) -> Iterator[tuple[str, _Label | Unusable]]:
    """Yield each label with the name of its sequence."""
    for source, _ in listed:
        with telling(source):
            for member in read_members(source, _is_label, progress):
                match = _FRAME.fullmatch(PurePosixPath(member.name).name[: -len(_LABEL_ENDS)])
                sequence = match["sequence"].upper() if match else member.name
                content = member.file.read(_LONGEST_LABEL)
                emotion = read_emotion(content)
                if match is None:
                    yield sequence, Unusable(member.place, _misnamed().problem)
                elif emotion is None:
                    problem = f"holds {shown(content.strip())}, not a number from 0 to 7"
                    yield sequence, Unusable(member.place, problem)
                else:
                    yield sequence, _Label(member.place, emotion)


def read_emotion(content: bytes) -> str | None:
    """Return the emotion that a label's file such as ``   3.0000000e+00`` holds, None for none."""
    try:
        return _BY_NUMBER.get(float(content))  # type: ignore[call-overload, no-any-return]
    except ValueError:
        return None


def _without_frames(labels: Mapping[str, _Label], sequences: _Sequences) -> Iterator[Unusable]:
    """Yield the labels that say nothing, because their sequence is not there, or is too short."""
    for sequence, label in labels.items():
        frames = len(sequences.get(sequence, ()))
        if label.emotion is not None and frames < 2:
            found = "one frame only, neutral or not" if frames else "no frames"
            yield Unusable(label.place, f"of its sequence {sequence} there are {found}")


def _labelled_frames(
    labels: Mapping[str, _Label], sequences: _Sequences, last: int
) -> Iterator[tuple[_Frame, str]]:
    """Yield the frames that show what is known: the first of a sequence, and the last ones."""
    for sequence, frames in sequences.items():
        emotion = labels[sequence].emotion if sequence in labels else None
        if emotion is None or len(frames) < 2:
            continue
        first, *others = (frames[number] for number in sorted(frames))
        yield first, "neutral"
        for frame in others[max(len(others) - last, 0) :]:
            yield frame, emotion


def _misnamed() -> Misnamed:
    return Misnamed("its name is not of CK+'s form, such as S005_001_00000011")


# Flattened


def _read_classes(listed: _Listed, progress: Progress) -> Iterator[Entry]:
    skipped: Counter[str] = Counter()
    seen: dict[str | None, str] = {}
    for source, names in listed:
        chosen: dict[str, Shown | Misnamed] = {}
        for name in filter(is_picture, names):
            told = _read_class(name)
            before = seen.get(told.picture) if isinstance(told, Shown) else None
            if isinstance(told, Shown) and before == told.emotion:
                skipped[GIVEN_TWICE] += 1
                continue
            if before is not None:
                told = Misnamed(f"the same picture is in the folder of {before}, too")
            if isinstance(told, Shown):
                seen[told.picture] = told.emotion
            chosen[name] = told
        for entry in read_chosen(source, chosen, progress, cropped=True):
            yield _checked(entry)
    yield from counted_skips(skipped)


def _read_class(name: str) -> Shown | Misnamed:
    emotion = _class_of(name)
    if emotion is None:
        return Misnamed("its folder names none of the eight emotions")
    stem = file_stem(name).upper()
    match = _FRAME.fullmatch(stem)
    return Shown(emotion, match["person"], picture=stem) if match else _misnamed()


def _checked(entry: Still | Unusable) -> Still | Unusable:
    """Refuse a picture that is not cropped."""
    if isinstance(entry, Unusable) or not isinstance(entry.image, bytes):
        return entry
    with quiet():
        image = decode_picture(entry.image)
    if image is None or image.shape[:2] == (SIZE, SIZE):
        return entry
    height, width = image.shape[:2]
    problem = f"{width} x {height} px instead of {SIZE} x {SIZE}; whole pictures are read as folder"
    return Unusable(entry.place, problem)


def _read_tables(listed: _Listed, progress: Progress) -> Iterator[Entry]:
    remedy = "give ckextended.csv, which begins with emotion,pixels,Usage"
    for source, _ in listed:
        with telling(source):
            for member in read_members(source, _is_table, progress):
                for _, row in table_rows(member.place, member.file, COLUMNS, remedy, _read_row):
                    yield row


def _read_row(place: str, cells: Sequence[bytes]) -> Still:
    code, pixels, usage = cells
    emotion = code_of(code, _BY_CODE, "emotion", "not a number from 0 to 7")
    return Still(place, read_pixels(pixels), emotion, split=read_usage(usage))
