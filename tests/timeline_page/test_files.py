"""The page of a timeline as a file, whatever stands in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_pipeline.domain import Box, Status
from fer_pipeline.errors import OutputError, TimelineError, UsageError
from fer_pipeline.exports.writing import one_line
from fer_pipeline.report import timeline_page
from fer_pipeline.report.timeline_page import PageOptions, is_timeline_page, write_timeline_page
from fer_pipeline.timeline import (
    People,
    TimelineRow,
    open_timeline,
)
from tests.timeline_page.pages import (
    NAMES,
    assert_alike,
    export,
    frame_told,
    moment,
    point,
    ready,
    rows_of,
    shares,
    told,
    values,
)

# Names that are not harmless

NASTY = (
    "<img src=x onerror=document.title='run'>",
    "</script><script>document.title='run'</script>",
    "<!--<script>\"&lt;b>'",
    '=HYPERLINK("http://x.invalid";1)',
    "a,b;c\t\u2028é\u202eü",
)


@pytest.mark.parametrize("name", NASTY)
def test_names_are_shown_as_they_are_and_nothing_in_them_runs(look, tmp_path, clip, name):
    emotions = (f"+{name}", f"<i>{name}", "'neutral'")
    rows = rows_of(video=f"{name}.mp4")
    people = People(by_face={(f"{name}.mp4", 0): f"<u>{name}"})
    made = {f"<s>{name}": {name: [f"<s>{name}"]}}
    target = tmp_path / ("".join(re.findall(r"[^/]", name)) + ".mp4")
    shutil.copy(clip, target)
    path = tmp_path / "r.html"
    write_timeline_page(path, target, rows, emotions, PageOptions(people=people, made=made))
    page = look(path)
    ready(page)
    assert page.title().split() == f"{name}.mp4".split()
    assert page.locator("h1").text_content() == f"{name}.mp4"
    assert not page.locator("main img, main s, main u, #emotions i i").count()
    assert page.locator(".emotion .name").evaluate_all(
        "all => all.map(one => one.textContent)"
    ) == [*emotions]
    assert page.locator("#person option").first.text_content() == "<u>" + one_line(name)
    assert f"<s>{name}: {name}" in page.locator("#made dt").first.text_content()
    export(page, tmp_path / "all.csv")
    lines = (tmp_path / "all.csv").read_text("utf-8")
    assert not re.search(r'(^|,)"?[=+@]', lines, re.MULTILINE)
    read = open_timeline(tmp_path / "all.csv")
    assert read.emotions == emotions
    assert_alike(list(read.rows()), rows)
    assert page.title() != "run"


def test_the_policy_lets_nothing_run_or_load(look, written):
    page = look(written, fails="Content Security Policy", asks={"http"})
    told = []
    page.on("console", lambda message: told.append(message.text))
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'run'";
          document.body.append(script);
          const link = document.createElement("a");
          link.setAttribute("onclick", "document.title = 'run'");
          document.body.append(link);
          link.click();
          document.body.append(Object.assign(document.createElement("img"),
            {src: "http://localhost/x.png"}));
        }"""
    )
    blocked = page.evaluate("() => fetch('http://localhost/x').then(() => false, () => true)")
    assert blocked
    assert page.title() == "clip.mp4"
    for what in ("inline script", "inline event handler", "image", "x.png", "/x'"):
        assert any("Content Security Policy" in one and what in one for one in told), told


# Files


def test_a_clip_without_a_single_face_has_a_page(look, tmp_path):
    rows = [TimelineRow("a.mp4", i, i / 10, Status.NO_FACE) for i in range(5)]
    write_timeline_page(tmp_path / "r.html", None, rows, NAMES)
    page = look(tmp_path / "r.html")
    point(page, "#lines", 0.25)
    assert moment(page).endswith("frame 2 · no face")
    page.keyboard.press("p")
    page.keyboard.press("]")
    assert page.locator("#totals-told").inner_text() == "· nobody was seen"
    export(page, tmp_path / "a.csv")
    assert_alike(list(open_timeline(tmp_path / "a.csv").rows()), rows)


def test_a_single_frame_has_a_page(look, tmp_path):
    write_timeline_page(tmp_path / "r.html", None, rows_of()[:1], NAMES)
    page = look(tmp_path / "r.html")
    assert values(page) == told(shares(0, 0))
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    assert frame_told(page) == 0


_numbers = st.floats(0, 1, allow_nan=False)


