"""``fer probe``."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.root import PARTLY_DONE
from fer_pipeline.cli.summaries import all_failed, list_failures
from fer_pipeline.errors import FerError
from fer_pipeline.probing import Probe, probe
from fer_pipeline.report.tables import text_table
from fer_pipeline.sources import find_videos


@click.command("probe")
@click.argument("clips", nargs=-1, required=True, type=options.AnyPath)
@click.option("--decode", is_flag=True, help="Decode everything, and tell each loss.")
@reports
def command(console: Console, clips: tuple[Path, ...], decode: bool) -> None:
    """All that is known of clips, before hours are spent on them.

    CLIPS are files and folders, searched recursively. What the container claims, what the
    timestamps say, and whether faces are found in a few pictures.

    \b
    Example:
      fer probe clip.mp4
      fer probe videos/ --decode
    """
    failures: dict[str, FerError] = {}
    sources = find_videos(clips)
    damaged = False
    for source in sources:
        try:
            found = probe(source.path, decode=decode)
        except FerError as error:
            failures[source.name] = error
            continue
        damaged |= found.damaged
        console.result(text_table([source.name, ""], _facts(found)) + "\n")
        for warning in dict.fromkeys([*found.damage.warnings, *_reading_warnings(found)]):
            console.warn(f"{source.name}: {warning}")
    if len(failures) == len(sources):
        raise all_failed(console, failures, "no clip could be opened")
    list_failures(console, failures)
    if failures or damaged:
        click.get_current_context().exit(PARTLY_DONE)


def _reading_warnings(found: Probe) -> list[str]:
    return found.reading.warnings if found.reading else []


def _facts(found: Probe) -> list[tuple[str, str]]:
    info, packets = found.info, found.packets
    sound = "with sound" if info.audio else "no sound"
    facts = [
        ("file", f"{info.container}, {found.bytes / 2**20:.1f} MiB, {sound}"),
        ("picture", _picture(found)),
        ("claimed", _claims(found)),
        ("packets", f"{len(packets.times)}, {packets.key_frames} of them key frames"),
        ("time", _timing(found)),
        ("faces", _faces(found)),
    ]
    if found.reading:
        facts.append(("decoded", f"{found.reading.decoded} frames, {found.reading.lost} lost"))
    return facts


def _picture(found: Probe) -> str:
    coded = f"{found.info.codec}, {found.info.width} x {found.info.height} px"
    shown = found.look.size
    if shown and shown != (found.info.width, found.info.height):
        return f"{coded}, turned upright to {shown[0]} x {shown[1]} px"
    return coded


def _claims(found: Probe) -> str:
    info = found.info
    frames = f"{info.frames} frames, " if info.frames else ""
    duration = "" if info.duration is None else f"{info.duration:.3f} s, "
    return f"{frames}{duration}{info.rate:g} frames a second"


def _timing(found: Probe) -> str:
    times, steps = found.packets.times, found.packets.steps
    if not times:
        return "no timestamps; the nominal rate will be used"
    span = f"from {times[0]:.3f} to {times[-1]:.3f} s"
    if not steps:
        return span
    if found.packets.constant_rate:
        return f"{span}, constant rate, {median(steps):.4f} s a frame"
    return (
        f"{span}, variable rate: {steps[0]:.4f} to {steps[-1]:.4f} s a frame, "
        f"median {median(steps):.4f}"
    )


def _faces(found: Probe) -> str:
    look = found.look
    with_face = sum(count > 0 for count in look.faces)
    text = f"in {with_face} of {look.looked_at} pictures looked at"
    if look.widths:
        text += f", {look.widths[0]} to {look.widths[-1]} px wide"
    if max(look.faces, default=0) > 1:
        text += f", up to {max(look.faces)} at once"
    return text
