"""How a video gets its labels: which emotion, and whose, in which part of it.

From a CSV file of labelled stretches, or else from the paths by a pattern, by the scheme of a
well-known corpus, or by guessing, in which case a label covers the whole video.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

from fer_pipeline.domain import order_emotions
from fer_pipeline.emotion_choice import NOT_CHOSEN, EmotionChoice
from fer_pipeline.errors import LabelError, UsageError
from fer_pipeline.label_layouts import (
    LAYOUTS,
    PathReader,
    emotion_name,
    guess,
    nearest_folder,
    path_parts,
    pattern_reader,
)
from fer_pipeline.label_table import TIME_DECIMALS, Row, read_rows, row_error
from fer_pipeline.timeline import LEADING_COLUMNS

Origin = Literal["labels", "pattern", "layout", "guess", "none"]
"""Where labels came from; ``none``: kept without, because nothing told them."""

Side = Literal["left", "right"]
"""Half of the picture, as it is seen."""

_MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """A labelled part of a video.

    A stretch is half-open: a frame exactly at ``start`` belongs to it, one exactly at ``end`` does
    not. So of two adjacent stretches the later one gets the frame on the boundary.

    Attributes:
        emotion: Canonical where the word is known, else the study's own; None for unlabelled.
        participant: Code as written; None for unknown.
        start: Seconds; None for the beginning of the video.
        end: Seconds; None for the end of the video.
        face: Whose it is where several people are in the picture: ``left`` or ``right`` of its
            middle, or the number of a face as digits; None for whoever is there.
        kept: Whether its faces are stored; those of an emotion that was not chosen are not.
    """

    emotion: str | None
    participant: str | None
    start: float | None = None
    end: float | None = None
    face: str | None = None
    kept: bool = True

    def is_of(self, number: int, side: Side) -> bool:
        """Return whether it is about a face, by its number and the side of the picture it is on."""
        return self.face in (None, str(number), side)

    def touches(self, begin: float, end: float) -> bool:
        """Return whether it holds any moment from ``begin`` to ``end`` seconds."""
        return (self.start is None or self.start <= end) and (self.end is None or begin < self.end)

    def holds(self, time: float) -> bool:
        """Return whether a frame at ``time`` seconds is in it, to the microsecond."""
        time = round(time, TIME_DECIMALS)
        return (self.start is None or self.start <= time) and (self.end is None or time < self.end)

    def to_json(self) -> dict[str, Any]:
        """Return the stretch as plain values, as far as they matter to what is stored."""
        plain = asdict(self)
        if plain.pop("kept"):
            return plain
        return plain | {"emotion": None, "kept": False}


@dataclass(frozen=True, slots=True)
class VideoLabels:
    """The labels of one video.

    Attributes:
        stretches: In order of time, without overlap.
        origin: Where the labels came from.
        outside: What a frame outside all stretches gets; None: such a frame is not stored.
        doubtful: Whether the participant is a mere guess from a word behind the emotion.
    """

    stretches: tuple[Stretch, ...]
    origin: Origin
    outside: Stretch | None = None
    doubtful: bool = False

    def at(self, time: float) -> Stretch | None:
        """Return the label of a frame at ``time`` seconds; None: the frame is not stored.

        Of several faces that are told apart, the label of one of them.
        """
        holding = [stretch for stretch in self.stretches if stretch.holds(time)]
        told = next((stretch for stretch in holding if stretch.kept), None)
        if told is None and (not holding or self.tells_faces_apart):
            return self.outside
        return told

    def of_face(
        self, time: float, number: int, side_in: Callable[[Stretch], Side]
    ) -> Stretch | None:
        """Return the label of one face of a frame; None: the face is not stored.

        Args:
            time: Of the frame, in seconds.
            number: Of the face within the video.
            side_in: The side of the picture on which the face is, or was when the stretch began.
        """
        own = [stretch for stretch in self.stretches if stretch.is_of(number, side_in(stretch))]
        told = next((stretch for stretch in own if stretch.holds(time)), None)
        if told is not None:
            return told if told.kept else None
        if self.outside is None or not self.tells_faces_apart:
            return self.outside
        # A face that no stretch is about is a bystander's, whom nobody asked to keep.
        people = {stretch.participant for stretch in own}
        return replace(self.outside, participant=_only(people)) if own else None

    def concerns(self, begin: float, end: float) -> bool:
        """Return whether frames from ``begin`` to ``end`` seconds matter to what is stored.

        Where faces are told by number, all do: numbers count from the beginning of the video.
        """
        if self.outside is not None or self.tells_faces_apart:
            return True
        return any(stretch.kept and stretch.touches(begin, end) for stretch in self.stretches)

    @property
    def tells_faces_apart(self) -> bool:
        """Whether several people are in the picture, each with labels of their own."""
        return any(stretch.face is not None for stretch in self.stretches)

    @property
    def all_stretches(self) -> tuple[Stretch, ...]:
        """Whatever `at` may return but None."""
        kept = tuple(stretch for stretch in self.stretches if stretch.kept)
        return kept if self.outside is None else (*kept, self.outside)

    @property
    def participants(self) -> frozenset[str]:
        """Codes of the people whom the labels name, also where nothing of them is stored."""
        named = self.stretches if self.outside is None else (*self.stretches, self.outside)
        return frozenset(s.participant for s in named if s.participant is not None)

    def without(self, people: Collection[str]) -> VideoLabels | None:
        """Return the labels without those of some people; None if no others are left.

        What is outside all stretches is not stored any more: it could show the people left out.
        """
        if not self.participants.intersection(people):
            return self
        stretches = tuple(s for s in self.stretches if s.participant not in people)
        return replace(self, stretches=stretches, outside=None)._or_nothing()

    def chosen(self, choice: EmotionChoice) -> VideoLabels | None:
        """Return the labels with the classes that were chosen; None if nothing else is left.

        What has no label stays so. Frames that show an emotion which was not chosen are not stored,
        also where frames outside all stretches are: they are inside one.
        """

        def become(stretch: Stretch) -> Stretch:
            if stretch.emotion is None:
                return stretch
            kept = stretch.emotion in choice.classes
            emotion = choice.classes.get(stretch.emotion, stretch.emotion)
            return replace(stretch, emotion=emotion, kept=kept)

        outside = None if self.outside is None else become(self.outside)
        return replace(
            self,
            stretches=tuple(map(become, self.stretches)),
            outside=outside if outside is not None and outside.kept else None,
        )._or_nothing()

    def _or_nothing(self) -> VideoLabels | None:
        return self if self.all_stretches else None

    def to_json(self) -> dict[str, Any]:
        """Return the labels as plain values, which equal themselves after a way through JSON.

        Without the origin: the same labels found in another way are the same labels.
        """
        return {
            "stretches": [stretch.to_json() for stretch in self.stretches],
            "outside": None if self.outside is None else self.outside.to_json(),
        }


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """Where labels are to come from; with none of the first three they are guessed.

    Attributes:
        labels: CSV file with the columns video, participant, emotion and optionally start, end,
            face.
        pattern: Of the paths, such as ``{participant}/{emotion}_{take}``.
        layout: Name of a well-known corpus, one of `LAYOUTS`.
        outside: For frames outside the stretches of ``labels``: ``unlabelled`` or a class name.
        unlabelled: Keep videos that cannot be told, without a label.
        skip_unlabelled: Leave out videos that cannot be told.
        emotions: Which emotions are taken in, and as what; None for all as they are.
    """

    labels: Path | None = None
    pattern: str | None = None
    layout: str | None = None
    outside: str | None = None
    unlabelled: bool = False
    skip_unlabelled: bool = False
    emotions: EmotionChoice | None = None


@dataclass(frozen=True)
class Labelling:
    """The labels of all videos of a run.

    Attributes:
        videos: Labels by relative path, in the order the paths were given.
        untold: Path and reason of each video left out because it cannot be told.
        warnings: A line each, for the user.
        unchosen: Paths of the videos left out because they show no emotion that was chosen.
    """

    videos: dict[str, VideoLabels]
    untold: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    unchosen: tuple[str, ...] = ()

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions that frames may get, canonical ones first."""
        return order_emotions(s.emotion for s in _stretches(self.videos) if s.emotion is not None)

    @property
    def tells_faces_apart(self) -> bool:
        """Whether a video has labels of their own for several people in the picture."""
        return any(labels.tells_faces_apart for labels in self.videos.values())


