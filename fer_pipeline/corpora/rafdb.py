"""RAF-DB, its basic part: faces from the web in seven classes, each labelled by about forty people.

Li, Deng and Du, "Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression
Recognition in the Wild", CVPR 2017; http://www.whdeng.cn/RAF/model1.html. Read as its authors
distribute it, the faces that they aligned, 100 x 100 pixels, or else the original pictures, and as
it is often passed on, the aligned faces in a folder for each class.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from fer_pipeline.corpora.corpus import (
    Corpus,
    Entry,
    Progress,
    ReadOptions,
    Skipped,
    Still,
    Unusable,
)
from fer_pipeline.corpora.members import (
    PICTURE_SUFFIXES,
    Member,
    holds,
    read_ahead,
    read_members,
    suffix,
    telling,
)
from fer_pipeline.corpora.tables import RowError, code_of, shown, table_rows, text_lines
from fer_pipeline.dataset import SPLIT_TEST, SPLIT_TRAINING
from fer_pipeline.domain import EMOTIONS, Box
from fer_pipeline.errors import CorpusError
from fer_pipeline.faces import CropOptions

SIZE = 100
"""Pixels of an aligned face."""

_EMOTIONS_BY_CODE = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
_CODES = {str(code).encode(): emotion for code, emotion in enumerate(_EMOTIONS_BY_CODE, 1)}
_KNOWN_CODES = f"not a number from 1 to {len(_CODES)}"

_SPLITS = {"train": SPLIT_TRAINING, "test": SPLIT_TEST}
_FACE = re.compile(r"(train|test)_[0-9]{1,9}")

_ALIGNED, _BOX_ENDS = "_aligned", "_boundingbox.txt"

_LISTS = ("list_patition_label.txt", "list_partition_label.txt")
"""As the authors spell it, and as others do."""

_COLUMNS = ("image", "label")

_REMEDY = "give the folder that holds list_patition_label.txt and the pictures, unpacked"


def read(sources: Sequence[Path], options: ReadOptions, progress: Progress) -> Iterator[Entry]:
    """Read the basic part of RAF-DB; as `corpus.Reader`."""
    del options  # nothing to be told
    aligned = _are_aligned(sources)
    labels = _Labels()
    for source in sources:
        with telling(source):
            for member in read_ahead(source, partial(_is_wanted_text, aligned=aligned), progress):
                yield from _keep_text(member, labels)
    seen = set[str]()
    for source in sources:
        with telling(source):
            for member in read_members(source, _is_picture, progress):
                entry = _entry(member, labels, aligned=aligned)
                face = _face_of(member.name)
                if isinstance(entry, Still) and face in seen:
                    entry = Unusable(member.place, f"a second picture of {face}")
                if not isinstance(entry, Skipped):
                    seen.add(face)
                yield entry
    if not seen:
        given = ", ".join(map(str, sources))
        raise CorpusError(f"{given}: no pictures there", _REMEDY)
    for face, place in labels.places.items():
        if face not in seen:
            yield Unusable(place, f"there is no picture of {face}")


def crop(sources: Sequence[Path]) -> CropOptions:
    """Return how faces are cut out: like the aligned ones, or as usual from original pictures."""
    return CropOptions(size=SIZE, margin=0.0) if _are_aligned(sources) else CropOptions()


RAFDB = Corpus(
    title="RAF-DB, basic part (Li et al., 2017): the folder with EmoLabel and Image, or the "
    "aligned faces in folders train/1 to test/7.",
    crop=crop,
    read=read,
    emotions=tuple(name for name in EMOTIONS if name in _EMOTIONS_BY_CODE),
)


def _are_aligned(sources: Sequence[Path]) -> bool:
    return any(holds(source, _is_aligned) for source in sources)


def _is_aligned(name: str) -> bool:
    return _is_picture(name) and PurePosixPath(name).stem.endswith(_ALIGNED)


def _is_picture(name: str) -> bool:
    return suffix(name) in PICTURE_SUFFIXES


def _is_compound(name: str) -> bool:
    """Tell whether a file is of the corpus's other part, which calls its files alike."""
    return "compound" in PurePosixPath(name.lower()).parts[:-1]


