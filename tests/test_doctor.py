"""``fer doctor`` where everything is installed; tests of packaging take things away."""

from __future__ import annotations

import shutil
from importlib.metadata import version

import pytest

from fer_pipeline import __version__
from fer_pipeline.diagnosis import Finding, diagnose
from fer_pipeline.faces import bundled_cascades


@pytest.fixture(scope="module")
def findings(tmp_path_factory) -> dict[str, Finding]:
    """What is found in a folder without a model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("empty"))
        return {finding.subject: finding for finding in diagnose()}


def test_everything_that_is_needed_is_there(findings):
    assert [one.subject for one in findings.values() if one.needed and not one.good] == []


@pytest.mark.parametrize(
    "package", ["numpy", "av", "h5py", "ai-edge-litert", "click", "tqdm", "matplotlib", "scipy"]
)
def test_every_library_has_a_line_with_its_version(package, findings):
    assert (findings[package].mark, findings[package].detail) == ("ok", version(package))


def test_opencv_tells_its_own_version(findings):
    assert findings["opencv"].mark == "ok"
    assert version("opencv-python").startswith(findings["opencv"].detail)


@pytest.mark.parametrize(("name", "digest"), bundled_cascades().items())
def test_every_cascade_has_a_line_with_its_digest(name, digest, findings):
    assert (findings[name].mark, findings[name].detail) == ("ok", f"SHA-256 {digest}")


def test_the_decoders_of_all_promised_codecs_are_there(findings):
    assert findings["decoders"].detail == "h264, hevc, mpeg4, vp8, vp9, av1"


def test_training_tells_keras_its_backend_and_the_device(findings):
    assert findings["training"].mark == "ok"
    assert f"keras {version('keras')} on tensorflow" in findings["training"].detail


def test_a_folder_without_a_model_is_worth_a_note_but_no_failure(findings):
    assert (findings["model"].mark, findings["model"].needed) == ("note", False)
    assert "fer train" in findings["model"].detail


def test_the_command_prints_a_line_for_each_and_succeeds(fer, findings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = fer("doctor")
    lines = [line.split(maxsplit=2) for line in result.stdout.splitlines() if line]
    assert result.exit_code == 0
    assert result.stderr == ""
    assert ["ok", "fer", __version__] in lines
    assert [line[1] for line in lines[:-1]] == list(findings)
    assert result.stdout.splitlines()[-1] == "all that fer needs is there"


def test_the_model_of_this_folder_is_described(fer, model_folder, tmp_path, monkeypatch):
    shutil.copytree(model_folder, tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    result = fer("doctor")
    assert result.exit_code == 0
    assert "ok  model " in result.stdout
    assert "lenet5, neutral, happiness, surprise" in result.stdout


def test_a_broken_model_of_this_folder_is_told_but_no_failure(fer, tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "spec.json").write_text("{")
    monkeypatch.chdir(tmp_path)
    result = fer("doctor")
    assert result.exit_code == 0
    assert "spec.json: broken" in result.stdout
