"""Ten hours, twenty thousand clips, three hundred thousand faces: does anything grow, or leak?

    python benchmarks/long_and_wide.py --scale 0.01
    python benchmarks/long_and_wide.py --only wide

Hours at full scale; a rehearsal takes minutes. Each step leaves its figures in the folder, so that
the same command goes on where it was stopped; tables are printed as Markdown. Linux only.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import big_dataset
import long_stream
import wide_folder
from made_models import untrained_model
from process_watch import Watched
from turns import tell

from fer_pipeline.provenance import machine
from fer_pipeline.report.tables import Cell, markdown_table

DEFAULT_FOLDER = Path(__file__).resolve().parent.parent / "build" / "long"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Keeps the figures of finished steps.

    Attributes:
        folder: Where they are, and all that the steps make.
    """

    folder: Path

    def once(self, step: str, measure: Callable[[], Any]) -> Any:
        """Return the figures of a step, which is done only if it was not yet."""
        path = self.folder / f"{step}.json"
        if not path.exists():
            tell(step)
            unfinished = path.with_suffix(".unfinished")
            unfinished.write_text(json.dumps(measure()), "utf-8")
            unfinished.rename(path)
        return json.loads(path.read_text("utf-8"))

    def watched(self, step: str, measure: Callable[[], Watched]) -> Watched:
        """Return what was seen in a step, which is done only if it was not yet."""
        return Watched.from_json(self.once(step, lambda: measure().to_json()))

    def model(self) -> Path:
        """Return a model of random weights."""
        folder = self.folder / "model"
        if not (folder / "model.tflite").exists():
            shutil.rmtree(folder, ignore_errors=True)
            untrained_model(folder)
        return folder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size")
    parser.add_argument("--only", choices=list(PARTS), action="append", help="a part; repeat it")
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER)
    options = parser.parse_args()
    folder = options.folder / f"{options.scale:g}"
    folder.mkdir(parents=True, exist_ok=True)
    about = machine()
    print(f"{platform.system()}, {about['processor']}, {about['cores']} cores", flush=True)
    for name in options.only or PARTS:
        text = PARTS[name](Ledger(folder), options.scale)
        tell("")
        print(f"\n{text}", flush=True)


def long(ledger: Ledger, scale: float) -> str:
    """Annotate clips of three lengths; return a table."""
    rows: list[list[Cell]] = []
    for name, seconds in long_stream.LENGTHS.items():

        def measure(name: str = name, seconds: float = seconds) -> dict[str, Any]:
            return long_stream.measure(ledger.folder, name, seconds * scale, ledger.model())

        found = ledger.once(f"long-{name.replace(' ', '')}", measure)
        figures = ("main", "all", "own", "files")
        rows.append(
            [
                name if scale == 1 else f"{scale:g} × {name}",
                f"{found['frames']:,}",
                f"{found['rows']:,}",
                f"{found['last']:.2f}",
                "; ".join(found["wrong"]) or "nothing",
                f"{found['seconds']:.0f}",
                f"{found['processor']:.0f}",
                *(f"{found[figure]:.0f}" for figure in figures),
            ]
        )
    header = ["length", "frames", "rows", "last row at, s", "wrong in it", "seconds"]
    header += ["processor's seconds", "resident MiB", "with all processes", "not mapped", "files"]
    return f"One clip, every {long_stream.EVERY}th frame:\n\n{markdown_table(header, rows)}"


def wide(ledger: Ledger, scale: float) -> str:
    """Extract and annotate a folder of clips; return tables."""
    count = round(wide_folder.CLIPS * scale)
    clips, output = ledger.folder / "clips", ledger.folder / "faces.h5"
    ledger.once("wide-clips", lambda: wide_folder.make_clips(clips, count))
    killed = ledger.watched(
        "wide-killed", lambda: wide_folder.extract(clips, output, kill_at=count // 2)
    )
    begun = max(moment.done for moment in killed.moments)
    rest = ledger.watched("wide-rest", lambda: wide_folder.extract(clips, output))
    again = ledger.watched("wide-again", lambda: wide_folder.extract(clips, output))
    timelines = ledger.folder / "timelines"

    def annotate() -> Watched:
        return wide_folder.annotate(clips, timelines, ledger.model())

    annotated = ledger.watched("wide-annotated", annotate)
    annotated_again = ledger.watched("wide-annotated-again", annotate)
    runs = {
        f"extract, killed when {begun:,} were done": killed,
        f"extract, the other {count - begun:,}, and join all": rest,
        "extract again: nothing to do": again,
        "annotate to a folder": annotated,
        "annotate again: nothing to do": annotated_again,
    }
    paces = {
        "extract, until it was killed": wide_folder.pace(killed, 0, begun),
        "extract, the others": wide_folder.pace(rest, begun, count),
        "annotate": wide_folder.pace(annotated, 0, count),
    }
    first, last = wide_folder.first_part(rest), wide_folder.last_part(rest)
    texts = [f"{count:,} clips of one second, two workers:", _runs_table(runs)]
    texts += [
        f"After the kill the first new part was there after {first:.0f} s; from the last part to "
        f"the end of the command, joining included, it took {rest.seconds - last:.0f} s."
    ]
    for name, tenths in paces.items():
        texts += [f"{name}, by tenths of the clips:", _tenths_table(tenths)]
    return "\n\n".join(texts)


def big(ledger: Ledger, scale: float) -> str:
    """Look through, join and learn from a dataset; return a table."""
    faces = round(big_dataset.FACES * scale)
    halves = [ledger.folder / f"half-{half}.h5" for half in (0, 1)]
    for half, path in enumerate(halves):
        ledger.once(
            f"big-half-{half}",
            lambda half=half, path=path: big_dataset.make_half(path, faces // 2, half),
        )
    whole = ledger.folder / "whole.h5"
    runs = {
        "data merge": ledger.watched("big-merge", lambda: big_dataset.merge(halves, whole)),
        "data verify": ledger.watched("big-verify", lambda: big_dataset.verify(whole)),
        "train, one epoch": ledger.watched(
            "big-train", lambda: big_dataset.train(whole, ledger.folder / "trained")
        ),
    }
    size = big_dataset.SIZE
    return f"{faces:,} faces of {size}×{size} pixels in gray:\n\n{_runs_table(runs)}"


def _runs_table(runs: dict[str, Watched]) -> str:
    header = ["command", "seconds", "processor's seconds", "most processes", "resident MiB"]
    header += ["of a worker", "of all", "not mapped", "files", "of a worker"]
    figures = ("processes", "main", "worker", "all", "own", "files", "worker_files")
    rows = [
        [
            name,
            f"{seen.seconds:.0f}",
            # Nobody can ask a process that was killed.
            f"{seen.processor:.0f}" if seen.status >= 0 else "",
            *(f"{seen.most(figure):.0f}" for figure in figures),
        ]
        for name, seen in runs.items()
    ]
    return markdown_table(header, rows)


def _tenths_table(tenths: list[tuple[float, Any]]) -> str:
    header = ["tenth", "clips a second", "resident MiB", "of a worker", "files", "of a worker"]
    rows = [
        [
            str(number),
            f"{pace:.1f}",
            f"{moment.main:.0f}",
            f"{moment.worker:.0f}",
            str(moment.files),
            str(moment.worker_files),
        ]
        for number, (pace, moment) in enumerate(tenths, start=1)
    ]
    return markdown_table(header, rows)


PARTS: dict[str, Callable[[Ledger, float], str]] = {"long": long, "wide": wide, "big": big}


if __name__ == "__main__":
    main()
