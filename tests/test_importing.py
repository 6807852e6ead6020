"""From the pictures and clips of a corpus to faces: decoding, cutting out, choosing."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_pipeline.corpora import CORPORA, Entry, Skipped, Still, Unusable
from fer_pipeline.corpora.pictures import decode_picture
from fer_pipeline.dataset import FaceRow
from fer_pipeline.domain import Box, Frame
from fer_pipeline.errors import CorpusError, VideoError
from fer_pipeline.faces import CropOptions, FaceDetector, crop
from fer_pipeline.importing import CLIP_CORPORA, choose_takes
from fer_pipeline.importing.faces import CuttingOptions, cut_out
from fer_pipeline.importing.records import Copies, Tally
from fer_pipeline.importing.run import chosen_among
from fer_pipeline.labels import EmotionChoice
from tests.corpus_files import picture
from tests.media import PARTICIPANTS, Picture, pictures_of

SUFFIXES = (".png", ".jpg", ".bmp", ".tiff")
LOSSLESS = (".png", ".bmp", ".tiff")
PORTRAIT = pictures_of(PARTICIPANTS / "P00_happy.mp4", 1)[0]
OTHER = pictures_of(PARTICIPANTS / "P07_happy.mp4", 1)[0]
CROP = CropOptions(size=40, margin=0.1, channels="rgb")


def smooth(height: int = 20, width: int = 30, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Return a picture of nothing that JPEG does not change much, red first."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (height, width, channels), np.uint8)
    blurred: np.ndarray = cv2.GaussianBlur(noise, (9, 9), 4)
    return blurred.reshape(height, width, channels)


def encoded(rgb: np.ndarray, suffix: str = ".png") -> bytes:
    return picture(np.ascontiguousarray(rgb[..., ::-1]), suffix)


# Decoding


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_decoded_with_red_first(channels, suffix):
    image = smooth(channels=channels)
    decoded = decode_picture(encoded(image, suffix))
    assert decoded.shape == image.shape
    assert decoded.dtype == np.uint8
    if suffix in LOSSLESS:
        assert np.array_equal(decoded, image)
    else:
        assert np.abs(decoded.astype(int) - image).mean() < 10


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_pictures_of_16_bits_are_reduced_to_8(suffix):
    image = smooth(channels=1).astype(np.uint16) * 256
    assert np.array_equal(decode_picture(picture(image, suffix)), image // 256)


def test_transparency_is_left_out():
    image = np.concatenate([smooth(), np.full((20, 30, 1), 9, np.uint8)], axis=2)
    decoded = decode_picture(picture(image[..., [2, 1, 0, 3]]))
    assert np.array_equal(decoded, image[..., :3])


@given(
    suffix=st.sampled_from(SUFFIXES),
    progressive=st.booleans(),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3])),
    seed=st.integers(0, 99),
    share=st.floats(0, 1, exclude_max=True),
)
def test_half_a_picture_is_none(suffix, progressive, shape, seed, share):
    image = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)] if suffix == ".jpg" else []
    content = cv2.imencode(suffix, image, options)[1].tobytes()
    cut = decode_picture(content[: int(share * len(content))])
    # The last bytes of a TIFF file may say no more than that no second picture follows.
    assert cut is None or (suffix == ".tiff" and np.array_equal(cut, decode_picture(content)))


@given(
    begin=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*"]),
    rest=st.binary(max_size=80),
)
def test_whatever_a_file_holds_decoding_ends_in_peace(begin, rest):
    decoded = decode_picture(begin + rest)
    assert decoded is None or decoded.shape[2] in (1, 3)


def test_what_follows_a_picture_does_not_matter():
    for suffix in SUFFIXES:
        content = encoded(smooth(), suffix)
        assert np.array_equal(decode_picture(content + bytes(500)), decode_picture(content))


def test_a_small_preview_inside_does_not_hide_that_the_picture_is_cut_short():
    whole, preview = encoded(smooth(), ".jpg"), encoded(smooth(8, 8), ".jpg")
    segment = b"\xff\xe1" + (len(preview) + 2).to_bytes(2, "big") + preview
    both = whole[:2] + segment + whole[2:]
    assert np.array_equal(decode_picture(both), decode_picture(whole))
    assert decode_picture(both[:-40]) is None


# Cutting out


def test_what_libraries_say_is_kept_from_the_terminal(capfd):
    damaged = bytearray(encoded(smooth(200, 200), ".jpg"))
    damaged[3000:3002] = b"\xff\xd3"  # decodes, with a complaint of libjpeg
    cut_short = encoded(smooth(), ".tiff")[:-99]
    row, unusable = cut(Still("a", bytes(damaged), "fear"), Still("b", cut_short, "fear"))
    assert isinstance(row, FaceRow)
    assert unusable == Unusable("b", "no whole picture")
    assert capfd.readouterr() == ("", "")


def cut(
    *entries: Entry, options: CropOptions = CROP, detect: bool | None = None, threads: int = 2
) -> list[FaceRow | Unusable | Skipped]:
    return list(cut_out(entries, CuttingOptions(options, detect), threads))


def portrait(rgb: np.ndarray = PORTRAIT, box: Box | None = None, **told: object) -> Still:
    return Still("portrait.png", encoded(rgb), "happiness", cropped=False, box=box, **told)


def as_in_a_video(rgb: np.ndarray, options: CropOptions) -> tuple[np.ndarray, Box, float]:
    """Return the largest face of a picture as extraction would cut it out."""
    frame = Frame(0, 0.0, Picture(rgb))
    face = max(FaceDetector().detect(frame.luma), key=lambda face: face.box.area)
    return crop(frame, face.box, options), face.box, face.score


@pytest.mark.parametrize("channels", ["rgb", "gray"])
def test_a_portrait_is_cut_out_as_a_frame_of_a_video(channels):
    options = CropOptions(40, 0.2, channels)
    (row,) = cut(portrait(participant="P1", split=2, votes={"fear": 1.0}), options=options)
    image, box, score = as_in_a_video(PORTRAIT, options)
    assert np.array_equal(row.image, image)
    assert (row.box, row.score) == (box, score)
    assert (row.emotion, row.participant, row.split) == ("happiness", "P1", 2)
    assert row.votes == {"fear": 1.0}
    assert (row.frame, row.track) == (-1, 0)
    assert np.isnan(row.time)


def test_of_several_faces_the_largest_is_taken():
    small = cv2.resize(OTHER, None, fx=0.5, fy=0.5)
    both = np.zeros((240, 480, 3), np.uint8)
    both[:120, :160], both[:, 160:] = small, PORTRAIT
    (row,) = cut(portrait(both))
    assert row.box.x > 160
    assert row.box.width > 90


def test_a_face_is_cut_out_where_the_corpus_says_it_is():
    box = Box(100, 40, 60, 80)
    (row,) = cut(portrait(box=box))
    assert np.array_equal(row.image, crop(Frame(0, 0.0, Picture(PORTRAIT)), box, CROP))
    assert (row.box, row.score) == (box, None)


def test_where_faces_are_looked_for_the_one_counts_that_the_corpus_means():
    small = np.zeros_like(PORTRAIT)
    small[:144, :192] = cv2.resize(OTHER, (192, 144))
    both = np.concatenate([PORTRAIT, small], axis=1)
    (largest,) = cut(portrait(both), detect=True)
    assert largest.box.x < 320
    (meant,) = cut(portrait(both, box=Box(370, 20, 80, 80)), detect=True)
    assert meant.box.x > 320
    assert meant.score is not None
    (nobody,) = cut(portrait(both, box=Box(600, 200, 30, 30)), detect=True)
    assert nobody == Unusable("portrait.png", "no face found")


def test_cropped_faces_of_the_right_size_are_stored_unchanged():
    image = smooth(40, 40)
    entries = [Still("a", image, "fear"), Still("b", encoded(image), "fear")]
    for row in cut(*entries):
        assert np.array_equal(row.image, image)
        assert (row.box, row.score) == (Box(0, 0, 40, 40), None)


@pytest.mark.parametrize("detect", [None, False])
def test_a_whole_picture_is_padded_to_a_square_with_its_edges(detect):
    image = smooth(20, 40)
    still = Still("a.png", encoded(image), "fear", cropped=detect is None)
    (row,) = cut(still, detect=detect)
    expected = np.concatenate([image[:1].repeat(10, 0), image, image[-1:].repeat(10, 0)])
    assert np.array_equal(row.image, expected)
    assert row.box == Box(0, 0, 40, 20)


def test_a_whole_picture_gets_the_size_and_the_channels_wanted():
    image = smooth(30, 30, channels=1)
    (row,) = cut(Still("a.png", encoded(image), "fear"))
    assert row.image.shape == (40, 40, 3)
    assert np.array_equal(row.image[..., 0], row.image[..., 2])
    (row,) = cut(Still("a", smooth(80, 80), "fear"), options=CropOptions(40, 0.5, "gray"))
    gray = cv2.cvtColor(smooth(80, 80), cv2.COLOR_RGB2GRAY)
    assert np.array_equal(
        row.image[..., 0], cv2.resize(gray, (40, 40), interpolation=cv2.INTER_AREA)
    )


@pytest.mark.parametrize(
    ("still", "problem"),
    [
        (portrait(smooth(100, 100)), "no face found"),
        (Still("portrait.png", encoded(PORTRAIT)[:-50], "fear"), "no whole picture"),
        (Still("portrait.png", encoded(PORTRAIT, ".jpg")[:-50], "fear"), "no whole picture"),
        (Still("portrait.png", b"", "fear"), "no whole picture"),
        (portrait(box=Box(400, 10, 50, 50)), "the face is said to be at 400,10, 50 x 50 px, in a"),
        (portrait(box=Box(10, 10, 0, 50)), "the face is said to be at 10,10, 0 x 50 px, in a"),
        (portrait(box=Box(-9000, 0, 18010, 50)), "the face is said to be at -9000,0, 18010 x 50"),
    ],
)
def test_what_gives_no_face_is_told_in_its_place(still, problem, capfd):
    before, found, after = cut(portrait(), still, portrait())
    assert isinstance(before, FaceRow)
    assert isinstance(after, FaceRow)
    assert found.place == "portrait.png"
    assert found.problem.startswith(problem)
    assert capfd.readouterr() == ("", "")


@given(
    box=st.builds(Box, *[st.integers(-80, 80)] * 2, *[st.integers(-5, 100)] * 2),
    shape=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    margin=st.floats(0, 2),
)
def test_any_box_gives_a_face_or_a_reason(box, shape, margin):
    still = Still("a", smooth(*shape), "fear", box=box)
    (found,) = cut(still, options=CropOptions(16, margin, "gray"))
    if isinstance(found, FaceRow):
        assert found.image.shape == (16, 16, 1)
        assert found.box == box
    else:
        assert "the face is said to be at" in found.problem


def test_the_result_is_the_same_however_many_threads():
    entries: list[Entry] = []
    for i in range(150):
        entries += [Still(f"{i}", encoded(smooth(10 + i % 7, 12, seed=i)), "fear")]
        entries += [Unusable(f"{i}", "wrong")] if i % 10 == 3 else []
        entries += [Skipped("for fun")] if i % 10 == 4 else []
        entries += [portrait(PORTRAIT[:, i % 9 :])] if i % 10 == 5 else []
    alone, several = cut(*entries, threads=1), cut(*entries, threads=5)
    assert [type(one).__name__.replace("FaceRow", "Still") for one in alone] == [
        type(one).__name__ for one in entries
    ]
    for one, other in zip(alone, several, strict=True):
        if isinstance(one, FaceRow):
            assert np.array_equal(one.image, other.image)
            assert (one.box, one.score, one.emotion) == (other.box, other.score, other.emotion)
        else:
            assert one == other


def test_opencv_has_its_own_threads_again_afterwards():
    before = cv2.getNumThreads()
    faces = cut_out([portrait()], CuttingOptions(CROP), 2)
    next(faces)
    assert cv2.getNumThreads() == 1
    faces.close()
    assert cv2.getNumThreads() == before


def peak_memory(pictures: int) -> int:
    """Return the most bytes that Python and numpy hold while so many pictures are cut out."""
    content = encoded(smooth(48, 48))
    stills = (Still(str(number), bytes(bytearray(content)), "fear") for number in range(pictures))
    tracemalloc.start()
    try:
        for _ in cut_out(stills, CuttingOptions(CROP), 2):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_pictures():
    peak_memory(10)  # what is loaded once
    assert peak_memory(3000) < 1.5 * peak_memory(300)


# Emotions


def test_votes_follow_the_classes_and_other_emotions_are_skipped():
    choice = EmotionChoice.parse("neutral,bad=anger+fear")
    votes = {"neutral": 1.0, "anger": 2.0, "fear": 3.0, "sadness": 4.0}
    image = smooth()
    entries = [
        Still("a", image, "fear", participant="P", split=1, votes=votes),
        Still("b", image, "sadness", votes=votes),
        Unusable("c", "wrong"),
        Still("d", image, "neutral"),
    ]
    first, skipped, unusable, last = chosen_among(entries, choice)
    assert (first.emotion, first.votes) == ("bad", {"neutral": 1.0, "bad": 5.0})
    assert (first.place, first.participant, first.split) == ("a", "P", 1)
    assert skipped == Skipped("sadness: not among --emotions")
    assert unusable == entries[2]
    assert (last.emotion, last.votes) == ("neutral", None)


# Counting


def test_copies_are_counted_among_the_rows_that_remain():
    tally = Tally()
    for seed, split in [(0, 0), (1, 0), (0, 0), (1, 2), (2, 2), (0, 1)]:
        still = Still("a", smooth(40, 40, seed=seed), "fear", split=split)
        (row,) = cut(still)
        tally.add(row)
    assert tally.result().copies == Copies(3, 1, 1)
    assert tally.result(np.array([0, 0, 0, 3, 4])).copies == Copies(0, 0, 0)
    assert tally.result(np.array([0, 1, 1, 3])).copies == Copies(1, 0, 1)


def test_reasons_are_counted():
    tally = Tally()
    for entry in [Skipped("b", 3), Skipped("a"), Skipped("b"), Unusable("x", "wrong")]:
        tally.add(entry)
    assert tally.result().skipped == {"a": 1, "b": 4}
    assert tally.result().left_out == 1


# Clips


def write_clips(folder: Path, names: Sequence[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def test_of_a_take_with_and_without_sound_one_file_is_read(tmp_path):
    ravdess = write_clips(
        tmp_path / "RAVDESS",
        [
            *[f"Actor_01/0{i}-01-03-01-01-01-01.mp4" for i in (1, 2)],
            "Actor_01/01-02-03-01-01-01-01.mp4",
            "Actor_02/02-01-03-01-01-01-02.mp4",
            "Actor_02/03-01-03-01-01-01-02.wav",
        ],
    )
    takes = choose_takes(CLIP_CORPORA["ravdess"], [ravdess])
    assert [path.relative_to(ravdess).as_posix() for path in takes.clips] == [
        "Actor_01/01-02-03-01-01-01-01.mp4",  # sung, not another copy of what was spoken
        "Actor_01/02-01-03-01-01-01-01.mp4",
        "Actor_02/02-01-03-01-01-01-02.mp4",
    ]
    assert takes.doubles == 1


def test_a_clip_that_lies_in_two_folders_is_read_once(tmp_path):
    folder = write_clips(tmp_path / "c", ["a/1001_DFA_ANG_XX.flv", "b/1001_DFA_ANG_XX.flv"])
    takes = choose_takes(CLIP_CORPORA["crema-d"], [folder])
    assert takes.clips == (folder / "a/1001_DFA_ANG_XX.flv",)
    assert takes.doubles == 1


def test_a_take_that_is_held_already_is_left_as_it_is(tmp_path):
    ravdess = CLIP_CORPORA["ravdess"]
    take, other = "-01-03-01-01-01-01.mp4", "-01-04-01-01-01-01.mp4"
    folder = write_clips(tmp_path, [f"{i}{one}" for i in ("01", "02") for one in (take, other)])
    takes = choose_takes(ravdess, [folder], held={f"01{take}"})
    assert [path.name for path in takes.clips] == [f"01{take}", f"02{other}"]
    assert (takes.doubles, takes.held) == (2, 0)
    takes = choose_takes(ravdess, [folder / f"02{take}", folder / f"02{other}"], {f"01{take}"})
    assert [path.name for path in takes.clips] == [f"02{other}"]
    assert (takes.doubles, takes.held) == (0, 1)
    assert choose_takes(ravdess, [folder / f"02{take}"], {f"01{take}"}).clips == ()


def test_clips_in_an_archive_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "Actor_01.zip", "w") as archive:
        archive.writestr("Actor_01/02-01-03-01-01-01-01.mp4", b"")
    with pytest.raises(CorpusError, match=r"Actor_01\.zip: clips .* archive; unpack it first"):
        choose_takes(CLIP_CORPORA["ravdess"], [tmp_path / "Actor_01.zip"])
    with pytest.raises(VideoError, match="no such file"):
        choose_takes(CLIP_CORPORA["ravdess"], [tmp_path / "nowhere"])


# The registry


@pytest.mark.parametrize("name", [*CORPORA, *CLIP_CORPORA])
def test_every_corpus_is_documented(name):
    text = (Path(__file__).parent.parent / "docs" / "corpora.md").read_text("utf-8")
    sections = Counter(line.removeprefix("## ") for line in text.splitlines() if line[:3] == "## ")
    assert sections[name] == 1
    assert f"fer import {name} " in text
