"""``fer timeline`` with ``--video``, ``--plot``, ``--report``: pictures of finished timelines."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from fer_pipeline.domain import Box, Frame, Status
from fer_pipeline.exports import write_timeline
from fer_pipeline.files import locked
from fer_pipeline.overlay import OverlayOptions, is_overlay, write_overlay
from fer_pipeline.palette import EMOTION_COLOURS, red_green_blue
from fer_pipeline.report import timeline_page
from fer_pipeline.report.timeline_page import is_timeline_page
from fer_pipeline.report.timeline_plot import is_timeline_plot
from fer_pipeline.timeline import AnalysisOptions, Smoothing, TimelineRow, analysed, open_timeline
from fer_pipeline.video import open_video
from tests.media import noise, write_video

EMOTIONS = ("neutral", "happiness")
FRAMES = 16
FACE = Box(60, 40, 40, 40)
NAMES = ("a.mp4", "below/b.mp4")


def rows_of(name: str, step: float = 0.04) -> list[TimelineRow]:
    """Nobody, then a face that smiles, flickering; then a frame that was not judged."""
    rows = []
    for frame in range(FRAMES - 1):
        time = round(step * frame, 6)
        if frame < 4:
            rows.append(TimelineRow(name, frame, time, Status.NO_FACE))
        else:
            share = 0.87 if frame % 2 else 0.29
            told = (round(1 - share, 6), share)
            rows.append(TimelineRow(name, frame, time, Status.OK, 0, FACE, 5.0, told))
    return rows


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """A clip of noise, in which everything that is not covered can be told from what is."""
    return write_video(tmp_path_factory.mktemp("clip") / "a.mp4", noise(FRAMES, (160, 128)))


@pytest.fixture
def clips(clip, tmp_path) -> Path:
    """A folder of two clips, one a level deeper."""
    folder = tmp_path / "clips"
    (folder / "below").mkdir(parents=True)
    for name in NAMES:
        shutil.copy2(clip, folder / name)
    return folder


@pytest.fixture
def timelines(tmp_path) -> Path:
    """Their timelines."""
    folder = tmp_path / "timelines"
    for name in NAMES:
        write_timeline(folder / Path(name).with_suffix(".csv"), "csv", rows_of(name), EMOTIONS)
    return folder


@pytest.fixture
def beside(clip, tmp_path) -> Path:
    """A timeline with its clip beside it."""
    shutil.copy2(clip, tmp_path / "a.mp4")
    write_timeline(tmp_path / "labels.csv", "csv", rows_of("a.mp4"), EMOTIONS)
    return tmp_path / "labels.csv"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def pictures_in(path: Path) -> list[np.ndarray]:
    with open_video(path) as video:
        return [frame.luma.copy() for frame in video.frames() if isinstance(frame, Frame)]


def colour_at(path: Path, number: int, x: int, y: int) -> tuple[int, ...]:
    """Return the red, green and blue of a pixel of a frame."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return tuple(map(int, frames[number].to_ndarray(format="rgb24")[y, x]))


def texts(svg: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg.read_text("utf-8"))


def test_each_picture_of_a_timeline_is_made(fer, beside, tmp_path):
    out = tmp_path / "out"
    places = {"--video": out / "o.mp4", "--plot": out / "p.svg", "--report": out / "r.html"}
    result = fer("timeline", beside, *(word for pair in places.items() for word in pair))
    assert result.exit_code == 0, result.output
    assert files(out) == {"o.mp4", "p.svg", "r.html"}
    assert is_overlay(places["--video"])
    assert len(pictures_in(places["--video"])) == FRAMES
    assert is_timeline_plot(places["--plot"])
    assert is_timeline_page(places["--report"])
    assert '"address":"../a.mp4"' in places["--report"].read_text("utf-8")
    assert all(str(place) in result.stdout for place in places.values())


def test_of_a_folder_pictures_mirror_the_tree(fer, timelines, clips, tmp_path):
    words = ["--video", f"{tmp_path}/videos/", "--plot", f"{tmp_path}/plots/"]
    result = fer("timeline", timelines, "--media", clips, *words, "--workers", 1)
    assert result.exit_code == 0, result.output
    assert files(tmp_path / "videos") == {"a.mp4", "below/b.mp4"}
    assert files(tmp_path / "plots") == {"a.png", "below/b.png"}


