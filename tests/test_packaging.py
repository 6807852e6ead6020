"""What is built from the sources, and how it runs where there is nothing but what it needs."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fer_pipeline import __version__
from tests.media import PARTICIPANTS

ROOT = Path(__file__).parent.parent
SOURCES = ("fer_pipeline", "haarcascades", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
CLIP = PARTICIPANTS / "P00_happy.mp4"
CASCADE = "haarcascade_frontalface_alt2"

DATA = {
    "fer_pipeline/py.typed",
    *(
        f"fer_pipeline/default_model/{name}"
        for name in (
            "history.csv",
            "metrics.json",
            "model-card.md",
            "model.keras",
            "model.tflite",
            "spec.json",
            "split.npz",
        )
    ),
    *(
        f"fer_pipeline/report/{page}_page.{suffix}"
        for page in ("review", "timeline")
        for suffix in ("css", "html", "js")
    ),
    *(f"fer_pipeline/report/timeline_{part}.js" for part in ("data", "charts", "video")),
    *(f"fer_pipeline/report/uplot.{suffix}" for suffix in ("css", "js", "LICENSE")),
    *(f"fer_pipeline/simulation/{name}" for name in ("headpack.npz", "HEADPACK.txt")),
    *(
        f"fer_pipeline/haarcascades/{name}"
        for name in (
            "haarcascade_frontalface_alt2.xml",
            "haarcascade_frontalface_default.xml",
            "haarcascade_profileface.xml",
            "LICENSE",
            "SHA256SUMS",
        )
    ),
}


def succeed(*command: object, cwd: Path | None = None) -> None:
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with a source distribution and the wheel built from it, without a network."""
    folder = tmp_path_factory.mktemp("build")
    sources = folder / "sources"
    sources.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, sources / name, ignore=unwanted)
        else:
            shutil.copy2(ROOT / name, sources)
    out = folder / "dist"
    succeed(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, cwd=sources)
    return out


def wheel_of(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


@pytest.fixture
def wheel(built) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(wheel_of(built)) as archive:
        yield archive


# What is built


def test_the_wheel_holds_every_module_and_all_data_and_nothing_else(wheel):
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "fer_pipeline").rglob("*.py")}
    modules.add("fer_pipeline/haarcascades/__init__.py")
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == modules | DATA


def test_the_source_distribution_holds_what_the_wheel_is_built_from(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        packed = {name.partition("/")[2] for name in file.getnames()}
    data = {name.replace("fer_pipeline/haarcascades", "haarcascades") for name in DATA}
    assert data <= packed
    assert {"setup.cfg", "pyproject.toml", "README.md", "LICENSE"} <= packed


def test_the_cascades_in_the_wheel_have_the_digests_listed_beside_them(wheel):
    folder = "fer_pipeline/haarcascades/"
    lines = wheel.read(f"{folder}SHA256SUMS").decode().splitlines()
    listed = {name: digest for digest, name in map(str.split, lines)}
    found = {
        name: hashlib.sha256(wheel.read(folder + name)).hexdigest()
        for name in (path.name for path in zipfile.Path(wheel, folder).iterdir())
        if name.endswith(".xml")
    }
    assert found == listed


def test_the_wheel_names_its_licences_its_command_and_the_oldest_python(wheel):
    info = f"fer_pipeline-{__version__}.dist-info"
    metadata = wheel.read(f"{info}/METADATA").decode().splitlines()
    assert "Name: fer-pipeline" in metadata
    assert f"Version: {__version__}" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert "fer = fer_pipeline.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/haarcascades/LICENSE"} <= {
        *wheel.namelist()
    }


# Where it is installed without TensorFlow and Keras


