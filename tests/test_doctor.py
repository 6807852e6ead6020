"""``fer doctor`` where everything is installed; tests of packaging take things away."""

from __future__ import annotations

import shutil
from importlib.metadata import version

import pytest

from fer_pipeline import __version__
from fer_pipeline.diagnosis import Finding, diagnose
from fer_pipeline.faces import bundled_cascades
from fer_pipeline.files import digest_of
from fer_pipeline.model_folder import bundled_model


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


def test_the_bundled_model_has_a_line_with_its_digest(findings):
    digest = digest_of(bundled_model() / "model.tflite")
    assert findings["bundled model"].mark == "ok"
    assert findings["bundled model"].detail.endswith(f"SHA-256 {digest}")
    assert findings["bundled model"].detail.startswith("seresnet, neutral, happiness")


def test_without_a_model_in_the_folder_the_bundled_one_annotates(findings):
    assert findings["./model"].mark == "ok"
    assert "the bundled model annotates" in findings["./model"].detail


def test_the_command_prints_a_line_for_each_and_succeeds(fer, findings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = fer("doctor")
    lines = [line.split(maxsplit=1) for line in result.stdout.splitlines() if line]
    assert result.exit_code == 0
    assert result.stderr == ""
    assert lines[0][0] == "ok"
    assert lines[0][1].split() == ["fer", __version__]
    for (mark, line), finding in zip(lines[:-1], findings.values(), strict=True):
        assert mark == finding.mark
        assert line.startswith(finding.subject)
    assert result.stdout.splitlines()[-1] == "all that fer needs is there"


def test_the_model_of_this_folder_is_described(fer, model_folder, tmp_path, monkeypatch):
    shutil.copytree(model_folder, tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    result = fer("doctor")
    assert result.exit_code == 0
    assert "ok  ./model " in result.stdout
    assert "lenet5, neutral, happiness, surprise" in result.stdout


def test_a_broken_model_of_this_folder_is_told_but_no_failure(fer, tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "spec.json").write_text("{")
    monkeypatch.chdir(tmp_path)
    result = fer("doctor")
    assert result.exit_code == 0
    assert "spec.json: broken" in result.stdout