def _is_wanted_text(name: str, *, aligned: bool) -> bool:
    if _is_compound(name):
        return False
    file = PurePosixPath(name).name.lower()
    return file in _LISTS or _is_table(file) or (file.endswith(_BOX_ENDS) and not aligned)


def _is_table(file: str) -> bool:
    return file.endswith("labels.csv")


@dataclass(slots=True)
class _Labels:
    """What lists, tables and boxes tell of the faces, by such names as ``train_00001``.

    Attributes:
        emotions: Emotion of each face.
        places: Where it is told.
        boxes: Where the face is in its original picture.
    """

    emotions: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    boxes: dict[str, Box] = field(default_factory=dict)


def _keep_text(member: Member, labels: _Labels) -> Iterator[Unusable]:
    """Keep what a list, a table or the file of a box tells, and yield what makes no sense."""
    if member.name.lower().endswith(_BOX_ENDS):
        face = _face_of(member.name.lower().removesuffix(_BOX_ENDS))
        try:
            labels.boxes[face] = read_box(member.file.read(2**12))
        except RowError as problem:
            yield Unusable(member.place, str(problem))
        return
    rows = (
        table_rows(member.place, member.file, _COLUMNS, _REMEDY, _parse)
        if suffix(member.name) == ".csv"
        else text_lines(member.place, member.file, _parse)
    )
    for _, row in rows:
        if isinstance(row, Unusable):
            yield row
        elif row.face in labels.emotions:
            yield Unusable(row.place, f"{row.face} once more, as in {labels.places[row.face]}")
        else:
            labels.emotions[row.face], labels.places[row.face] = row.emotion, row.place


@dataclass(frozen=True, slots=True)
class _Label:
    """A line of a list or a table."""

    place: str
    face: str
    emotion: str


def _parse(place: str, cells: Sequence[bytes]) -> _Label:
    if len(cells) != len(_COLUMNS):
        raise RowError(f"columns: {len(cells)} instead of {len(_COLUMNS)}")
    name, code = cells
    face = _face_of(name.decode("utf-8", "replace"))
    if not _FACE.fullmatch(face):
        raise RowError(f"{shown(name)} is no name such as train_00001.jpg")
    return _Label(place, face, code_of(code, _CODES, "label", _KNOWN_CODES))


def read_box(content: bytes) -> Box:
    """Return the box in a file of four numbers: left, top, right and bottom in pixels.

    Raises:
        RowError: It has no such numbers.
    """
    try:
        left, top, right, bottom = (round(float(cell)) for cell in content.split())
    except (OverflowError, ValueError):
        raise RowError("not the four numbers of a box") from None
    if right <= left or bottom <= top or max(map(abs, (left, top, right, bottom))) > 10**6:
        raise RowError("the box of the face is empty or beyond any picture")
    return Box(left, top, right - left, bottom - top)


def _face_of(name: str) -> str:
    """Return what a face is called in the list: ``train_00001`` of ``train_00001_aligned.jpg``."""
    return PurePosixPath(name).stem.removesuffix(_ALIGNED)


def _entry(member: Member, labels: _Labels, *, aligned: bool) -> Entry:
    if _is_compound(member.name):
        return Skipped("picture of the compound part")
    if aligned and not _is_aligned(member.name):
        return Skipped("original picture, beside the aligned faces")
    face = _face_of(member.name)
    if not _FACE.fullmatch(face):
        return Unusable(member.place, "no name such as train_00001.jpg")
    try:
        emotion = _emotion_of(face, member.name, labels)
    except RowError as problem:
        return Unusable(member.place, str(problem))
    return Still(
        member.place,
        member.file.read(),
        emotion,
        cropped=aligned,
        box=labels.boxes.get(face),
        split=_SPLITS[face.partition("_")[0]],
    )


def _emotion_of(face: str, name: str, labels: _Labels) -> str:
    """Return what lists and folders agree on.

    Raises:
        RowError: They do not, or tell nothing.
    """
    folder = PurePosixPath(name).parent.name
    told = _CODES.get(folder.encode("utf-8", "replace"))
    listed = labels.emotions.get(face, None if labels.emotions else told)
    if listed is None:
        known = "no list names it" if labels.emotions else "neither a list nor its folder labels it"
        raise RowError(known)
    if told not in (None, listed):
        raise RowError(f"its folder says {told}, {labels.places[face]} says {listed}")
    return listed
