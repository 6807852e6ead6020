"""``fer data review`` in a real browser, and ``fer data apply`` of the list that comes of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from fer_pipeline.care.review import read_review
from fer_pipeline.dataset import FaceRow, create_dataset, open_dataset
from fer_pipeline.domain import Box
from fer_pipeline.files import locked
from fer_pipeline.palette import EMOTION_COLOURS, red_green_blue
from tests.browsing import looking
from tests.conftest import crop_record, write_faces
from tests.review_lists import write_decisions


@pytest.fixture
def look(browser) -> Iterator[Callable[[Path], Page]]:
    """Open pages in a browser that remembers nothing but what they store."""
    with looking(browser, ".face", 5) as open_page:
        yield partial(open_page, size=(1200, 900), remembers=True)


@pytest.fixture
def data(tmp_path) -> Path:
    """Four people, three emotions, five faces of each."""
    return write_faces(tmp_path / "faces.h5", people=4, frames=5)


def review(fer, data: Path, *options: object) -> Path:
    path = data.with_name("review.html")
    result = fer("data", "review", data, "-o", path, *options)
    assert result.exit_code == 0, result.output
    return path


def face(page: Page, row: int):
    return page.locator(f'.face[aria-label^="row {row}, "]')


def rows(page: Page) -> list[int]:
    """Return the rows that are shown, in their order."""
    return [int(re.match(r"row (\d+), ", told)[1]) for told in described(page)]


def described(page: Page) -> list[str]:
    """Return what is told of each face that is shown."""
    return page.locator(".face").evaluate_all("all => all.map(one => one.ariaLabel)")


def brush(page: Page, name: str) -> None:
    page.locator("#brush label").filter(has_text=name).click()


def save(page: Page, path: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save review.csv").click()
    assert download.value.suggested_filename == "review.csv"
    download.value.save_as(path)
    return path


def load(page: Page, path: Path) -> str:
    page.locator("#message").evaluate("one => { one.textContent = '' }")
    page.locator("#load").set_input_files(path)
    expect(page.locator("#message")).not_to_be_empty()
    return page.locator("#message").inner_text()


def counts(page: Page) -> str:
    return page.locator("#counts").inner_text().partition(": ")[2]


def said(path: Path) -> list[tuple]:
    """Return what a list says, in the order of rows."""
    return [(one.row, one.action, one.emotion, one.scope) for one in read_review(path).decisions]


def labels(path: Path) -> list[str | None]:
    with h5py.File(path) as file:
        names = [*file.attrs["emotions"], None]
        return [names[label] for label in file["label"][:]]


# From the faces to the new dataset


def test_what_is_ticked_is_what_the_new_dataset_lacks(fer, look, data, tmp_path):
    page = look(review(fer, data))
    face(page, 7).click()
    face(page, 21).click()
    brush(page, "anger")
    face(page, 0).click()
    brush(page, "unlabelled")
    face(page, 59).click()
    assert face(page, 7).inner_text() == "removed"
    assert face(page, 0).inner_text() == "anger"
    assert counts(page) == "2 removed, 1 with another emotion, 1 without a label"

    list_ = save(page, tmp_path / "review.csv")
    new = tmp_path / "new.h5"
    result = fer("data", "apply", data, list_, "-o", new)
    assert result.exit_code == 0, result.output
    before = labels(data)
    expected = ["anger", *before[1:59], None]
    assert labels(new) == [one for row, one in enumerate(expected) if row not in (7, 21)]
    with open_dataset(data) as old, open_dataset(new) as made:
        kept = np.delete(np.arange(60), [7, 21])
        assert np.array_equal(old.images(kept), made.images(np.arange(58)))


def test_a_second_click_takes_it_back(fer, look, data, tmp_path):
    page = look(review(fer, data))
    face(page, 7).click()
    face(page, 7).click()
    brush(page, "happiness")
    face(page, 0).click()  # it shows happiness already
    assert counts(page) == "0 removed, 0 with another emotion, 0 without a label"
    assert said(save(page, tmp_path / "r.csv")) == []


def test_keys_do_all_of_it(fer, look, data, tmp_path):
    page = look(review(fer, data))
    first = rows(page)
    for key in ("ArrowRight", "x", "ArrowRight", "3", "ArrowRight", "0"):
        page.keyboard.press(key)
    for key in ("ArrowLeft", "ArrowLeft", "Backspace", "ArrowLeft"):
        page.keyboard.press(key)
    # The first key finds the first face; the fourth face is removed after a change of mind.
    assert counts(page) == "0 removed, 1 with another emotion, 1 without a label"
    page.keyboard.press("Delete")
    page.keyboard.press("ArrowDown")
    below = int(re.match(r"row (\d+)", page.locator("#told").inner_text())[1])
    assert below == first[5]  # each person has a line of five
    page.keyboard.press("Enter")
    found = said(save(page, tmp_path / "r.csv"))
    assert found == sorted(
        [
            (first[0], "remove", None, "face"),
            (first[1], "label", "surprise", "face"),
            (first[2], "unlabel", None, "face"),
            (first[5], "remove", None, "face"),
        ]
    )


def test_a_decision_holds_for_the_whole_video_shown_or_not(fer, look, data, tmp_path):
    page = look(review(fer, data, "--per-video", 3))
    assert len(rows(page)) == 24  # the first and the fourth of each five
    page.keyboard.press("v")
    face(page, 5).click()
    assert face(page, 8).inner_text() == "removed"
    page.keyboard.press("v")
    face(page, 8).click()  # but not this one
    assert face(page, 8).inner_text() == "kept"
    assert counts(page) == "1 removed, 0 with another emotion, 0 without a label"
    list_ = save(page, tmp_path / "r.csv")
    assert said(list_) == [(5, "remove", None, "video"), (8, "keep", None, "face")]
    assert fer("data", "apply", data, list_, "-o", tmp_path / "n.h5").exit_code == 0
    before = labels(data)
    assert labels(tmp_path / "n.h5") == [*before[:5], before[8], *before[10:]]


def test_decisions_stay_in_the_browser_until_they_are_forgotten(fer, look, data, tmp_path):
    path = review(fer, data)
    page = look(path)
    face(page, 7).click()
    page.reload()
    assert face(page, 7).inner_text() == "removed"
    # Another page of the same dataset knows them, too, and keeps those it does not show.
    fer("data", "review", data, "-o", tmp_path / "two.html", "--only", "surprised")
    other = look(tmp_path / "two.html")
    assert counts(other).endswith("; 1 decisions are about faces that are not here")
    assert said(save(other, tmp_path / "r.csv")) == [(7, "remove", None, "face")]
    other.get_by_role("button", name="Forget all decisions").click()
    page.reload()
    assert face(page, 7).inner_text() == ""


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_a_list_is_loaded_again_also_from_a_spreadsheet(fer, look, data, tmp_path, sign):
    list_ = write_decisions(
        tmp_path / "r.csv", data, (5, "remove", None, "video"), (8, "keep"), (0, "label", "fear")
    )
    text = list_.read_text("utf-8").replace(",", sign).replace("list 1", "list 1" + 8 * sign)
    list_.write_text("\ufeff" + text, "utf-8")
    page = look(review(fer, data))
    assert load(page, list_) == "3 decisions were loaded."
    assert counts(page) == "4 removed, 1 with another emotion, 0 without a label"
    assert sorted(said(save(page, tmp_path / "again.csv"))) == sorted(said(list_))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("# dataset: ", "# dataset: 0", "This list is of another dataset; nothing was loaded."),
        ("# fer review list 1", "row,a", "This is no review list; nothing was loaded."),
        (",remove,", ",destroy,", "The action destroy is unknown; nothing was loaded."),
        (",face", "", "A line of the list has 7 cells; nothing was loaded."),
    ],
)
def test_a_wrong_list_is_not_loaded(fer, look, data, tmp_path, old, new, told):
    list_ = write_decisions(tmp_path / "r.csv", data, (5, "remove"))
    text = list_.read_text("utf-8")
    assert old in text
    list_.write_text(text.replace(old, new), "utf-8")
    page = look(review(fer, data))
    assert load(page, list_) == told
    assert counts(page).startswith("0 removed")


NASTY = (
    "<img src=x onerror=document.title='run'>.mp4",
    "</script><script>document.title='run'</script>.mp4",
    'a,b;c\t"d"\r\ne.mp4',
    " =1+1 ",
    "é\u202eü\u2028.mp4",
    "&lt;b&gt;",
)


def test_names_are_shown_and_listed_as_they_are_and_nothing_in_them_runs(fer, look, tmp_path):
    data = tmp_path / "<b onclick=x>&amp;.h5"
    rng = np.random.default_rng(0)
    with create_dataset(data, crop_record(16), [f"<i>{name}" for name in NASTY]) as writer:
        for name in sorted(NASTY):
            image = rng.integers(0, 255, (16, 16, 1), np.uint8)
            person = f"<u>{name}"
            row = FaceRow(image, f"<i>{name}", person, 0, 0.0, Box(0, 0, 9, 9), 1.0, 0)
            writer.append(name, row)
        writer.finish({})
    page = look(review(fer, data))
    assert page.title() == f"Review of {data.name}"
    assert page.locator("h1").inner_text() == f"Review of {data.name}"
    assert not page.locator("b, i, u, img").count()
    told = described(page)
    for name in NASTY:
        assert sum(f"<i>{name}, <u>{name}, {name}, frame 0" in text for text in told) == 1
    for one in page.locator(".face").all():
        one.click()
    found = read_review(save(page, tmp_path / "r.csv")).decisions
    assert [(one.video, one.was) for one in found] == [
        (name, f"<i>{name}") for name in sorted(NASTY)
    ]
    assert load(page, tmp_path / "r.csv") == "6 decisions were loaded."
    assert said(save(page, tmp_path / "again.csv")) == said(tmp_path / "r.csv")
    assert page.title() == f"Review of {data.name}"


@pytest.mark.parametrize(("size", "channels"), [(48, "gray"), (120, "rgb")])
def test_each_face_is_shown_with_its_own_picture(fer, look, tmp_path, size, channels):
    data = tmp_path / "f.h5"
    shades = np.random.default_rng(0).integers(0, 255, (230, 1, 1, 3 if channels == "rgb" else 1))
    with create_dataset(data, crop_record(size, channels), ["fear"]) as writer:
        for frame, shade in enumerate(shades):
            image = np.broadcast_to(shade, (size, size, shade.shape[-1])).astype(np.uint8)
            row = FaceRow(image, "fear", "P", frame, frame / 25, Box(0, 0, 9, 9), 1.0, 0)
            writer.append("a.mp4", row)
        writer.finish({})
    page = look(review(fer, data))
    assert rows(page) == list(range(200))
    for number in (0, 19, 20, 199):
        assert_shade(page, number, shades[number])
    page.keyboard.press("PageDown")
    assert rows(page) == list(range(200, 230))
    for number in (200, 229):
        assert_shade(page, number, shades[number])
    page.locator("#state").select_option("decided")
    assert rows(page) == []


def assert_shade(page: Page, row: int, shade: np.ndarray) -> None:
    """Make sure that a face is all of one colour, to its corners."""
    import cv2

    taken = face(page, row).locator(".picture").screenshot()
    picture = cv2.imdecode(np.frombuffer(taken, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    inner = picture[4:-4, 4:-4].astype(int)
    assert np.abs(inner - shade).max() <= 8


def test_filters_of_the_page(fer, look, data):
    page = look(review(fer, data))
    page.locator("#emotion").select_option(label="surprise: 20")
    page.locator("#participant").select_option(label="P02: 15")
    assert [labels(data)[row] for row in rows(page)] == ["surprise"] * 5
    face(page, rows(page)[2]).click()
    page.locator("#state").select_option("undecided")
    assert len(rows(page)) == 4


# Which faces are on it


def shown(fer, data: Path, *options: object) -> int:
    result = fer("data", "review", data, "-o", data.with_name("r.html"), *options)
    assert result.exit_code == 0, result.output
    return int(re.search(r": (\d+) faces? of 60, ", result.stdout)[1])


def test_the_options_choose_the_faces(fer, data):
    assert shown(fer, data) == 60
    assert shown(fer, data, "--only", "happy") == 20
    assert shown(fer, data, "--only", "happy", "--only", "neutral") == 40
    assert shown(fer, data, "--participant", "P01") == 15
    assert shown(fer, data, "--participant", "P01", "--only", "neutral") == 5
    assert shown(fer, data, "--per-video", 5) == 12
    assert shown(fer, data, "--per-video", 2) == 36
    assert shown(fer, data, "--sample", 7) == 7
    assert shown(fer, data, "--sample", 99) == 60


def test_of_people_who_are_not_on_it_nothing_is_told(fer, data):
    text = review(fer, data, "--participant", "P01").read_text("utf-8")
    assert "P01_neutral.mp4" in text
    assert not any(other in text for other in ("P00", "P02", "P03"))


def test_a_seed_draws_the_same_faces_again(fer, data, tmp_path):
    pages = {review(fer, data, "--sample", 9, "--seed", seed).read_bytes() for seed in (1, 1, 2)}
    assert len(pages) == 2


def test_unlabelled_faces_can_be_looked_at(fer, look, data, tmp_path):
    list_ = write_decisions(tmp_path / "r.csv", data, (3, "unlabel"), (0, "unlabel"))
    new = tmp_path / "new.h5"
    assert fer("data", "apply", data, list_, "-o", new).exit_code == 0
    page = look(review(fer, new, "--only", "unlabelled"))
    assert rows(page) == [0, 3]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("2")
    again = save(page, tmp_path / "again.csv")
    assert fer("data", "apply", new, again, "-o", tmp_path / "newer.h5").exit_code == 0
    assert labels(tmp_path / "newer.h5")[:5] == ["happiness"] * 3 + [None] + ["happiness"]


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (["--only", "joyless"], 1, "has no emotion 'joyless'; it has neutral, happiness"),
        (["--only", "unlabelled"], 1, "holds no such faces; there is nothing to look at"),
        (["--participant", "P9"], 1, "has no participant 'P9'; fer data show lists them"),
        (["-o", "review.txt"], 2, "give it a name that ends with .html"),
        (["--sample", "0"], 2, "0 is not in the range"),
    ],
)
def test_what_cannot_be_shown_is_told_and_leaves_no_page(
    fer, data, tmp_path, monkeypatch, options, status, told
):
    monkeypatch.chdir(tmp_path)
    result = fer("data", "review", data, *options)
    assert result.exit_code == status
    assert told in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["faces.h5"]


def test_only_a_page_of_ours_is_replaced_unasked(fer, data, tmp_path):
    page = review(fer, data)
    assert review(fer, data) == page
    page.write_text("<p>mine")
    result = fer("data", "review", data, "-o", page)
    assert result.exit_code == 1
    assert "exists and is no page made by fer data review" in result.stderr
    assert page.read_text() == "<p>mine"
    review(fer, data, "--overwrite")
    assert "fer data review" in page.read_text("utf-8")


# Applying


def test_apply_says_what_it_did(fer, data, tmp_path):
    said = [(0, "label", "anger"), (1, "label", "anger"), (7, "remove"), (59, "unlabel")]
    list_, new = write_decisions(tmp_path / "r.csv", data, *said), tmp_path / "n.h5"
    before = data.read_bytes()
    result = fer("data", "apply", data, list_, "-o", new)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "faces          from       to            number",
        "labelled anew  happiness  anger              2",
        "removed        neutral                       1",
        "unlabelled     surprise   (unlabelled)       1",
        f"{new}: 59 faces",
    ]
    assert data.read_bytes() == before


def test_apply_of_nothing_says_so(fer, data, tmp_path):
    list_, new = write_decisions(tmp_path / "r.csv", data), tmp_path / "n.h5"
    result = fer("data", "apply", data, list_, "-o", new)
    assert result.stdout == f"nothing changes\n{new}: 60 faces\n"


def test_apply_to_a_dataset_that_has_changed_warns(fer, data, tmp_path):
    first = write_decisions(tmp_path / "1.csv", data, (0, "remove"))
    second = write_decisions(tmp_path / "2.csv", data, (9, "remove"))
    once, twice = tmp_path / "once.h5", tmp_path / "twice.h5"
    assert fer("data", "apply", data, first, "-o", once).exit_code == 0
    result = fer("data", "apply", once, second, "-o", twice)
    assert result.exit_code == 0
    assert result.stderr.startswith(f"warning: {once}: not the dataset that was looked at")
    assert len(labels(twice)) == 58
    again = fer("data", "apply", once, first, "-o", tmp_path / "no.h5")
    assert again.exit_code == 1
    assert f"{first}, line 4: no such face in {once}" in again.stderr
    assert not (tmp_path / "no.h5").exists()


def test_apply_replaces_nothing_unasked(fer, data, tmp_path):
    list_, new = write_decisions(tmp_path / "r.csv", data, (0, "remove")), tmp_path / "n.h5"
    assert fer("data", "apply", data, list_).exit_code == 2
    new.write_text("mine")
    result = fer("data", "apply", data, list_, "-o", new)
    assert (result.exit_code, new.read_text()) == (1, "mine")
    assert f"{new}: exists; give another -o, or --overwrite" in result.stderr
    assert fer("data", "apply", data, list_, "-o", data, "--overwrite").exit_code == 1
    assert len(labels(data)) == 60
    with locked(new):
        result = fer("data", "apply", data, list_, "-o", new, "--overwrite")
        assert "another run is writing it" in result.stderr
    assert "is no dataset" in fer("data", "apply", data, list_, "-o", new, "--overwrite").stderr
    assert new.read_text() == "mine"
    shutil.copyfile(data, new)
    assert fer("data", "apply", data, list_, "-o", new, "--overwrite").exit_code == 0
    assert len(labels(new)) == 59


def test_an_emotion_has_the_colour_that_it_has_in_all_pictures(fer, look, data):
    page = look(review(fer, data))

    def ground(one: Locator) -> tuple[int, ...]:
        told = one.evaluate("one => getComputedStyle(one).backgroundColor")
        return tuple(map(int, re.findall(r"\d+", told)[:3]))

    heading = page.locator("h2").first
    assert heading.inner_text().startswith("neutral")
    assert ground(heading.locator(".swatch")) == red_green_blue(EMOTION_COLOURS["neutral"])
    for name in ("surprise", "anger"):  # the second is none of the dataset's
        wanted = red_green_blue(EMOTION_COLOURS[name])
        swatch = page.locator("#brush label").filter(has_text=name).locator(".swatch")
        assert ground(swatch) == wanted
        brush(page, name)
        face(page, 0).click()
        assert ground(face(page, 0)) == wanted
    brush(page, "right as it is")
    face(page, 0).click()
    assert ground(face(page, 0)) not in set(map(red_green_blue, EMOTION_COLOURS.values()))
