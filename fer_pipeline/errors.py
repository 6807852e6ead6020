"""The one family of errors that a user is meant to read.

Each message is one line that says what is wrong, with which file, and what to do about it.
``fer_pipeline.cli`` turns them into exit statuses; nothing here knows of a command line.
"""

from __future__ import annotations


class FerError(Exception):
    """Something could not be done; the message is written for the user.

    Args:
        problem: What is wrong, beginning with the file where there is one.
        remedy: What to do about it, where tables show that apart.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}" if self.remedy else self.problem


class UsageError(FerError):
    """What was typed makes no sense, whatever the files are."""


class VideoError(FerError):
    """A source cannot be opened or read as a video."""


class DetectorError(FerError):
    """The face detector cannot be set up: OpenCV or a cascade file is missing or broken."""


class LabelError(FerError):
    """It cannot be told which participant or emotion a video shows."""


class CorpusError(FerError):
    """A public corpus is missing, broken, or not laid out as it should be."""


class DatasetError(FerError):
    """A dataset is missing, broken, of another version, or does not fit what is asked of it."""


class ReviewError(FerError):
    """A list of decisions about faces is missing, makes no sense, or is of another dataset."""


class SplitError(FerError):
    """The rows of a dataset cannot be divided as asked."""


class ModelError(FerError):
    """A model folder is missing, incomplete, or does not fit what is asked of it."""


class TimelineError(FerError):
    """A timeline cannot be read, or does not hold what is asked of it."""


class CoderError(FerError):
    """What a human coder wrote cannot be read, or does not fit the timeline it is compared with."""


class OutputError(FerError):
    """An output cannot be written, or would replace something that is not ours to replace."""


class DisplayError(FerError):
    """No window can be opened."""


class WorkerError(FerError):
    """A worker process died before its task was done."""


class ClusterError(FerError):
    """A cluster cannot be reached, was lost, or does not see the same as this machine."""
