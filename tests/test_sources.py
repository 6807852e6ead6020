"""From what was typed to the list of videos."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fer_pipeline.errors import VideoError
from fer_pipeline.sources import Source, find_videos
from fer_pipeline.video import VIDEO_SUFFIXES
from tests.permissions import run_without_rights_of_root


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def names(*inputs: Path) -> list[str]:
    return [source.name for source in find_videos(inputs)]


def test_folders_are_searched_recursively_in_the_order_of_names(tmp_path):
    touch(tmp_path, "b.mp4", "a/2.mp4", "a/1.mp4", "a/b/c.mkv", "C.mp4")
    sources = find_videos([tmp_path])
    assert [source.name for source in sources] == [
        "C.mp4",
        "a/1.mp4",
        "a/2.mp4",
        "a/b/c.mkv",
        "b.mp4",
    ]
    assert all(source.path == tmp_path / source.name for source in sources)


def test_only_videos_are_taken_from_a_folder(tmp_path):
    touch(tmp_path, "a.mp4", "segments.csv", "README", "face.png", "sound.wav", "mp4", "a.mp4.txt")
    assert names(tmp_path) == ["a.mp4"]


def test_suffixes_count_in_any_case(tmp_path):
    made = [f"lower{suffix}" for suffix in VIDEO_SUFFIXES]
    made += [f"upper{suffix.upper()}" for suffix in VIDEO_SUFFIXES]
    touch(tmp_path, *made, "Mixed.Mp4")
    assert names(tmp_path) == sorted([*made, "Mixed.Mp4"])


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    touch(tmp_path, "a.mp4", ".b.mp4", "._a.mp4", ".trash/c.mp4", "d/.e/f.mp4")
    assert names(tmp_path) == ["a.mp4"]


def test_a_hidden_folder_that_was_named_is_searched(tmp_path):
    touch(tmp_path, ".study/a.mp4")
    assert names(tmp_path / ".study") == ["a.mp4"]


def test_a_folder_with_a_videos_name_is_a_folder(tmp_path):
    touch(tmp_path, "P01.mp4/clip.mp4")
    assert names(tmp_path) == ["P01.mp4/clip.mp4"]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.dat", "clip", ".hidden.mp4"])
def test_a_file_that_was_named_is_taken_whatever_its_suffix(tmp_path, name):
    touch(tmp_path, name)
    assert names(tmp_path / name) == [name]


def test_files_and_folders_may_be_mixed(tmp_path):
    touch(tmp_path, "one/a.mp4", "two/b.mp4", "c.mp4")
    assert names(tmp_path / "two", tmp_path / "c.mp4", tmp_path / "one") == [
        "a.mp4",
        "b.mp4",
        "c.mp4",
    ]


@pytest.mark.parametrize(
    "name", ["P 01 happy.mp4", "a, b.mp4", "Müller/größe.mp4", "表情/笑顔 ①.mkv", "emoji 😀.webm"]
)
def test_names_may_hold_spaces_commas_and_any_letters(tmp_path, name):
    touch(tmp_path, name)
    assert names(tmp_path) == [name]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_not_utf8_is_one_clear_line(tmp_path):
    touch(tmp_path, os.fsdecode(b"gr\xf6\xdfe.mp4"))
    with pytest.raises(
        VideoError, match=r"this name is not UTF-8; rename the file, or the folder$"
    ):
        find_videos([tmp_path])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_folder_that_is_not_utf8_is_told_before_anything_is_done(tmp_path):
    folder = tmp_path / os.fsdecode(b"v\xe9deos")
    folder.mkdir()
    touch(folder, "a.mp4")
    with pytest.raises(VideoError, match=r"v\\udce9deos/a.mp4': this name is not UTF-8"):
        find_videos([folder])


def test_a_long_look_at_a_large_file_can_be_given_up(tmp_path):
    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(2**40)  # a hole, which would take minutes to read

    def give_up() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Source(path, path.name).digest(give_up)


def test_the_same_file_given_twice_is_one_video(tmp_path):
    touch(tmp_path, "a.mp4")
    assert names(tmp_path, tmp_path / "a.mp4", tmp_path / "a.mp4", tmp_path) == ["a.mp4"]


def test_the_same_file_by_another_spelling_is_one_video(tmp_path, monkeypatch):
    touch(tmp_path, "a.mp4", "b/b.mp4")
    monkeypatch.chdir(tmp_path)
    assert names(tmp_path / "a.mp4", tmp_path / "b" / ".." / "a.mp4", Path("a.mp4")) == ["a.mp4"]


def test_the_same_name_below_two_folders_is_an_error(tmp_path):
    touch(tmp_path, "one/P01/a.mp4", "two/P01/a.mp4")
    one, two = tmp_path / "one", tmp_path / "two"
    with pytest.raises(VideoError) as error:
        find_videos([one, two])
    message = str(error.value)
    assert str(one / "P01" / "a.mp4") in message
    assert str(two / "P01" / "a.mp4") in message
    assert "both known as P01/a.mp4; give the folder above them" in message
    assert names(tmp_path) == ["one/P01/a.mp4", "two/P01/a.mp4"]


def test_one_file_under_two_names_is_an_error(tmp_path):
    touch(tmp_path, "P1/a.mp4", "b.mp4")
    path = tmp_path / "P1" / "a.mp4"
    for inputs in ([tmp_path, tmp_path / "P1"], [tmp_path, path]):
        with pytest.raises(VideoError) as error:
            find_videos(inputs)
        assert str(error.value) == (
            f"{path}: would be known both as P1/a.mp4 and as a.mp4; "
            "give it once, alone or by one folder above it"
        )


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_links_to_folders_are_passed_over_and_links_to_files_are_not(tmp_path):
    touch(tmp_path, "elsewhere/P1/a.mp4", "elsewhere/b.mp4", "videos/c.mp4")
    videos = tmp_path / "videos"
    (videos / "P1").symlink_to(tmp_path / "elsewhere" / "P1")
    (videos / "itself").symlink_to(videos)
    (videos / "b.mp4").symlink_to(tmp_path / "elsewhere" / "b.mp4")
    (videos / "broken.mp4").symlink_to(tmp_path / "missing.mp4")
    assert names(videos) == ["b.mp4", "c.mp4"]
    assert names(videos / "P1") == ["a.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="a name may be longer there")
def test_a_name_that_the_system_refuses_is_one_clear_line(tmp_path):
    path = tmp_path / ("a" * 300)
    with pytest.raises(VideoError) as error:
        find_videos([path])
    assert str(error.value).startswith(f"{path}: cannot be read (File name too long); ")


FIND = """
import sys
from pathlib import Path
from fer_pipeline.errors import VideoError
from fer_pipeline.sources import find_videos
try:
    print(*(source.name for source in find_videos([Path(sys.argv[1])])))
