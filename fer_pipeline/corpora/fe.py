"""FE, "facial expressions": 13,000 faces that students gathered, with a table of what they show.

https://github.com/muxspace/facial_expressions: ``data/legend.csv`` (``user.id,image,emotion``) and
a folder ``images``. By its README a user is the student who added a picture, not the person on it,
so nobody is known here, though many a person is on several pictures. Emotions are in any case
(``happiness``, ``HAPPINESS``), and rows that another program made have tabs for commas.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fer_pipeline.corpora.corpus import (
    Corpus,
    Entry,
    Progress,
    ReadOptions,
    Skipped,
    Unusable,
)
from fer_pipeline.corpora.members import read_members, telling
from fer_pipeline.corpora.naming import (
    GIVEN_TWICE,
    Misnamed,
    Shown,
    is_picture,
    list_sources,
    no_pictures,
    read_chosen,
)
from fer_pipeline.corpora.tables import RowError, shown, table_rows
from fer_pipeline.domain import EMOTIONS, canonical_emotion
from fer_pipeline.errors import CorpusError
from fer_pipeline.faces import CropOptions

_TABLE, _FOLDER = "legend.csv", "images"
_REMEDY = "give the folder above data/legend.csv and images/, or both"

_UNNAMED = f"picture that {_TABLE} does not name"


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table.

    Attributes:
        place: Where it is, for messages.
        image: Name of the picture's file, without folders.
        emotion: Canonical name.
    """

    place: str
    image: str
    emotion: str


def read(sources: Sequence[Path], _: ReadOptions, progress: Progress) -> Iterator[Entry]:
    """Read FE from folders, archives, its table and its pictures; as `corpus.Reader`."""
    listed = list_sources(sources)
    rows = []
    for row in _read_table(listed, progress):
        if isinstance(row, Unusable):
            yield row
        else:
            rows.append(row)
    agreed: dict[str, _Row] = {}
    for one in _one_for_each_picture(rows):
        if isinstance(one, Unusable):
            yield one
        else:
            agreed[one.image] = one
    yield from _read_pictures(listed, agreed, {row.image for row in rows}, progress)


def _read_table(
    listed: Sequence[tuple[Path, list[str]]], progress: Progress
) -> Iterator[_Row | Unusable]:
    tables = [(source, name) for source, names in listed for name in names if _is_table(name)]
    if len(tables) != 1:
        given = ", ".join(str(source) for source, _ in listed)
        problem = f"{given}: holds {len(tables) or 'no'} {_TABLE}"
        raise CorpusError(problem, _REMEDY if not tables else "give one of them")
    source, table = tables[0]
    with telling(source):
        for member in read_members(source, table.__eq__, progress):
            rows = io.BytesIO(member.file.read().replace(b"\t", b","))
            for _, row in table_rows(member.place, rows, ("image", "emotion"), _REMEDY, _parse):
                yield row


def _is_table(name: str) -> bool:
    return PurePosixPath(name).name.lower() == _TABLE


def _parse(place: str, cells: Sequence[bytes]) -> _Row:
    image, word = cells
    emotion = canonical_emotion(word.decode("utf-8", "replace"))
    if emotion is None:
        raise RowError(f"the emotion is {shown(word)}, which is none")
    # Names of files are decoded so by the operating system, too.
    name = PurePosixPath(image.decode("utf-8", "surrogateescape")).name
    if not name:
        raise RowError("names no picture")
    return _Row(place, name, emotion)


def _one_for_each_picture(rows: Sequence[_Row]) -> Iterator[_Row | Unusable]:
    """Yield a row for each picture whose rows agree; the others are of no use."""
    by_image: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        by_image[row.image].append(row)
    for same in by_image.values():
        first, *more = same
        said = sorted({row.emotion for row in same})
        if len(said) > 1:
            problem = f"the rows of its picture disagree: {', '.join(said)}"
            yield from (Unusable(row.place, problem) for row in same)
            continue
        yield first
        yield from (Unusable(row.place, f"names a picture again, as {first.place}") for row in more)


def _read_pictures(
    listed: Sequence[tuple[Path, list[str]]],
    agreed: dict[str, _Row],
    named: Collection[str],
    progress: Progress,
) -> Iterator[Entry]:
    pictures = [(source, name) for source, names in listed for name in names if is_picture(name)]
    if not pictures:
        raise no_pictures([source for source, _ in listed], f"a folder {_FOLDER}")
    # Contributors left pictures of their own elsewhere, some under names that are in the table.
    inside = [one for one in pictures if PurePosixPath(one[1]).parent.name == _FOLDER]
    missing, unnamed, copies = dict(agreed), 0, 0
    chosen: dict[Path, dict[str, Shown | Misnamed]] = {source: {} for source, _ in listed}
    for source, path in inside or pictures:
        image = PurePosixPath(path).name
        if row := missing.pop(image, None):
            chosen[source][path] = Shown(row.emotion)
        elif image in agreed:
            copies += 1
        elif image not in named:
            unnamed += 1
    unnamed += len(pictures) - len(inside) if inside else 0
    for source, own in chosen.items():
        yield from read_chosen(source, own, progress, cropped=True)
    for row in missing.values():
        yield Unusable(row.place, f"its picture {row.image!a} is missing")
    if unnamed:
        yield Skipped(_UNNAMED, unnamed)
    if copies:
        yield Skipped(GIVEN_TWICE, copies)


FE = Corpus(
    title="FE, facial expressions (github.com/muxspace/facial_expressions): the folder or an "
    "archive with data/legend.csv and images/.",
    crop=lambda _: CropOptions(),
    read=read,
    emotions=EMOTIONS,
)
