"""Videos with their timeline drawn in, written and read back: time, sound, and the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from fer_pipeline.domain import Box
from fer_pipeline.errors import OutputError, UsageError, VideoError
from fer_pipeline.overlay import is_overlay
from fer_pipeline.video import open_video
from tests.media import (
    SESSION,
    cut_short,
    noise,
    pictures_of,
    punch_hole,
    write_sound,
    write_video,
)
from tests.overlay.clips import (
    BLANK,
    COVERED,
    SHOWN,
    codecs_of,
    no_face,
    rows_at,
    sound_packets,
    times_of,
    with_sound,
    without_sound_between,
    written,
)

# Time


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm"])
def test_every_frame_of_the_clip_is_there_at_its_time(tmp_path, plain_clip, suffix):
    target = tmp_path / f"overlay{suffix}"
    told: list[int] = []
    report = written(target, plain_clip, rows_at(times_of(plain_clip)), progress=told.append)
    assert times_of(target) == pytest.approx(times_of(plain_clip), abs=0.0006)  # mkv: milliseconds
    assert report.frames == sum(told) == 30
    with open_video(target) as made, open_video(plain_clip) as source:
        assert made.info.duration == pytest.approx(source.info.duration, abs=0.002)


@pytest.mark.parametrize("rate", [25, 30, 24, 50])
def test_the_video_has_a_codec_that_browsers_play(tmp_path, rate):
    clip = write_video(tmp_path / "clip.mp4", noise(5), rate=rate)
    written(tmp_path / "o.mp4", clip, [])
    written(tmp_path / "o.webm", clip, [])
    assert codecs_of(tmp_path / "o.mp4") == ["h264"]
    assert codecs_of(tmp_path / "o.webm")[0] in {"vp9", "libvpx-vp9"}
    data = (tmp_path / "o.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # so that it plays before it is all there


def test_times_of_a_variable_rate_are_passed_through(tmp_path):
    times = [0, 0.033, 0.05, 0.4, 0.433, 0.434, 1.9, 2.0]
    clip = write_video(tmp_path / "clip.mp4", noise(len(times)), times)
    written(tmp_path / "overlay.mp4", clip, rows_at(times))
    assert times_of(tmp_path / "overlay.mp4") == pytest.approx(times, abs=1e-6)


def test_times_of_a_source_with_a_coarse_clock_stay_exact(tmp_path):
    clip = write_video(tmp_path / "clip.avi", noise(12), codec="mpeg4", rate=12)
    written(tmp_path / "overlay.mp4", clip, [])
    assert times_of(tmp_path / "overlay.mp4") == pytest.approx(times_of(clip), abs=1e-6)


def test_a_picture_that_begins_later_than_the_sound_still_does(tmp_path, plain_clip):
    clip = with_sound(tmp_path / "late.mp4", plain_clip, late=0.5)
    assert times_of(clip)[0] == pytest.approx(0.5, abs=0.03)
    written(tmp_path / "overlay.mp4", clip, [])
    assert times_of(tmp_path / "overlay.mp4") == pytest.approx(times_of(clip), abs=1e-4)


def test_frames_that_did_not_decode_keep_their_place_as_a_notice(tmp_path):
    clip = write_video(tmp_path / "clip.mp4", pictures_of(SESSION, 100), options={"g": "10"})
    punch_hole(clip, 0.45, 0.6)
    with open_video(clip) as video:
        frames = [(frame.index, frame.time) for frame in video.frames()]
        lost = video.report.lost
    assert lost
    report = written(tmp_path / "overlay.mp4", clip, [no_face(*frame) for frame in frames])
    assert (report.frames, report.lost) == (len(frames), lost)
    assert times_of(tmp_path / "overlay.mp4") == pytest.approx([time for _, time in frames])


def test_a_clip_cut_short_gives_what_there_is(tmp_path):
    clip = write_video(tmp_path / "clip.mkv", pictures_of(SESSION, 60), options={"g": "10"})
    cut_short(clip, 0.5)
    count = len(times_of(clip))
    assert 5 < count < 60
    assert written(tmp_path / "overlay.mp4", clip, []).frames == count


# Sound


def test_sound_is_copied_packet_by_packet(tmp_path, plain_clip):
    clip = with_sound(tmp_path / "clip.mp4", plain_clip)
    report = written(tmp_path / "overlay.mp4", clip, [])
    assert report.sound_tracks == 1
    assert sound_packets(tmp_path / "overlay.mp4") == sound_packets(clip)


def heard(path: Path) -> np.ndarray:
    """Return the sound, 48,000 samples a second."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", 48000)
        decoded = [part for one in container.decode(audio=0) for part in resampler.resample(one)]
        return np.concatenate([frame.to_ndarray()[0] for frame in decoded])


def frequency(path: Path) -> float:
    """Return the loudest frequency of the sound."""
    samples = heard(path)
    assert np.abs(samples).max() > 0.1
    strength = np.abs(np.fft.rfft(samples))
    return float(strength.argmax() * 48000 / len(samples))


@pytest.mark.parametrize(
    ("source", "codec", "target"), [("clip.mp4", "aac", "o.webm"), ("clip.mkv", "ac3", "o.mp4")]
)
def test_sound_that_the_container_does_not_take_is_encoded_anew(
    tmp_path, plain_clip, source, codec, target
):
    clip = with_sound(tmp_path / source, plain_clip, codec=codec)
    written(tmp_path / target, clip, [])
    assert codecs_of(tmp_path / target)[1] in {"opus", "libopus", "aac"}
    assert frequency(tmp_path / target) == pytest.approx(440, abs=3)
    with av.open(str(tmp_path / target)) as made:
        assert made.duration / 1e6 == pytest.approx(1.2, abs=0.1)


