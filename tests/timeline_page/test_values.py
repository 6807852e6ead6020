"""The page of a timeline in a real browser: what it tells."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from fer_pipeline.palette import emotion_colours, red_green_blue
from fer_pipeline.report.timeline_page import PageOptions, write_timeline_page
from fer_pipeline.timeline import (
    AnalysisOptions,
    BaselineOptions,
    People,
    Smoothing,
    Tally,
    analysed,
    clips_of,
    find_references,
    open_timeline,
    segment_clip,
)
from tests.timeline_page.pages import (
    NAMES,
    STEP,
    assert_alike,
    away,
    click,
    colours_of,
    export,
    frame_told,
    moment,
    picture,
    point,
    ready,
    rows_of,
    settle,
    shares,
    told,
    values,
    visible,
)

# Values


def test_the_pointer_tells_the_values_beneath_it(look, written):
    page = look(written)
    for frame in (0, 7, 25, 59):
        point(page, "#lines", (frame + 0.5) * STEP)
        assert moment(page).startswith(f"Pointer: 0:0{frame * STEP:.3f} · frame {frame} · ")
        assert values(page) == told(shares(frame, 0))
        kind = "face found" if frame % 3 == 0 else "face tracked"
        assert moment(page).endswith(kind)
    strongest = page.locator(".emotion.strongest .name")
    assert strongest.inner_text() == "anger"
    for frame, why in ((9, "no face"), (31, "not decoded")):
        point(page, "#strip", (frame + 0.5) * STEP)
        assert moment(page).endswith(f"frame {frame} · {why}")
        assert set(values(page).values()) == {"–"}
    away(page)
    assert frame_told(page) == 0


def test_a_person_is_chosen_from_the_list_with_a_key_or_in_the_video(look, written):
    page = look(written)
    ready(page)
    assert page.locator("#person option").all_inner_texts() == ["P07", "P13"]
    click(page, "#strip", 22.5 * STEP)
    away(page)
    assert values(page) == told(shares(22, 0))
    page.locator("#person").select_option("P13")
    assert values(page) == told(shares(22, 1))
    page.locator("h1").click()
    page.keyboard.press("p")
    assert values(page) == told(shares(22, 0))
    page.locator(".box").nth(1).click()
    assert page.locator("#person").input_value() == "1"
    assert values(page) == told(shares(22, 1))
    click(page, "#strip", 50.5 * STEP)
    away(page)
    assert moment(page).endswith("frame 50 · not seen")


def test_bands_have_the_colour_of_the_strongest_emotion(look, written):
    page = look(written)
    away(page)
    lines, strip, overview = (colours_of(page, f"#{n}") for n in ("lines", "strip", "overview"))
    colours = emotion_colours(NAMES)
    for frame, name in ((4, "neutral"), (25, "happiness"), (50, "anger")):
        time, wanted = (frame + 0.5) * STEP, red_green_blue(colours[name])
        assert strip(time, 0.25) == strip(time, 0.93) == overview(time, 0.5) == wanted
    absent = page.evaluate("getComputedStyle(document.querySelector('.absent')).backgroundColor")
    wanted = tuple(map(int, re.findall(r"\d+", absent)))
    assert lines(10.5 * STEP, 0.3) == strip(10.5 * STEP, 0.25) == wanted
    lost = {lines(31 * STEP + x / 500, 0.3) for x in range(30)}
    assert len(lost) > 2  # hatched


def test_an_emotion_is_hidden_and_shown(look, written):
    page = look(written)
    page.get_by_role("button", name="anger", exact=False).first.click()
    colour = red_green_blue(emotion_colours(NAMES)["anger"])

    def drawn() -> bool:
        settle(page)
        return bool((picture(page.locator("#lines .u-over")) == colour).all(axis=2).any())

    assert not drawn()
    page.get_by_role("button", name="anger", exact=False).first.click()
    assert drawn()


def test_each_step_can_be_looked_at(look, tmp_path, clip):
    rows = rows_of(faces=1)
    baseline = BaselineOptions.parse("auto")
    references = find_references(clips_of(rows), NAMES, People(), baseline)
    options = AnalysisOptions(baseline=baseline, smoothing=Smoothing.parse("mean:0.2"))
    made = list(analysed(rows, options, People(), references))
    path = tmp_path / "r.html"
    write_timeline_page(path, clip, made, NAMES, PageOptions(derived=("baseline", "smoothed")))
    page = look(path)
    row = next(row for row in made if row.frame == 25)
    point(page, "#lines", 25.5 * STEP)
    for name, wanted in (
        ("smoothed", row.smoothed),
        ("baseline", row.baseline),
        ("raw", row.probabilities),
    ):
        if name != "smoothed":  # the last step is what one sees first
            page.locator("#step").select_option(name)
            point(page, "#lines", 25.5 * STEP)
        found = [float(text.replace("−", "-")) for text in values(page).values()]
        assert found == pytest.approx(wanted, abs=6e-4)
    assert any(share < 0 for share in row.baseline)


# Segments, totals, settings


def test_segments_are_listed_and_a_click_goes_there(look, written):
    page = look(written)
    wanted = segment_clip(rows_of(), NAMES, PageOptions().segments).of_face(0)
    lines = page.locator("#segments tbody tr")
    assert lines.count() == len(wanted) > 2
    for line, one in zip(lines.all(), wanted, strict=True):
        cells = line.locator("td").all_inner_texts()
        assert cells[0].strip() == one.emotion
        assert cells[1:] == [
            f"0:0{one.onset:.2f}",
            f"0:0{one.offset:.2f}",
            f"{one.duration:.2f} s",
            f"0:0{one.apex:.2f}",
            f"{one.peak:.3f}",
            f"{one.mean:.3f}",
        ]
    page.evaluate("look(0, 0.3)")
    lines.nth(2).locator("button").click()
    assert page.evaluate("now") == pytest.approx(wanted[2].onset)
    expect(lines.nth(2)).to_have_attribute("aria-current", "true")
    first, last = visible(page)
    assert first <= wanted[2].onset <= last
    page.keyboard.press("[")
    assert page.evaluate("now") == pytest.approx(wanted[1].onset)
    page.keyboard.press("]")
    assert page.evaluate("now") == pytest.approx(wanted[2].onset)
    assert page.locator("#segments tr[aria-current]").count() == 1


def test_totals_are_those_of_the_timeline(look, written):
    page = look(written)
    tally = Tally(NAMES)
    for row in rows_of():
        tally.add(row)
    totals = tally.totals()
    for face, name in ((0, "P07"), (1, "P13")):
        page.locator("#person").select_option(name)
        seconds = totals.seconds[face]
        whole = sum(seconds.values())
        lines = page.locator("#totals tbody tr").all()
        for emotion, line in zip(NAMES, lines, strict=True):
            cells = line.locator("td").all_inner_texts()
            share = 100 * seconds.get(emotion, 0) / whole
            assert cells[0].strip() == emotion
            assert cells[2:] == [f"{seconds.get(emotion, 0):.2f} s", f"{share:.1f} %"]
    assert page.locator("#frames").inner_text() == (
        "60 frames looked at, 52 with a face, 4 not decoded"
    )


def test_settings_and_provenance_are_told(look, tmp_path):
    path = tmp_path / "r.html"
    made = {"command": "fer annotate 'a b.mp4'", "model": {"input": [48, 48], "seed": None}}
    write_timeline_page(path, None, rows_of(), NAMES, PageOptions(made=made))
    page = look(path)
    page.get_by_text("Settings and provenance").click()
    names = page.locator("#made dt").all_inner_texts()
    found = dict(zip(names, page.locator("#made dd").all_inner_texts(), strict=True))
    assert found == {
        "command": "fer annotate 'a b.mp4'",
        "model: input": "48, 48",
        "model: seed": "none",
        "segments: enter": "0.5",
        "segments: leave": "0.35",
        "segments: shortest": "0.2",
        "segments: gap": "0.2",
    }


# Export


def test_the_visible_stretch_is_exported_as_a_timeline(look, tmp_path, clip):
    rows = list(analysed(rows_of(), AnalysisOptions(smoothing=Smoothing.parse("mean:0.2"))))
    write_timeline_page(tmp_path / "r.html", clip, rows, NAMES, PageOptions(derived=("smoothed",)))
    page = look(tmp_path / "r.html")
    assert export(page, tmp_path / "all.csv") == "clip.csv"
    read = open_timeline(tmp_path / "all.csv")
    assert (read.emotions, read.derived) == (NAMES, ("smoothed",))
    assert_alike(list(read.rows()), rows)
    page.evaluate("look(0.3, 1.3)")
    settle(page)
    assert export(page, tmp_path / "part.csv") == "clip_0.30-1.30.csv"
    part = [row for row in rows if 0.3 <= row.time <= 1.3]
    assert_alike(list(open_timeline(tmp_path / "part.csv").rows()), part)
