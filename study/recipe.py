"""The published experiments on simulated people, from nothing to the document about them.

    make study
    make study STUDY="--only simulate,extract,lenet5"

Every step is one command of the product, or a few, and goes on where it was stopped; what is done
is not done again. After each step docs/results/simulated-study.md is written anew from whatever is
there. All of it takes many hours on a processor; the first three steps, which make the main table,
take about one.
"""

from __future__ import annotations

import signal
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping

from fer_pipeline.errors import FerError
from study.commands import MissingError, Shell, StepError
from study.describing import document
from study.records import add_time, is_done, keep, records
from study.sizes import Study, add_options, chosen
from study.steps import STEPS, sizes_of


def main(words: list[str] | None = None) -> int:
    """Do what is missing.

    Returns:
        The exit status: 1 if a step failed; one that needs what is not here is only told.
    """
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", default=",".join(STEPS), help="steps, in any order (default: all)"
    )
    add_options(parser)
    given = parser.parse_args(words)
    wanted = given.only.split(",")
    if unknown := [name for name in wanted if name not in STEPS]:
        parser.error(f"no step {', '.join(unknown)}: there are {', '.join(STEPS)}")
    study = chosen(given)
    lacking, failed = {}, False
    for name in STEPS:
        if name in wanted and not _is_done(study, name):
            try:
                run_step(study, name)
            except MissingError as missing:
                lacking[name] = f"not run: {missing}"
            except (StepError, FerError) as error:
                lacking[name], failed = f"failed: {error}", True
            write_document(study, lacking)
    write_document(study, lacking)
    for name, why in lacking.items():
        print(f"{name}: {why}")
    print(f"\n{study.places.document}: written")
    return int(failed)


def run_step(study: Study, name: str) -> None:
    """Run a step, and write down what it found out and how long it took.

    Raises:
        MissingError: It needs what is not here.
        StepError: It came to nothing, or another must be done before.
    """
    step, shell, begun = STEPS[name], Shell(), time.monotonic()
    if before := [need for need in step.needs if not _is_done(study, need)]:
        raise StepError(f"{', '.join(before)} must be done before")
    print(f"\n=== {name}: {step.told}", flush=True)
    try:
        figures = step.run(study, shell)
    finally:
        add_time(study.places, name, time.monotonic() - begun)
    keep(study, name, sizes_of(study, name), shell.typed, figures)


def write_document(study: Study, lacking: Mapping[str, str]) -> None:
    """Write the document from the steps that are done.

    Args:
        study: Whose.
        lacking: Why steps that were tried are not done.
    """
    study.places.document.parent.mkdir(parents=True, exist_ok=True)
    found = records(study, {name: sizes_of(study, name) for name in STEPS})
    study.places.document.write_text(document(found, lacking), "utf-8")


def _is_done(study: Study, name: str) -> bool:
    return is_done(study, name, sizes_of(study, name))


if __name__ == "__main__":
    # So that the time of a step is counted however it is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nstopped; the same command goes on from here")
