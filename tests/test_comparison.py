"""``fer compare`` as it is used: real trainings in processes of their own, killed and stopped too.

The tests stand in the order in which a table grows, and share its folder: every training costs the
start of a process that loads TensorFlow.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import pytest
from click.testing import CliRunner

from fer_pipeline import comparison
from fer_pipeline.classifier import Speed
from fer_pipeline.cli.root import root
from fer_pipeline.model_size import ModelSize
from tests.conftest import write_faces
from tests.nonsense import changes

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds the processes of a run in /proc"
)

# Many epochs of little, so that a training can be met while it is under way.
PROTOCOL = ("--size", "16", "--epochs", "12", "--patience", "12", "--augment", "none")
NAMES = ("lenet5-gray", "lenet5-gray-random-frames", "lenet5-rgb")
BOTH = ("--networks", "lenet5", "--channels", "rgb,gray")
METERED = ("--networks", "lenet5", "--channels", "gray", "--leak-meter")
PEOPLE = "Figures on people that the networks have not seen"


@dataclass(frozen=True)
class Told:
    """What came of a run of ``fer compare``: what it said, and the files that it left."""

    status: int
    stdout: str
    stderr: str
    markdown: str
    html: str
    csv: list[dict[str, str]]
    json: dict[str, Any]

    @property
    def tables(self) -> dict[str, list[dict[str, str]]]:
        """The tables of the page in Markdown, by their headings."""
        found = {}
        for part in self.markdown.split("\n## ")[1:]:
            title, _, rest = part.partition("\n")
            lines = [line for line in rest.splitlines() if line.startswith("|")]
            cells = [[cell.strip() for cell in line[1:-1].split(" | ")] for line in lines]
            found[title] = [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]
        return found

    @property
    def figures(self) -> dict[str, dict[str, str]]:
        """The columns of the first table, each a figure by name."""
        rows = self.tables[PEOPLE]
        return {name: {row[""]: row[name] for row in rows} for name in rows[0] if name}


@dataclass(frozen=True)
class Study:
    """A dataset, and the folder of its comparison."""

    data: Path
    out: Path

    def words(self, *options: object) -> list[str]:
        command = ("compare", "--data", self.data, "-o", self.out, *PROTOCOL, *options)
        return [str(word) for word in command]

    def start(self, *options: object) -> subprocess.Popen[str]:
        """Begin ``fer compare`` in a process group of its own, as a terminal does."""
        return subprocess.Popen(
            [sys.executable, "-m", "fer_pipeline", *self.words(*options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, run: subprocess.Popen[str]) -> Told:
        """Wait for the end of a run; read what there is then."""
        stdout, stderr = run.communicate(timeout=300)
        return self.told(run.returncode, stdout, stderr)

    def told(self, status: int, stdout: str, stderr: str) -> Told:
        """Read what there is after a run."""
        assert "Traceback" not in stderr
        table = (self.out / "comparison.csv").read_text("utf-8")
        return Told(
            status,
            stdout,
            stderr,
            (self.out / "comparison.md").read_text("utf-8"),
            (self.out / "comparison.html").read_text("utf-8"),
            list(csv.DictReader(io.StringIO(table))),
            json.loads((self.out / "comparison.json").read_text("utf-8")),
        )

    def compare(self, *options: object) -> Told:
        return self.finish(self.start(*options))

    def compare_here(self, *options: object) -> Told:
        """Run ``fer compare`` in this process, where it trains nothing."""
        result = CliRunner().invoke(root, self.words(*options))
        return self.told(result.exit_code, result.stdout, result.stderr)

    def model(self, name: str) -> Path:
        return self.out / "runs" / name

    def log(self, name: str) -> str:
        path = self.out / "runs" / f"{name}.log"
        return path.read_text("utf-8") if path.exists() else ""

    def epochs(self, name: str) -> list[int]:
        """Return the numbers of the epochs in a run's log, in their order."""
        return [int(number) for number in re.findall(r"^epoch (\d+)/", self.log(name), re.M)]

    def metrics(self, name: str, side: str = "unseen") -> dict[str, Any]:
        values = json.loads((self.model(name) / "metrics.json").read_text("utf-8"))
        figures: dict[str, Any] = values[side]
        return figures

    def states(self) -> dict[str, int]:
        files = (path for name in NAMES for path in self.model(name).rglob("*"))
        return {str(path): path.stat().st_mtime_ns for path in files}