def label_videos(paths: Sequence[str], options: LabelOptions) -> Labelling:
    """Find the labels of videos.

    Args:
        paths: Of the videos, relative to the folder given, with ``/`` between their parts.
        options: Where labels are to come from.

    Raises:
        UsageError: The options contradict each other, or the pattern makes no sense.
        LabelError: The CSV file is wrong, or videos cannot be told and the options do not say what
            to do with them, or none shows an emotion that was chosen. The message of the second
            has several lines.
    """
    _refuse_contradictions(options)
    find, warnings = _finder(paths, options)
    videos: dict[str, VideoLabels] = {}
    untold: list[tuple[str, str]] = []
    for path in paths:
        try:
            videos[path] = find(path)
        except LabelError as error:
            if options.unlabelled:
                videos[path] = VideoLabels((Stretch(None, nearest_folder(path)),), "none")
            else:
                untold.append((path, str(error)))
    if untold and not options.skip_unlabelled:
        raise _cannot_be_told(untold, len(paths))
    chosen = videos if options.emotions is None else _chosen(videos, options.emotions)
    labelling = Labelling(
        chosen,
        tuple(untold),
        (*warnings, *_doubts(chosen), *_near_duplicates(chosen)),
        tuple(path for path in videos if path not in chosen),
    )
    _refuse_column_names(labelling.emotions)
    return labelling


