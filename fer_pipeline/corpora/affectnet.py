"""AffectNet: faces from web searches in eight classes, labelled by hand.

Mollahosseini, Hasani and Mahoor, "AffectNet: A Database for Facial Expression, Valence, and Arousal
Computing in the Wild", IEEE Transactions on Affective Computing 10(1), 2019. Read in both forms
that its authors distribute: tables beside whole pictures, with the box of each face, and the
smaller set of faces cut out already, 224 x 224 pixels, with its labels as arrays.

There is no public test part. The authors score their baselines on the validation part, and so does
who follows them; it is the test part here, for a network that chose its weights on it has no honest
figure left.
"""

from __future__ import annotations

import io
import re
import tokenize
import zipfile
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

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
    may_be_table,
    read_ahead,
    read_members,
    suffix,
    telling,
)
from fer_pipeline.corpora.tables import (
    LONGEST_LINE,
    RowError,
    code_of,
    column_names,
    shown,
    table_rows,
)
from fer_pipeline.dataset import SPLIT_TEST, SPLIT_TRAINING
from fer_pipeline.domain import EMOTIONS, Box
from fer_pipeline.errors import CorpusError
from fer_pipeline.faces import CropOptions

_EXPRESSIONS = (*EMOTIONS, "none", "uncertain", "no face")
"""By their number in tables and arrays; the first eight are emotions."""

_CODES = {str(code).encode(): code for code in range(len(_EXPRESSIONS))}
_KNOWN_CODES = f"not a number from 0 to {len(_EXPRESSIONS) - 1}"

_LABEL_ENDS = "_exp.npy"
_LONGEST_LABEL = 2**12

_REMEDY = (
    "give training.csv and validation.csv together with the folders of pictures, or the folder "
    "that holds train_set and val_set"
)


def read(sources: Sequence[Path], options: ReadOptions, progress: Progress) -> Iterator[Entry]:
    """Read AffectNet from tables and pictures, or from cropped faces; as `corpus.Reader`."""
    del options  # nothing to be told
    if _are_cropped(sources):
        yield from _read_cropped(sources, progress)
    else:
        yield from _read_whole(sources, progress)


def crop(sources: Sequence[Path]) -> CropOptions:
    """Return how faces are cut out: as usual around their box, or, of cropped faces, at the box."""
    return CropOptions(margin=0.0) if _are_cropped(sources) else CropOptions()


AFFECTNET = Corpus(
    title="AffectNet (Mollahosseini et al., 2017): training.csv and validation.csv with the "
    "folders of pictures, or the folder that holds train_set and val_set.",
    crop=crop,
    read=read,
    emotions=EMOTIONS,
)


def _are_cropped(sources: Sequence[Path]) -> bool:
    return any(holds(source, _is_label) for source in sources)


def _is_label(name: str) -> bool:
    return name.endswith(_LABEL_ENDS)


def _is_picture(name: str) -> bool:
    return suffix(name) in PICTURE_SUFFIXES


def _skipped(code: int, number: int = 1) -> Skipped:
    return Skipped(f"labelled {_EXPRESSIONS[code]}", number)


# Tables beside whole pictures

_COLUMNS = (
    "subdirectory_filepath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "expression",
)

_AUTOMATIC = "automatic"
_SIDES = {"train": SPLIT_TRAINING, "valid": SPLIT_TEST, _AUTOMATIC: None}
"""What the name of a table holds, and its part; None for labels that no person gave."""

