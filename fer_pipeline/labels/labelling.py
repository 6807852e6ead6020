"""How a video gets its labels: which emotion, and whose, in which part of it.

From a CSV file of labelled stretches, or else from the paths by a pattern, by the scheme of a
well-known corpus, or by guessing, in which case a label covers the whole video.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_pipeline.domain import order_emotions
from fer_pipeline.errors import LabelError, UsageError
from fer_pipeline.labels.emotion_choice import NOT_CHOSEN, EmotionChoice
from fer_pipeline.labels.from_table import MOST_LISTED, Finder, table_finder
from fer_pipeline.labels.paths import LAYOUTS, PathReader, guess, nearest_folder, pattern_reader
from fer_pipeline.labels.stretches import Origin, Stretch, VideoLabels
from fer_pipeline.listing import few
from fer_pipeline.timeline import LEADING_COLUMNS


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


def _finder(paths: Sequence[str], options: LabelOptions) -> tuple[Finder, tuple[str, ...]]:
    """Return what finds the labels of a path, and warnings."""
    if options.labels is not None:
        return table_finder(options.labels, paths, options.outside)
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


def _path_finder(read: PathReader, origin: Origin, unlabelled: bool) -> Finder:
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
        + few(lines, MOST_LISTED, "\n  ")
        + "\nname them in a CSV file (--labels), describe their paths (--pattern), "
        "leave them out (--skip-unlabelled) or keep them without a label (--unlabelled)"
    )


def _stretches(videos: dict[str, VideoLabels]) -> Iterator[Stretch]:
    return (stretch for labels in videos.values() for stretch in labels.all_stretches)


def _doubts(videos: dict[str, VideoLabels]) -> Iterator[str]:
    """Yield a warning for people guessed from words such as take1: they may be none."""
    people = {s.participant for v in videos.values() if v.doubtful for s in v.stretches}
    if people:
        names = few(sorted(filter(None, people)), MOST_LISTED)
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