class Words(HTMLParser):
    """The cells and headings of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.cells.append(data.strip())


def wait_for(what: Callable[[], object], run: subprocess.Popen[str]) -> None:
    while not what():
        assert run.poll() is None, run.communicate()
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def workers(run: subprocess.Popen[str]) -> list[int]:
    """Return the processes that train for a run."""
    found = []
    for pid in children(run.pid):
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and b"spawn_main" in command.read_bytes():
            found.append(pid)
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    folder = tmp_path_factory.mktemp("comparison")
    data = write_faces(folder / "faces.h5", 6, frames=4, size=16, channels="rgb")
    return Study(data, folder / "comparison")


@pytest.fixture(scope="module")
def killed(study) -> Told:
    """Two trainings, of which the first is killed, and again when it is tried once more."""
    run = study.start(*BOTH)
    name = "lenet5-rgb"
    for met in (lambda: study.epochs(name), lambda: study.log(name).count("loading Keras") == 2):
        wait_for(met, run)
        (worker,) = workers(run)
        os.kill(worker, signal.SIGKILL)
    return study.finish(run)


@pytest.fixture(scope="module")
def completed(study, killed) -> Told:
    """The same command again."""
    return study.compare(*BOTH)


@pytest.fixture(scope="module")
def metered(study, completed) -> Told:
    """The leak meter joins."""
    return study.compare(*METERED)


# Killed, and gone on with


def test_a_run_that_was_killed_costs_only_its_row(study, killed):
    assert killed.status == 3, killed.stderr
    assert "2 runs, 0 of them finished already" in killed.stderr
    line = "lenet5-rgb: its worker process died, alone too (a crash, or out of memory); a smaller "
    remedy = "--batch or fewer --jobs need less memory; the same command tries it again"
    assert re.search(r"^warning: \d of 2: " + re.escape(line + remedy), killed.stderr, re.MULTILINE)
    assert not [*study.out.glob("runs/*.lock")]
    assert list(killed.figures) == ["lenet5 gray"]
    (failure,) = killed.tables["Runs without a result"]
    assert failure["run"] == "lenet5-rgb"
    assert failure["why"].endswith(remedy)
    assert list(killed.json["failures"]) == ["lenet5-rgb"]
    assert "Runs without a result" in killed.stdout
    assert "Runs without a result" in killed.html


def test_the_same_command_completes_the_table_and_goes_on_where_it_was(study, completed):
    assert completed.status == 0, completed.stderr
    assert "2 runs, 1 of them finished already" in completed.stderr
    assert list(completed.figures) == ["lenet5 colour", "lenet5 gray"]
    assert completed.json["failures"] == {}
    assert "Runs without a result" not in completed.stdout
    # Begun three times, yet no epoch was done again whose end had been written down.
    assert study.log("lenet5-rgb").count("loading Keras") == 3
    epochs = study.epochs("lenet5-rgb")
    assert epochs[-1] == 12
    assert len(epochs) <= 12 + 2
    assert epochs[0] < epochs[-1]


def test_colour_and_gray_are_compared(study, completed):
    (row,) = completed.tables["Colour or grayscale?"]
    by = study.metrics("lenet5-rgb")["accuracy"] - study.metrics("lenet5-gray")["accuracy"]
    assert row["colour better by, points"] == f"{100 * by:+.1f}"
    assert completed.json["colour_minus_gray"]["lenet5"]["value"] == pytest.approx(by)


# What is in the tables


def test_the_figures_in_every_form_are_those_of_the_model_folder(study, metered):
    assert metered.status == 0, metered.stderr
    assert "2 runs, 1 of them finished already" in metered.stderr
    scores, learned = study.metrics("lenet5-gray"), study.metrics("lenet5-gray", "training")
    told = metered.figures["lenet5 gray"]
    assert told["accuracy, training"] == f"{learned['accuracy']:.4f}"
    expected = {
        "accuracy, test": "accuracy",
        "top-2 accuracy, test": "top2",
        "balanced accuracy, test": "balanced_accuracy",
        "macro F1, test": "macro_f1",
        "Cohen's kappa, test": "kappa",
        "always the commonest": "majority",
    }
    (in_json,) = [one for one in metered.json["columns"] if not one["by_frames"]]
    (in_csv,) = [one for one in metered.csv if one["split"] == "participant"]
    for name, key in expected.items():
        assert told[name] == f"{scores[key]:.4f}"
        assert in_json["measures"][name] == in_json["scores"][key] == scores[key]
        assert float(in_csv[name]) == scores[key]
    assert in_json["scores"]["confusion"] == scores["confusion"]
    assert int(in_csv["test faces"]) == scores["faces"]
    for one in scores["classes"]:
        for what in ("precision", "recall"):
            assert float(in_csv[f"{what} {one['emotion']}"]) == one[what]
    by_class = metered.tables["Precision and recall of each emotion"]
    assert [row["lenet5 gray"] for row in by_class] == [
        f"{one[what]:.4f}" for one in scores["classes"] for what in ("precision", "recall")
    ]
    size = (study.model("lenet5-gray") / "model.keras").stat().st_size
    assert int(in_csv["size of the model file, bytes"]) == size
    assert told["size of the model file, bytes"] == f"{size:,}"
    assert float(in_csv["milliseconds per image"]) > 0


def test_page_and_terminal_say_the_same_as_the_markdown(study, metered):
    page = Words()
    page.feed(metered.html)
    for title, rows in metered.tables.items():
        assert title in page.cells
        assert title in metered.stdout
        for row in rows:
            for cell in (cell.strip("`") for cell in row.values() if cell):
                assert cell in page.cells
                assert cell in metered.stdout
    assert str(study.out / "comparison.md") in metered.stdout


def test_the_interval_of_one_test_person_is_not_said_to_be_over_people(study, metered):
    assert len(study.metrics("lenet5-gray")["participants"]) == 1
    assert "since all test faces are of one person; with several faces" in metered.markdown
    low, high = map(float, metered.figures["lenet5 gray"]["95 % interval"].split(" to "))
    assert low < high


def test_the_leak_meter_is_labelled_wherever_its_figures_stand(study, metered):
    held_out = study.metrics("lenet5-gray")["accuracy"]
    leaked = study.metrics("lenet5-gray-random-frames")["accuracy"]
    (row,) = metered.tables["Leak meter"]
    assert row["random frames"] == f"{100 * leaked:.1f} %"
    assert row["people held out"] == f"{100 * held_out:.1f} %"
    for title in (PEOPLE, "Precision and recall of each emotion"):
        names = [name for name in metered.tables[title][0] if "lenet5" in name]
        assert names == ["lenet5 gray"]
    names = [line["network"] for line in metered.tables["Training"]]
    assert names == ["lenet5 gray", "lenet5 gray, random frames"]
    assert [one["split"] for one in metered.csv] == ["participant", "random"]
    assert [(one["split"], one["by_frames"]) for one in metered.json["columns"]] == [
        ("participant", False),
        ("random", True),
    ]
    for text in (metered.stdout, metered.html, metered.markdown):
        assert "hold frames of the same people" in text


def test_the_curves_are_a_picture_with_a_panel_for_each_column(study, metered):
    height, width = cv2.imread(str(study.out / "learning-curves.png")).shape[:2]
    assert width > 1.5 * height
    assert "](learning-curves.png)" in metered.markdown
    assert 'src="learning-curves.png"' in metered.html


def test_the_folder_holds_what_is_to_be_kept_and_nothing_else(study, metered):
    assert {path.name for path in study.out.iterdir()} == {
        "comparison.md", "comparison.html", "comparison.csv", "comparison.json",
        "learning-curves.png", "measured.json", "runs",
    }  # fmt: skip
    names = {path.name for path in (study.out / "runs").iterdir()}
    assert names == {name + suffix for name in NAMES for suffix in ("", ".log")}


# What is done is done


def test_a_second_time_nothing_is_trained(study, metered):
    before = study.states()
    begun = [study.log(name).count("loading Keras") for name in NAMES]
    again = study.compare_here(*METERED)
    assert again.status == 0, again.stderr
    assert "2 runs, 2 of them finished already" in again.stderr
    assert study.states() == before
    assert [study.log(name).count("loading Keras") for name in NAMES] == begun
    assert again.tables["Leak meter"] == metered.tables["Leak meter"]


def test_other_options_over_finished_runs_are_refused(study, metered):
    before, page = study.states(), (study.out / "comparison.md").read_text("utf-8")
    again = study.compare_here(*METERED, "--batch", "7")
    assert again.status == 1
    assert again.stdout == ""
    assert "lenet5-gray: a model of other data or options; give another -o, or" in again.stderr
    assert study.states() == before
    assert again.markdown == page


@pytest.mark.parametrize("names", [("model.keras",), ("model.keras", "model.tflite")])
def test_without_the_models_themselves_the_table_is_still_complete(study, metered, tmp_path, names):
    copy = Study(study.data, shutil.copytree(study.out, tmp_path / "comparison"))
    of_before = json.loads((copy.out / "comparison.json").read_text("utf-8"))
    for name in names:
        (copy.model("lenet5-gray") / name).unlink()
    told = copy.compare_here("--networks", "lenet5", "--channels", "gray")
    assert told.status == 0, told.stderr
    now, before = (one["columns"][0]["measures"] for one in (told.json, of_before))
    for name in ("weights", "size of the model file, bytes", "accuracy, test"):
        assert now[name] == before[name] is not None
    measured = now["milliseconds per image"]
    assert measured > 0
    assert "model.tflite" not in names or measured == before["milliseconds per image"]


def test_measurements_that_make_no_sense_are_passed_over(study, metered, tmp_path):
    measured, copy = study.out / "measured.json", tmp_path / "measured.json"
    entries = json.loads(measured.read_text("utf-8"))
    assert comparison._read_measured(measured) == entries
    name, entry = next(iter(entries.items()))
    for values in (*changes(entries), *({name: one} for one in changes(entry))):
        copy.write_text(json.dumps(values), "utf-8")
        for found in comparison._read_measured(copy).values():
            assert isinstance(Speed(**found["speed"]).one, float)
            assert isinstance(ModelSize(**found["size"]).bytes, dict)
    copy.write_text("{", "utf-8")
    assert comparison._read_measured(copy) == {}


def test_ctrl_c_ends_it_at_once_and_keeps_what_is_finished(study, metered):
    before, page = study.states(), (study.out / "comparison.md").read_text("utf-8")
    run = study.start("--networks", "lenet5,cnn1", "--channels", "gray")
    wait_for(lambda: "loading Keras" in study.log("cnn1-gray"), run)
    (trainer,) = workers(run)
    os.killpg(run.pid, signal.SIGINT)
    told = study.finish(run)
    assert told.status == 130
    last = told.stderr.splitlines()[-1]
    assert last == "fer: interrupted; what was finished is kept; run it again to go on"
    assert not Path(f"/proc/{trainer}").exists()
    assert study.states() == before
    assert not study.model("cnn1-gray").exists()
    assert told.markdown == page