def test_where_sound_is_missing_there_is_silence_and_the_rest_keeps_its_time(tmp_path, plain_clip):
    whole = with_sound(tmp_path / "whole.mkv", plain_clip, codec="ac3")
    clip = without_sound_between(tmp_path / "clip.mkv", whole, 0.4, 0.8)
    written(tmp_path / "overlay.mp4", clip, [])
    strength = [
        float(np.abs(heard(tmp_path / "overlay.mp4")[int(48000 * at) :][:2400]).max())
        for at in (0.2, 0.55, 0.65, 0.95)
    ]
    assert [round(one, 1) for one in strength] == [0.3, 0.0, 0.0, 0.3]


def test_covered_faces_have_no_voice_unless_it_is_kept(tmp_path, plain_clip):
    clip = with_sound(tmp_path / "clip.mp4", plain_clip)
    report = written(tmp_path / "silent.mp4", clip, [], COVERED)
    assert codecs_of(tmp_path / "silent.mp4") == ["h264"]
    assert report.sound_tracks == 0
    written(tmp_path / "kept.mp4", clip, [], replace(COVERED, keep_sound=True))
    assert frequency(tmp_path / "kept.mp4") == pytest.approx(440, abs=3)
    theirs = {packet for _, packet in sound_packets(clip)}
    assert not theirs.intersection(packet for _, packet in sound_packets(tmp_path / "kept.mp4"))


def test_a_blank_picture_has_no_sound(tmp_path, plain_clip):
    clip = with_sound(tmp_path / "clip.mp4", plain_clip)
    written(tmp_path / "overlay.mp4", clip, [], BLANK)
    assert codecs_of(tmp_path / "overlay.mp4") == ["h264"]
    with pytest.raises(UsageError, match="voice"):
        written(tmp_path / "o.mp4", clip, [], replace(BLANK, keep_sound=True))


# Privacy of the file


@pytest.mark.parametrize("options", [COVERED, BLANK, SHOWN])
def test_nothing_that_the_clip_says_of_itself_survives(tmp_path, options):
    clip = tmp_path / "clip.mkv"
    with av.open(str(clip), "w") as container:
        container.metadata.update(
            title="SECRETtitle", location="SECRET+52.5+013.4/", comment="SECRETcomment",
            creation_time="2021-02-03T04:05:06Z",
        )  # fmt: skip
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.metadata["title"] = "SECRETtrack"
        container.add_attachment("SECRET.jpg", "image/jpeg", b"SECRETpicture")
        for picture in noise(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    assert clip.read_bytes().count(b"SECRET") >= 5
    written(tmp_path / "overlay.mp4", clip, [], options)
    data = (tmp_path / "overlay.mp4").read_bytes()
    assert b"SECRET" not in data
    with av.open(str(tmp_path / "overlay.mp4")) as made:
        assert len(made.streams) == 1
        assert not {"title", "location", "creation_time"}.intersection(made.metadata)


def test_the_same_gives_the_same_bytes_and_is_known_again(tmp_path, plain_clip):
    for name in ("a.mp4", "b.mp4"):
        written(tmp_path / name, plain_clip, rows_at(times_of(plain_clip)))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    for suffix in (".mkv", ".mov", ".webm"):
        written(tmp_path / f"c{suffix}", plain_clip, [])
        assert is_overlay(tmp_path / f"c{suffix}")
    assert is_overlay(tmp_path / "a.mp4")
    assert not is_overlay(plain_clip)
    assert not is_overlay(tmp_path / "missing.mp4")


# Refusals and interruptions


def test_an_interruption_leaves_nothing_behind(tmp_path, plain_clip):
    target = tmp_path / "new" / "overlay.mp4"
    target.parent.mkdir()

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(target, plain_clip, [], progress=interrupt)
    assert not list(target.parent.iterdir())


def test_an_interruption_leaves_an_earlier_video_as_it_was(tmp_path, plain_clip):
    target = tmp_path / "overlay.mp4"
    target.write_bytes(b"earlier")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(target, plain_clip, [], progress=interrupt)
    assert target.read_bytes() == b"earlier"


def test_a_full_disk_is_told_in_one_line(small_disk, plain_clip):
    clip = write_video(small_disk.parent / "clip.mp4", noise(8, (960, 720)))
    (small_disk / "filler").write_bytes(bytes(39 << 20))
    with pytest.raises(OutputError, match="cannot be written"):
        written(small_disk / "overlay.mp4", clip, [])
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_the_clip_is_not_written_over(tmp_path, plain_clip):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(plain_clip.read_bytes())
    with pytest.raises(OutputError, match="is the clip itself"):
        written(clip, clip, [])


def test_a_clip_too_small_for_its_timeline_is_refused(tmp_path, plain_clip):
    """It may be the same clip, made smaller: the faces are elsewhere in it."""
    with open_video(plain_clip) as video:
        height, width = next(iter(video.frames())).luma.shape
    times = times_of(plain_clip)
    written(tmp_path / "o.mp4", plain_clip, rows_at(times, Box(width - 40, height - 40, 40, 40)))
    for box in (Box(width - 39, 0, 40, 40), Box(0, height - 39, 40, 40)):
        with pytest.raises(VideoError, match=r"face 0 of frame 0 reaches beyond"):
            written(tmp_path / "o.mp4", plain_clip, rows_at(times, box), COVERED)


def test_what_cannot_be_made_is_refused(tmp_path, plain_clip):
    with pytest.raises(UsageError, match=r"\.gif: videos are written as \.mp4"):
        written(tmp_path / "overlay.gif", plain_clip, [])
    with pytest.raises(VideoError, match="holds only sound"):
        written(tmp_path / "overlay.mp4", write_sound(tmp_path / "sound.m4a"), [])
    assert not (tmp_path / "overlay.mp4").exists()
