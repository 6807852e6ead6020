"""What paths lead to: as the system says it, but asked once for each folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.real_paths import RealPaths

links = pytest.mark.skipif(os.name == "nt", reason="links need permissions there")

NAMES = ["a", "b", "up", "here", "away", "gone", "file", "link", "loop", "..", "."]


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """Folders, files, and links to both, up, around and to nowhere."""
    root = tmp_path_factory.mktemp("tree")
    for folder in ("a", "b"):
        (root / folder / "a").mkdir(parents=True)
        for file in (root / folder / "file", root / folder / "a" / "file"):
            file.touch()
    (root / "a" / "link").symlink_to("../b/file")
    (root / "a" / "up").symlink_to("..")
    (root / "b" / "here").symlink_to("a", target_is_directory=True)
    (root / "b" / "away").symlink_to(root / "a", target_is_directory=True)
    (root / "b" / "gone").symlink_to("nowhere")
    (root / "b" / "loop").symlink_to("loop")
    return root


@links
@settings(max_examples=300)
@given(st.lists(st.lists(st.sampled_from(NAMES), max_size=5), min_size=1, max_size=6))
def test_every_path_leads_where_the_system_says(tree, ways):
    real = RealPaths()
    for way in ways:
        path = tree.joinpath(*way)
        assert real.of(path) == os.path.realpath(path)


@links
def test_two_ways_to_one_file_are_one(tree, monkeypatch):
    monkeypatch.chdir(tree / "a")
    real = RealPaths()
    ways = ["link", "../b/file", "up/b/file", tree / "b" / "file", "../b/away/link"]
    assert {real.of(Path(way)) for way in ways} == {str(tree.resolve() / "b" / "file")}
    assert real.of(Path("file")) != real.of(Path("a/file"))


def test_a_name_that_no_system_takes_leads_to_itself(tmp_path):
    long = tmp_path / ("x" * 5000)
    assert RealPaths().of(long) == os.path.normcase(tmp_path.resolve() / long.name)


def test_a_folder_is_asked_for_once_however_many_files_are_in_it(tmp_path, monkeypatch):
    asked = []
    ask = os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda path: asked.append(path) or ask(path))
    real = RealPaths()
    places = {real.of(tmp_path / f"{number}.mp4") for number in range(50)}
    assert len(places) == 50
    assert asked == [tmp_path]
