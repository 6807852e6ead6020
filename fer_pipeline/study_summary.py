"""What timelines add up to over a study: for each group and each emotion, by true media time.

A group is a participant, a clip, a face of a clip, or all of these, as asked for. Within a clip the
rows of a group are one person's way through it (`timeline.moments`); over clips they add up.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, get_args

from fer_pipeline.domain import Status
from fer_pipeline.errors import UsageError
from fer_pipeline.timeline import People, Segment, SegmentOptions, TimelineRow, segment_clip
from fer_pipeline.timeline.moments import Moment, moments_of

Key = Literal["participant", "video", "face", "emotion"]
GroupKey = Literal["participant", "video", "face"]

KEYS: tuple[Key, ...] = get_args(Key)

POSITIVE = "happiness"
NEGATIVE = ("sadness", "fear", "disgust", "anger", "contempt")
"""The emotions of which the strongest is taken from happiness: the rest is the valence."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """What a row of the table is about.

    Attributes:
        keys: Of the group, in the order of the columns.
        emotions: Whether there is a row for each emotion.
    """

    keys: tuple[GroupKey, ...] = ("participant",)
    emotions: bool = True

    @classmethod
    def parse(cls, text: str) -> Grouping:
        """Understand ``participant,video,face,emotion``, or some of it.

        Raises:
            UsageError: It names something else, nothing, or faces without their clips.
        """
        told = [part.strip() for part in text.split(",")]
        wrong = [part for part in told if part not in KEYS]
        if wrong or len(set(told)) < len(told):
            problem = f"--by {text}: '{wrong[0]}' is no key" if wrong else f"--by {text}: repeats"
            raise UsageError(problem, f"give some of {','.join(KEYS)}, each once")
        if "face" in told and "video" not in told:
            raise UsageError(
                f"--by {text}: faces are numbered within a clip", "add video, as in --by video,face"
            )
        keys = tuple(key for key in get_args(GroupKey) if key in told)
        if not keys:
            raise UsageError(f"--by {text}: of whom?", "add participant or video")
        return cls(keys, "emotion" in told)

    def __str__(self) -> str:
        return ",".join([*self.keys, *(["emotion"] if self.emotions else [])])


GroupName = tuple[str | int | None, ...]
"""The values of the keys of a group."""


@dataclass(slots=True)
class EmotionTotals:
    """What a group shows of one emotion.

    Attributes:
        dominant_s: Seconds in which its value is the highest.
        value_s: Its value, summed over seconds.
        shown_s: Seconds of its segments in which the face is seen, so without bridged gaps.
        episodes: Its segments.
        latencies: Seconds from the first frame of a clip to its first segment, of each clip with
            one.
    """

    dominant_s: float = 0.0
    value_s: float = 0.0
    shown_s: float = 0.0
    episodes: list[Segment] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    @property
    def episode_s(self) -> float:
        """Seconds of all segments."""
        return sum(one.duration for one in self.episodes)


@dataclass(slots=True)
class Totals:
    """What a group adds up to.

    Attributes:
        clips: How many clips.
        observed_s: Seconds of all frames looked at.
        face_s: Seconds of those that show the group's face.
        lost_s: Seconds of those that did not decode.
        valence_s: Valence, summed over seconds.
        valence_squared_s: Its square, summed over seconds.
        emotions: By emotion.
        transitions: From one segment to the next: seconds between them, of each time.
    """

    clips: int = 0
    observed_s: float = 0.0
    face_s: float = 0.0
    lost_s: float = 0.0
    valence_s: float = 0.0
    valence_squared_s: float = 0.0
    emotions: dict[str, EmotionTotals] = field(default_factory=dict)
    transitions: dict[tuple[str, str], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @property
    def missing_s(self) -> float:
        """Seconds in which a frame decoded and does not show the face."""
        return max(0.0, self.observed_s - self.face_s - self.lost_s)

    def valence(self) -> tuple[float, float] | None:
        """Return mean and standard deviation over the time with a face; None without any."""
        if self.face_s <= 0:
            return None
        mean = self.valence_s / self.face_s
        return mean, math.sqrt(max(0.0, self.valence_squared_s / self.face_s - mean**2))


class Study:
    """Adds up clips as they come; memory holds one clip and the sums.

    Args:
        grouping: What is a group.
        emotions: The model's emotions.
        people: Whose faces they are.
        segments: What makes an episode.
    """

    def __init__(
        self,
        grouping: Grouping,
        emotions: Sequence[str],
        people: People,
        segments: SegmentOptions,
    ) -> None:
        self.grouping = grouping
        self.emotions = tuple(emotions)
        self.groups: dict[GroupName, Totals] = {}
        self._people = people
        self._segments = segments
        self._negative = [self.emotions.index(name) for name in NEGATIVE if name in self.emotions]
        self._positive = self.emotions.index(POSITIVE) if POSITIVE in self.emotions else None

    @property
    def has_valence(self) -> bool:
        """Whether the model tells happiness and something negative."""
        return self._positive is not None and bool(self._negative)

    def add(self, video: str, rows: Sequence[TimelineRow]) -> None:
        """Take all rows of the next clip."""
        for name, faces in self._members(video, rows).items():
            group = self.groups.setdefault(
                name, Totals(emotions={one: EmotionTotals() for one in self.emotions})
            )
            for person in faces:
                self._add_moments(group, moments_of(rows, person))
            group.clips += 1

    def _members(
        self, video: str, rows: Sequence[TimelineRow]
    ) -> Mapping[GroupName, list[set[int]]]:
        """Return for each group of a clip its people, each with the numbers of their faces."""
        faces = sorted({row.face for row in rows if row.face is not None})
        people: dict[tuple[str, int | None], set[int]] = defaultdict(set)
        for face in faces:
            person = self._people.person(video, face, len(faces))
            people[person, face if "face" in self.grouping.keys else None].add(face)
        if not faces:
            people[self._people.by_clip.get(video, video), None] = set()
        members: dict[GroupName, list[set[int]]] = defaultdict(list)
        for (person, number), numbers in people.items():
            values: dict[str, str | int | None] = {
                "participant": person,
                "video": video,
                "face": number,
            }
            members[tuple(values[key] for key in self.grouping.keys)].append(numbers)
        return members

    def _add_moments(self, group: Totals, moments: Sequence[Moment]) -> None:
        for one in moments:
            group.observed_s += one.seconds
            if one.row.status is Status.DECODE_ERROR:
                group.lost_s += one.seconds
            values = one.row.latest
            if values is not None:
                group.face_s += one.seconds
                self._add_values(group, values, one.seconds)
        self._add_episodes(group, moments)

    def _add_values(self, group: Totals, values: Sequence[float], seconds: float) -> None:
        top = max(range(len(values)), key=values.__getitem__)
        group.emotions[self.emotions[top]].dominant_s += seconds
        for name, value in zip(self.emotions, values, strict=True):
            group.emotions[name].value_s += value * seconds
        if self._positive is not None and self._negative:
            valence = values[self._positive] - max(values[index] for index in self._negative)
            group.valence_s += valence * seconds
            group.valence_squared_s += valence**2 * seconds

    def _add_episodes(self, group: Totals, moments: Sequence[Moment]) -> None:
        rows = [one.row for one in moments]
        times = [row.time for row in rows]
        episodes = segment_clip(rows, self.emotions, self._segments).segments
        begun: set[str] = set()
        for one in episodes:
            totals = group.emotions[one.emotion]
            totals.episodes.append(one)
            inside = moments[bisect_left(times, one.onset) : bisect_left(times, one.offset)]
            totals.shown_s += sum(at.seconds for at in inside if at.row.latest is not None)
            if one.emotion not in begun:
                begun.add(one.emotion)
                totals.latencies.append(one.onset - rows[0].time)
        for before, after in pairwise(episodes):
            group.transitions[before.emotion, after.emotion].append(after.onset - before.offset)

    def sorted_groups(self) -> Iterator[tuple[GroupName, Totals]]:
        """Yield the groups by the values of their keys."""

        def order(item: tuple[GroupName, Totals]) -> list[tuple[str, int]]:
            return [
                ("", -1) if value is None else ("", value) if isinstance(value, int) else (value, 0)
                for value in item[0]
            ]

        yield from sorted(self.groups.items(), key=order)
