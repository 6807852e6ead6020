"""What commands say of whose faces timelines show, and of everybody's neutral reference."""

from __future__ import annotations

from fer_pipeline.cli.console import Console
from fer_pipeline.listing import few
from fer_pipeline.timeline import References
from fer_pipeline.timeline_people import FoundPeople


def tell_people(console: Console, found: FoundPeople) -> None:
    """Say who was guessed, and who of a table is nowhere to be seen."""
    if found.guessed:
        guessed = [f"{video}: {name}" for video, name in found.guessed.items()]
        console.say(f"participants guessed from names: {few(guessed)}")
    if found.strangers:
        console.warn(f"not among the clips: {few(found.strangers)}")


def tell_references(console: Console, found: FoundPeople, references: References) -> None:
    """Say where everybody's neutral reference is, if there are any."""
    if references and found.untold:
        console.warn(
            f"nothing tells who is seen in {few(found.untold)}: each face has a reference "
            "of its own; --participants names them"
        )
    for one in references.values():
        where = f" at {one.start:.2f} to {one.end:.2f} s" if one.start is not None else ""
        console.say(
            f"baseline of {one.person}: {one.seconds:.2f} s of {few(one.clips)}{where}, "
            f"{one.criterion}"
        )