except VideoError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
@pytest.mark.parametrize(
    ("given", "locked", "message"),
    [
        ("", "P1", "{locked}: this folder cannot be read (Permission denied)"),
        ("P1/a.mp4", "P1", "{given}: cannot be read (Permission denied)"),
        ("P1", "P1", "{given}: this folder cannot be read (Permission denied)"),
        ("", ".trash", "P1/a.mp4 b.mp4"),
    ],
)
def test_a_folder_one_may_not_enter_is_one_clear_line(tmp_path, given, locked, message):
    touch(tmp_path, "P1/a.mp4", "b.mp4", ".trash/c.mp4")
    (tmp_path / locked).chmod(0)
    try:
        result = run_without_rights_of_root(FIND, str(tmp_path / given))
    finally:
        (tmp_path / locked).chmod(0o700)
    assert result.startswith(message.format(given=tmp_path / given, locked=tmp_path / locked))
    assert result.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("missing", "no such file or folder"),
        ("missing.mp4", "no such file or folder"),
        ("empty", "no videos in this folder (looked for .3gp .avi "),
        ("notes", "no videos in this folder (looked for .3gp .avi "),
    ],
)
def test_what_holds_no_video_is_one_clear_line(tmp_path, given, message):
    touch(tmp_path, "notes/a.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(VideoError) as error:
        find_videos([tmp_path / given])
    assert str(error.value).startswith(f"{tmp_path / given}: {message}")
    assert "\n" not in str(error.value)
