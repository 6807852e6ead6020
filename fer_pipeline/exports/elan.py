"""ELAN: one tier for each person, the clip linked."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterable
from pathlib import Path

from fer_pipeline.exports.signature import BLANK, is_signed_file, signed
from fer_pipeline.exports.writing import Writing, face_names, participant_of, printable
from fer_pipeline.timeline import ClipSegments, TimelineRow, segment_clips

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT'
_MAKER = "fer"
_TYPE = "emotion"

# Python itself knows few kinds of video on some systems.
_KINDS = {
    ".avi": "video/x-msvideo",
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".webm": "video/webm",
    ".wmv": "video/x-ms-wmv",
}


def write_elan(file: Path, rows: Iterable[TimelineRow], about: Writing) -> None:
    """Write the segments of one clip, to the millisecond, which is as fine as ELAN counts."""
    from pympi.Elan import Eaf, to_string

    eaf = Eaf(author=_MAKER)
    eaf.remove_tier("default")
    eaf.add_linguistic_type(_TYPE)
    eaf.remove_linguistic_type("default-lt")
    for clip in segment_clips(rows, about.emotions, about.details.segments):
        _link(eaf, clip, about)
        people = about.details.people
        for face, name in face_names(clip, people).items():
            participant = participant_of(clip, face, people)
            tier = printable(name)
            eaf.add_tier(tier, _TYPE, part=participant and printable(participant), ann=_MAKER)
            for one in clip.of_face(face):
                onset = round(1000 * one.onset)
                offset = max(round(1000 * one.offset), onset + 1)
                eaf.add_annotation(tier, onset, offset, printable(one.emotion))
    eaf.add_property(_MAKER, BLANK)
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + to_string(eaf)
    file.write_text(signed(text), "utf-8", newline="")


def _link(eaf: object, clip: ClipSegments, about: Writing) -> None:
    """Link the clip by its place, and by the way to it from the file's folder."""
    folder = Path(os.path.abspath(about.path.parent))  # noqa: PTH100 - links are kept as they are
    media = about.details.media.get(clip.video, folder / printable(clip.video))
    place = Path(os.path.abspath(media))  # noqa: PTH100
    try:
        relative = Path(os.path.relpath(place, folder)).as_posix()
    except ValueError:  # another drive of Windows
        relative = place.name
    kind = _KINDS.get(place.suffix.lower()) or mimetypes.guess_type(place.name)[0]
    eaf.add_linked_file(  # type: ignore[attr-defined]
        place.as_uri(),
        relpath=relative if relative.startswith("../") else f"./{relative}",
        mimetype=kind or "video/unknown",
    )


def is_elan(path: Path) -> bool:
    """Tell a file that we wrote, and that nobody changed since."""
    return is_signed_file(path, _HEAD)
