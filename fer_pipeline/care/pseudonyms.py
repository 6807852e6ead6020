"""Names of people and videos → codes that only the holder of a key can lead back.

The key is a file of its own, to be kept apart from the data. The same key gives the same name the
same code, in every dataset and at any time, so that parts of a study still fit together.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from fer_pipeline.dataset import (
    Dataset,
    Edits,
    Excerpt,
    called_in,
    copy_rows,
    open_dataset,
    withdrawn_from,
)
from fer_pipeline.dataset.copying import Progress
from fer_pipeline.errors import DatasetError, OutputError
from fer_pipeline.files import PathKind, kind_of, reason
from fer_pipeline.provenance import MERGED, provenance

_KEY_BYTES = 32

_CORPORA = "corpora"
"""In the provenance: what stands before the codes of people."""

_DIGITS = 10
"""Of base 32: of a million names two get the same code with a chance of 1 to 2,000, which is
refused."""


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """What turns names into codes.

    Attributes:
        secret: Random bytes.
    """

    secret: bytes

    def person(self, code: str, corpora: Collection[str] = ()) -> str:
        """Return what stands for a participant.

        Args:
            code: As it is written.
            corpora: Names of corpora, of which one may stand before the code and then stays.
        """
        corpus, _, own = code.rpartition("/")
        if corpus not in corpora:
            corpus, own = "", code
        return called_in(corpus, f"P-{self._code('participant', own)}")

    def video(self, name: str) -> str:
        """Return what stands for a video; its suffix stays."""
        return f"V-{self._code('video', name)}{PurePosixPath(name).suffix.lower()}"

    def _code(self, kind: str, name: str) -> str:
        mac = hmac.new(self.secret, f"{kind}:{name}".encode(), hashlib.sha256).digest()
        return base64.b32encode(mac).decode()[:_DIGITS]


def read_key(path: Path) -> Key:
    """Read a key.

    Raises:
        DatasetError: There is none, or it is none.
    """
    if kind_of(path, DatasetError) is PathKind.MISSING:
        raise DatasetError(f"{path}: no such key", "give the one that fer data pseudonymize wrote")
    try:
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: no key ({error})", "give the file that fer wrote") from error
    if len(secret) != _KEY_BYTES:
        problem = f"{path}: no key ({len(secret)} bytes instead of {_KEY_BYTES})"
        raise DatasetError(problem, "give the file that fer wrote")
    return Key(secret)


def make_key(path: Path) -> Key:
    """Make a key, in a file that only its owner may read; one that is there is used.

    Raises:
        DatasetError: What is there is no key.
        OutputError: It cannot be written.
    """
    try:
        # Whoever creates the file gives it its rights, before anything is in it.
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_key(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({reason(error)})") from error
    key = Key(secrets.token_bytes(_KEY_BYTES))
    with os.fdopen(number, "w", encoding="ascii") as file:
        file.write(key.secret.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())  # without it nobody ever finds a person again
    return key


def pseudonymize(source: Path, output: Path, key: Key, progress: Progress = lambda _: None) -> None:
    """Write a dataset in which codes stand for people and videos.

    Where the data come from is not told any more, as that names both; nor who was withdrawn, as a
    hash of a name that can be guessed tells it. The faces stay what they are: who knows a face
    knows the person.

    Args:
        source: The dataset.
        output: Where the new one appears.
        key: What turns names into codes.
        progress: Called with the number of faces done since the last call.

    Raises:
        DatasetError: The source is missing or broken, or two names would get the same code.
        OutputError: The output cannot be written.
    """
    with open_dataset(source) as dataset:
        person = partial(key.person, corpora=corpora_in(dataset.provenance))
        _refuse_same(map(person, dataset.participants))
        _refuse_same(map(key.video, dataset.videos))
        crop = dataset.crop
        kept = {k: v for k, v in dataset.provenance.items() if k in ("corpus", "own")}
        kept[_CORPORA] = sorted(corpora_in(dataset.provenance))
        excerpts = _in_new_order(dataset, Edits(participant=person, video=key.video))
    made = provenance("fer data pseudonymize") | kept | {"pseudonymized": True}
    copy_rows(output, excerpts, crop, made, withdrawn=withdrawn_from(output), progress=progress)


def corpora_in(made: dict[str, Any]) -> frozenset[str]:
    """Return what stands before the codes of people in a dataset that was joined of others."""
    inner = (
        called_in(part["belonging"], corpus)
        for part in made.get(MERGED, {}).values()
        for corpus in ("", *corpora_in(part["made"]))
    )
    names = {name.removesuffix("/") for name in inner} | set(made.get(_CORPORA, []))
    return frozenset(names - {""})


def _in_new_order(dataset: Dataset, edits: Edits) -> list[Excerpt]:
    """Put stills in the order of people's new codes; videos get the order of theirs anyway."""
    person, video = dataset.column("participant"), dataset.column("video")
    codes = [*map(edits.participant, dataset.participants), ""]
    unlisted = frozenset(dataset.videos)
    stills = [
        Excerpt.of(dataset, np.flatnonzero((video < 0) & (person == index)), edits, unlisted)
        for index in sorted(np.unique(person[video < 0]).tolist(), key=codes.__getitem__)
    ]
    return [*stills, Excerpt.of(dataset, np.flatnonzero(video >= 0), edits)]


def _refuse_same(codes: Iterable[str]) -> None:
    seen: set[str] = set()
    for code in codes:
        if code in seen:
            raise DatasetError(f"{code}: stands for two names", "make another key")
        seen.add(code)
