"""``fer doctor``."""

from __future__ import annotations

import click

from fer_pipeline.cli.console import Console, reports
from fer_pipeline.diagnosis import diagnose
from fer_pipeline.errors import FerError
from fer_pipeline.report.tables import text_table


@click.command("doctor")
@reports
def command(console: Console) -> None:
    """Check the installation: what is there, what is missing, how to get it.

    \b
    Example:
      fer doctor
    """
    findings = list(diagnose())
    console.result(
        text_table(["", "", ""], [(one.mark, one.subject, one.detail) for one in findings])
    )
    missing = [one for one in findings if one.needed and not one.good]
    for one in missing:
        console.warn(f"{one.subject}: {one.remedy}")
    if missing:
        raise FerError(f"{len(missing)} things that fer needs are missing or broken")
    console.result("\nall that fer needs is there")
