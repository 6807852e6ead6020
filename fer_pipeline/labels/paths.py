"""What the path of a video says of its participant and emotion.

Three ways to read a path, each a function from a path to what it tells: a pattern that the user
wrote, the naming scheme of a well-known corpus, and a guess from the words. Paths are relative to
the folder given; either kind of slash separates their parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fer_pipeline.domain import canonical_emotion, order_emotions
from fer_pipeline.errors import LabelError, UsageError


@dataclass(frozen=True, slots=True)
class Told:
    """What a path tells.

    Attributes:
        participant: As written; None where the path names nobody.
        emotion: Canonical where the word is known, else the study's own; None where not told.
        doubtful: Whether the participant is a mere guess from a word behind the emotion.
    """

    participant: str | None
    emotion: str | None
    doubtful: bool = False


PathReader = Callable[[str], Told]
"""Reads one relative path; raises `LabelError` with the reason where it cannot be told."""


def emotion_name(word: str) -> str | None:
    """Return the name to store for ``word``: canonical or the study's own; None for a blank."""
    return canonical_emotion(word) or word.strip() or None


def path_parts(path: str) -> list[str]:
    """Return the folders and the file name of ``path``, at least one part."""
    return [part for part in re.split(r"[/\\]", path) if part not in ("", ".")] or [""]


def _parts_without_suffix(path: str) -> list[str]:
    *folders, name = path_parts(path)
    stem = name.rpartition(".")[0]
    return [*folders, stem or name]


# Guessing: words of the path


def guess(path: str) -> Told:
    """Guess from the words of ``path``, which are split at ``/ _ - .`` and spaces.

    The emotion is that of the file name, else of the nearest folder that names one. The participant
    is the first word of the file name where an emotion follows it, else the nearest folder that
    names no emotion, else the first word after the emotion.

    Raises:
        LabelError: No part names an emotion, or the part that counts names two different ones.
    """
    *folders, name = _parts_without_suffix(path)
    nearest_first = [name, *reversed(folders)]
    depth = next((i for i, part in enumerate(nearest_first) if _emotions_in(part)), None)
    if depth is None:
        raise LabelError("no word of its path names an emotion")
    emotions = _emotions_in(nearest_first[depth])
    if len(emotions) > 1:
        place = f"folder '{nearest_first[depth]}'" if depth else "file name"
        raise LabelError(f"its {place} names different emotions: {', '.join(emotions)}")

    from_emotion_on = [word for part in nearest_first[depth::-1] for word in _words(part)]
    first = next(i for i, word in enumerate(from_emotion_on) if canonical_emotion(word))
    before = from_emotion_on[:first] if depth == 0 else []
    after = (word for word in from_emotion_on[first:] if not canonical_emotion(word))
    sure = before[0] if before else nearest_folder(path)
    participant = sure or next(after, None)
    return Told(participant, emotions[0], doubtful=participant is not None and not sure)


def nearest_folder(path: str) -> str | None:
    """Return the folder nearest to the file that names no emotion: a guess at the participant."""
    folders = path_parts(path)[:-1]
    return next((folder for folder in reversed(folders) if not _emotions_in(folder)), None)


def _words(part: str) -> list[str]:
    return [word for word in re.split(r"[\s_.-]+", part) if word]


def _emotions_in(part: str) -> tuple[str, ...]:
    return order_emotions(filter(None, map(canonical_emotion, _words(part))))


# Patterns: '{participant}/{emotion}_{take}'


def pattern_reader(pattern: str) -> PathReader:
    """Return the reader for a ``pattern`` such as ``{participant}/{emotion}_{take}``.

    The whole path without its suffix has to match. A field stands for one or more characters of
    one part of the path. Of several fields in a part, all but the last end where the text that
    follows them in the pattern first occurs: ``{participant}_{emotion}`` reads ``P1_very_sad`` as
    ``P1`` and ``very_sad``. A field that occurs twice has to match the same text. Field names are
    the same in capitals; other names than participant and emotion are matched and ignored.

    Raises:
        UsageError: The pattern is malformed, or has neither {participant} nor {emotion}.
    """
    expression, groups = _compile(pattern)
    if not groups.keys() & {"participant", "emotion"}:
        raise _bad_pattern(pattern, "has neither {participant} nor {emotion}")

    def read(path: str) -> Told:
        match = expression.fullmatch("/".join(_parts_without_suffix(path)))
        if match is None:
            raise LabelError(f"its path without the suffix does not match '{pattern}'")
        field = {name: match[group].strip() for name, group in groups.items()}
        emotion = emotion_name(field.get("emotion", ""))
        if emotion is None and "emotion" in groups:
            raise LabelError(f"the place of {{emotion}} in '{pattern}' is blank")
        return Told(field.get("participant") or None, emotion)

    return read


