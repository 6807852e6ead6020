"""The folder beside a model's in which it is trained, and what may replace what.

A stopped training goes on from it; the model folder appears, complete, at the end.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fer_pipeline.errors import OutputError
from fer_pipeline.files import put_back, remove_folder, replace_folder, replacing
from fer_pipeline.json_values import parse_json
from fer_pipeline.model_folder import SPEC_FILE, ModelSpec, foreign_names, write_json

RUN_FILE = "run.json"
"""In the folder of an unfinished training: the data and options it is of."""

STATE_FILE = "state.json"
"""In the folder of a fit, after its first epoch: how far it is."""

# In the same folder: the model that is replaced, for the moment between two renamings.
_REPLACED = "replaced"

Run = dict[str, Any]
"""What makes two trainings the same: digest of the data, and every option."""


class WorkFolder:
    """Where one training is done.

    Args:
        folder: The model folder it is for.
        run: What is trained.
    """

    def __init__(self, folder: Path, run: Run) -> None:
        # Another name is made from its name, which `.` and `..` do not have.
        self.folder = folder.resolve() if folder.name in ("", "..") else folder
        self.path = self.folder.with_name(self.folder.name + ".unfinished")
        self.run = run
        put_back(self.path / _REPLACED, self.folder)

    @property
    def model(self) -> Path:
        """Where the model folder is put together."""
        return self.path / "model"

    def anything_to_do(self, *, overwrite: bool, resume: bool) -> bool:
        """Make sure that nothing of value is replaced; return whether there is anything to do.

        Raises:
            OutputError: Something is in the way; the message says what can be done.
        """
        if _holds_something(self.folder):
            if not (self.folder / SPEC_FILE).exists():
                raise OutputError(f"{self.folder}: exists and is no model folder; give another -o")
            if not overwrite:
                if is_model_of(self.folder, self.run):
                    self._tidy()
                    return False
                raise OutputError(
                    f"{self.folder}: exists, and is not the model of this data with these options; "
                    "give another -o, or --overwrite to replace it"
                )
            _require_only_ours(self.folder)
        if (self.path / RUN_FILE).exists() and not overwrite:
            self._require_going_on(resume=resume)
        return True

    def open(self, *, resume: bool) -> None:
        """Make the folder of a new training, or keep the one to go on with."""
        if resume and self._is_ours():
            return
        remove_folder(self.path)
        with replacing(self.path / RUN_FILE) as unfinished:
            write_json(unfinished, self.run)

    def forget_if_nothing_learned(self) -> None:
        """Remove the folder of a training that failed before there was anything to go on from."""
        if not any(self.path.glob(f"*/{STATE_FILE}")):
            remove_folder(self.path)

    def publish(self) -> None:
        """Let the complete model folder take its place."""
        _require_only_ours(self.folder)  # again: hours may have passed
        replace_folder(self.model, self.folder, aside=self.path / _REPLACED)
        remove_folder(self.path)

    def _require_going_on(self, *, resume: bool) -> None:
        same = self._is_ours()
        if same and resume:
            return
        raise OutputError(
            f"{self.path}: an unfinished training of the same; --resume goes on with it, "
            "--overwrite begins anew"
            if same
            else f"{self.path}: an unfinished training of other data or options; "
            "give another -o, or --overwrite to forget it"
        )

    def _is_ours(self) -> bool:
        try:
            return bool(parse_json((self.path / RUN_FILE).read_text("utf-8")) == self.run)
        except (OSError, ValueError):
            return False

    def _tidy(self) -> None:
        """Remove what a training left that was killed when its model was in place already."""
        if self._is_ours() or not (self.path / RUN_FILE).exists():
            remove_folder(self.path)


def is_model_of(folder: Path, run: Run) -> bool:
    """Return whether a model folder is what a training comes to."""
    return bool(ModelSpec.read(folder).training.get("run") == run)


def _require_only_ours(folder: Path) -> None:
    """Make sure that replacing a model folder removes nothing that somebody else put there."""
    foreign = foreign_names(folder) if folder.is_dir() else []
    if foreign:
        raise OutputError(
            f"{folder}: holds {', '.join(foreign)}, which --overwrite would remove; "
            "move that elsewhere, or give another -o"
        )


def _holds_something(folder: Path) -> bool:
    return folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))
