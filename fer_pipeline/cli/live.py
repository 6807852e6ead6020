"""``fer live``."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

import click

from fer_pipeline.cli import options
from fer_pipeline.cli.console import Console, reports
from fer_pipeline.cli.root import PARTLY_DONE, TERMINATED
from fer_pipeline.face_search import WhichFaces
from fer_pipeline.files import locked
from fer_pipeline.live import (
    CameraWishes,
    LiveOptions,
    LiveReport,
    RecordingFiles,
    WatchOptions,
    require_window,
    run_live,
    stop_on_signals,
)
from fer_pipeline.model_folder import ModelSpec, described, find_model
from fer_pipeline.provenance import command_line
from fer_pipeline.report.tables import Cell, counted, percent, text_table

_SIZE = re.compile(r"(\d{2,5})x(\d{2,5})")


class _Size(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """Width and height."""

    name = "size"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, int]:
        """Return width and height."""
        found = _SIZE.fullmatch(value)
        if found is None:
            self.fail(f"{value!r} is no size such as 1280x720", param, ctx)
        return int(found[1]), int(found[2])


@click.command("live")
@click.argument("source", metavar="[CAMERA|FILE]", default=LiveOptions().source)
@click.option(
    "--out",
    type=options.AnyPath,
    metavar="FILE.csv",
    help="Record the timeline, and the events beside it; without it nothing is kept.",
)
@click.option(
    "--model",
    type=options.AnyPath,
    help="A model folder of fer train; else ./model if it exists, else the bundled model.",
)
@click.option("--mirror", is_flag=True, help="Show the picture as in a mirror.")
@click.option("--size", type=_Size(), metavar="WxH", help="Ask the camera for pictures so large.")
@click.option(
    "--fps",
    type=click.FloatRange(min=0, min_open=True),
    metavar="F",
    help="Ask the camera for F pictures a second.",
)
@options.faces(WatchOptions().faces)
@options.profile
@options.overwrite
@reports
def command(
    console: Console,
    source: str,
    out: Path | None,
    model: Path | None,
    mirror: bool,
    size: tuple[int, int] | None,
    fps: float | None,
    faces: WhichFaces,
    profile: bool,
    overwrite: bool,
) -> None:
    """A camera in a window, with faces and emotions as they happen; --out records.

    CAMERA is a number, 0 if you give none. A FILE is played as if it were a camera. No picture is
    kept. Keys: space pauses, m and 1 to 9 mark an event, h shows the keys, q ends.

    \b
    Example:
      fer live
      fer live 1 --mirror --out labels.csv
    """
    files = None if out is None else RecordingFiles(out)
    live = LiveOptions(source, CameraWishes(size, fps), WatchOptions(faces, profile), mirror)
    with ExitStack() as stack:
        if files is not None:
            files.check_name()
            stack.enter_context(locked(files.timeline))  # first: what another run does is no crash
            files.check(overwrite=overwrite)
        require_window()
        folder = find_model(model)
        spec = ModelSpec.read(folder)
        console.say(f"model: {described(folder)} ({spec.network}, {len(spec.emotions)} emotions)")
        stop = stack.enter_context(stop_on_signals())
        stack.push(_Remainder(console, files))
        done = run_live(live, folder, files, command_line(), lambda: bool(stop))
    if stop.hung_up:  # to write to a terminal that is gone would be an error
        click.get_current_context().exit(TERMINATED)
    _summarize(console, done.report, spec.emotions)
    if files is not None:
        console.result(f"\n{files.timeline}")
        console.result(f"{files.events}: {counted(done.events or 0, 'event')}")
    if stop.terminated:
        click.get_current_context().exit(TERMINATED)
    if done.report.warnings:
        click.get_current_context().exit(PARTLY_DONE)


class _Remainder:
    """Tells, after an error, where the rows are that were written before it."""

    def __init__(self, console: Console, files: RecordingFiles | None) -> None:
        self._console = console
        self._files = files

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Tell."""
        if error is None or self._files is None:
            return
        for path in self._files.growing:
            if path.exists():
                self._console.warn(f"{path}: holds what was recorded")


def _summarize(console: Console, report: LiveReport, emotions: tuple[str, ...]) -> None:
    """Print how much showed a face, how long each showed each emotion, and how well it kept up."""
    for warning in report.warnings:
        console.warn(f"{report.name}: {warning}")
    totals = report.totals
    if totals.frames and not totals.with_face:
        console.warn(f"{report.name}: no face found")
    share = percent(totals.with_face / totals.frames) if totals.frames else ""
    header = ["source", "frames", "with a face", "share", "not decoded"]
    row: list[Cell] = [report.name, totals.frames, totals.with_face, share, totals.errors]
    console.result(text_table(header, [row]))
    times: list[list[Cell]] = [
        [face, *(f"{seconds.get(emotion, 0):.2f}" for emotion in emotions)]
        for face, seconds in totals.seconds.items()
    ]
    if times:
        console.result("\nseconds in which a face showed each emotion most:")
        console.result(text_table(["face", *emotions], times))
    console.result(f"\n{_pace(report)}")


def _pace(report: LiveReport) -> str:
    told = [f"{counted(report.shown, 'frame')} shown", f"{report.passed_over} passed over"]
    if report.rate is not None:
        told.append(f"{report.rate:.1f} a second")
    if report.delay is not None:
        told.append(f"{1000 * report.delay:.0f} ms from a frame's coming to the window")
    return ", ".join(told)
