"""How simulated people are made: the mesh, what they do, what the camera shows, and its options."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import astuple, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.errors import FerError
from fer_pipeline.simulation.acting import FEWEST_FRAMES, Performance, act, rotation
from fer_pipeline.simulation.anatomy import target_names
from fer_pipeline.simulation.clips import Clip, clips_of
from fer_pipeline.simulation.expressions import ACTION_UNITS, EXPRESSIONS
from fer_pipeline.simulation.mesh import FACE_UNIT, PACK, Material, head_mesh, read_mesh
from fer_pipeline.simulation.numeric import rotated, single
from fer_pipeline.simulation.options import RecordingOptions, StudyOptions
from fer_pipeline.simulation.person import Identity, draw_person
from fer_pipeline.simulation.rasteriser import rasterise
from fer_pipeline.simulation.recording import Recorder
from fer_pipeline.simulation.renderer import Renderer
from fer_pipeline.simulation.studio import Setting, draw_studio
from fer_pipeline.simulation.truth import TruthRow, read_truth, segments, write_truth

SCRIPT = Path(__file__).parent.parent / "scripts" / "rebuild_headpack.py"

SMALL = RecordingOptions(width=160, height=120, seconds=0.4)


@pytest.fixture(scope="module")
def person():
    return draw_person(head_mesh(), Identity(0, 1))


# The mesh and its file


def test_the_pack_holds_what_people_are_made_of():
    with np.load(PACK, allow_pickle=False) as pack:
        types = {name: (pack[name].dtype.str, pack[name].ndim) for name in pack.files}
        assert pack["counts"].sum() == len(pack["indices"]) == len(pack["deltas"])
    assert types == {
        "vertices": ("<f4", 2),
        "triangles": ("<i2", 2),
        "material": ("|i1", 1),
        "lips": ("|u1", 1),
        "ears": ("|u1", 1),
        "mouth": ("|u1", 1),
        "names": (types["names"][0], 1),
        "counts": ("<i4", 1),
        "indices": ("<i2", 1),
        "deltas": ("<i2", 2),
    }
    mesh = head_mesh()
    stems = {name for shapes in ACTION_UNITS.values() for name in shapes}
    units = {
        FACE_UNIT + stem.removesuffix("*") + side
        for stem in stems
        for side in (("Left", "Right") if stem.endswith("*") else ("",))
    }
    assert units | set(target_names()) <= set(mesh.targets)
    assert mesh.triangles.min() == 0
    assert mesh.triangles.max() == len(mesh.vertices) - 1
    assert set(mesh.material) == set(Material)
    assert {used for shown in EXPRESSIONS.values() for used in shown} <= set(ACTION_UNITS)
    assert "CC0" in PACK.with_name("HEADPACK.txt").read_text("utf-8")


def test_normals_lead_out_of_the_head(person):
    mesh = head_mesh()
    normals = mesh.normals(person.anatomy.vertices)
    assert np.allclose(np.linalg.norm(normals[mesh.face_vertices], axis=1), 1, atol=1e-5)
    face = mesh.face_vertices
    tip = face[person.anatomy.vertices[face, 2].argmax()]
    assert normals[tip, 2] > 0.7
    across = person.anatomy.vertices[face, 0]
    for side in (1, -1):  # cheeks
        outer = face[side * across > 0.9 * (side * across).max()]
        assert (side * normals[outer, 0]).mean() > 0.5


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive"])
def test_a_broken_pack_is_told(tmp_path, content):
    broken = tmp_path / "headpack.npz"
    broken.write_bytes(content)
    with pytest.raises(FerError, match="missing or broken; install fer-pipeline again"):
        read_mesh(broken)
    with pytest.raises(FerError, match="missing or broken"):
        read_mesh(tmp_path / "none.npz")


def test_the_script_reads_obj_and_target_files_and_writes_the_same_file_twice(tmp_path):
    code = """
