"""The file under a dataset that is being written, from which HDF5 hears of no failure."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from fer_pipeline.held_back import signals_held_back


class Storage(io.FileIO):
    """A new file that keeps the first error to itself, and forgets what is written afterwards.

    When the system refuses HDF5 a write (the disk is full, a quota used up, a network drive gone),
    HDF5 can neither close its file nor let the process end in peace: it tells of it in many lines,
    or crashes. So it never hears of it; whoever writes asks here. Signals are held back meanwhile:
    Python may hear of one where HDF5 calls it, which HDF5 would take for a refused write.

    Args:
        path: The file; an existing one is emptied.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self._hdf5: Any = None
        self._error: OSError | None = None
        super().__init__(path, "w+")

    def require_sound(self) -> None:
        """Make sure that all that was written so far has been.

        Raises:
            OSError: What the system refused first.
        """
        if self._error is not None:
            raise self._error

    def write(self, data: Any) -> int:
        """Write all of some bytes; return how many they are."""
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while len(left) and self._error is None:
                left = left[super().write(left) :]
        except OSError as error:
            self._error = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Give the file a length; return it."""
        try:
            if self._error is None:
                return super().truncate(size)
        except OSError as error:
            self._error = error
        return self.tell() if size is None else size

    def hdf5(self) -> Any:
        """Return the HDF5 file on it, which is empty; it is closed when this is."""
        import h5py

        # Attributes beyond 64 KiB, such as the provenance of a thousand videos, need the format of
        # HDF5 1.8; every reader of the last fifteen years knows it.
        with signals_held_back():
            self._hdf5 = h5py.File(self, "w", libver=("earliest", "v108"))
        return self._hdf5

    def close(self) -> None:
        """Close the file; some systems tell only now that there was no room."""
        with signals_held_back():
            if self._hdf5 is not None:
                self._hdf5.close()
                self._hdf5 = None
            try:
                super().close()
            except OSError as error:
                self._error = self._error or error
