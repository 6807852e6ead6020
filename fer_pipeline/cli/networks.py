"""``fer networks``."""

from __future__ import annotations

import click

from fer_pipeline.cli.console import Console, reports
from fer_pipeline.networks import DEFAULT_NETWORK, NETWORKS, Network
from fer_pipeline.report.tables import text_table

NOTE = """\
Parameters are those for 8 emotions at the input shown. ImageNet: the network can begin with weights
learned on ImageNet (fer train --weights imagenet, or --weights FILE with the file that Keras
distributes); * the published one did."""


@click.command("networks")
@reports
def command(console: Console) -> None:
    """List the networks, with their parameters for 8 emotions at their default input.

    \b
    Example:
      fer networks
    """
    header = [
        "network",
        "input",
        "smallest",
        "parameters gray",
        "parameters rgb",
        "ImageNet",
        "source",
    ]
    rows = [
        (
            name + (" (default)" if name == DEFAULT_NETWORK else ""),
            f"{one.size} px {one.channels}",
            f"{one.smallest} px",
            f"{one.parameters['gray']:,}",
            f"{one.parameters['rgb']:,}",
            _mark(one),
            one.source,
        )
        for name, one in NETWORKS.items()
    ]
    console.result(text_table(header, rows))
    console.result(f"\n{NOTE}")


def _mark(network: Network) -> str:
    if not network.backbone:
        return "-"
    return "yes *" if network.pretrained else "yes"