def _chosen(videos: dict[str, VideoLabels], choice: EmotionChoice) -> dict[str, VideoLabels]:
    """Return the labels of the videos that show what was chosen."""
    became = {path: labels.chosen(choice) for path, labels in videos.items()}
    chosen = {path: labels for path, labels in became.items() if labels is not None}
    if videos and not chosen:
        shown = ", ".join(Labelling(videos).emotions)
        raise LabelError(f"what the videos show is {NOT_CHOSEN}", f"they show {shown}")
    return chosen


def _refuse_column_names(emotions: Iterable[str]) -> None:
    """A class becomes a column of timelines, where other columns have their names already."""
    taken = sorted(set(emotions).intersection(LEADING_COLUMNS))
    if taken:
        raise LabelError(
            f"{', '.join(taken)}: timelines have a column of this name; call the class otherwise"
        )


_Finder = Callable[[str], VideoLabels]
"""Finds the labels of one path; raises `LabelError` with the reason where it cannot be told."""


def _refuse_contradictions(options: LabelOptions) -> None:
    names = ("labels", "pattern", "layout")
    sources = [f"--{name}" for name in names if getattr(options, name) is not None]
    if len(sources) > 1:
        raise UsageError(f"{' and '.join(sources)} exclude each other; give one of them")
    if options.unlabelled and options.skip_unlabelled:
        raise UsageError("--unlabelled and --skip-unlabelled exclude each other; give one of them")
    if options.outside is not None and options.labels is None:
        raise UsageError("--outside needs --labels: any other label covers the whole video")
    if options.outside is not None and not options.outside.strip():
        raise UsageError("--outside is empty; give a class name or 'unlabelled'")


def _finder(paths: Sequence[str], options: LabelOptions) -> tuple[_Finder, tuple[str, ...]]:
    """Return what finds the labels of a path, and warnings."""
    if options.labels is not None:
        return _csv_finder(options.labels, paths, options.outside)
    if options.pattern is not None:
        return _path_finder(pattern_reader(options.pattern), "pattern", options.unlabelled), ()
    if options.layout is not None:
        return _path_finder(_layout_reader(options.layout), "layout", options.unlabelled), ()
    return _path_finder(guess, "guess", options.unlabelled), ()


def _layout_reader(name: str) -> PathReader:
    try:
        return LAYOUTS[name.strip().lower()]
    except KeyError:
        raise UsageError(f"no layout is called '{name}'; there are {', '.join(LAYOUTS)}") from None


def _path_finder(read: PathReader, origin: Origin, unlabelled: bool) -> _Finder:
    def find(path: str) -> VideoLabels:
        told = read(path)
        if told.emotion is None and not unlabelled:
            raise LabelError(f"the {origin} tells its participant, but no emotion")
        return VideoLabels((Stretch(told.emotion, told.participant),), origin, None, told.doubtful)

    return find


def _cannot_be_told(untold: Sequence[tuple[str, str]], total: int) -> LabelError:
    lines = [f"{path}: {reason}" for path, reason in untold]
    return LabelError(
        f"the emotion cannot be told for {len(untold)} of {total} videos:\n  "
        + "\n  ".join(_first_few(lines))
        + "\nname them in a CSV file (--labels), describe their paths (--pattern), "
        "leave them out (--skip-unlabelled) or keep them without a label (--unlabelled)"
    )


def _first_few(items: Sequence[str]) -> list[str]:
    rest = len(items) - _MOST_LISTED
    return [*items[:_MOST_LISTED], *([f"and {rest} more"] if rest > 0 else [])]


def _stretches(videos: dict[str, VideoLabels]) -> Iterator[Stretch]:
    return (stretch for labels in videos.values() for stretch in labels.all_stretches)


def _doubts(videos: dict[str, VideoLabels]) -> Iterator[str]:
    """Yield a warning for people guessed from words such as take1: they may be none."""
    people = {s.participant for v in videos.values() if v.doubtful for s in v.stretches}
    if people:
        names = ", ".join(_first_few(sorted(filter(None, people))))
        yield (
            f"participants taken from the word behind the emotion: {names}; "
            "if these are no people, give the folder above, which names them, or --pattern"
        )


