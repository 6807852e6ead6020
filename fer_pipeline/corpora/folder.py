"""Pictures of one's own, or of a corpus without a reader, whose paths tell what they show.

Usually in a folder for each class, ``anger/17.png``, below folders for participants
(``P01/anger/17.png``) or for sides of a split (``train/anger/17.png``); otherwise as a pattern
tells it, or as the words of the file names do. Both are understood as for videos.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from fer_pipeline.corpora.corpus import Corpus, Entry, Progress, ReadOptions
from fer_pipeline.corpora.naming import (
    Misnamed,
    Shown,
    is_picture,
    list_sources,
    no_pictures,
    read_chosen,
)
from fer_pipeline.dataset import SPLIT_TEST, SPLIT_TRAINING, SPLIT_VALIDATION, UNKNOWN
from fer_pipeline.domain import canonical_emotion
from fer_pipeline.errors import CorpusError, LabelError, UsageError
from fer_pipeline.faces import CropOptions
from fer_pipeline.labels import emotion_name, guess, pattern_reader

_SPLITS = {
    "train": SPLIT_TRAINING,
    "training": SPLIT_TRAINING,
    "val": SPLIT_VALIDATION,
    "valid": SPLIT_VALIDATION,
    "validation": SPLIT_VALIDATION,
    "test": SPLIT_TEST,
    "testing": SPLIT_TEST,
}

_CLASS = "CLASS/picture"
_PARTICIPANT_CLASS = "PARTICIPANT/CLASS/picture"
_EXPECTED = f"{_CLASS}, or {_PARTICIPANT_CLASS}, or either below train, val and test"
_REMEDY = (
    "tell with --pattern where emotion and participant stand, such as '{participant}/{emotion}/{n}'"
)

PathTeller = Callable[["_Place"], Shown | Misnamed]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a picture lies.

    Attributes:
        source: The source that it is in.
        name: Its name within the source.
        folders: Those that it lies in, without the ones that all pictures share and without that
            of a split.
        split: As in `Still`.
    """

    source: Path
    name: str
    folders: tuple[str, ...]
    split: int = UNKNOWN


def read(sources: Sequence[Path], options: ReadOptions, progress: Progress) -> Iterator[Entry]:
    """Read pictures from folders and archives; as `corpus.Reader`.

    Raises:
        UsageError: The pattern is malformed, or does not tell the emotion.
    """
    listed = list_sources(sources)
    places = [
        _Place(source, name, PurePosixPath(name).parts[:-1])
        for source, names in listed
        for name in filter(is_picture, names)
    ]
    if not places:
        raise no_pictures(sources, _EXPECTED)
    for source, chosen in _tell(sources, places, options.pattern).items():
        yield from read_chosen(source, chosen, progress)


FOLDER = Corpus(
    title="Pictures in a folder for each class: CLASS/…, PARTICIPANT/CLASS/… or train/CLASS/…; "
    "other paths with --pattern.",
    crop=lambda _: CropOptions(),
    read=read,
    heeds=frozenset({"pattern"}),
    own=True,
)


def _tell(
    sources: Sequence[Path], places: Sequence[_Place], pattern: str | None
) -> dict[Path, dict[str, Shown | Misnamed]]:
    """Return what is known of the pictures of each source."""
    told: Sequence[Shown | Misnamed] | None
    if pattern is not None:
        told = list(map(_by_pattern(pattern), places))
    else:
        places = _below_shared_folders(places)
        told = _by_tree(places) or _by_words(places)
    if told is None:
        raise _unknown_layout(sources, places[0])
    chosen: dict[Path, dict[str, Shown | Misnamed]] = {place.source: {} for place in places}
    for place, one in zip(places, told, strict=True):
        chosen[place.source][place.name] = one
    return chosen


def _unknown_layout(sources: Sequence[Path], example: _Place) -> CorpusError:
    given = ", ".join(map(str, sources))
    problem = f"{given}: pictures such as {example.name} do not lie as {_EXPECTED}"
    return CorpusError(f"{problem}, with a class called after an emotion", _REMEDY)