@st.composite
def _rows(draw: st.DrawFn) -> list[TimelineRow]:
    rows, time = [], draw(st.floats(0, 1e5))
    for frame in sorted(draw(st.sets(st.integers(0, 10**10), min_size=1, max_size=8))):
        time = round(time + draw(st.floats(1e-3, 50)), 6)
        faces = draw(st.sets(st.integers(0, 300), max_size=3))
        if not faces:
            status = draw(st.sampled_from([Status.NO_FACE, Status.DECODE_ERROR]))
            rows.append(TimelineRow("a.mp4", frame, time, status))
        for face in sorted(faces):
            box = Box(*(draw(st.integers(-5, 10**5)) for _ in range(4)))
            score = draw(st.none() | st.floats(-100, 100, width=32))
            told = tuple(draw(_numbers) for _ in NAMES)
            smoothed = tuple(draw(st.floats(-1.2, 1.2)) for _ in NAMES)
            rows.append(
                TimelineRow(
                    "a.mp4", frame, time, Status.OK, face, box, score, told, smoothed=smoothed
                )
            )
    return rows


KINDS = {"number": "<f8", "time": "<f8", "score": "<f4", "status": "u1"}
KINDS |= dict.fromkeys(("frame", "person", "box"), "<i4")
KINDS |= dict.fromkeys(("strongest", "raw", "smoothed"), "<i2")


@settings(max_examples=30)
@given(_rows())
def test_a_page_holds_every_row_as_it_is(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "rows.html"
    write_timeline_page(path, None, rows, NAMES, PageOptions(derived=("smoothed",)))
    text = path.read_text("utf-8")
    about = json.loads(re.search(r'id="about">(.*?)</script>', text)[1])
    found = {
        name: np.frombuffer(base64.b64decode(content), KINDS[name])
        for name, content in re.findall(r'data-column="(\w+)">(.*?)</script>', text)
    }
    assert set(found) == set(KINDS)
    raw, smoothed = (found[name].reshape(-1, 3) / about["units"] for name in ("raw", "smoothed"))
    for i, row in enumerate(rows):
        frame = found["frame"][i]
        assert (found["number"][frame], found["time"][frame]) == (row.frame, row.time)
        assert about["statuses"][found["status"][i]] == row.status
        if row.face is None:
            assert found["person"][i] == -1
            continue
        assert about["people"][found["person"][i]]["face"] == row.face
        assert Box(*found["box"].reshape(-1, 4)[i].tolist()) == row.box
        score = found["score"][i]
        assert np.isnan(score) if row.score is None else score == row.score
        assert NAMES[found["strongest"][i]] == row.dominant(NAMES)[0]
        assert raw[i] == pytest.approx(row.probabilities, abs=5.1e-5)
        assert smoothed[i] == pytest.approx(row.smoothed, abs=5.1e-5)


def test_the_same_timeline_gives_the_same_page(tmp_path, clip):
    for name in ("a.html", "b.html"):
        write_timeline_page(tmp_path / name, clip, rows_of(), NAMES)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_page_is_known_again(tmp_path, written):
    assert is_timeline_page(written)
    other = tmp_path / "other.html"
    other.write_text("<!doctype html><title>clip.mp4</title>")
    assert not is_timeline_page(other)
    assert not is_timeline_page(tmp_path / "missing.html")


def test_the_charts_are_as_they_were_published_and_carry_their_licence(written):
    folder = Path(timeline_page.__file__).parent
    digests = {
        "uplot.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
        "uplot.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    }
    for name, digest in digests.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert (folder / "uplot.LICENSE").read_text("utf-8") in written.read_text("utf-8")


def test_what_makes_no_page_is_refused_in_one_line(tmp_path, clip, monkeypatch):
    rows = rows_of()
    page = tmp_path / "r.html"
    with pytest.raises(UsageError, match=r"r\.txt: a web page; give it a name"):
        write_timeline_page(tmp_path / "r.txt", clip, rows, NAMES)
    with pytest.raises(TimelineError, match=r"r\.html: there are no rows"):
        write_timeline_page(page, clip, [], NAMES)
    with pytest.raises(OutputError, match=r"r\.html: a page holds one clip"):
        write_timeline_page(page, clip, [*rows, replace(rows[0], video="b.mp4")], NAMES)
    embed = PageOptions(embed=True)
    with pytest.raises(OutputError, match=r"gone\.mp4: cannot be put into a page \(No such file"):
        write_timeline_page(page, tmp_path / "gone.mp4", rows, NAMES, embed)
    monkeypatch.setattr(timeline_page, "MOST_EMBEDDED", 100)
    with pytest.raises(UsageError, match=r"clip\.mp4: has 0 MiB, more than .*; link to it"):
        write_timeline_page(page, clip, rows, NAMES, embed)
    assert not list(tmp_path.iterdir())
