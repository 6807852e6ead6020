"""Annotations of ELAN (``.eaf``), read from its own format, and tiers added to a copy.

The tree of the file itself is kept and added to, so that nothing that ELAN wrote is lost. Source:
EAF 3.0, http://www.mpi.nl/tools/elan/EAFv3.0.xsd.
"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from fer_pipeline.coders.coding import Code, Coding, Wanted, choose_tier, in_order
from fer_pipeline.coders.xml_text import parse_xml
from fer_pipeline.errors import CoderError

_ROOT = "ANNOTATION_DOCUMENT"
_TYPE = "fer"
_LAST_ID = "lastUsedAnnotationId"

_SAVE_AGAIN = "open it in ELAN and save it again"

_Span = tuple[float, float]


def read_elan(path: Path, wanted: Wanted) -> Coding:
    """Read one tier, in seconds of the clip's own clock.

    Raises:
        CoderError: The file cannot be read, or it cannot be told which tier is meant.
    """
    root = parse_elan(path)
    try:
        tiers, origin = _Document(root).tiers(), _origin(root, wanted.video)
    except (KeyError, ValueError, RecursionError) as error:
        raise CoderError(f"{path}: is a broken ELAN file ({error!r})", _SAVE_AGAIN) from error
    filled = [name for name, codes in tiers.items() if codes]
    tier = choose_tier(path, "tier", filled, wanted)
    return Coding(
        path=path,
        tier=tier,
        codes=in_order(tiers[tier]),
        origin=origin,
        media=tuple(filter(None, (_media_name(one) for one in root.iter("MEDIA_DESCRIPTOR")))),
    )


def parse_elan(path: Path) -> ET.Element:
    """Return the root of an ELAN file.

    Raises:
        CoderError: It cannot be read, or is none.
    """
    root = parse_xml(path)
    if root.tag != _ROOT:
        raise CoderError(f"{path}: is no ELAN file (its root is {root.tag})", "give an .eaf file")
    return root


class _Document:
    """Finds out when each annotation of a document is."""

    def __init__(self, root: ET.Element) -> None:
        header = root.find("HEADER")
        unit = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
        if unit != "milliseconds":
            raise ValueError(f"its times count {unit}")
        self._root = root
        self._times = _slot_times(root)
        self._spans: dict[str, _Span] = {}
        self._dependent: dict[str, tuple[str, str]] = {}
        self._siblings: dict[tuple[str, str], list[str]] = defaultdict(list)
        for tier in root.iter("TIER"):
            for one in _annotations(tier):
                self._place(one, tier.attrib["TIER_ID"])

    def _place(self, one: ET.Element, tier: str) -> None:
        name = one.attrib["ANNOTATION_ID"]
        if one.tag == "ALIGNABLE_ANNOTATION":
            start, end = (one.attrib[f"TIME_SLOT_REF{end}"] for end in (1, 2))
            self._spans[name] = self._times[start], self._times[end]
            return
        parent = one.attrib["ANNOTATION_REF"]
        self._dependent[name] = parent, tier
        self._siblings[parent, tier].append(name)

    def tiers(self) -> dict[str, list[Code]]:
        """Return the codes of each tier, in seconds; annotations without text are none."""
        return {
            tier.attrib["TIER_ID"]: [
                Code(start / 1000, end / 1000, text)
                for one in _annotations(tier)
                if (text := (one.findtext("ANNOTATION_VALUE") or "").strip())
                for start, end in [self._span(one.attrib["ANNOTATION_ID"])]
            ]
            for tier in self._root.iter("TIER")
        }

    def _span(self, name: str) -> _Span:
        """Return milliseconds; those that share a parent divide its time evenly, as ELAN shows."""
        if name in self._spans:
            return self._spans[name]
        parent, tier = self._dependent[name]
        start, end = self._span(parent)
        siblings = self._siblings[parent, tier]
        step = (end - start) / len(siblings)
        place = siblings.index(name)
        return start + place * step, start + (place + 1) * step


def _annotations(tier: ET.Element) -> Iterator[ET.Element]:
    for holder in tier.iter("ANNOTATION"):
        for one in holder:
            if one.tag in ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION"):
                yield one


def _slot_times(root: ET.Element) -> dict[str, float]:
    """Return the milliseconds of each slot; slots without a time lie evenly between the others."""
    slots = [(one.attrib["TIME_SLOT_ID"], one.get("TIME_VALUE")) for one in root.iter("TIME_SLOT")]
    known = [index for index, (_, value) in enumerate(slots) if value is not None]
    times = {name: float(value) for name, value in slots if value is not None}
    for before, after in pairwise(known):
        start, end = times[slots[before][0]], times[slots[after][0]]
        for index in range(before + 1, after):
            times[slots[index][0]] = start + (end - start) * (index - before) / (after - before)
    return times


def _origin(root: ET.Element, video: str) -> float:
    """Return at which second of the clip the clock of the file begins."""
    media = list(root.iter("MEDIA_DESCRIPTOR"))
    named = [one for one in media if _media_name(one) == PurePosixPath(video).name]
    one = next(iter(named or media), None)
    return 0.0 if one is None else float(one.get("TIME_ORIGIN") or 0) / 1000


def _media_name(media: ET.Element) -> str:
    return unquote(re.split(r"[/\\]", media.get("MEDIA_URL", ""))[-1])


# Tiers added


@dataclass(frozen=True, slots=True)
class NewTier:
    """A tier that is added.

    Attributes:
        name: What it is called; a number is added where another is called so.
        codes: In seconds of the document's own clock, not overlapping.
    """

    name: str
    codes: tuple[Code, ...]


def add_tiers(root: ET.Element, tiers: Sequence[NewTier]) -> None:
    """Add tiers to a document; all that stands there stays as it is."""
    order = root.find("TIME_ORDER")
    if order is None:
        order = ET.Element("TIME_ORDER")
        root.insert(_behind(root, ("LICENSE", "HEADER")), order)
    kind = _own_type(root)
    ids = _NewIds(root)
    taken = {one.get("TIER_ID") for one in root.iter("TIER")}
    for new in tiers:
        name, number = new.name, 2
        while name in taken:
            name, number = f"{new.name} ({number})", number + 1
        taken.add(name)
        tier = ET.Element(
            "TIER", {"ANNOTATOR": "fer", "LINGUISTIC_TYPE_REF": kind, "TIER_ID": name}
        )
        root.insert(_behind(root, ("LICENSE", "HEADER", "TIME_ORDER", "TIER")), tier)
        for code in new.codes:
            _add_annotation(tier, order, ids, code)
    for one in root.iter("PROPERTY"):
        if one.get("NAME") == _LAST_ID:
            one.text = str(ids.annotation)


def _behind(root: ET.Element, tags: Sequence[str]) -> int:
    """Return the place behind the last child of these kinds: the schema fixes their order."""
    places = [index for index, child in enumerate(root) if child.tag in tags]
    return places[-1] + 1 if places else 0


def _own_type(root: ET.Element) -> str:
    """Return the type of our tiers, which is added if it is not there."""
    types = {one.get("LINGUISTIC_TYPE_ID"): one for one in root.iter("LINGUISTIC_TYPE")}
    name = _TYPE
    while name in types and types[name].get("CONSTRAINTS") is not None:
        name += "_"
    if name not in types:
        attributes = {
            "GRAPHIC_REFERENCES": "false",
            "LINGUISTIC_TYPE_ID": name,
            "TIME_ALIGNABLE": "true",
        }
        before = ("LICENSE", "HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE")
        root.insert(_behind(root, before), ET.Element("LINGUISTIC_TYPE", attributes))
    return name


class _NewIds:
    """Counts on from the highest number that a document uses."""

    def __init__(self, root: ET.Element) -> None:
        self.slot = _highest(one.get("TIME_SLOT_ID", "") for one in root.iter("TIME_SLOT"))
        used = _highest(
            one.get("ANNOTATION_ID", "") for tier in root.iter("TIER") for one in _annotations(tier)
        )
        told = _highest(
            one.text or "" for one in root.iter("PROPERTY") if one.get("NAME") == _LAST_ID
        )
        self.annotation = max(used, told)

    def next_slot(self) -> str:
        self.slot += 1
        return f"ts{self.slot}"

    def next_annotation(self) -> str:
        self.annotation += 1
        return f"a{self.annotation}"


def _highest(names: Iterator[str]) -> int:
    numbers = (re.search(r"(\d{1,18})$", name.strip(), re.ASCII) for name in names)
    return max((int(found[1]) for found in numbers if found), default=0)


def _add_annotation(tier: ET.Element, order: ET.Element, ids: _NewIds, code: Code) -> None:
    start = max(0, round(1000 * code.start))
    end = max(round(1000 * code.end), start + 1)
    slots = [ids.next_slot(), ids.next_slot()]
    for slot, value in zip(slots, (start, end), strict=True):
        ET.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": slot, "TIME_VALUE": str(value)})
    one = ET.SubElement(
        ET.SubElement(tier, "ANNOTATION"),
        "ALIGNABLE_ANNOTATION",
        {
            "ANNOTATION_ID": ids.next_annotation(),
            "TIME_SLOT_REF1": slots[0],
            "TIME_SLOT_REF2": slots[1],
        },
    )
    ET.SubElement(one, "ANNOTATION_VALUE").text = code.text


def move_links(root: ET.Element, source: Path, target: Path) -> None:
    """Let links to media, which begin at the file's folder, hold for a copy elsewhere."""
    keys: Mapping[str, str] = {
        "MEDIA_DESCRIPTOR": "RELATIVE_MEDIA_URL",
        "LINKED_FILE_DESCRIPTOR": "RELATIVE_LINK_URL",
    }
    here, there = source.resolve().parent, target.resolve().parent
    if here == there:
        return
    for one in root.iter():
        key = keys.get(str(one.tag))
        link = key and one.get(key)
        if not key or not link or ":" in link:
            continue
        try:
            moved = Path(os.path.relpath(here / link, there)).as_posix()
        except ValueError:  # another drive of Windows
            continue
        one.set(key, moved if moved.startswith("../") else f"./{moved}")


def write_document(root: ET.Element, file: Path) -> None:
    """Write a document."""
    ET.indent(root, "    ")
    ET.ElementTree(root).write(file, encoding="UTF-8", xml_declaration=True)
