"""``fer annotate`` with ``--video``, ``--plot``, ``--report``: what is made, and what is kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import pytest
from click.testing import Result

from fer_pipeline.errors import VideoError
from fer_pipeline.overlay import is_overlay
from fer_pipeline.report.timeline_page import is_timeline_page
from fer_pipeline.report.timeline_plot import is_timeline_plot
from tests.media import punch_hole


@pytest.fixture
def annotate(fer, model_folder):
    """Run ``fer annotate`` with a model, quickly."""

    def run(*arguments: object) -> Result:
        return fer("annotate", "--every", 5, "--workers", 1, "--model", model_folder, *arguments)

    return run


@pytest.fixture
def clips(few_videos, tmp_path) -> Path:
    folder = tmp_path / "clips"
    (folder / "below").mkdir(parents=True)
    shutil.copy2(few_videos / "P00_happy.mp4", folder)
    shutil.copy2(few_videos / "P07_happy.mp4", folder / "below")
    return folder


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def frames_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_each_picture_of_a_clip_is_made(annotate, clips, tmp_path):
    clip, out = clips / "P00_happy.mp4", tmp_path / "out"
    places = {"--video": out / "o.mp4", "--plot": out / "p.svg", "--report": out / "r.html"}
    words = [word for pair in places.items() for word in pair]
    result = annotate(clip, "--out", out / "labels.csv", *words)
    assert result.exit_code == 0, result.output
    assert files(out) == {"o.mp4", "p.svg", "r.html", "labels.csv"}
    assert is_overlay(places["--video"])
    assert frames_of(places["--video"]) == frames_of(clip)
    assert is_timeline_plot(places["--plot"])
    assert is_timeline_page(places["--report"])
    assert all(str(place) in result.stdout for place in places.values())


def test_pictures_need_no_timeline_beside_them(annotate, clips, tmp_path):
    plot = tmp_path / "plots" / "p.png"
    assert annotate(clips / "P00_happy.mp4", "--plot", plot).exit_code == 0
    assert files(tmp_path / "plots") == {"p.png"}


def test_of_several_clips_a_folder_mirrors_the_tree(annotate, clips, tmp_path):
    result = annotate(clips, "--plot", f"{tmp_path / 'plots'}/", "--report", f"{tmp_path}/pages/")
    assert result.exit_code == 0, result.output
    manifest = "fer-plot.jsonl"
    assert files(tmp_path / "plots") == {"P00_happy.png", "below/P07_happy.png", manifest}
    manifest = "fer-report.jsonl"
    assert files(tmp_path / "pages") == {"P00_happy.html", "below/P07_happy.html", manifest}


def test_one_file_for_several_clips_is_refused_before_anything_is_done(annotate, clips, tmp_path):
    result = annotate(clips, "--video", tmp_path / "all.mp4", "--out", tmp_path / "labels.csv")
    assert result.exit_code == 1
    assert "such a file shows one clip, and there are 2; give a folder: --video DIR/" in (
        result.stderr
    )
    assert not (tmp_path / "labels.csv").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--video", "o.txt"], "no name for a video"),
        (["--plot", "p.mp4"], "no name for a plot"),
        (["--report", "r.pdf"], "no name for a report"),
        (["--blur"], "give that, too"),
        (["--anonymous", "--blur", "--video", "o.mp4"], "leave --blur out"),
        (["--keep-audio", "--video", "o.mp4"], "belong to --blur"),
        (["--embed"], "give that, too"),
        (["--embed", "--report", "r.html", "--blur", "--video", "o.mp4"], "as it is"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(words, problem, annotate, clips, monkeypatch):
    monkeypatch.chdir(clips)
    result = annotate("P00_happy.mp4", *words)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert files(clips) == {"P00_happy.mp4", "below/P07_happy.mp4"}


def test_foreign_files_are_kept_and_ours_replaced(annotate, clips, tmp_path):
    clip, plot = clips / "P00_happy.mp4", tmp_path / "p.png"
    plot.write_bytes(b"a holiday")
    result = annotate(clip, "--plot", plot)
    assert result.exit_code == 1
    assert "is nothing that fer made" in result.stderr
    assert plot.read_bytes() == b"a holiday"
    assert annotate(clip, "--plot", plot, "--overwrite").exit_code == 0
    again = annotate(clip, "--plot", plot)
    assert again.exit_code == 0
    assert "will be replaced" in again.stderr


def test_the_clip_itself_is_never_replaced(annotate, clips):
    clip = clips / "P00_happy.mp4"
    before = clip.read_bytes()
    result = annotate(clip, "--video", clip, "--overwrite")
    assert result.exit_code == 1
    assert "is one of the clips" in result.stderr
    assert clip.read_bytes() == before


def test_a_second_run_does_nothing_but_what_is_missing(annotate, clips, tmp_path):
    words = ["--out", f"{tmp_path / 'out'}/", "--plot", f"{tmp_path / 'plots'}/"]
    assert annotate(clips, *words).exit_code == 0
    kept = (tmp_path / "plots" / "P00_happy.png").stat().st_mtime_ns
    (tmp_path / "plots" / "below" / "P07_happy.png").unlink()
    assert "1 clip finished already" in annotate(clips, *words).stderr
    assert (tmp_path / "plots" / "below" / "P07_happy.png").exists()
    assert (tmp_path / "plots" / "P00_happy.png").stat().st_mtime_ns == kept
    assert "2 clips finished already" in annotate(clips, *words).stderr


def test_a_video_that_was_not_blurred_does_not_stay_when_it_shall_be(annotate, clips, tmp_path):
    words = ["--out", f"{tmp_path / 'out'}/", "--video", f"{tmp_path / 'videos'}/"]
    assert annotate(clips, *words).exit_code == 0
    video = tmp_path / "videos" / "P00_happy.mp4"
    plain = video.read_bytes()
    result = annotate(clips, *words, "--blur")
    assert result.exit_code == 0
    assert "finished already" not in result.stderr
    assert video.read_bytes() != plain


def test_one_picture_that_fails_leaves_the_others(annotate, clips, tmp_path):
    """A folder stands where the plot of one clip should go."""
    plots = tmp_path / "plots"
    assert annotate(clips, "--plot", f"{plots}/").exit_code == 0
    (plots / "P00_happy.png").unlink()
    (plots / "P00_happy.png").mkdir()
    result = annotate(clips, "--plot", f"{plots}/", "--overwrite")
    assert result.exit_code == 1
    assert "P00_happy.png" in result.stderr


def test_an_unblurred_video_does_not_pass_for_a_blurred_one_after_a_failure(
    annotate, clips, tmp_path, monkeypatch
):
    """The run with --blur ends while it draws; the next one must not take what was there before."""
    shutil.rmtree(clips / "below")  # a single clip is drawn in this process
    words = ["--out", f"{tmp_path / 'out'}/", "--video", f"{tmp_path / 'videos'}/"]
    assert annotate(clips, *words).exit_code == 0
    video = tmp_path / "videos" / "P00_happy.mp4"
    plain = video.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("fer_pipeline.presenting.write_overlay", interrupted)
        assert annotate(clips, *words, "--blur").exit_code == 130
    assert video.read_bytes() == plain
    result = annotate(clips, *words, "--blur")
    assert result.exit_code == 0
    assert "finished already" not in result.stderr
    assert video.read_bytes() != plain
    assert "1 clip finished already" in annotate(clips, *words, "--blur").stderr


def test_a_video_that_another_run_replaced_by_its_name_does_not_pass_for_the_blurred_one(
    annotate, clips, tmp_path
):
    video = tmp_path / "videos" / "P00_happy.mp4"
    words = [clips, "--out", f"{tmp_path / 'out'}/", "--video", f"{video.parent}/", "--blur"]
    assert annotate(*words).exit_code == 0
    covered = video.read_bytes()
    assert annotate(clips / "P00_happy.mp4", "--video", video).exit_code == 0
    assert video.read_bytes() != covered
    result = annotate(*words)
    assert "1 clip finished already" in result.stderr
    assert video.read_bytes() == covered


def test_an_earlier_video_that_stays_since_its_clip_fails_is_told(
    annotate, clips, tmp_path, monkeypatch
):
    video = tmp_path / "o.mp4"
    words = [clips / "P00_happy.mp4", "--video", video, "--plot", tmp_path / "p.png"]
    assert annotate(*words).exit_code == 0
    plain = video.read_bytes()

    def failing(*_: object) -> None:
        raise VideoError("the power is gone")

    monkeypatch.setattr("fer_pipeline.presenting.write_overlay", failing)
    result = annotate(*words, "--blur")
    assert result.exit_code == 3
    assert f"{video}: is still what an earlier run made" in result.stderr
    assert str(video) not in result.stdout
    assert video.read_bytes() == plain


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_folders_of_pictures_alone_are_not_made_twice(annotate, clips, tmp_path):
    words = ["--plot", f"{tmp_path / 'plots'}/"]
    assert annotate(clips, *words).exit_code == 0
    assert "2 clips finished already" in annotate(clips, *words).stderr


def test_blurring_only_one_of_several_people_is_refused(annotate, clips, tmp_path):
    words = ["--video", tmp_path / "o.mp4", "--blur", "--faces", "largest"]
    result = annotate(clips / "P00_happy.mp4", *words)
    assert result.exit_code == 2
    assert "leave --faces largest out" in result.stderr


def test_videos_are_not_drawn_among_the_clips(annotate, clips):
    result = annotate(clips, "--video", f"{clips / 'drawn'}/")
    assert result.exit_code == 1
    assert "would be taken for one next time" in result.stderr
    assert not (clips / "drawn").exists()
    result = annotate(clips / "P00_happy.mp4", "--video", f"{clips}/")
    assert "would be taken for one next time" in result.stderr


# Pictures of what is finished


@pytest.fixture
def finished(annotate, clips, tmp_path) -> list[object]:
    """Timelines of all clips; returns the words that made them."""
    words = [clips, "--out", f"{tmp_path / 'out'}/"]
    assert annotate(*words).exit_code == 0
    return words


@pytest.fixture
def blind(monkeypatch):
    """Nobody can annotate a clip."""

    def annotated(*_: object) -> None:
        raise AssertionError("a clip was annotated anew")

    monkeypatch.setattr("fer_pipeline.annotation.running.annotate_clip", annotated)


def test_pictures_are_made_from_timelines_that_are_finished(
    annotate, finished, blind, clips, tmp_path
):
    timeline = tmp_path / "out" / "P00_happy.csv"
    before = timeline.stat().st_mtime_ns
    plot, video = f"{tmp_path / 'plots'}/", f"{tmp_path / 'videos'}/"
    result = annotate(*finished, "--plot", plot, "--video", video)
    assert result.exit_code == 0, result.output
    assert "annotated by an earlier run: 2 clips" in result.stderr
    assert frames_of(tmp_path / "videos" / "P00_happy.mp4") == frames_of(clips / "P00_happy.mp4")
    plots = {name: (tmp_path / "plots" / name).stat().st_mtime_ns for name in files(Path(plot))}
    plain = (tmp_path / "videos" / "P00_happy.mp4").read_bytes()
    assert annotate(*finished, "--plot", plot, "--video", video, "--blur").exit_code == 0
    assert (tmp_path / "videos" / "P00_happy.mp4").read_bytes() != plain
    assert plots == {
        name: (tmp_path / "plots" / name).stat().st_mtime_ns for name in files(Path(plot))
    }
    again = annotate(*finished, "--plot", plot, "--video", video, "--blur")
    assert "2 clips finished already" in again.stderr
    assert timeline.stat().st_mtime_ns == before


def test_what_is_made_of_finished_timelines_is_what_is_made_at_once(
    annotate, finished, blind, clips, tmp_path, monkeypatch
):
    later = ["--out", tmp_path / "later.csv", "--plot", f"{tmp_path / 'later'}/"]
    analysis = ["--baseline", "auto", "--smooth", "mean:0.5"]
    assert annotate(*finished, *later, *analysis).exit_code == 0
    monkeypatch.undo()
    once = ["--out", tmp_path / "once.csv", "--plot", f"{tmp_path / 'once'}/"]
    assert annotate(clips, *once, *analysis).exit_code == 0
    assert (tmp_path / "later.csv").read_bytes() == (tmp_path / "once.csv").read_bytes()
    for name in ("P00_happy.png", "below/P07_happy.png"):
        made = [(tmp_path / when / name).read_bytes() for when in ("later", "once")]
        assert made[0] == made[1]


@pytest.mark.parametrize("change", ["settings", "clip", "edited", "overwrite"])
def test_a_clip_is_annotated_anew_if_its_timeline_tells_of_something_else(
    change, annotate, finished, clips, tmp_path
):
    words = [*finished, "--plot", f"{tmp_path / 'plots'}/"]
    if change == "settings":
        words += ["--detect", "dense"]
    elif change == "overwrite":
        words += ["--overwrite"]
    elif change == "clip":
        for clip in clips.rglob("*.mp4"):
            clip.touch()
    else:
        for timeline in (tmp_path / "out").rglob("*.csv"):
            lines = timeline.read_text("utf-8").splitlines(keepends=True)
            timeline.write_text("".join(lines[:-1]), "utf-8")  # somebody may be missing
    result = annotate(*words)
    assert result.exit_code == 0, result.output
    assert "annotated by an earlier run" not in result.stderr
    assert files(tmp_path / "plots") >= {"P00_happy.png", "below/P07_happy.png"}


def test_a_clip_too_large_for_its_page_is_told_before_any_work(
    annotate, clips, tmp_path, blind, monkeypatch
):
    monkeypatch.setattr("fer_pipeline.report.timeline_page.MOST_EMBEDDED", 100)
    result = annotate(clips, "--report", f"{tmp_path / 'pages'}/", "--embed")
    assert result.exit_code == 2
    assert "more than a page holds" in result.stderr
    assert "link to it instead" in result.stderr
    assert not (tmp_path / "pages").exists()


def test_damage_is_told_again_with_new_pictures(annotate, clips, tmp_path):
    punch_hole(clips / "P00_happy.mp4", 0.4, 0.55)
    words = [clips, "--out", f"{tmp_path / 'out'}/"]
    first = annotate(*words)
    again = annotate(*words, "--plot", f"{tmp_path / 'plots'}/")
    assert "annotated by an earlier run: 2 clips" in again.stderr
    assert first.exit_code == again.exit_code == 3
    told = [line for line in first.stderr.splitlines() if line.startswith("warning: P00_happy")]
    assert told
    assert set(told) <= set(again.stderr.splitlines())
    assert (tmp_path / "plots" / "P00_happy.png").exists()
