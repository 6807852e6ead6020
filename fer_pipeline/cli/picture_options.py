"""The options that tell what is made of a timeline to look at."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from fer_pipeline.errors import UsageError
from fer_pipeline.outputs import Picture, PictureKind
from fer_pipeline.overlay import CoverOptions, OverlayOptions
from fer_pipeline.presenting import PictureOptions

Command = TypeVar("Command", bound=Callable[..., Any])

_KINDS: tuple[PictureKind, ...] = ("video", "plot", "report")

_OPTIONS = (
    click.option(
        "--video",
        metavar="FILE|DIR/",
        help="The clip with boxes, face numbers, emotions and bars drawn into it, and its sound: "
        ".mp4 .m4v .mov .mkv .webm.",
    ),
    click.option(
        "--blur",
        is_flag=True,
        help="In the video, cover every face with a mosaic, the whole picture where no face is "
        "known, and leave the sound out.",
    ),
    click.option(
        "--allow-uncovered",
        is_flag=True,
        help="With --blur, leave frames without a known face as they are.",
    ),
    click.option("--keep-audio", is_flag=True, help="With --blur, keep the sound."),
    click.option(
        "--anonymous",
        is_flag=True,
        help="In the video, draw on a blank picture, without sound.",
    ),
    click.option(
        "--plot",
        metavar="FILE|DIR/",
        help="Probabilities over time, for each face: .png .svg .pdf.",
    ),
    click.option(
        "--report",
        metavar="FILE|DIR/",
        help="A web page of the clip with its timeline under it, and no need of a network: .html.",
    ),
    click.option(
        "--embed",
        is_flag=True,
        help="Put the clip into the page; else the page looks for it where it is now.",
    ),
)


def picture_options(command: Command) -> Command:
    """Give a command these options, and an argument ``pictures`` with what they say.

    The command gets a `PictureOptions` that was checked.
    """

    @wraps(command)
    def with_pictures(
        *args: Any,
        blur: bool,
        allow_uncovered: bool,
        keep_audio: bool,
        anonymous: bool,
        embed: bool,
        **others: Any,
    ) -> Any:
        given = {kind: others.pop(kind) for kind in _KINDS}
        _check(given, blur=blur, anonymous=anonymous, embed=embed)
        if (allow_uncovered or keep_audio) and not blur:
            raise UsageError("--allow-uncovered and --keep-audio belong to --blur")
        overlay = OverlayOptions("blank") if anonymous else OverlayOptions()
        if blur:
            cover = CoverOptions(allow_uncovered=allow_uncovered)
            overlay = OverlayOptions("covered", keep_sound=keep_audio, cover=cover)
        places = tuple(Picture.parse(kind, text) for kind, text in given.items() if text)
        pictures = PictureOptions(places, overlay, embed)
        pictures.check()
        return command(*args, pictures=pictures, **others)

    made: Callable[..., Any] = with_pictures
    for option in reversed(_OPTIONS):
        made = option(made)
    return made  # type: ignore[return-value]


def _check(given: dict[PictureKind, Any], *, blur: bool, anonymous: bool, embed: bool) -> None:
    if blur and anonymous:
        raise UsageError("--anonymous shows no face at all; leave --blur out")
    if (blur or anonymous) and not given["video"]:
        raise UsageError("--blur and --anonymous tell how --video looks; give that, too")
    if embed and not given["report"]:
        raise UsageError("--embed is about the page of --report; give that, too")
    if embed and (blur or anonymous):
        raise UsageError("--embed would put the clip into the page as it is; leave it out")
