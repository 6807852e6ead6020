"""Videos in which faces are covered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.domain import Box
from fer_pipeline.face_search import SearchOptions, search_faces
from fer_pipeline.faces import FaceDetector
from fer_pipeline.overlay import CoverOptions
from fer_pipeline.overlay.canvas import Canvas, Colouring
from fer_pipeline.overlay.covering import CELLS, Covers, cells, cover
from fer_pipeline.overlay.judgements import Overview
from fer_pipeline.timeline import TimelineRow
from fer_pipeline.video import open_video
from tests.media import (
    TWO_PEOPLE,
    pictures_of,
    write_video,
)
from tests.overlay.clips import (
    BLANK,
    COVERED,
    face_row,
    no_face,
    rows_at,
    written,
)

# Covering


@pytest.fixture(scope="module")
def two_people() -> list[TimelineRow]:
    """The rows of the first two seconds and a half of two people, boxes as they are found."""
    rows = []
    with open_video(TWO_PEOPLE) as video:
        for found in search_faces(video, FaceDetector(), SearchOptions(), lambda _: None):
            frame = found.frame
            if frame.index >= 60:
                break
            rows += [face_row(frame.index, frame.time, one.track, one.box) for one in found.faces]
    return rows


@pytest.fixture(scope="module")
def same_but_for_faces(tmp_path_factory, two_people) -> tuple[Path, Path]:
    """Two clips without loss that differ in nothing but what is inside the boxes of faces."""
    folder = tmp_path_factory.mktemp("faces")
    pictures = pictures_of(TWO_PEOPLE, 60)
    changed = [picture.copy() for picture in pictures]
    rng = np.random.default_rng(1)
    for row in two_people:
        part = changed[row.frame][row.box.slices]
        part[:] = rng.integers(0, 255, part.shape)
    return (
        write_video(folder / "a.mkv", pictures, codec="ffv1", pixels="yuv444p"),
        write_video(folder / "b.mkv", changed, codec="ffv1", pixels="yuv444p"),
    )


def without(rows: Sequence[TimelineRow], frames: range, faces: set[int]) -> list[TimelineRow]:
    """Remove faces from frames, as if the detector had failed there."""
    kept = [row for row in rows if row.frame not in frames or row.face not in faces]
    told = {row.frame for row in kept}
    kept += [no_face(frame, frame / 25) for frame in frames if frame not in told]
    return sorted(kept, key=lambda row: row.frame)


FAILURES = {
    "none": (range(0), set()),
    "one face, in between": (range(20, 45), {1}),
    "both, in between": (range(20, 45), {0, 1}),
    "one face, at the end": (range(27, 60), {0}),
    "one face, at the beginning": (range(33), {1}),
    "both, at the end": (range(27, 60), {0, 1}),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_nothing_of_a_covered_face_gets_into_the_video(
    tmp_path, same_but_for_faces, two_people, failure
):
    """What is inside the true boxes makes no difference to a single byte."""
    rows = without(two_people, *FAILURES[failure])
    videos = []
    for number, clip in enumerate(same_but_for_faces):
        written(tmp_path / f"{number}.mp4", clip, rows, COVERED)
        videos.append((tmp_path / f"{number}.mp4").read_bytes())
    assert videos[0] == videos[1]


def test_without_covering_the_faces_make_a_difference(tmp_path, same_but_for_faces, two_people):
    videos = []
    for number, clip in enumerate(same_but_for_faces):
        written(tmp_path / f"{number}.mp4", clip, two_people)
        videos.append((tmp_path / f"{number}.mp4").read_bytes())
    assert videos[0] != videos[1]


def test_sampled_frames_cover_those_between_as_well(tmp_path, same_but_for_faces, two_people):
    rows = [row for row in two_people if row.frame % 5 == 0]
    videos = []
    for number, clip in enumerate(same_but_for_faces):
        written(tmp_path / f"{number}.mp4", clip, rows, COVERED)
        videos.append((tmp_path / f"{number}.mp4").read_bytes())
    assert videos[0] == videos[1]


def test_a_blank_picture_holds_no_pixel_of_the_clip(tmp_path, same_but_for_faces, two_people):
    bright = [np.full_like(picture, 255) for picture in pictures_of(TWO_PEOPLE, 60)]
    other = write_video(tmp_path / "other.mkv", bright, codec="ffv1", pixels="yuv444p")
    written(tmp_path / "a.mp4", same_but_for_faces[0], two_people, BLANK)
    written(tmp_path / "b.mp4", other, two_people, BLANK)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_frames_in_which_nobody_is_found_are_covered_as_a_whole(tmp_path, plain_clip):
    rows = [no_face(frame, frame / 25) for frame in range(30)]
    report = written(tmp_path / "overlay.mp4", plain_clip, rows, COVERED)
    assert (report.wholly_covered, report.uncovered) == (30, 0)
    source, made = pictures_of(plain_clip, 10)[9], pictures_of(tmp_path / "overlay.mp4", 10)[9]
    assert made[:40].std() < 30 < source[:40].std()  # greys instead of noise


def test_frames_far_from_all_that_were_judged_are_covered_as_a_whole(tmp_path, plain_clip):
    """As of a stretch of a timeline: who comes later, beside the face it tells of, is unknown."""
    rows = rows_at([frame / 25 for frame in range(30)])
    kept = [row for row in rows if row.frame in (*range(4, 12), 15, 19, *range(21, 26))]
    report = written(tmp_path / "overlay.mp4", plain_clip, kept, COVERED)
    assert report.wholly_covered == len([*range(3), 13, 17, *range(27, 30)])
    options = replace(COVERED, cover=CoverOptions(allow_uncovered=True))
    report = written(tmp_path / "overlay.mp4", plain_clip, kept, options)
    assert (report.wholly_covered, report.uncovered) == (0, 0)


@pytest.mark.parametrize("step", [5, 7])
def test_the_frames_between_those_that_were_sampled_are_near_them(tmp_path, plain_clip, step):
    sampled = [frame for frame in range(30) if frame % step in (0, step // 2)]
    rows = [row for row in rows_at([frame / 25 for frame in range(30)]) if row.frame in sampled]
    assert written(tmp_path / "overlay.mp4", plain_clip, rows, COVERED).wholly_covered == 0


def test_they_are_shown_and_counted_where_that_is_allowed(tmp_path, plain_clip):
    rows = [no_face(frame, frame / 25) for frame in range(30)]
    options = replace(COVERED, cover=CoverOptions(allow_uncovered=True))
    report = written(tmp_path / "overlay.mp4", plain_clip, rows, options)
    assert (report.wholly_covered, report.uncovered) == (0, 30)
    source, made = pictures_of(plain_clip, 10)[9], pictures_of(tmp_path / "overlay.mp4", 10)[9]
    assert np.corrcoef(source[:90].ravel(), made[:90].ravel())[0, 1] > 0.8


def test_a_cell_of_the_mosaic_has_one_colour_whatever_was_there():
    rng = np.random.default_rng(3)
    area = Box(20, 10, 74, 92)
    covered = []
    for _ in range(2):
        planes = [
            rng.integers(0, 255, shape, np.uint8) for shape in ((120, 160), (60, 80), (60, 80))
        ]
        canvas = Canvas(planes[0], (planes[1], planes[2]), Colouring())
        cover(canvas, area, 5)
        for cell in cells(area):
            assert len(np.unique(canvas.luma[cell.slices])) == 1
            half = Box(cell.x // 2, cell.y // 2, cell.width // 2, cell.height // 2)
            assert all(len(np.unique(plane[half.slices])) == 1 for plane in canvas.chroma)
        covered.append(canvas.luma[area.slices].copy())
    assert len(list(cells(area))) == CELLS**2
    assert np.array_equal(*covered)


even = st.integers(1, 60).map(lambda half: 2 * half)


@given(x=even, y=even, width=even, height=even)
def test_cells_cover_an_area_without_a_gap(x, y, width, height):
    field = np.zeros((260, 260), int)
    for cell in cells(Box(x, y, width, height)):
        field[cell.slices] += 1
    assert (field[y : y + height, x : x + width] == 1).all()
    assert field.sum() == width * height


sides = st.integers(8, 200)
boxes = st.builds(Box, st.integers(-20, 600), st.integers(-20, 300), sides, sides)


@given(
    seen=st.dictionaries(st.integers(0, 300), boxes, min_size=1, max_size=12),
    missing=st.integers(0, 300),
)
def test_a_face_is_covered_where_it_was_seen_and_between(seen, missing):
    rows = [face_row(frame, frame / 25, 0, box) for frame, box in sorted(seen.items())]
    covers = Covers(Overview.of(rows).faces, (640, 360))
    for row in rows:
        assert_within(covers.at(row.time, None), row.box)
    before = max((frame for frame in seen if frame <= missing), default=None)
    after = min((frame for frame in seen if frame >= missing), default=None)
    long_known = rows[-1].time - rows[0].time >= CoverOptions().established
    if before is not None and after is not None and before != after and long_known:
        share = (missing - before) / (after - before)
        assert_within(covers.at(missing / 25, None), seen[before].towards(seen[after], share))


def assert_within(areas: dict[int, Box], box: Box) -> None:
    field = np.zeros((360, 640), bool)
    for area in areas.values():
        assert area.x % 2 == area.y % 2 == area.width % 2 == area.height % 2 == 0
        field[area.slices] = True
    left, top = max(0, box.x), max(0, box.y)
    assert field[top : max(0, box.y + box.height), left : max(0, box.x + box.width)].all()


def test_the_longer_a_face_is_not_seen_the_more_is_covered():
    rows = [face_row(frame, frame / 25, 0, Box(300, 150, 40, 40)) for frame in (0, 25, 125, 150)]
    covers = Covers(Overview.of(rows).faces, (640, 360))
    areas = [covers.at(time, None)[0].area for time in (1.2, 1.6, 2.0)]
    assert areas == sorted(areas)
    assert areas[-1] > 4 * areas[0]
    assert covers.at(4.8, None)[0].area < areas[-1]


def test_a_face_that_was_hardly_seen_is_given_up_and_one_that_was_seen_is_not():
    def known(seconds: float, x: int, time: float) -> bool:
        rows = [
            face_row(0, 0, 0, Box(x, 150, 40, 40)),
            face_row(9, seconds, 0, Box(x, 150, 40, 40)),
        ]
        return bool(Covers(Overview.of(rows).faces, (640, 360)).at(time, None))

    assert known(0.4, 300, 1.2)  # carried for a second
    assert not known(0.4, 300, 3.0)
    assert known(2.0, 300, 60.0)
    assert not known(2.0, 5, 60.0)  # who was last seen at the edge may have left


def two_sizes(path: Path) -> list[float]:
    """Write a stream of white pictures that become smaller midway; return their times."""
    parts = []
    for number, (width, height) in enumerate(((320, 240), (160, 120))):
        part = path.with_name(f"part{number}.ts")
        with av.open(str(part), "w", format="mpegts") as container:
            stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for index in range(10):
                white = np.full((height, width, 3), 255, np.uint8)
                frame = av.VideoFrame.from_ndarray(white, format="rgb24")
                frame.pts = 10 * number + index
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        parts.append(part.read_bytes())
    path.write_bytes(b"".join(parts))
    with open_video(path) as video:
        return [frame.time for frame in video.frames()]


def test_a_picture_of_another_size_is_covered_as_a_whole(tmp_path):
    """Its boxes are in pixels of another size, so a mosaic would lie beside the face."""
    clip = tmp_path / "clip.ts"
    times = two_sizes(clip)
    with av.open(str(clip)) as container:
        sizes = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert len(set(sizes)) == 2
    report = written(tmp_path / "covered.mp4", clip, rows_at(times), COVERED)
    assert report.wholly_covered == sum(size != sizes[0] for size in sizes)
    with av.open(str(tmp_path / "covered.mp4")) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    bright = [float(np.mean(picture > 230)) for picture in pictures]
    assert all(share > 0.5 for share, size in zip(bright, sizes, strict=True) if size == sizes[0])
    assert all(share < 0.1 for share, size in zip(bright, sizes, strict=True) if size != sizes[0])
