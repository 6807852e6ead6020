"""Files that claim more, fewer or other frames than they hold."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fer_pipeline.domain import Frame
from tests.media import SESSION, cut_short, noise, pictures_of, write_video
from tests.video.reading import H264, H265, MILLISECOND, RATE, SMALL, constant, marked, read


@pytest.mark.parametrize(
    ("codec", "options"), [("libx264", H264), ("libx265", H265), ("mpeg4", {"bf": "2"})]
)
@pytest.mark.parametrize("share", [0.5, 0.52, 0.54])
def test_an_mp4_cut_short_lists_the_frames_that_are_gone(tmp_path, codec, options, share):
    faststart = {"movflags": "faststart"}
    path = tmp_path / "clip.mp4"
    pictures = noise(100, SMALL)
    write_video(path, pictures, codec=codec, options=options, container_options=faststart)
    reading = read(cut_short(path, share))
    assert reading.times == pytest.approx(constant(100), abs=MILLISECOND)
    assert 20 <= len(reading.lost) <= 80
    assert reading.lost[-1] == 99
    assert reading.report.damaged
    end = 1 / RATE + max(row.time for row in reading.rows if isinstance(row, Frame))
    assert f"ends at {end:.2f} s although 4.00 s are claimed" in reading.report.warnings


def test_a_matroska_file_cut_short_tells_both_durations(tmp_path):
    reading = read(cut_short(write_video(tmp_path / "clip.mkv", noise(100, SMALL)), 0.5))
    assert 40 <= reading.report.decoded <= 60
    end = reading.times[-1] + 1 / RATE
    assert reading.report.damaged
    assert reading.report.warnings == [f"ends at {end:.2f} s although 4.00 s are claimed"]


def test_a_video_without_a_single_frame_is_told(tmp_path):
    path = write_video(tmp_path / "clip.mp4", noise(5, SMALL))
    data = path.read_bytes()
    # Without the table of sizes nothing can be found in the file.
    path.write_bytes(data.replace(b"stsz", b"free"))
    reading = read(path)
    assert reading.rows == []
    assert reading.report.damaged
    assert "no frame" in reading.report.warnings[0]


def test_a_count_that_was_off_is_no_damage(tmp_path):
    path = tmp_path / "clip.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *SMALL, "yuv420p"
        for index, picture in enumerate(noise(10, SMALL)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            # The muxer fills the gap with empty entries, which the header counts.
            frame.pts, frame.time_base = index + (5 if index > 4 else 0), Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    reading = read(path)
    assert reading.times == pytest.approx(constant(5) + constant(5, 0.4), abs=MILLISECOND)
    assert not reading.report.damaged
    assert reading.report.warnings == ["holds 10 frames although 15 are claimed"]


def remuxed(source: Path, target: Path, keep=lambda index, packet: True, shift: int = 0) -> Path:
    """Copy the packets of a video that are to be kept, without encoding them again."""
    # The muxer is told to leave times before zero as they are, for which it writes an edit list.
    options = {"avoid_negative_ts": "disabled"} if shift else {}
    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        packets = (packet for packet in old.demux(video=0) if packet.dts is not None)
        for index, packet in enumerate(packets):
            if keep(index, packet):
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = stream
                new.mux(packet)
    return target


def test_an_edit_list_that_skips_the_beginning_is_followed(tmp_path):
    options = {"bf": "0", "g": "10"}
    whole = write_video(tmp_path / "whole.mp4", marked(40), options=options)
    with av.open(str(whole)) as container:
        step = container.streams.video[0].duration // 40
    trimmed = remuxed(whole, tmp_path / "trimmed.mp4", shift=-4 * step)
    reading, before = read(trimmed), read(whole)
    assert reading.times == pytest.approx(constant(36), abs=MILLISECOND)
    assert not reading.report.damaged
    assert not reading.report.warnings
    assert np.array_equal(reading.rows[0].luma, before.rows[4].luma)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_a_video_without_its_first_key_frame_tells_what_cannot_be_shown(tmp_path, name):
    pictures = pictures_of(SESSION, 40)
    whole = write_video(tmp_path / f"whole{name[4:]}", pictures, options={"bf": "0", "g": "10"})
    reading = read(remuxed(whole, tmp_path / name, keep=lambda index, packet: index > 0))
    assert reading.lost == list(range(9))
    assert reading.times == pytest.approx(constant(39), abs=MILLISECOND)
    assert reading.report.damaged


@pytest.mark.parametrize("claim", [1, 10**6, 2**31 - 1])
def test_an_absurd_count_of_frames_is_not_believed(tmp_path, claim):
    clip = write_video(tmp_path / "clip.avi", marked(20), codec="mpeg4")
    data = bytearray(clip.read_bytes())
    places = data.index(b"avih") + 8 + 16, data.index(b"strh") + 8 + 32
    for place in places:
        data[place : place + 4] = claim.to_bytes(4, "little")
    clip.write_bytes(data)
    reading = read(clip)
    assert reading.report.decoded == 20
    assert reading.report.lost == 0
    assert reading.times == pytest.approx(constant(20), abs=MILLISECOND)
