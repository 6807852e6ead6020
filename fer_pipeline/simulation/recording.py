"""One clip: acting, rendering, encoding, and what is true of every frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_pipeline import __version__
from fer_pipeline.domain import FloatArray, UInt8Array
from fer_pipeline.errors import OutputError
from fer_pipeline.files import replacing
from fer_pipeline.simulation.acting import Moment, Performance, act
from fer_pipeline.simulation.clips import Clip, Role
from fer_pipeline.simulation.development import Development
from fer_pipeline.simulation.mesh import HeadMesh
from fer_pipeline.simulation.options import RecordingOptions
from fer_pipeline.simulation.person import Identity, Person, draw_person
from fer_pipeline.simulation.renderer import Renderer
from fer_pipeline.simulation.studio import Camera, Setting, Studio, draw_studio
from fer_pipeline.simulation.truth import TruthRow, seconds
from fer_pipeline.workers import Progress

COMMENT = "rendered people, not filmed; by fer simulate"
"""Written into every clip."""

_ENCODER = "libx264"
_QUALITY, _COMPRESSED_QUALITY = "24", "40"

# Where two people are, in shares of the width.
_BESIDE = (0.27, 0.73)

# Edges need no softening if they are made smaller.
_SMOOTH_BELOW = 1.5

_DIM_NOISE = 3.0

# Drawn people that are kept: the one whose clips are made, and who is beside them.
_MOST_PEOPLE = 2


@dataclass(frozen=True, eq=False)
class _Actor:
    """One person in a clip, in front of a camera."""

    role: Role
    renderer: Renderer
    moments: list[Moment]
    camera: Camera


class Recorder:
    """Records clips.

    Args:
        mesh: What people are made of.
        options: How clips are recorded.
    """

    def __init__(self, mesh: HeadMesh, options: RecordingOptions) -> None:
        self._mesh = mesh
        self._options = options
        self._people: dict[Identity, Person] = {}

    def record(self, clip: Clip, path: Path, progress: Progress) -> None:
        """Write a clip.

        Raises:
            OutputError: It cannot be written.
        """
        studio, actors = self._staged(clip)
        pictures = self._pictures(clip, studio, actors)
        write_clip(path, pictures, self._options, self._size(clip), progress)

    def truth(self, clip: Clip) -> list[TruthRow]:
        """Return what is true of a clip's frames, without rendering them."""
        return self._truth(clip, self._staged(clip)[1])

    def _size(self, clip: Clip) -> tuple[int, int]:
        return self._options.width * len(clip.roles), self._options.height

    def _staged(self, clip: Clip) -> tuple[Studio, list[_Actor]]:
        options = self._options
        fine = options.supersampling
        width, height = self._size(clip)
        setting = Setting(
            light=options.light,
            dim="dim" in options.conditions,
            far="far" in options.conditions,
            off_centre="off-centre" in options.conditions,
        )
        host = clip.roles[0].identity
        size = round(width * fine), round(height * fine)
        studio = draw_studio(host.generator(*clip.studio_key), size, setting)
        cameras = studio.beside(_BESIDE) if len(clip.roles) > 1 else (studio.camera,)
        return studio, [
            self._actor(clip, role, camera)
            for role, camera in zip(clip.roles, cameras, strict=True)
        ]

    def _actor(self, clip: Clip, role: Role, camera: Camera) -> _Actor:
        options = self._options
        person = self._person(role.identity)
        performance = Performance(
            emotions=role.emotions,
            frames=options.frames,
            fps=float(options.rate),
            pitch=options.pitch,
            tilted="tilted" in options.conditions,
        )
        moments = act(person, performance, role.identity.generator(*clip.acting_key))
        renderer = Renderer(self._mesh, person, smooth_edges=options.supersampling < _SMOOTH_BELOW)
        return _Actor(role, renderer, moments, camera)

    def _person(self, identity: Identity) -> Person:
        if identity not in self._people:
            while len(self._people) >= _MOST_PEOPLE:
                self._people.pop(next(iter(self._people)))
            self._people[identity] = draw_person(self._mesh, identity)
        return self._people[identity]

    def _pictures(self, clip: Clip, studio: Studio, actors: list[_Actor]) -> Iterator[UInt8Array]:
        options = self._options
        noise = options.noise * (_DIM_NOISE if "dim" in options.conditions else 1.0)
        development = Development(clip.roles[0].identity.generator(*clip.noise_key), noise)
        for moments in zip(*(actor.moments for actor in actors), strict=True):
            light: FloatArray = studio.background
            for actor, moment in zip(actors, moments, strict=True):
                light = actor.renderer.draw(moment, actor.camera, studio.light, light)
            yield development.picture(light, self._size(clip))

    def _truth(self, clip: Clip, actors: list[_Actor]) -> list[TruthRow]:
        rows: list[TruthRow] = []
        size, rate = self._size(clip), self._options.rate
        for frame in range(len(actors[0].moments)):
            for actor in actors:
                moment, identity = actor.moments[frame], actor.role.identity
                box = actor.renderer.face_box(moment, actor.camera, size)
                rows.append(
                    TruthRow(
                        video=clip.name,
                        participant=identity.code,
                        sex=identity.sex,
                        face=actor.role.face,
                        take=clip.take,
                        frame=frame,
                        time=seconds(frame, rate),
                        emotion=moment.emotion,
                        intensity=f"{moment.intensity:.4f}",
                        x=box.x,
                        y=box.y,
                        width=box.width,
                        height=box.height,
                    )
                )
        return rows


def write_clip(
    path: Path,
    pictures: Iterator[UInt8Array],
    options: RecordingOptions,
    size: tuple[int, int],
    progress: Progress,
) -> None:
    """Encode pictures as H.264 in an MP4 file, which takes its name when it is complete.

    Raises:
        OutputError: It cannot be written.
    """
    import av

    with replacing(path) as unfinished:
        try:
            container: Any = av.open(
                f"file:{unfinished}", "w", format="mp4", container_options={"fflags": "+bitexact"}
            )
            with closing(container):
                container.metadata["comment"] = COMMENT
                container.metadata["encoder"] = f"fer-pipeline {__version__}"
                stream = _stream(container, options, size)
                for number, picture in enumerate(pictures):
                    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                    frame.pts, frame.time_base = number, 1 / options.rate
                    container.mux(stream.encode(frame))
                    progress(1)
                container.mux(stream.encode())
        except av.error.FFmpegError as error:
            problem = f"{path}: cannot be written ({error.strerror})"
            raise OutputError(problem, "see whether there is room on the disk") from error


def _stream(container: Any, options: RecordingOptions, size: tuple[int, int]) -> Any:
    from av.codec import codecs_available

    if _ENCODER not in codecs_available:
        raise OutputError(f"this PyAV cannot encode H.264 ({_ENCODER})", "install PyAV's own wheel")
    quality = _COMPRESSED_QUALITY if "compressed" in options.conditions else _QUALITY
    stream = container.add_stream(_ENCODER, rate=options.rate)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    # The fast code of x264's macroblock tree gives other frames in every run; and with another
    # number of threads all are others.
    once = {"x264-params": "mbtree=0"}
    stream.options = {"crf": quality, "preset": "medium", "tune": "film", **once}
    stream.codec_context.thread_count = 1
    stream.codec_context.time_base = 1 / options.rate
    return stream