import json, runpy, sys, numpy as np
script = runpy.run_path(sys.argv[1])
obj = '# x\\ng body\\nv 0 5 0\\nv 1 5 0\\nv 1 6 0\\nv 0 6 0\\nv 0 1 0\\nvt 0 0\\nvt 1 1\\n'
obj += 'f 1/1 2/2 3/1 4/1\\nf 5/1 5/1 5/1\\n'
vertices, places, faces = script['read_obj'](obj)
triangles, material, uv = script['cut_out'](vertices, places, faces)
number = np.array([0, 1, 2, 3, -1])
indices, deltas = script['read_target']('# x\\n1 .5 0 -.0012\\n4 1 1 1\\n2 0 0 0\\n', number)
pack = {'a': np.arange(3), 'b': np.array(['x', 'yz'])}
assert script['as_npz'](pack) == script['as_npz'](pack)
open(sys.argv[2], 'wb').write(script['as_npz'](pack))
print(json.dumps([triangles.tolist(), uv.tolist()[1], indices.tolist(), deltas.tolist()]))
"""
    out = tmp_path / "pack.npz"
    command = [sys.executable, "-c", code, str(SCRIPT), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[[0, 1, 2], [0, 2, 3]], [1, 1], [1], [[500, 0, -1]]]
    with np.load(out) as pack:
        assert pack["a"].tolist() == [0, 1, 2]
        assert pack["b"].tolist() == ["x", "yz"]
    with zipfile.ZipFile(out) as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}


# The rasteriser


corners = st.tuples(st.floats(-10, 50), st.floats(-10, 40), st.floats(1, 9))


@given(st.lists(corners, min_size=4, max_size=4))
def test_two_triangles_with_a_common_edge_show_what_lies_in_them(points):
    vertices = single(points)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    both = rasterise(vertices, triangles, (40, 30), both_sides=True)
    each = [rasterise(vertices, triangles[[i]], (40, 30), both_sides=True) for i in range(2)]
    assert set(both.pixels) == set(each[0].pixels) | set(each[1].pixels)
    assert len(set(both.pixels)) == len(both)
    depths = np.full((2, 1200), np.inf)
    for depth, one in zip(depths, each, strict=True):
        depth[one.pixels] = one.depth
    assert np.array_equal(both.depth, depths.min(0)[both.pixels].astype(np.float32))
    assert np.allclose(both.weights.sum(1), 1, atol=1e-4)


@given(st.lists(corners, min_size=3, max_size=3))
def test_the_weights_lead_back_to_the_pixel(points):
    vertices = single(points)
    a, b, c = vertices[:, :2]
    area = abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
    seen = rasterise(vertices, np.array([[0, 1, 2]], np.int32), (40, 30), both_sides=True)
    if area > 1:
        places = seen.interpolated(np.array([[0, 1, 2]], np.int32), vertices)
        assert np.allclose(places[:, 0], seen.pixels % 40 + 0.5, atol=0.05)
        assert np.allclose(places[:, 1], seen.pixels // 40 + 0.5, atol=0.05)
    turned = rasterise(vertices, np.array([[0, 2, 1]], np.int32), (40, 30))
    facing = rasterise(vertices, np.array([[0, 1, 2]], np.int32), (40, 30))
    assert not (len(turned) and len(facing))


# What people do


@given(
    frames=st.integers(FEWEST_FRAMES, 300),
    fps=st.floats(1, 120),
    emotion=st.sampled_from([name for name in EXPRESSIONS if name != "neutral"]),
    seed=st.integers(0, 2**32),
)
def test_every_performance_reaches_its_apex(person, frames, fps, emotion, seed):
    moments = act(person, Performance((emotion,), frames, fps), np.random.default_rng(seed))
    intensity = [moment.intensity for moment in moments]
    assert len(moments) == frames
    assert (intensity[0], max(intensity), intensity[-1]) == (0, 1, 0)
    assert all(0 <= moment.actions[43] <= 1 for moment in moments)


@given(st.lists(st.sampled_from(sorted(EXPRESSIONS)), min_size=1, max_size=5))
def test_the_head_follows_the_emotion_only_if_asked(person, emotions):
    with_pitch, without = (
        act(
            person,
            Performance(tuple(emotions), 12, 25, pitch=pitch),
            np.random.default_rng(5),
        )
        for pitch in (True, False)
    )
    # What is left is drawn alike, whatever the emotion.
    neutral = act(person, Performance(("neutral",) * len(emotions), 12, 25), _rng())
    assert [moment.turn for moment in without] == [moment.turn for moment in neutral]
    moved = [one.turn != other.turn for one, other in zip(with_pitch, without, strict=True)]
    linked = {"sadness", "fear", "surprise", "disgust", "anger"}
    assert any(moved) == bool(linked.intersection(emotions))
    assert [moment.actions for moment in with_pitch] == [moment.actions for moment in without]


def _rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_people_blink_and_look_around(person):
    moments = act(person, Performance(("neutral",), 1000, 25), np.random.default_rng(0))
    blinks = np.array([moment.actions[43] for moment in moments])
    assert 0.01 < (blinks > 0.5).mean() < 0.2
    for part in ("turn", "gaze"):
        assert (np.ptp([getattr(moment, part) for moment in moments], axis=0) > 0.02).all()


def test_contempt_is_shown_on_one_side(person):
    mesh = head_mesh()
    moment = max(
        act(person, Performance(("contempt",), 20, 25), np.random.default_rng(0)),
        key=lambda moment: moment.intensity,
    )
    moved = person.muscles.moved(person.anatomy.vertices, moment.actions, (0, 0))
    way = np.linalg.norm(moved - person.anatomy.vertices, axis=1)
    mouth = (mesh.lips > 0.5) & (np.abs(mesh.vertices[:, 0]) > 0.15)
    left, right = (way[mouth & (mesh.vertices[:, 0] * side > 0)].mean() for side in (1, -1))
    assert max(left, right) > 2 * min(left, right)


def test_people_are_told_apart_by_shape_colour_and_movement(person):
    again, other = (draw_person(head_mesh(), Identity(0, number)) for number in (1, 3))
    assert np.array_equal(person.anatomy.vertices, again.anatomy.vertices)
    assert np.array_equal(person.skin.paint, again.skin.paint)
    assert not np.allclose(person.anatomy.vertices, other.anatomy.vertices, atol=0.05)
    assert not np.allclose(person.skin.paint, other.skin.paint, atol=0.02)
    assert person.muscles.strength != other.muscles.strength


def drawn(person) -> np.ndarray:
    """Draw a person at rest, in front of nothing, linear RGB."""
    identity = Identity(0, 1)
    studio = draw_studio(identity.generator(1), (160, 120), Setting())
    (moment, *_) = act(person, Performance(("neutral",), 20, 25.0), identity.generator(2))
    renderer = Renderer(head_mesh(), person, smooth_edges=True)
    return renderer.draw(moment, studio.camera, studio.light, studio.background)


@pytest.fixture(scope="module")
def dressed_up():
    """Somebody with long hair and glasses."""
    people = (draw_person(head_mesh(), Identity(0, number)) for number in range(1, 200))
    return next(one for one in people if one.glasses is not None and one.hair.curtain is not None)


def test_glasses_are_seen_before_the_eyes_and_nowhere_else(dressed_up):
    without = replace(dressed_up, glasses=None)
    rows, columns = np.nonzero(np.abs(drawn(dressed_up) - drawn(without)).max(2) > 0.02)
    assert len(rows) > 50
    assert np.ptp(columns) > 2 * np.ptp(rows)  # wider than high, and from temple to temple


def test_long_hair_hangs_at_both_sides(dressed_up):
    without = replace(dressed_up, hair=replace(dressed_up.hair, curtain=None))
    rows, columns = np.nonzero(np.abs(drawn(dressed_up) - drawn(without)).max(2) > 0.02)
    assert len(rows) > 500
    below = columns[rows > 60]
    assert min(np.mean(below < 80), np.mean(below > 80)) > 0.2


@given(st.tuples(*[st.floats(-1, 1)] * 3))
def test_a_turned_head_keeps_its_shape(turn):
    matrix = rotation(turn)
    assert np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-5)
    points = single(np.random.default_rng(0).normal(size=(5, 3)))
    assert np.allclose(rotated(points, matrix), points @ matrix.T, atol=1e-5)


# Options of the recording


def happy(take: int = 1) -> Clip:
    study = StudyOptions(participants=1, takes=take, emotions=("happiness",))
    return clips_of(study, 1)[-1]


class Recorded:
    """A clip and what is true of it."""

    def __init__(self, folder: Path, **changed: object) -> None:
        options = replace(SMALL, **changed)
        recorder, path = Recorder(head_mesh(), options), folder / "clip.mp4"
        recorder.record(happy(), path, lambda _: None)
        self.rows = recorder.truth(happy())
        self.bytes = path.stat().st_size
        with av.open(str(path)) as container:
            self.rate = container.streams.video[0].average_rate
            frames = list(container.decode(video=0))
        self.times = [frame.time for frame in frames]
        self.pictures = np.stack([frame.to_ndarray(format="rgb24") for frame in frames])

    @property
    def box(self) -> np.ndarray:
        """The middle frame's."""
        row = self.rows[len(self.rows) // 2]
        return np.array([row.x, row.y, row.width, row.height])


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Recorded:
    return Recorded(tmp_path_factory.mktemp("plain"))


def test_size_rate_and_length_are_as_asked(tmp_path):
    made = Recorded(tmp_path, width=96, height=112, fps=30000 / 1001, seconds=0.5)
    assert made.pictures.shape == (15, 112, 96, 3)
    assert made.rate == Fraction(30000, 1001)
    assert made.times == pytest.approx([i * 1001 / 30000 for i in range(15)], abs=1e-6)
    assert [float(row.time) for row in made.rows] == pytest.approx(made.times, abs=1e-6)


def test_dim_light_is_dark_and_noisy(plain, tmp_path):
    dim = Recorded(tmp_path, conditions=("dim",))
    assert dim.pictures.mean() < 0.75 * plain.pictures.mean()
    assert astuple(dim.rows[0]) == astuple(plain.rows[0])


def test_less_light_gives_darker_pictures(plain, tmp_path):
    assert Recorded(tmp_path, light=0.2).pictures.mean() < 0.85 * plain.pictures.mean()


def test_noise_is_noise(tmp_path):
    """A frame differs from its neighbours' mean by little but noise."""

    def grain(noise: float) -> float:
        pictures = Recorded(tmp_path, noise=noise).pictures.astype(float)[:, :20, :20]
        return float(np.abs(pictures[1:-1] - (pictures[:-2] + pictures[2:]) / 2).mean())

    assert grain(20) > grain(0) + 3


def test_far_faces_are_small_and_those_off_centre_beside_the_middle(plain, tmp_path):
    far = Recorded(tmp_path, conditions=("far",))
    assert (far.box[2:] < 0.65 * plain.box[2:]).all()
    aside = Recorded(tmp_path, conditions=("off-centre",))
    middle = aside.box[0] + aside.box[2] / 2
    assert abs(middle - 80) > 20
    assert abs(plain.box[0] + plain.box[2] / 2 - 80) < 15


def test_tilted_heads_lean(person):
    def roll(*, tilted: bool) -> float:
        performance = Performance(("fear",), 30, 25, tilted=tilted)
        moments = act(person, performance, np.random.default_rng(2))
        return abs(float(np.mean([moment.turn[2] for moment in moments])))

    assert roll(tilted=True) > 0.15 > 0.1 > roll(tilted=False)


def test_compressed_clips_are_small(plain, tmp_path):
    assert Recorded(tmp_path, conditions=("compressed",)).bytes < 0.75 * plain.bytes


def test_supersampling_shows_the_same_in_finer_pixels(plain, tmp_path):
    fine = Recorded(tmp_path, supersampling=2)
    assert fine.rows == plain.rows
    assert fine.pictures.shape == plain.pictures.shape
    assert 0.1 < np.abs(fine.pictures.astype(float) - plain.pictures).mean() < 10


def test_the_background_is_the_same_for_every_expression_of_a_take():
    study = StudyOptions(participants=2, takes=2, sessions=1, pairs=1)
    keys = {clip.studio_key for clip in clips_of(study, 1) if clip.take == 1 and clip.kind > 1}
    assert len(keys) == 1
    assert len({clip.studio_key for clip in clips_of(study, 1)}) == 4


# Truth


names = st.text("abcdef_,;\"' é", min_size=1, max_size=8)
rows = st.builds(
    TruthRow,
    video=names,
    participant=names,
    sex=st.sampled_from(["female", "male"]),
    face=st.sampled_from(["only", "left", "right"]),
    take=st.integers(1, 99),
    frame=st.integers(0, 10**6),
    time=st.floats(0, 1e4).map("{:.6f}".format),
    emotion=st.sampled_from(sorted(EXPRESSIONS)),
    intensity=st.floats(0, 1).map("{:.4f}".format),
    x=st.integers(-9, 999),
    y=st.integers(-9, 999),
    width=st.integers(1, 999),
    height=st.integers(1, 999),
)


@given(st.lists(rows, max_size=8))
def test_truth_is_read_back_as_it_was_written(tmp_path_factory, written):
    path = tmp_path_factory.getbasetemp() / "truth.csv"
    write_truth(path, written)
    read = read_truth(path)
    assert {row.video for row in written} == set(read)
    for video, own in read.items():
        assert own == [row for row in written if row.video == video]


@given(
    st.lists(st.floats(0, 1).map("{:.4f}".format), min_size=1, max_size=30),
    st.sampled_from(["fear", "neutral"]),
    st.integers(1, 60),
)
def test_segments_hold_just_the_frames_that_show_the_emotion(shown, emotion, rate):
    rows = [
        TruthRow("v", "P01", "male", "only", 1, i, "", emotion, one, 0, 0, 1, 1)
        for i, one in enumerate(shown)
    ]
    held = set()
    for video, participant, told, start, end, face in segments(rows, Fraction(rate)):
        assert (video, participant, told, face) == ("v", "P01", emotion, "")
        inside = range(round(float(start) * rate), round(float(end) * rate))
        assert not held.intersection(inside)
        held.update(inside)
    expected = {i for i, one in enumerate(shown) if float(one) >= 0.5 or emotion == "neutral"}
    assert held == expected