def _near_duplicates(videos: dict[str, VideoLabels]) -> Iterator[str]:
    """Yield a warning for names that differ only in capitals: most likely one and the same."""
    for kind in ("participant", "emotion"):
        spellings: dict[str, set[str]] = defaultdict(set)
        for name in (getattr(stretch, kind) for stretch in _stretches(videos)):
            if name is not None:
                spellings[name.casefold()].add(name)
        for names in spellings.values():
            if len(names) > 1:
                yield f"{kind} {' and '.join(sorted(names))} differ only in capitals: kept apart"


# From the CSV file of labelled stretches


def _csv_finder(
    file: Path, paths: Sequence[str], outside: str | None
) -> tuple[_Finder, tuple[str, ...]]:
    rows_of: dict[str, list[Row]] = defaultdict(list)
    strangers: dict[str, int] = {}
    match = _path_matcher(file, paths)
    for row in read_rows(file):
        path = match(row)
        if path is None:
            strangers.setdefault(row.video, row.line)
        rows_of[row.video if path is None else path].append(row)
    found = {path: _join(file, rows, outside) for path, rows in rows_of.items()}

    def find(path: str) -> VideoLabels:
        if path not in found:
            raise LabelError(f"{file} does not name it")
        return found[path]

    listed = _first_few([f"{video} (line {line})" for video, line in strangers.items()])
    warning = f"{file}: not among the videos given: {', '.join(listed)}"
    return find, (warning,) if strangers else ()


def _join(file: Path, rows: Iterable[Row], outside: str | None) -> VideoLabels:
    """Join the rows of one video."""
    rows = sorted(rows, key=lambda row: row.start or 0.0)
    _refuse_sides_beside_numbers(file, rows)
    for face in {row.face for row in rows}:
        _refuse_overlaps(file, [row for row in rows if row.face in (None, face)])
    stretches = tuple(
        Stretch(row.emotion, row.participant, row.start, row.end, row.face) for row in rows
    )
    return VideoLabels(stretches, "labels", _outside(stretches, outside))


def _refuse_sides_beside_numbers(file: Path, rows: Sequence[Row]) -> None:
    """Refuse two ways of telling faces in one video: nobody can say whether they overlap."""
    sides = [row for row in rows if row.face in get_args(Side)]
    numbers = [row for row in rows if row.face is not None and row.face not in get_args(Side)]
    if sides and numbers:
        problem = f"{numbers[0].video} has faces by number, and by side in line {sides[0].line}"
        raise row_error(file, numbers[0].line, problem, "tell them all in one way")


def _refuse_overlaps(file: Path, rows: Sequence[Row]) -> None:
    """Refuse two labels for one face at the same time; the rows are in order of time."""
    for one, following in pairwise(rows):
        if one.end is None or one.end > (following.start or 0.0):
            first, second = sorted((one.line, following.line))
            raise row_error(
                file,
                second,
                f"the stretch of {following.video} overlaps that of line {first}",
                "change their start or end, remove one, or tell their faces apart",
            )


def _outside(stretches: Iterable[Stretch], outside: str | None) -> Stretch | None:
    if outside is None:
        return None
    # Between stretches of two people nobody can say whose face it is.
    participant = _only({stretch.participant for stretch in stretches})
    if outside.strip().lower() == "unlabelled":
        return Stretch(None, participant)
    return Stretch(emotion_name(outside), participant)


def _only(people: set[str | None]) -> str | None:
    return next(iter(people)) if len(people) == 1 else None


def _path_matcher(file: Path, paths: Sequence[str]) -> Callable[[Row], str | None]:
    """Return what finds the path that a row means: an equal path, else an equal file name."""
    alike: dict[str, set[str]] = defaultdict(set)
    by_name: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        alike[_comparable(path)].add(path)
        by_name[_comparable(path).rpartition("/")[2]].add(path)

    def match(row: Row) -> str | None:
        key = _comparable(row.video)
        meant = alike.get(key) or by_name.get(key) or set()
        if len(meant) > 1:
            raise row_error(
                file,
                row.line,
                f"'{row.video}' may be any of {', '.join(_first_few(sorted(meant)))}",
                "write the whole path below the folder given",
            )
        return next(iter(meant), None)

    return match


def _comparable(path: str) -> str:
    # macOS takes accents apart in file names, and spreadsheets do not.
    return unicodedata.normalize("NFC", "/".join(path_parts(path)))