@dataclass(frozen=True)
class Installation:
    """An environment of its own, with the wheel and what that requires."""

    folder: Path

    @property
    def scripts(self) -> Path:
        return Path(sysconfig.get_path("scripts", "venv", {"base": str(self.folder)}))

    @property
    def packages(self) -> Path:
        return Path(sysconfig.get_path("purelib", "venv", {"base": str(self.folder)}))

    @property
    def python(self) -> Path:
        return self.scripts / Path(sys.executable).name

    def fer(self, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the installed command, far from the sources."""
        return subprocess.run(
            [str(part) for part in (self.scripts / "fer", *arguments)],
            cwd=cwd,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
            check=False,
        )

    @contextmanager
    def without(self, path: str) -> Iterator[Path]:
        """Take a package or a file away for a while; yield where it was."""
        target = self.packages / path
        aside = self.folder / target.name
        target.rename(aside)
        try:
            yield target
        finally:
            target.unlink(missing_ok=True)
            aside.rename(target)


@pytest.fixture(scope="module")
def installation(built, tmp_path_factory) -> Installation:
    """The wheel in an environment with all that it requires but TensorFlow and Keras."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    venv.create(folder, symlinks=os.name != "nt")
    made = Installation(folder)
    pip = [sys.executable, "-m", "pip", "--python", made.python, "--disable-pip-version-check"]
    succeed(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel_of(built))
    (own,) = distributions(path=[str(made.packages)])
    for name in requirements(own, without={"tensorflow", "keras"}):
        link(distribution(name), made.packages)
    return made


def requirements(root: Distribution, without: Set[str]) -> set[str]:
    """Return the names of all that a distribution requires, and of what that requires in turn."""
    found: set[str] = set()
    waiting = [root]
    while waiting:
        needed = (Requirement(text) for text in waiting.pop().requires or ())
        names = {
            canonicalize_name(one.name)
            for one in needed
            if one.marker is None or one.marker.evaluate({"extra": ""})
        }
        waiting += [distribution(name) for name in names - found - without]
        found |= names - without
    return found


def link(installed: Distribution, packages: Path) -> None:
    """Give an environment the files of a distribution that is installed in this one."""
    for file in installed.files or ():
        if ".." in file.parts:
            continue  # commands and manual pages
        target = packages / file
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.symlink_to(file.locate())
        except OSError:  # Windows, where links need a privilege
            shutil.copy2(file.locate(), target)


def test_neither_tensorflow_nor_keras_is_there(installation, tmp_path):
    look = "from importlib.util import find_spec as f; print(f('tensorflow'), f('keras'))"
    result = subprocess.run(
        [installation.python, "-c", look], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stdout == "None None\n"


def test_the_installed_command_says_its_version(installation, tmp_path):
    result = installation.fer("--version", cwd=tmp_path)
    assert (result.stdout, result.stderr) == (f"fer, version {__version__}\n", "")


def test_it_annotates_as_it_does_with_tensorflow(fer, installation, model_folder, tmp_path):
    clip = ["annotate", CLIP, "--every", 10, "--model", model_folder]
    result = installation.fer(*clip, "--out", "labels.csv", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert fer(*clip, "--out", tmp_path / "here.csv").exit_code == 0
    assert (tmp_path / "labels.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()


def test_it_extracts(installation, tmp_path):
    result = installation.fer("extract", CLIP, "--every", 10, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "faces.h5: 5 faces of 1 video" in result.stdout


def test_training_says_in_one_line_what_to_install(installation, faces_file, tmp_path):
    result = installation.fer("train", "--data", faces_file, "-q", cwd=tmp_path)
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1
    assert line.startswith("fer: training needs Keras")
    assert line.endswith("pip install tensorflow")
    assert not any(tmp_path.iterdir())


def test_the_doctor_says_what_training_lacks_and_is_content(installation, tmp_path):
    result = installation.fer("doctor", cwd=tmp_path)
    lines = {line.split()[1]: line for line in result.stdout.splitlines() if line[:2].strip()}
    assert result.returncode == 0, result.stdout
    assert lines["training"].startswith("note  training")
    assert lines["training"].endswith("pip install tensorflow")
    assert lines[CASCADE].startswith("ok")


@pytest.mark.parametrize("cut", [None, 0, 5000], ids=["removed", "emptied", "cut short"])
def test_a_cascade_that_is_missing_or_broken_is_a_clear_error(
    cut, installation, model_folder, tmp_path
):
    file = f"fer_pipeline/haarcascades/{CASCADE}.xml"
    content = (installation.packages / file).read_bytes()
    with installation.without(file) as path:
        if cut is not None:
            path.write_bytes(content[:cut])
        result = installation.fer(
            "annotate", CLIP, "-q", "--model", model_folder, "--out", "labels.csv", cwd=tmp_path
        )
        (line,) = result.stderr.splitlines()
    assert result.returncode == 1
    assert f"{CASCADE}.xml: the bundled cascade is missing or broken; reinstall" in line
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("folder", "subject", "remedy"),
    [
        ("av", "av", "pip install av"),
        ("h5py", "h5py", "pip install h5py"),
        ("cv2", "opencv", "pip install 'opencv-python<5'"),
        ("ai_edge_litert", "ai-edge-litert", "pip install ai-edge-litert"),
        (f"fer_pipeline/haarcascades/{CASCADE}.xml", CASCADE, "reinstall fer-pipeline"),
    ],
)
def test_the_doctor_names_what_is_missing_and_how_to_get_it(
    folder, subject, remedy, installation, tmp_path
):
    with installation.without(folder):
        result = installation.fer("doctor", cwd=tmp_path)
    marks = [line.split()[:2] for line in result.stdout.splitlines()]
    assert ["MISSING", subject] in marks
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    (warning,) = (line for line in result.stderr.splitlines() if f" {subject}: " in line)
    assert remedy in warning
    assert result.stderr.splitlines()[-1].startswith("fer: ")


@pytest.mark.parametrize(
    ("folder", "name"), [("av", "av"), ("cv2", "OpenCV"), ("ai_edge_litert", "ai_edge_litert")]
)
def test_annotating_without_a_library_is_one_line_that_names_it(
    folder, name, installation, model_folder, tmp_path
):
    with installation.without(folder):
        result = installation.fer("annotate", CLIP, "-q", "--model", model_folder, cwd=tmp_path)
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1
    assert name in line


def test_timelines_of_the_installed_copy_are_read_as_ours(installation, model_folder, tmp_path):
    command = ["annotate", CLIP, "--every", 25, "--model", model_folder, "--out", "labels.csv"]
    installation.fer(*command, cwd=tmp_path)
    result = installation.fer(*command, cwd=tmp_path)
    assert "labels.csv: a timeline of an earlier run, will be replaced" in result.stderr
    with (tmp_path / "labels.csv").open(newline="", encoding="utf-8") as file:
        assert [row["frame"] for row in csv.DictReader(file)] == ["0", "25"]
