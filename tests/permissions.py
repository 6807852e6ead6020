"""What a user without the rights of root is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest


def run_without_rights_of_root(script: str, *arguments: str) -> str:
    """Run a Python script, which may read only what permissions let it; return what it prints."""
    command = [sys.executable, "-c", script, *arguments]
    if os.geteuid() == 0:  # root reads everything, unless this right is taken away
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv to be anything but root")
        rights = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", *command]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