def test_of_a_table_of_several_clips_each_has_its_own(fer, clips, tmp_path):
    table = tmp_path / "labels.csv"
    write_timeline(table, "csv", [row for name in NAMES for row in rows_of(name)], EMOTIONS)
    words = ["--media", clips, "--plot", f"{tmp_path}/plots/", "--video", f"{tmp_path}/videos/"]
    assert fer("timeline", table, *words).exit_code == 0
    assert files(tmp_path / "videos") == {"a.mp4", "below/b.mp4"}
    result = fer("timeline", table, "--media", clips, "--plot", tmp_path / "p.png")
    assert result.exit_code == 1
    assert "such a file shows one clip, and there are 2" in result.stderr


def test_a_covered_video_is_the_one_that_annotate_would_make(fer, beside, tmp_path):
    result = fer("timeline", beside, "--video", tmp_path / "o.mp4", "--blur")
    assert result.exit_code == 0, result.output
    rows, covered = rows_of("a.mp4"), OverlayOptions(picture="covered")
    write_overlay(tmp_path / "same.mp4", tmp_path / "a.mp4", lambda: rows, EMOTIONS, covered)
    shown, same = pictures_in(tmp_path / "o.mp4"), pictures_in(tmp_path / "same.mp4")
    assert all(np.array_equal(one, other) for one, other in zip(shown, same, strict=True))
    assert "never tells of two faces at once" in result.stderr
    assert f"nothing notes whether {tmp_path / 'a.mp4'} is the clip" in result.stderr


def test_where_a_finished_timeline_knows_no_face_all_is_covered(fer, beside, tmp_path):
    rows = [row for row in rows_of("a.mp4") if row.face is None]
    write_timeline(beside, "csv", rows, EMOTIONS)
    result = fer("timeline", beside, "--video", tmp_path / "o.mp4", "--blur")
    assert result.exit_code == 0, result.output
    assert f"a.mp4: {FRAMES} frames covered as a whole" in result.stderr
    before, after = pictures_in(tmp_path / "a.mp4")[8], pictures_in(tmp_path / "o.mp4")[8]
    alike = np.corrcoef(before.ravel().astype(float), after.ravel().astype(float))[0, 1]
    assert abs(alike) < 0.1


# Where the clip is


@pytest.mark.parametrize(
    "words", [["--video", "o.mp4"], ["--report", "r.html", "--embed"], ["--video", "o/", "--blur"]]
)
def test_a_missing_clip_is_told_before_anything_is_done(words, fer, beside, monkeypatch):
    (beside.parent / "a.mp4").unlink()
    monkeypatch.chdir(beside.parent)
    result = fer("timeline", beside.name, *words, "--out", "new.csv")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("fer: a.mp4: the clip of the timeline is not there; tell with --media")
    assert files(beside.parent) == {"labels.csv"}


def test_plots_and_pages_need_no_clip(fer, beside, tmp_path):
    (tmp_path / "a.mp4").unlink()
    out = tmp_path / "out"
    result = fer("timeline", beside, "--plot", out / "p.png", "--report", out / "r.html")
    assert result.exit_code == 0, result.output
    assert files(out) == {"p.png", "r.html"}
    assert "a.mp4: the clip was not found; its page asks for it" in result.stderr


def test_a_plot_is_made_also_if_the_clip_for_a_video_is_missing(fer, beside, tmp_path):
    plot, video = tmp_path / "p.png", tmp_path / "o.mp4"
    words = ["timeline", beside, "--plot", plot, "--video", video]
    assert fer(*words).exit_code == 0
    (tmp_path / "a.mp4").unlink()
    result = fer(*words, "--blur")
    assert result.exit_code == 3
    assert str(plot) in result.stdout
    assert str(video) not in result.stdout
    assert f"{video}: is still what an earlier run made" in result.stderr


def test_a_video_with_the_timeline_in_it_is_not_taken_for_the_clip(
    fer, beside, clip, model_folder, tmp_path
):
    """It may have the clip's name, and lie where the clip is looked for first."""
    (tmp_path / "a.mp4").unlink()
    words = ["timeline", beside, "--video", f"{tmp_path}/", "--media", clip.parent]
    assert fer(*words).exit_code == 0
    assert is_overlay(tmp_path / "a.mp4")
    result = fer("timeline", beside, "--video", tmp_path / "o.mp4", "--blur")
    assert result.exit_code == 1
    assert "a.mp4: is a video with a timeline drawn in, not the clip itself" in result.stderr
    result = fer("timeline", beside, "--report", tmp_path / "r.html")
    assert "not the clip itself; its page shows it all the same" in result.stderr
    # Where it is known how many bytes the clip has, it is found elsewhere.
    noted = tmp_path / "noted"
    words = ["--every", 4, "--model", model_folder, "--workers", 1]
    assert fer("annotate", clip, "--out", f"{noted}/", *words).exit_code == 0
    for _ in range(2):
        result = fer("timeline", noted, "--video", f"{noted}/", "--blur")
        assert result.exit_code == 0, result.output
        assert "nothing notes whether" not in result.stderr
    assert is_overlay(noted / "a.mp4")


