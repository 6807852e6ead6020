"""``fer networks``."""

from __future__ import annotations

import click

from fer_pipeline.cli.console import Console, reports
from fer_pipeline.networks import DEFAULT_NETWORK, NETWORKS
from fer_pipeline.report.tables import text_table


@click.command("networks")
@reports
def command(console: Console) -> None:
    """List the networks, with their parameters for 8 emotions at their default input.

    \b
    Example:
      fer networks
    """
    header = ["network", "input", "smallest", "parameters gray", "parameters rgb", "source"]
    rows = [
        (
            name + (" (default)" if name == DEFAULT_NETWORK else ""),
            f"{one.size} px {one.channels}",
            f"{one.smallest} px",
            f"{one.parameters['gray']:,}",
            f"{one.parameters['rgb']:,}",
            one.source,
        )
        for name, one in NETWORKS.items()
    ]
    console.result(text_table(header, rows))