def _compile(pattern: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return the regular expression for ``pattern``, and its group for each field name."""
    tokens = re.findall(r"\{[^{}]*\}|/|[^{}/]+|[{}]", "/".join(path_parts(pattern)))
    groups: dict[str, str] = {}
    expression = ""
    for i, token in enumerate(tokens):
        if token in ("{", "}"):
            raise _bad_pattern(pattern, "has a brace without its partner")
        if not _is_field(token):
            expression += re.escape(token)
            continue
        name = token[1:-1].strip().lower()
        if not name:
            raise _bad_pattern(pattern, "has a field without a name")
        if i and _is_field(tokens[i - 1]):
            raise _bad_pattern(pattern, f"has nothing between {tokens[i - 1]} and {token}")
        if name in groups:
            expression += f"(?P={groups[name]})"
            continue
        # Group names are made up, because a field may be called what no group can be.
        groups[name] = f"field{len(groups)}"
        another_follows = i + 2 < len(tokens) and _is_field(tokens[i + 2])
        fence = f"(?!{re.escape(tokens[i + 1])})" if another_follows else ""
        expression += f"(?P<{groups[name]}>(?:{fence}[^/])+)"
    return re.compile(expression), groups


def _is_field(token: str) -> bool:
    return token.startswith("{")


def _bad_pattern(pattern: str, fault: str) -> UsageError:
    return UsageError(
        f"the pattern '{pattern}' {fault}; "
        "write one such as '{participant}/{emotion}_{take}', text between two fields"
    )


# Well-known corpora


def _corpus_reader(name: str, example: str, form: str, codes: Mapping[str, str]) -> PathReader:
    """Return the reader for a corpus.

    Args:
        name: What the corpus calls itself.
        example: A path of it, for the reason given where a path is of another form.
        form: Regular expression for the end of a path without suffix, with a group
            ``participant``, and EMOTION where one of the codes stands.
        codes: The emotion for each code, which is in lower case.
    """
    # Longer codes first, so that none is taken for the beginning of another.
    code = "|".join(sorted(codes, key=len, reverse=True))
    expression = re.compile(
        "(?:.*/)?" + form.replace("EMOTION", f"(?P<emotion>{code})"),
        re.IGNORECASE | re.ASCII | re.DOTALL,
    )

    def read(path: str) -> Told:
        match = expression.fullmatch("/".join(_parts_without_suffix(path)))
        if match is None:
            raise LabelError(f"its path is not of {name}'s form, such as {example}")
        return Told(match["participant"], codes[match["emotion"].lower()])

    return read


LAYOUTS: dict[str, PathReader] = {
    "ravdess": _corpus_reader(
        "RAVDESS",
        "Actor_12/02-01-06-01-02-01-12.mp4",
        r"\d\d-\d\d-EMOTION-\d\d-\d\d-\d\d-(?P<participant>\d\d)",
        {
            "01": "neutral",
            "02": "calm",
            "03": "happiness",
            "04": "sadness",
            "05": "anger",
            "06": "fear",
            "07": "disgust",
            "08": "surprise",
        },
    ),
    "crema-d": _corpus_reader(
        "CREMA-D",
        "1001_DFA_ANG_XX.flv",
        r"(?P<participant>\d+)_[A-Z]+_EMOTION_[A-Z]+",
        {
            "neu": "neutral",
            "hap": "happiness",
            "sad": "sadness",
            "ang": "anger",
            "fea": "fear",
            "dis": "disgust",
        },
    ),
    "savee": _corpus_reader(
        "SAVEE",
        "DC/a01.avi or DC_a01.avi",
        r"(?P<participant>[A-Z]+)[_/]EMOTION\d+",
        {
            "a": "anger",
            "d": "disgust",
            "f": "fear",
            "h": "happiness",
            "n": "neutral",
            "sa": "sadness",
            "su": "surprise",
        },
    ),
    "mead": _corpus_reader(
        "MEAD",
        "M003/video/front/angry/level_1/001.mp4",
        r"(?P<participant>[MW]\d+)/(?:.*/)?EMOTION/(?:.*/)?[^/]+",
        {
            "angry": "anger",
            "contempt": "contempt",
            "disgusted": "disgust",
            "fear": "fear",
            "happy": "happiness",
            "neutral": "neutral",
            "sad": "sadness",
            "surprised": "surprise",
        },
    ),
}
"""The reader for each corpus that is known by name."""