_NUMBER = re.compile(rb"-?[0-9]{1,6}(\.[0-9]{1,12})?")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table; the box is not read where no emotion is."""

    picture: str
    code: int
    box: tuple[int, ...]


@dataclass(slots=True)
class _Rows:
    """The rows of all tables, small, until their pictures come: there are 420,000.

    Attributes:
        numbers: Index of the row of each picture, by its folder and name.
        tables: What each table is called in messages, and its side.
        table: Index of the table of each row.
        line: Its number in the table.
        code: Its expression.
        box: Four numbers for each.
    """

    numbers: dict[str, int] = field(default_factory=dict)
    tables: list[tuple[str, int]] = field(default_factory=list)
    table: array[int] = field(default_factory=lambda: array("B"))
    line: array[int] = field(default_factory=lambda: array("I"))
    code: array[int] = field(default_factory=lambda: array("B"))
    box: array[int] = field(default_factory=lambda: array("i"))

    def add(self, row: _Row, line: int) -> Unusable | None:
        """Keep a row of the last table, unless there is one of its picture."""
        number = len(self.line)
        first = self.numbers.setdefault(row.picture, number)
        self.table.append(len(self.tables) - 1)
        self.line.append(line)
        self.code.append(row.code)
        self.box.extend(row.box)
        if first == number:
            return None
        return Unusable(self.place(number), f"the picture of {self.place(first)} once more")

    def place(self, number: int) -> str:
        return f"{self.tables[self.table[number]][0]}, line {self.line[number]}"

    def entry(self, number: int, member: Member) -> Still | Skipped:
        """Return what becomes of a row and its picture."""
        code = self.code[number]
        if code >= len(EMOTIONS):
            return _skipped(code)
        return Still(
            member.place,
            member.file.read(),
            EMOTIONS[code],
            cropped=False,
            box=Box(*self.box[4 * number : 4 * number + 4]),
            split=self.tables[self.table[number]][1],
        )


def _read_whole(sources: Sequence[Path], progress: Progress) -> Iterator[Entry]:
    rows = _Rows()
    yield from _read_tables(sources, rows, progress)
    if not rows.tables:
        given = ", ".join(map(str, sources))
        raise CorpusError(f"{given}: neither a table nor arrays of labels there", _REMEDY)
    for source in sources:
        with telling(source):
            for member in read_members(source, _is_picture, progress):
                number = rows.numbers.pop(_picture_key(member.name), None)
                if number is None:
                    yield Skipped("picture that no row of a table names")
                else:
                    yield rows.entry(number, member)
    yield from _without_picture(rows)


def _without_picture(rows: _Rows) -> Iterator[Entry]:
    """Yield what becomes of the rows that are left when all pictures are read."""
    others = Counter[int]()
    for picture, number in rows.numbers.items():
        if rows.code[number] < len(EMOTIONS):
            yield Unusable(rows.place(number), f"there is no picture {_printable(picture)}")
        else:
            others[rows.code[number]] += 1
    for code, number in sorted(others.items()):
        yield _skipped(code, number)


def _read_tables(sources: Sequence[Path], rows: _Rows, progress: Progress) -> Iterator[Entry]:
    """Keep the rows of all tables, and yield those that cannot be kept."""
    for source in sources:
        with telling(source):
            for name in _label_tables(source):
                for member in read_ahead(source, name.__eq__, progress):
                    yield from _read_table(member, rows)


def _label_tables(source: Path) -> list[str]:
    """Return the tables of a source that have the needed columns; others may stand beside them."""
    members = read_ahead(source, partial(may_be_table, source), lambda _: None)
    return [
        member.name
        for member in members
        if set(column_names(member.file.readline(LONGEST_LINE))).issuperset(_COLUMNS)
    ]


def _read_table(member: Member, rows: _Rows) -> Iterator[Entry]:
    name = PurePosixPath(member.name).name.lower()
    sides = {side for word, side in _SIDES.items() if word in name}
    if len(sides) != 1:
        raise CorpusError(
            f"{member.place}: its name does not tell whether it is for training or validation",
            "call it training.csv or validation.csv",
        )
    (side,) = sides
    if side is not None:
        rows.tables.append((member.place, side))
    for line, row in table_rows(member.place, member.file, _COLUMNS, _REMEDY, _parse):
        if side is None:
            yield Skipped("labelled automatically")
        elif isinstance(row, Unusable):
            yield row
        elif refused := rows.add(row, line):
            yield refused


def _parse(place: str, cells: Sequence[bytes]) -> _Row:
    del place  # of the line; messages are about the picture
    path, *box, expression = cells
    code = code_of(expression, _CODES, "expression", _KNOWN_CODES)
    if not path:
        raise RowError("names no picture")
    picture = _picture_key(path.decode("utf-8", "replace").replace("\\", "/"))
    return _Row(picture, code, _box(box) if code < len(EMOTIONS) else (0, 0, 0, 0))


def _box(cells: Sequence[bytes]) -> tuple[int, ...]:
    for column, cell in zip(_COLUMNS[1:5], cells, strict=True):
        if not _NUMBER.fullmatch(cell):
            raise RowError(f"{column} is {shown(cell)}, not a number of pixels")
    x, y, width, height = (round(float(cell)) for cell in cells)
    if width <= 0 or height <= 0:
        raise RowError(f"the box of the face is {width} x {height} px")
    return x, y, width, height


def _picture_key(path: str) -> str:
    """Return what a row and its picture share: the last folder and the name."""
    return "/".join(PurePosixPath(path).parts[-2:])


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


# Faces cut out already, their labels as arrays

_NO_ARRAY: tuple[type[Exception], ...] = (
    AttributeError,  # an archive of arrays
    EOFError,
    MemoryError,
    OSError,
    RecursionError,
    SyntaxError,
    SystemError,  # a text of characters that do not exist
    TypeError,
    ValueError,
    tokenize.TokenError,
    zipfile.BadZipFile,
)

_SETS = {"train_set": SPLIT_TRAINING, "val_set": SPLIT_TEST}


def _read_cropped(sources: Sequence[Path], progress: Progress) -> Iterator[Entry]:
    labels: dict[str, int] = {}
    for source in sources:
        with telling(source):
            for member in read_ahead(source, _is_label, progress):
                yield from _keep_label(member, labels)
    for source in sources:
        with telling(source):
            for member in read_members(source, _is_picture, progress):
                yield _cropped_face(member, labels)
    for key in labels:
        yield Unusable(_label_name(key), "there is no picture of this label")


def _keep_label(member: Member, labels: dict[str, int]) -> Iterator[Unusable]:
    key = _face_key(member.name, _LABEL_ENDS)
    if key is None:
        yield _in_no_set(member)
    elif key in labels:
        yield Unusable(member.place, "a second label of one picture")
    else:
        try:
            labels[key] = read_expression(member.file.read(_LONGEST_LABEL))
        except RowError as problem:
            yield Unusable(member.place, str(problem))


def _cropped_face(member: Member, labels: dict[str, int]) -> Entry:
    key = _face_key(member.name, PurePosixPath(member.name).suffix)
    if key is None:
        return _in_no_set(member)
    code = labels.pop(key, None)
    if code is None:
        return Unusable(member.place, f"no sound label {_label_name(key)}")
    if code >= len(EMOTIONS):
        return _skipped(code)
    split = _SETS[key.partition("/")[0]]
    return Still(member.place, member.file.read(), EMOTIONS[code], split=split)


def _in_no_set(member: Member) -> Unusable:
    return Unusable(member.place, f"in no folder {' or '.join(_SETS)}")


def _face_key(name: str, end: str) -> str | None:
    """Return what a face and its label share: the set and the number."""
    path = PurePosixPath(name)
    sets = [part for part in path.parts[:-1] if part in _SETS]
    return f"{sets[-1]}/{path.name.removesuffix(end)}" if sets else None


def _label_name(key: str) -> str:
    folder, _, number = key.partition("/")
    return _printable(f"{folder}/annotations/{number}{_LABEL_ENDS}")


def read_expression(content: bytes) -> int:
    """Return the expression in an array file: one number, or one text that is a number.

    Args:
        content: All of the file; nothing in it is executed.

    Raises:
        RowError: It is no such file.
    """
    try:
        value = np.load(io.BytesIO(content), allow_pickle=False).item()
    except _NO_ARRAY as error:
        raise RowError("no array of one number") from error
    cell = value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
    return code_of(cell.strip().removesuffix(b".0"), _CODES, "expression", _KNOWN_CODES)