# As a pattern tells


def _by_pattern(pattern: str) -> PathTeller:
    read_path = pattern_reader(pattern)

    def tell(place: _Place) -> Shown | Misnamed:
        # The name of a folder that was given is no part of the path below it.
        above = place.source.is_dir()
        path = "/".join(PurePosixPath(place.name).parts[above:])
        try:
            told = read_path(path)
        except LabelError as error:
            return Misnamed(str(error))
        if told.emotion is None:
            raise UsageError(f"the pattern '{pattern}' does not tell the {{emotion}} of a picture")
        return Shown(told.emotion, told.participant)

    return tell


# As the folders tell


def _below_shared_folders(places: Sequence[_Place]) -> list[_Place]:
    """Leave out the folders that all pictures lie in, and take note of a split below them.

    What would be taken for the class, or tells a split, is kept. So a source may be the folder
    above, or one or all of those below it.
    """
    depth = _commonest(len(place.folders) for place in places)
    shared = 0
    for level in range(depth - 1):
        words = {place.folders[level : level + 1] for place in places if place.folders[level:]}
        word = min(words)[0]
        if len(words) > 1 or word.lower() in _SPLITS or canonical_emotion(word):
            break
        shared += 1
    below = (replace(place, folders=place.folders[shared:]) for place in places)
    return list(map(_without_split, below))


def _without_split(place: _Place) -> _Place:
    split = _SPLITS.get(place.folders[0].lower()) if place.folders else None
    return place if split is None else replace(place, folders=place.folders[1:], split=split)


def _by_tree(places: Sequence[_Place]) -> list[Shown | Misnamed] | None:
    """Tell pictures by a tree of the usual form; None if it is of another.

    A tree is of the usual form when at least one of the folders for classes is called after an
    emotion, and none of those for participants is. The other classes are the study's own.
    """
    depth = _commonest(len(place.folders) for place in places if place.folders)
    regular = [place for place in places if len(place.folders) == depth]
    if depth not in (1, 2) or not any(canonical_emotion(place.folders[-1]) for place in regular):
        return None
    if depth == 2 and any(canonical_emotion(place.folders[0]) for place in regular):
        return None
    form = _CLASS if depth == 1 else _PARTICIPANT_CLASS

    def tell(place: _Place) -> Shown | Misnamed:
        emotion = emotion_name(place.folders[-1]) if len(place.folders) == depth else None
        if emotion is None:
            return Misnamed(f"its path is not {form}, as most are")
        return Shown(emotion, place.folders[0] if depth == 2 else None, place.split)

    return list(map(tell, places))


# As words of the file names tell


def _by_words(places: Sequence[_Place]) -> list[Shown | Misnamed] | None:
    """Guess from the words of the file names; None if folders name emotions, or no file does."""
    if any(canonical_emotion(folder) for place in places for folder in place.folders):
        return None
    told = list(map(_guess, places))
    shown = [one for one in told if isinstance(one, Shown)]
    if not shown:
        return None
    if len({one.participant for one in shown}) == 1:
        # A folder that holds them all tells nobody apart.
        return [replace(one, participant=None) if isinstance(one, Shown) else one for one in told]
    return told


def _guess(place: _Place) -> Shown | Misnamed:
    try:
        told = guess("/".join((*place.folders, PurePosixPath(place.name).name)))
    except LabelError as error:
        return Misnamed(str(error))
    if told.emotion is None:
        return Misnamed("no word of its path names an emotion")
    return Shown(told.emotion, None if told.doubtful else told.participant, place.split)


def _commonest(depths: Iterator[int]) -> int:
    """Return the number that is most frequent, of several the smallest; 0 of none."""
    counted = Counter(depths)
    return min(counted, key=lambda depth: (-counted[depth], depth), default=0)
