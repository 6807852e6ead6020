"""What is no video, or has a name that looks like something else."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import pytest

from fer_pipeline.errors import VideoError
from fer_pipeline.video import expected_frames, open_video
from tests.media import noise, write_sound, write_video
from tests.permissions import run_without_rights_of_root
from tests.video.reading import SMALL, read

# What is no video


def empty_file(folder: Path) -> Path:
    (folder / "empty.mp4").touch()
    return folder / "empty.mp4"


def text_file(folder: Path) -> Path:
    (folder / "notes.mp4").write_text("Interview notes, not a video.\n" * 50)
    return folder / "notes.mp4"


def sound_file(folder: Path) -> Path:
    return write_sound(folder / "sound.mp4")


def picture_file(folder: Path, suffix: str) -> Path:
    cv2.imwrite(str(folder / f"face{suffix}"), noise(1)[0])
    return folder / f"face{suffix}"


def renamed_picture(folder: Path) -> Path:
    return picture_file(folder, ".png").rename(folder / "face.mp4")


NO_VIDEOS = {
    "a file of zero bytes": (empty_file, "(0 bytes)"),
    "text": (text_file, "not a video"),
    "only sound": (sound_file, "only sound"),
    "a png": (lambda folder: picture_file(folder, ".png"), "still picture"),
    "a jpg": (lambda folder: picture_file(folder, ".jpg"), "still picture"),
    "a picture by another name": (renamed_picture, "still picture"),
    "a folder": (lambda folder: folder, "not a file"),
    "a missing file": (lambda folder: folder / "missing.mp4", "no such file"),
}


@pytest.mark.parametrize(("make", "why"), NO_VIDEOS.values(), ids=NO_VIDEOS)
def test_what_is_no_video_is_one_clear_line(tmp_path, make, why):
    path = make(tmp_path)
    with pytest.raises(VideoError) as error, open_video(path):
        pass
    assert str(error.value).startswith(f"{path}: ")
    assert why in str(error.value)
    assert "\n" not in str(error.value)
    assert expected_frames(path) == 0


OPEN_UNREADABLE = """
import sys
from pathlib import Path
from fer_pipeline.errors import VideoError
from fer_pipeline.video import open_video
try:
    with open_video(Path(sys.argv[1])):
        print("opened")
except VideoError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_an_unreadable_file_is_one_clear_line(tmp_path):
    path = write_video(tmp_path / "secret.mp4", noise(2, SMALL))
    path.chmod(0)
    printed = run_without_rights_of_root(OPEN_UNREADABLE, str(path))
    assert printed.startswith(f"{path}: cannot be read (Permission denied)")


PLAYLISTS = {
    "ffconcat": "ffconcat version 1.0\nfile real.mp4\n",
    "ffconcat behind a mark": "\ufeffffconcat version 1.0\nfile real.mp4\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nreal.mp4\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>\n',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
}


@pytest.mark.parametrize("text", PLAYLISTS.values(), ids=PLAYLISTS)
def test_a_playlist_is_not_read_as_the_video_that_it_names(tmp_path, text):
    write_video(tmp_path / "real.mp4", noise(2, SMALL))
    path = tmp_path / "list.mp4"
    path.write_text(text, "utf-8")
    with pytest.raises(VideoError) as error, open_video(path):
        pass
    assert str(error.value).startswith(f"{path}: a playlist, not a video; ")


@pytest.mark.parametrize("text", PLAYLISTS.values(), ids=PLAYLISTS)
def test_a_playlist_that_is_not_known_as_one_opens_nothing_either(tmp_path, text, monkeypatch):
    monkeypatch.setattr("fer_pipeline.video.reading._is_playlist", lambda head: False)
    write_video(tmp_path / "real.mp4", noise(2, SMALL))
    path = tmp_path / "list.mp4"
    path.write_text(text, "utf-8")
    with pytest.raises(VideoError, match="not a video"), open_video(path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="a name may be longer there")
def test_a_name_that_the_system_refuses_is_one_clear_line(tmp_path):
    path = tmp_path / ("a" * 300)
    with pytest.raises(VideoError) as error, open_video(path):
        pass
    assert str(error.value).startswith(f"{path}: cannot be read (File name too long); ")


# What is one, whatever its name


def test_names_with_spaces_commas_and_other_letters_open(tmp_path):
    path = write_video(tmp_path / "P 01, größe 表情 %03d.mp4", noise(2, SMALL))
    assert len(read(path).rows) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["P01:happy.mp4", "http:happy.mp4", "concat:a|b.mp4", "-.mp4"])
def test_a_name_that_looks_like_an_address_opens(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "plain.mp4", noise(2, SMALL)).rename(name)
    assert len(read(Path(name)).rows) == 2
