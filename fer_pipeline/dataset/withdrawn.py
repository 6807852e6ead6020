"""What a dataset keeps of people who were withdrawn, so that nobody brings them back unawares.

Not their code but a hash of it, with a salt of its own as the key. Codes such as P07 are few: who
has the file can try them all, so the hash hides a person from a glance and not from a search. Codes
that must not be guessed are replaced first, see `fer_pipeline.care.pseudonyms`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fer_pipeline.dataset.layout import called_in
from fer_pipeline.errors import DatasetError
from fer_pipeline.json_values import parse_json

ATTRIBUTE = "withdrawn"
"""Root attribute of the file: a JSON list, one object for each person."""

_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Somebody who was withdrawn.

    Attributes:
        salt: Key of the hash, random, in hexadecimal digits.
        hash: HMAC-SHA256 of the person's code.
        corpus: The corpus whose people have codes of their own in a joined dataset; empty if none.
        time: When, ISO 8601 in UTC.
        faces: How many faces were removed.
        videos: How many videos.
    """

    salt: str
    hash: str
    corpus: str
    time: str
    faces: int
    videos: int

    @classmethod
    def of(cls, code: str, time: str, faces: int, videos: int) -> Withdrawn:
        """Return what is kept of a person."""
        salt = secrets.token_hex(_SALT_BYTES)
        return cls(salt, _hash(salt, code), "", time, faces, videos)

    def is_of(self, code: str) -> bool:
        """Tell whether a code is the person's; the case of its letters does not matter."""
        if self.corpus:
            beginning = called_in(self.corpus, "")
            if not code.startswith(beginning):
                return False
            code = code.removeprefix(beginning)
        return hmac.compare_digest(_hash(self.salt, code), self.hash)


def same_code(one: str, other: str) -> bool:
    """Tell whether two codes stand for one person: the case of their letters does not matter."""
    return _plain(one) == _plain(other)


def _plain(code: str) -> str:
    return unicodedata.normalize("NFC", code).strip().casefold()


def _hash(salt: str, code: str) -> str:
    return hmac.new(bytes.fromhex(salt), _plain(code).encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may come into a dataset.

    Attributes:
        refused: Codes of those who were withdrawn, and stay so.
        withdrawn: What the dataset goes on to keep of people who were withdrawn.
    """

    refused: frozenset[str]
    withdrawn: tuple[Withdrawn, ...]


NOBODY: frozenset[str] = frozenset()

EVERYBODY = frozenset({"*"})
"""Stands for the codes of all people who were withdrawn."""


def admit(
    codes: Iterable[str], withdrawn: Sequence[Withdrawn], readmit: frozenset[str] = NOBODY
) -> Admission:
    """Decide which people come into a dataset.

    Args:
        codes: Those who would.
        withdrawn: Those who were withdrawn from it.
        readmit: Codes of people who were withdrawn and are taken in again, or `EVERYBODY`.

    Raises:
        DatasetError: Somebody to be taken in again was not withdrawn, or is not there.
    """
    found = set(withdrawn_among(codes, withdrawn))
    again = found
    if readmit != EVERYBODY:
        again = {code for code in found if any(same_code(code, one) for one in readmit)}
        _refuse_unknown(readmit, found, withdrawn)
    kept = tuple(one for one in withdrawn if not any(one.is_of(code) for code in again))
    return Admission(frozenset(found - again), kept)


def _refuse_unknown(
    readmit: Iterable[str], found: Iterable[str], withdrawn: Sequence[Withdrawn]
) -> None:
    for code in sorted(readmit):
        if not withdrawn_among([code], withdrawn):
            raise DatasetError(f"{code}: was never withdrawn", "leave it out of --readmit")
        if not any(same_code(code, one) for one in found):
            raise DatasetError(f"{code}: is not among the inputs", "leave it out of --readmit")


def still_withdrawn(
    withdrawn: Sequence[Withdrawn], readmit: frozenset[str] = NOBODY
) -> tuple[Withdrawn, ...]:
    """Return who stays withdrawn, where it is not known beforehand who would come in.

    Raises:
        DatasetError: Somebody to be taken in again was not withdrawn.
    """
    if readmit == EVERYBODY:
        return ()
    admit(readmit, withdrawn, readmit)
    return tuple(one for one in withdrawn if not any(one.is_of(code) for code in readmit))


def withdrawn_among(codes: Iterable[str], withdrawn: Sequence[Withdrawn]) -> list[str]:
    """Return those of some people who were withdrawn."""
    return [code for code in codes if any(one.is_of(code) for one in withdrawn)]


def to_json(withdrawn: Iterable[Withdrawn]) -> str:
    """Write it as it stands in the file."""
    return json.dumps([asdict(one) for one in withdrawn])


def from_json(text: Any) -> tuple[Withdrawn, ...]:
    """Read it from the file.

    Raises:
        TypeError, ValueError: It is nothing that `to_json` wrote.
    """
    return tuple(Withdrawn(**one) for one in parse_json(text))