@pytest.mark.parametrize("name", ["../a.mp4", "/a.mp4", "below/../../a.mp4"])
def test_a_clip_whose_name_leads_out_of_the_folder_is_refused(name, fer, tmp_path):
    labels = tmp_path / "study" / "labels.csv"
    write_timeline(labels, "csv", rows_of(name), EMOTIONS)
    for words in (["--out", f"{tmp_path}/study/out/"], ["--plot", f"{tmp_path}/study/out/"]):
        result = fer("timeline", labels, *words)
        assert result.exit_code == 1
        assert "would have its file outside" in result.stderr
    assert files(tmp_path) == {"study/labels.csv"}


def test_of_several_clips_only_the_missing_one_lacks_its_video(fer, timelines, clips, tmp_path):
    (clips / "a.mp4").unlink()
    words = ["--video", f"{tmp_path}/videos/", "--plot", f"{tmp_path}/plots/"]
    result = fer("timeline", timelines, "--media", clips, *words)
    assert result.exit_code == 3
    assert files(tmp_path / "videos") == {"below/b.mp4"}
    assert files(tmp_path / "plots") == {"a.png", "below/b.png"}
    assert "the clip of the timeline is not there" in result.stderr


def test_timelines_that_mirror_a_tree_have_their_clips_beside_them(fer, timelines, clip, tmp_path):
    for name in NAMES:
        shutil.copy2(clip, timelines / name)
    result = fer("timeline", timelines, "--video", f"{tmp_path}/videos/")
    assert result.exit_code == 0, result.output
    assert files(tmp_path / "videos") == {"a.mp4", "below/b.mp4"}


@pytest.mark.parametrize("smooth", [[], ["--smooth", "mean:0.2"]])
def test_clips_are_where_annotate_found_them(smooth, fer, model_folder, clips, tmp_path):
    """Also after all of it was moved, and of timelines that were made from those timelines."""
    out = tmp_path / "study" / "timelines"
    words = ["--every", 4, "--model", model_folder, "--workers", 1, *smooth]
    shutil.move(clips, tmp_path / "study" / "clips")
    assert fer("annotate", tmp_path / "study" / "clips", "--out", f"{out}/", *words).exit_code == 0
    (tmp_path / "study").rename(tmp_path / "moved")
    out = tmp_path / "moved" / "timelines"
    if smooth:
        again = ["--out", f"{tmp_path}/moved/again/", "--smooth", "mean:0.3"]
        assert fer("timeline", out, *again).exit_code == 0
        out = tmp_path / "moved" / "again"
    result = fer("timeline", out, "--video", f"{tmp_path}/videos/", "--workers", 1)
    assert result.exit_code == 0, result.output
    assert files(tmp_path / "videos") == {"a.mp4", "below/b.mp4"}
    with (tmp_path / "moved" / "clips" / "a.mp4").open("ab") as file:
        file.write(b"more")
    result = fer("timeline", out, "--video", f"{tmp_path}/videos/", "--workers", 1)
    assert result.exit_code == 3
    assert "when it was annotated" in result.stderr


@pytest.mark.parametrize(
    ("step", "count", "why"), [(0.05, FRAMES, "frame 1 is at"), (0.04, 9, "is missing in it")]
)
def test_another_clip_of_that_name_is_refused(step, count, why, fer, tmp_path):
    """Its faces would stay uncovered, since they are elsewhere."""
    times = [step * number for number in range(count)]
    write_video(tmp_path / "a.mp4", noise(count, (160, 128)), times)
    write_timeline(tmp_path / "labels.csv", "csv", rows_of("a.mp4"), EMOTIONS)
    words = ["--video", tmp_path / "o.mp4", "--blur"]
    result = fer("timeline", tmp_path / "labels.csv", *words)
    assert result.exit_code == 1
    assert "a.mp4: is not the clip of this timeline" in result.stderr
    assert why in result.stderr
    assert not (tmp_path / "o.mp4").exists()


