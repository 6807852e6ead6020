"""What commands say of whose faces timelines show, and of everybody's neutral reference."""

from __future__ import annotations

from collections.abc import Iterable

from fer_pipeline.cli.console import Console
from fer_pipeline.timeline import References
from fer_pipeline.timeline_people import FoundPeople

_MOST_LISTED = 8


def tell_people(console: Console, found: FoundPeople) -> None:
    """Say who was guessed, and who of a table is nowhere to be seen."""
    if found.guessed:
        guessed = [f"{video}: {name}" for video, name in found.guessed.items()]
        console.say(f"participants guessed from names: {_few(guessed)}")
    if found.strangers:
        console.warn(f"not among the clips: {_few(found.strangers)}")


def tell_references(console: Console, found: FoundPeople, references: References) -> None:
    """Say where everybody's neutral reference is, if there are any."""
    if references and found.untold:
        console.warn(
            f"nothing tells who is seen in {_few(found.untold)}: each face has a reference "
            "of its own; --participants names them"
        )
    for one in references.values():
        where = f" at {one.start:.2f} to {one.end:.2f} s" if one.start is not None else ""
        console.say(
            f"baseline of {one.person}: {one.seconds:.2f} s of {_few(one.clips)}{where}, "
            f"{one.criterion}"
        )


def _few(names: Iterable[str]) -> str:
    """List the first names, and how many more there are."""
    listed = list(names)
    rest = len(listed) - _MOST_LISTED
    return ", ".join([*listed[:_MOST_LISTED], *([f"and {rest} more"] if rest > 0 else [])])
