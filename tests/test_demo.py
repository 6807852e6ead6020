"""The demonstration works on its own folder, wherever it is started."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "demo.py"


@pytest.fixture
def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_only_the_projects_own_demo_folder_is_made_anew(demo, tmp_path, monkeypatch, capsys):
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for folder in (project, elsewhere):
        (folder / "demo").mkdir(parents=True)
        (folder / "demo" / "notes.txt").touch()
    places = []

    def run(*_: object, cwd: Path, **__: object) -> subprocess.CompletedProcess[str]:
        places.append(cwd)
        return subprocess.CompletedProcess([], 0)

    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(demo, "ROOT", project)
    monkeypatch.setattr(demo, "compare_with_truth", lambda labels: None)
    demo.main()
    assert (elsewhere / "demo" / "notes.txt").exists()
    assert not list((project / "demo").iterdir())
    assert places == [project] * 3
    said = capsys.readouterr().out
    assert "fer train --data demo/faces.h5 -o demo/model" in said.replace("\\", "/")
    assert str(tmp_path) not in said
