"""Whatever happens to a command, nothing is lost: a few faults of each kind.

`make soak` injects hundreds; docs/reliability.md tells what came of it.
"""

from __future__ import annotations

from random import Random

import pytest

from tests.faults.commands import CARE, COMMANDS
from tests.faults.kinds import FAULTS
from tests.faults.processes import SUPPORTED
from tests.faults.scenes import Alone, Scene, strike_in_turn

pytestmark = pytest.mark.skipif(not SUPPORTED, reason="needs the proc file system")

# Every kind at least once. Trainings and comparisons are killed where they are trained anyway, in
# test_training_again.py and test_comparison.py. What leaves no time to clear up comes last: what it
# leaves is there until a run has done all.
CHOSEN = {
    "extract": ("file-limit", "crash", "second-run", "kill"),
    "annotate": ("interrupt", "killed-worker", "closed-folder", "kill-group"),
    "import": ("terminate", "removed-input", "file-limit", "kill"),
    "merge": ("full-disk", "closed-folder", "kill-group"),
    "simulate": ("terminate", "crashes", "kill"),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_one_fault_after_the_other_costs_nothing(tmp_path, name):
    command = COMMANDS[name]
    faults = [FAULTS[kind] for kind in CHOSEN[name] if not FAULTS[kind].impossible(command)]
    scene = Scene(Alone.of(command, tmp_path), tmp_path / "scene")
    strike_in_turn(faults, scene, Random(name))


@pytest.mark.parametrize("name", ["split", "pseudonymize", "export"])
def test_a_dataset_is_as_before_or_complete_whenever_its_care_is_killed(tmp_path, name):
    scene = Scene(Alone.of(CARE[name], tmp_path), tmp_path / "scene")
    strike_in_turn([FAULTS["kill"]], scene, Random(name))


def test_every_kind_of_fault_is_injected_into_some_command():
    assert {kind for kinds in CHOSEN.values() for kind in kinds} == FAULTS.keys()
