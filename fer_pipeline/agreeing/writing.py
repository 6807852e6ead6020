"""What a comparison found, as a table, and as tiers beside the coder's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fer_pipeline.agreeing.comparing import Comparison
from fer_pipeline.agreeing.options import NONE
from fer_pipeline.coders import (
    Code,
    NewTier,
    add_tiers,
    move_links,
    parse_elan,
    write_document,
)
from fer_pipeline.exports import Details, write_timeline
from fer_pipeline.exports.writing import one_line, printable
from fer_pipeline.files import digest_of, replacing
from fer_pipeline.provenance import provenance
from fer_pipeline.tidy_tables import Row, Table, write_record, write_tidy
from fer_pipeline.timeline import TimelineRow

_ELAN = ".eaf"


def disagreements(comparison: Comparison) -> Table:
    """Return a table of where the two differ, the greatest first."""
    value = str if comparison.options.intensity is None else float
    person = comparison.person
    rows: list[Row] = [
        {
            "video": person.video,
            "participant": person.participant,
            "face": person.face,
            "rank": rank,
            "start_s": one.start,
            "end_s": one.end,
            "duration_s": one.end - one.start,
            "coder": one.coder,
            "fer": one.fer,
        }
        for rank, one in enumerate(comparison.stretches, start=1)
    ]
    columns: Mapping[str, type] = {
        "video": str,
        "participant": str,
        "face": int,
        "rank": int,
        "start_s": float,
        "end_s": float,
        "duration_s": float,
        "coder": value,
        "fer": value,
    }
    return Table("disagreements", columns, rows)


def write_comparison(
    comparison: Comparison, out: Path | None, elan: Path | None, command: str
) -> None:
    """Write what was found, and beside each file how it was made, with all figures.

    Raises:
        OutputError: A file cannot be written.
        CoderError: The coder's file cannot be read again.
    """
    record = _record(comparison, command)
    if out is not None:
        write_tidy(out, disagreements(comparison))
        write_record(out, record)
    if elan is not None:
        _write_elan(comparison, elan)
        write_record(elan, record)


def _record(comparison: Comparison, command: str) -> dict[str, Any]:
    coding, options, person = comparison.coding, comparison.options, comparison.person
    timelines = comparison.plan.timelines
    analysis = options.analysis
    kind = "agreement" if options.intensity is None else "intensity"
    return {
        "format": "fer-agreement",
        "version": 1,
        **provenance(command),
        "timelines": {str(one.path): digest_of(one.path) for one in timelines},
        "coder": {
            "path": str(coding.path),
            "sha256": digest_of(coding.path),
            "tier": coding.tier,
            "codes": len(coding.codes),
            "origin_s": coding.origin,
            "offset_s": options.offset,
        },
        "video": person.video,
        "face": sorted(person.faces),
        "participant": person.participant,
        "values": ("raw", *comparison.plan.derived(timelines[0]))[-1],
        "baseline": None if analysis.baseline is None else str(analysis.baseline),
        "smoothing": None if analysis.smoothing is None else str(analysis.smoothing),
        "compared": options.judged if options.intensity is None else "values",
        "segments": asdict(analysis.segments),
        "map": dict(options.meanings),
        "uncoded": options.uncoded,
        "scale": None if options.intensity is None else options.intensity.most,
        kind: asdict(comparison.figures),
        "left_out_s": asdict(comparison.left_out),
        "disagreements": len(comparison.stretches),
    }


# ELAN


def _write_elan(comparison: Comparison, path: Path) -> None:
    """Write the coder's document with our tiers; of another format, a new one with both."""
    coding, options = comparison.coding, comparison.options
    with replacing(path) as unfinished:
        if coding.path.suffix.lower() == _ELAN:
            root = parse_elan(coding.path)
            move_links(root, coding.path, path)
            tiers, shift = [], coding.origin + options.offset
        else:
            _write_empty(comparison, unfinished)
            root = parse_elan(unfinished)
            tiers, shift = [_tier(comparison, f"coder: {coding.tier}", comparison.written)], 0.0
        tiers.append(_tier(comparison, f"fer: {comparison.person.name}", comparison.told))
        tiers.append(NewTier(f"coder / fer: {comparison.person.name}", _differences(comparison)))
        add_tiers(root, [_shifted(tier, shift) for tier in tiers])
        write_document(root, unfinished)


def _write_empty(comparison: Comparison, file: Path) -> None:
    """Write a document without a tier that links the clip."""
    row = comparison.moments[0].row
    nobody = TimelineRow(row.video, row.frame, row.time, row.status)
    details = Details(media=comparison.plan.media)
    write_timeline(file, "eaf", [nobody], comparison.plan.timelines[0].emotions, details)


def _tier(comparison: Comparison, name: str, values: Sequence[str | float | None]) -> NewTier:
    """Make a tier of what holds in each frame; equal neighbours become one annotation."""
    codes: list[Code] = []
    for moment, value in zip(comparison.moments, values, strict=True):
        if value is None or value == NONE:
            continue
        text, start = _shown(value), moment.row.time
        if codes and codes[-1].text == text and codes[-1].end == start:
            codes[-1] = Code(codes[-1].start, moment.until, text)
        else:
            codes.append(Code(start, moment.until, text))
    return NewTier(_clean(name), tuple(codes))


def _differences(comparison: Comparison) -> tuple[Code, ...]:
    found = sorted(comparison.stretches, key=lambda one: one.start)
    return tuple(
        Code(one.start, one.end, f"{_shown(one.coder)} / {_shown(one.fer)}") for one in found
    )


def _shown(value: str | float) -> str:
    # To the tenth, so that a value of each frame becomes something that can be looked at.
    return _clean(value) if isinstance(value, str) else f"{value:.1f}"


def _clean(text: str) -> str:
    return printable(one_line(text))


def _shifted(tier: NewTier, shift: float) -> NewTier:
    """Return a tier on the clock of the coder's document, which knows no time before 0."""
    moved = (
        Code(max(0.0, code.start - shift), code.end - shift, code.text)
        for code in tier.codes
        if code.end > shift
    )
    return NewTier(tier.name, tuple(moved))
