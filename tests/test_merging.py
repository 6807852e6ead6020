"""``fer data merge``: several datasets become one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.care.checking import verify
from fer_pipeline.dataset import (
    COLUMNS,
    UNKNOWN,
    FaceRow,
    create_dataset,
    image_hash,
    open_dataset,
)
from fer_pipeline.domain import Box
from fer_pipeline.faces import network_inputs
from tests.conftest import crop_record, write_faces

NO_TIME = float("nan")


def row(
    value: int = 0,
    emotion: str | None = "fear",
    person: str | None = "P1",
    frame: int = 0,
    *,
    size: int = 8,
    channels: str = "gray",
    split: int = UNKNOWN,
    votes: dict[str, float] | None = None,
) -> FaceRow:
    """A face of one brightness."""
    image = np.full((size, size, 3 if channels == "rgb" else 1), value, np.uint8)
    time = frame / 25 if frame >= 0 else NO_TIME
    return FaceRow(image, emotion, person, frame, time, Box(1, 2, 9, 9), 1.5, 0, split, votes)


def write(
    path: Path,
    videos: dict[str | None, list[FaceRow]],
    *,
    size: int = 8,
    channels: str = "gray",
    votes: bool = False,
    **provenance: object,
) -> Path:
    """Write a dataset of some videos, or of stills under None."""
    emotions = {one.emotion for rows in videos.values() for one in rows if one.emotion}
    emotions |= {name for rows in videos.values() for one in rows for name in one.votes or ()}
    with create_dataset(path, crop_record(size, channels), emotions, votes=votes) as writer:
        for video, rows in videos.items():
            if video is not None:
                writer.add_video(video)
            for one in rows:
                writer.append(video, one)
        writer.finish(provenance)
    return path


def contents(path: Path) -> Counter[tuple[object, ...]]:
    """All rows of a dataset by what they mean, whatever their order and the numbers of names."""
    with open_dataset(path) as dataset:
        images = dataset.images(slice(None))
        names = {
            "label": (*dataset.emotions, None),
            "participant": (*dataset.participants, None),
            "video": (*dataset.videos, None),
        }
        found: Counter[tuple[object, ...]] = Counter()
        for number in range(len(dataset)):
            told = [image_hash(images[number])]
            for name in COLUMNS:
                value = dataset.column(name)[number]
                told.append(names[name][value] if name in names else repr(value.tolist()))
            found[tuple(told)] += 1
        return found


def test_emotions_are_the_same_by_their_names(fer, tmp_path):
    a = write(tmp_path / "a.h5", {"a.mp4": [row(1, "fear"), row(2, "bored", frame=1)]})
    b = write(tmp_path / "b.h5", {"b.mp4": [row(3, "happiness", "P2"), row(4, "bored", "P2")]})
    result = fer("data", "merge", a, b, "-o", tmp_path / "all.h5")
    assert result.exit_code == 0, result.output
    with open_dataset(tmp_path / "all.h5") as dataset:
        assert dataset.emotions == ("happiness", "fear", "bored")
        assert dataset.column("label").tolist() == [1, 2, 0, 2]
        assert dataset.images(slice(None))[:, 0, 0, 0].tolist() == [1, 2, 3, 4]
        assert dataset.videos == ("a.mp4", "b.mp4")
        assert not verify(dataset)


def test_copies_between_the_datasets_are_counted(fer, tmp_path):
    a = write(tmp_path / "a.h5", {"a.mp4": [row(1, "fear"), row(2, "fear", frame=1)]})
    b = write(tmp_path / "b.h5", {"b.mp4": [row(2, "fear", "P2"), row(1, "fear", "P2", 1)]})
    c = write(tmp_path / "c.h5", {"c.mp4": [row(3, "fear", "P2")]})
    result = fer("data", "merge", a, b, "-o", tmp_path / "ab.h5")
    assert "exact copies of an image before: 2" in result.stderr
    assert "copies" not in fer("data", "merge", a, c, "-o", tmp_path / "ac.h5").stderr


def test_stills_come_first_and_keep_all_that_stands_beside_them(fer, tmp_path):
    stills = [row(7, "anger", "KA", -1, split=2), row(8, "fear", "KM", -1, split=0)]
    jaffe = write(tmp_path / "jaffe.h5", {None: stills}, corpus="jaffe")
    study = write(tmp_path / "study.h5", {"v.mp4": [row(1, "fear", "KA")]})
    assert fer("data", "merge", study, jaffe, "-o", tmp_path / "all.h5").exit_code == 0
    with open_dataset(tmp_path / "all.h5") as dataset:
        assert dataset.images(slice(None))[:, 0, 0, 0].tolist() == [7, 8, 1]
        people = [dataset.participants[i] for i in dataset.column("participant")]
        assert people == ["jaffe/KA", "jaffe/KM", "KA"]
        assert dataset.column("split").tolist() == [2, 0, UNKNOWN]
        assert np.isnan(dataset.column("time")).tolist() == [True, True, False]
        assert not verify(dataset)


def test_people_of_own_studies_are_the_same_by_their_codes_and_this_is_told(fer, tmp_path):
    a = write(tmp_path / "a.h5", {"a.mp4": [row(1, person="P1")]})
    b = write(tmp_path / "b.h5", {"b.mp4": [row(2, person="P1")]})
    result = fer("data", "merge", a, b, "-o", tmp_path / "same.h5")
    assert "taken for the same people, by their codes: P1; --apart" in result.stderr
    with open_dataset(tmp_path / "same.h5") as dataset:
        assert dataset.participants == ("P1",)
    assert fer("data", "merge", a, b, "-o", tmp_path / "two.h5", "--apart").exit_code == 0
    with open_dataset(tmp_path / "two.h5") as dataset:
        assert dataset.participants == ("a/P1", "b/P1")
        assert dataset.videos == ("a/a.mp4", "b/b.mp4")


def test_the_same_video_in_two_datasets_is_refused(fer, tmp_path):
    a = write(tmp_path / "a.h5", {"v.mp4": [row(1)]})
    b = write(tmp_path / "b.h5", {"v.mp4": [row(2)]})
    result = fer("data", "merge", a, b, "-o", tmp_path / "all.h5")
    assert result.exit_code == 1
    assert f"v.mp4: a video of this name is in {a} and in {b}" in result.stderr
    assert not (tmp_path / "all.h5").exists()
    assert fer("data", "merge", a, b, "-o", tmp_path / "all.h5", "--apart").exit_code == 0


def test_images_of_another_kind_are_made_alike_and_this_is_told(fer, tmp_path):
    kind = {"size": 12, "channels": "rgb"}
    first = write(tmp_path / "a.h5", {"P00_i.mp4": [row(9, **kind)]}, **kind)
    second = write_faces(tmp_path / "b.h5", people=2, frames=2, size=24)
    result = fer("data", "merge", first, second, "-o", tmp_path / "all.h5")
    assert result.exit_code == 0
    assert f"{second}: its images of 24 px, gray, are made 12 px, rgb" in result.stderr
    with open_dataset(second) as source, open_dataset(tmp_path / "all.h5") as dataset:
        made = network_inputs(source.images(slice(None)), 12, "rgb")
        rows = [row for row, video in enumerate(dataset.column("video")) if video != 1]
        assert dataset.videos[1] == "P00_i.mp4"
        assert np.array_equal(dataset.images(np.array(rows)), made)
        assert (dataset.crop.size, dataset.crop.channels) == (12, "rgb")
    to = ("-o", tmp_path / "c.h5", "--size", 16, "--channels", "gray")
    chosen = fer("data", "merge", first, second, *to)
    assert chosen.exit_code == 0
    with open_dataset(tmp_path / "c.h5") as dataset:
        assert dataset.images(slice(None)).shape == (1 + 12, 16, 16, 1)


def test_votes_are_kept_by_name_and_missing_where_nobody_voted(fer, tmp_path):
    voted = {"fear": 0.25, "anger": 0.75}
    a = write(tmp_path / "a.h5", {None: [row(1, "anger", None, -1, votes=voted)]}, votes=True)
    b = write(tmp_path / "b.h5", {"v.mp4": [row(2, "happiness"), row(3, "fear", frame=1)]})
    assert fer("data", "merge", a, b, "-o", tmp_path / "all.h5").exit_code == 0
    with open_dataset(tmp_path / "all.h5") as dataset:
        assert dataset.emotions == ("happiness", "fear", "anger")
        assert dataset.votes is not None
        assert dataset.votes[0].tolist() == [0, 0.25, 0.75]
        assert np.isnan(dataset.votes[1:]).all()


def test_the_same_again_does_nothing_and_anything_else_is_refused(fer, tmp_path):
    a = write(tmp_path / "a.h5", {"a.mp4": [row(1)]})
    b = write(tmp_path / "b.h5", {"b.mp4": [row(2)]})
    out = tmp_path / "all.h5"
    assert fer("data", "merge", a, b, "-o", out).exit_code == 0
    before = out.read_bytes()
    again = fer("data", "merge", a, b, "-o", out)
    assert again.exit_code == 0
    assert "nothing to do" in again.stderr
    assert out.read_bytes() == before
    for arguments in ((a, "-o", out), (a, b, "-o", out, "--apart"), (b, "-o", a)):
        refused = fer("data", "merge", *arguments)
        assert refused.exit_code == 1
        assert "--overwrite" in refused.stderr
    assert out.read_bytes() == before
    assert fer("data", "merge", a, "-o", out, "--overwrite").exit_code == 0
    assert fer("data", "merge", a, "-o", a).exit_code == 1


def test_the_provenance_tells_what_came_from_where(fer, tmp_path):
    a = write(tmp_path / "a.h5", {None: [row(1, frame=-1)]}, corpus="jaffe", command="fer import")
    assert fer("data", "merge", a, "-o", tmp_path / "all.h5").exit_code == 0
    with open_dataset(a) as source, open_dataset(tmp_path / "all.h5") as dataset:
        part = dataset.provenance["merged"]["a.h5"]
        assert (part["digest"], part["belonging"]) == (source.digest, "jaffe")
        assert part["made"]["command"] == "fer import"


FACES = st.lists(
    st.tuples(
        st.integers(0, 255),
        st.sampled_from(["fear", "anger", "bored", None]),
        st.sampled_from(["P1", "P2", None]),
        st.sampled_from([None, "u.mp4", "v.mp4"]),
    ),
    max_size=6,
)


@settings(max_examples=25)
@given(FACES, FACES, FACES)
def test_merging_is_associative_up_to_order(tmp_path_factory, one, two, three):
    folder = tmp_path_factory.mktemp("m")
    paths = []
    for number, faces in enumerate((one, two, three)):
        videos: dict[str | None, list[FaceRow]] = {}
        for frame, (value, emotion, person, video) in enumerate(faces):
            name = None if video is None else f"{number}{video}"
            videos.setdefault(name, []).append(
                row(value, emotion, person, -1 if video is None else frame)
            )
        corpus = {"corpus": "jaffe"} if number == 2 else {}
        ordered = dict(sorted(videos.items(), key=lambda item: item[0] or ""))
        paths.append(write(folder / f"{number}.h5", ordered, **corpus))
    a, b, c = paths
    all_at_once = merged(folder / "abc.h5", a, b, c)
    left = merged(folder / "left.h5", merged(folder / "ab.h5", a, b), c)
    right = merged(folder / "right.h5", a, merged(folder / "bc.h5", b, c))
    assert contents(all_at_once) == contents(left) == contents(right)
    assert sum(contents(all_at_once).values()) == len(one) + len(two) + len(three)
    with open_dataset(left) as dataset:
        assert not verify(dataset)


def merged(path: Path, *sources: Path) -> Path:
    """Merge datasets as the command does."""
    from fer_pipeline.care.merging import MergeOptions, plan_merge, run_merge

    run_merge(plan_merge(sources, path, MergeOptions()), "fer data merge", lambda _: None)
    return path


def test_a_missing_or_broken_dataset_is_one_clear_line(fer, tmp_path):
    a = write(tmp_path / "a.h5", {"a.mp4": [row(1)]})
    (tmp_path / "b.h5").write_bytes(b"nothing")
    for other in ("none.h5", "b.h5"):
        result = fer("data", "merge", a, tmp_path / other, "-o", tmp_path / "all.h5")
        assert result.exit_code == 1
        assert result.stderr.startswith(f"fer: {tmp_path / other}: ")
        assert not (tmp_path / "all.h5").exists()


def test_wrong_usage_is_told(fer, tmp_path):
    assert fer("data", "merge", "-o", tmp_path / "all.h5").exit_code == 2
    assert fer("data", "merge", tmp_path / "a.h5").exit_code == 2
