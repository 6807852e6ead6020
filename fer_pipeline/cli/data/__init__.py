"""``fer data``: one file per command."""

from __future__ import annotations

import click

from fer_pipeline.cli.lazy import LazyGroup

COMMANDS = {
    "show": "Print what a dataset holds: people, emotions, images, and where it comes from.",
    "verify": "Read a whole dataset and look for anything wrong in it.",
    "dedupe": "Remove images that are in a dataset more than once.",
    "sheet": "Draw faces of a dataset into a picture, to look at them.",
    "review": "Write a page in which you look through the faces and tick what is wrong.",
    "apply": "Make a new dataset of one and a list of what is wrong in it.",
    "export": "Write a dataset for other programs: as pictures in folders, or as NumPy arrays.",
    "merge": "Join datasets into a new one.",
    "split": "Divide a dataset into training, validation and test, and write that into the file.",
    "withdraw": "Remove a participant from a dataset: faces, rows, names and traces.",
    "pseudonymize": "Replace the names of people and videos by codes that only a key leads back.",
}


@click.group("data", cls=LazyGroup, package=__name__, listed=COMMANDS)
def command() -> None:
    """Look at a dataset, check it, and take care of it.

    \b
    Example:
      fer data show faces.h5
    """