def test_a_clip_too_large_for_a_page_is_told_before_anything_is_done(
    fer, beside, tmp_path, monkeypatch
):
    monkeypatch.setattr(timeline_page, "MOST_EMBEDDED", 100)
    words = ["--report", tmp_path / "r.html", "--embed", "--out", tmp_path / "new.csv"]
    result = fer("timeline", beside, *words)
    assert result.exit_code == 2
    assert "more than a page holds" in result.stderr
    assert files(tmp_path) == {"a.mp4", "labels.csv"}


# What is shown


def test_what_was_analysed_is_what_is_shown(fer, beside, tmp_path):
    words = ["--smooth", "mean:0.2", "--plot", tmp_path / "p.svg", "--video", tmp_path / "o.mp4"]
    result = fer("timeline", beside, *words, "--out", tmp_path / "smooth.csv")
    assert result.exit_code == 0, result.output
    assert "smoothed probability" in texts(tmp_path / "p.svg")
    rows = list(analysed(rows_of("a.mp4"), AnalysisOptions(smoothing=Smoothing.parse("mean:0.2"))))
    clip, same = tmp_path / "a.mp4", tmp_path / "same.mp4"
    write_overlay(same, clip, lambda: rows, EMOTIONS, derived=("smoothed",))
    shown, wanted = pictures_in(tmp_path / "o.mp4"), pictures_in(same)
    assert all(np.array_equal(one, other) for one, other in zip(shown, wanted, strict=True))
    for row, name in ((rows_of("a.mp4")[8], "neutral"), (rows[8], "happiness")):
        assert EMOTIONS[row.latest.index(max(row.latest))] == name
    border = colour_at(tmp_path / "o.mp4", 8, FACE.x, FACE.y + FACE.height // 2)
    assert border == pytest.approx(red_green_blue(EMOTION_COLOURS["happiness"]), abs=25)
    # What a timeline holds already needs not be asked for.
    assert open_timeline(tmp_path / "smooth.csv").derived == ("smoothed",)
    fer("timeline", tmp_path / "smooth.csv", "--plot", tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "p.svg").read_bytes()


def test_raw_values_are_called_probabilities(fer, beside, tmp_path):
    fer("timeline", beside, "--plot", tmp_path / "p.svg")
    assert "probability" in texts(tmp_path / "p.svg")


# What is there already


def test_foreign_files_and_clips_are_kept(fer, beside, clips, timelines, tmp_path):
    (tmp_path / "p.png").write_bytes(b"a holiday")
    result = fer("timeline", beside, "--plot", tmp_path / "p.png")
    assert result.exit_code == 1
    assert "is nothing that fer made" in result.stderr
    result = fer("timeline", beside, "--video", tmp_path / "a.mp4", "--overwrite")
    assert result.exit_code == 1
    assert "is one of the clips" in result.stderr
    result = fer("timeline", timelines, "--media", clips, "--video", f"{clips}/drawn/")
    assert result.exit_code == 1
    assert "would be taken for one next time" in result.stderr


def test_two_runs_never_write_one_video_together(fer, beside, tmp_path):
    """One is given the folder, the other the file: the covered one must not be a mixture."""
    words = ["timeline", beside, "--video", f"{tmp_path}/videos/", "--blur"]
    with locked(tmp_path / "videos" / "a.mp4"):
        result = fer(*words)
    assert result.exit_code == 1
    assert "another run is writing it" in result.stderr
    assert fer(*words).exit_code == 0
    assert files(tmp_path / "videos") == {"a.mp4"}


def test_a_video_made_from_a_timeline_does_not_pass_for_the_covered_one(
    fer, model_folder, clips, tmp_path
):
    videos, out = f"{tmp_path}/videos/", f"{tmp_path}/out/"
    words = ["annotate", clips, "--out", out, "--video", videos, "--blur"]
    words += ["--every", 4, "--workers", 1, "--model", model_folder]
    assert fer(*words).exit_code == 0
    assert "2 clips finished already" in fer(*words).stderr
    covered = (tmp_path / "videos" / "a.mp4").read_bytes()
    assert fer("timeline", out, "--media", clips, "--video", videos, "--workers", 1).exit_code == 0
    assert (tmp_path / "videos" / "a.mp4").read_bytes() != covered
    assert "finished already" not in fer(*words).stderr
    assert (tmp_path / "videos" / "a.mp4").read_bytes() == covered
