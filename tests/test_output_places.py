"""Where the files of clips go in a folder: each to a place of its own, inside, under its name."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.errors import OutputError
from fer_pipeline.exports import FORMATS
from fer_pipeline.outputs import (
    Output,
    Picture,
    PictureKind,
    mirrored_targets,
    picture_targets,
    refuse_shared_paths,
)
from fer_pipeline.sources import Source

SUFFIXES = ("", ".mp4", ".mov", ".MP4", ".csv", ".", ".tar.gz")
LETTERS = "aAbß \u0130i\u0301\u00edäE\u0308.-_'"

# Few, so that many are alike.
STEMS = st.sampled_from(("a", "A", "\u00e4", "a\u0308", "a.mp4", "")) | st.text(LETTERS, max_size=3)
PARTS = st.builds(str.__add__, STEMS, st.sampled_from(SUFFIXES)).filter(
    lambda part: part not in ("", ".", "..")
)
NAMES = st.lists(PARTS, min_size=1, max_size=2).map("/".join)
CLIPS = st.lists(NAMES, min_size=1, max_size=6, unique=True)

HOSTILE = st.lists(
    st.sampled_from(("..", ".", "", "a", "b.mp4", "C:", "\\\\host", "~", "...mp4")), max_size=5
).map("/".join)

OUTPUT = Output(Path("out/put"), "csv", folder=True)
PICTURES: Mapping[PictureKind, str] = {"video": ".mp4", "plot": ".png", "report": ".html"}


def sources(names: Sequence[str]) -> list[Source]:
    return [Source(Path("clips") / name, name) for name in names]


def folded(name: str) -> str:
    """Return a name as a file system sees it that tells neither capitals nor accents apart."""
    return unicodedata.normalize("NFC", name).casefold()


def check(names: Sequence[str], places: Mapping[str, Path], suffix: str) -> None:
    """Make sure that places are inside the folder and told by their names, each by its own."""
    assert places.keys() == set(names)
    for name, place in places.items():
        below = place.relative_to(OUTPUT.path).as_posix()
        without = name.removesuffix(PurePosixPath(name).suffix)
        assert below in (f"{without}{suffix}", f"{name}{suffix}")
    assert len({folded(str(place)) for place in places.values()}) == len(names)


@settings(max_examples=60)
@given(CLIPS, st.sampled_from([*FORMATS]), st.randoms(use_true_random=False))
def test_timelines_of_clips_have_places_of_their_own(names, format_name, random):
    output = Output(OUTPUT.path, format_name, folder=True)
    targets = mirrored_targets(sources(names), [output])
    shuffled = random.sample(names, len(names))
    assert mirrored_targets(sources(shuffled), [output]) == targets
    try:
        refuse_shared_paths([output], targets)
    except OutputError:
        assert len({folded(name) for name in names}) < len(names)
        return
    places = {name: of_clip[output] for name, of_clip in targets.items()}
    check(names, places, FORMATS[format_name].suffix)


@settings(max_examples=60)
@given(CLIPS, st.randoms(use_true_random=False))
def test_pictures_of_clips_have_places_of_their_own(names, random):
    pictures = [Picture(kind, OUTPUT.path, folder=True) for kind in PICTURES]
    try:
        targets = picture_targets(sources(names), pictures)
    except OutputError:
        assert len({folded(name) for name in names}) < len(names)
        return
    assert picture_targets(sources(random.sample(names, len(names))), pictures) == targets
    for picture in pictures:
        places = {name: of_clip[picture] for name, of_clip in targets.items()}
        check(names, places, PICTURES[picture.kind])


@given(st.lists(HOSTILE, min_size=1, max_size=4, unique=True))
def test_no_name_of_a_table_leads_out_of_the_folder(names):
    try:
        targets = mirrored_targets(sources(names), [OUTPUT])
    except OutputError:
        return
    root = OUTPUT.path.resolve()
    for of_clip in targets.values():
        assert of_clip[OUTPUT].resolve().is_relative_to(root)


@pytest.mark.parametrize("name", ["../a.mp4", "/a.mp4", "a/../../b.mp4"])
def test_a_name_that_leads_out_of_the_folder_is_refused(name):
    pictures = [Picture("plot", OUTPUT.path, folder=True)]
    with pytest.raises(OutputError, match="would have its file outside"):
        mirrored_targets(sources([name]), [OUTPUT])
    with pytest.raises(OutputError, match="would have its file outside"):
        picture_targets(sources([name]), pictures)


@pytest.mark.parametrize("names", [["a.mp4", "A.MP4"], ["\u00e4.mp4", "a\u0308.mp4"]])
def test_names_that_some_systems_take_for_one_are_refused(names):
    targets = mirrored_targets(sources(names), [OUTPUT])
    with pytest.raises(OutputError, match="would be written twice"):
        refuse_shared_paths([OUTPUT], targets)
    with pytest.raises(OutputError, match="would be written twice"):
        picture_targets(sources(names), [Picture("plot", OUTPUT.path, folder=True)])


@pytest.mark.parametrize("clip", ["fer-annotation.mp4", "fer-plot.mp4", "FER-Video.mov"])
def test_a_clip_called_like_the_notes_of_its_folder_is_refused(clip):
    output = Output(OUTPUT.path, "jsonl", folder=True)
    targets = mirrored_targets(sources([clip]), [output])
    with pytest.raises(OutputError, match=r"jsonl: would be written twice, for the notes about"):
        refuse_shared_paths([output], targets)
    table = Output(OUTPUT.path, "csv", folder=True)
    refuse_shared_paths([table], mirrored_targets(sources([clip]), [table]))
