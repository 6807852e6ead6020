"""A source, a model and a window: one live view from its beginning to its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fer_pipeline.classifier import Classifier
from fer_pipeline.files import digest_of
from fer_pipeline.live.picture import Artist
from fer_pipeline.live.recording import Recording, RecordingFiles
from fer_pipeline.live.session import LiveReport, LiveSession
from fer_pipeline.live.sources import CameraWishes, open_source
from fer_pipeline.live.watching import Watcher, WatchOptions
from fer_pipeline.model_folder import LITERT_FILE, described
from fer_pipeline.provenance import provenance


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """What is shown, and how.

    Attributes:
        source: The number of a camera, its device file, or the path of a video.
        wishes: What a camera is asked for.
        watch: Which faces count.
        mirror: Whether the window shows the picture as in a mirror; boxes are recorded as they are.
    """

    source: str = "0"
    wishes: CameraWishes = field(default_factory=CameraWishes)
    watch: WatchOptions = field(default_factory=WatchOptions)
    mirror: bool = False


@dataclass(frozen=True, slots=True)
class LiveResult:
    """What was seen, and what was kept of it.

    Attributes:
        report: What was seen.
        events: Events marked, pauses among them; None if nothing was recorded.
    """

    report: LiveReport
    events: int | None


def run_live(
    options: LiveOptions,
    model: Path,
    files: RecordingFiles | None,
    command: str,
    stop: Callable[[], bool],
) -> LiveResult:
    """Show a source in a window, and record what is seen.

    Make sure of a window first, by `require_window`.

    Args:
        options: What is shown, and how.
        model: A model folder.
        files: Where a recording goes; None for none.
        command: The command line as it was typed.
        stop: Tells whether somebody outside the window wants the end.

    Raises:
        UsageError: The options contradict each other.
        ModelError: There is no usable model.
        DetectorError: The detector that the model needs cannot be had.
        VideoError: The source cannot be opened, or gives nothing.
        OutputError: The recording cannot be written; what was written stays.
    """
    classifier = Classifier(model)
    emotions = classifier.spec.emotions
    with ExitStack() as stack:
        source = stack.enter_context(open_source(options.source, options.wishes))
        watcher = Watcher(source.name, source.rate, classifier, options.watch)
        recording = None
        if files is not None:
            recording = stack.enter_context(Recording(files, emotions))
        artist = Artist(emotions, mirror=options.mirror)
        session = LiveSession(source, watcher, artist, recording, stop)
        report = session.run()
        if recording is None:
            return LiveResult(report, None)
        told = session.values() | {"options": _plain(options), "model": _model(model, classifier)}
        recording.finish({**provenance(command), **told})
        return LiveResult(report, recording.events)


def _plain(options: LiveOptions) -> dict[str, Any]:
    return asdict(options.watch) | asdict(options.wishes) | {"mirror": options.mirror}


def _model(folder: Path, classifier: Classifier) -> dict[str, Any]:
    return {
        "folder": described(folder),
        "network": classifier.spec.network,
        "emotions": list(classifier.spec.emotions),
        "sha256": digest_of(folder / LITERT_FILE),
    }
