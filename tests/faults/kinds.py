"""The kinds of faults; one function each."""

from __future__ import annotations

from tests.faults import crashes, disks, folders, inputs, kills, locks, signals
from tests.faults.scenes import Fault

FAULTS: dict[str, Fault] = {
    "kill": kills.KILL,
    "kill-group": kills.KILL_GROUP,
    "interrupt": signals.INTERRUPT,
    "terminate": signals.TERMINATE,
    "full-disk": disks.FULL_DISK,
    "file-limit": disks.FILE_LIMIT,
    "removed-input": inputs.REMOVED_INPUT,
    "closed-folder": folders.CLOSED_FOLDER,
    "killed-worker": crashes.KILLED_WORKER,
    "crash": crashes.CRASH,
    "crashes": crashes.CRASHES,
    "second-run": locks.SECOND_RUN,
}
"""In the order of the table."""
