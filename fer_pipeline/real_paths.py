"""What paths lead to, asked for very many of them."""

from __future__ import annotations

import os
from pathlib import Path


class RealPaths:
    """Finds what paths lead to, through links.

    The system has to look at every folder above a file. Here it does so once for each folder: a
    study may have tens of thousands of files in one.
    """

    def __init__(self) -> None:
        self._folders: dict[Path, Path] = {}

    def of(self, path: Path) -> str:
        """Return a path without links, the same for all that lead to one file; it may be missing.

        Where the system takes capitals and small letters for the same, it is in small letters.
        """
        if path.name in ("", ".."):
            return os.path.normcase(os.path.realpath(path))
        folder = path.parent
        if folder not in self._folders:
            self._folders[folder] = Path(os.path.realpath(folder))
        place = self._folders[folder] / path.name
        return os.path.normcase(os.path.realpath(place) if _is_link(place) else place)


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:  # a name too long, or a folder that may not be entered
        return False
