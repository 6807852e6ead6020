"""Where faults happen: a command with its input, and what it comes to when nothing disturbs it."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from random import Random

from tests.faults.commands import Command, Content
from tests.faults.processes import LostError, Run, empty, require


@dataclass(frozen=True)
class Alone:
    """A command that was left alone.

    Attributes:
        command: What was run.
        pristine: Folder with what it reads, and what was there before.
        before: What was there before.
        content: What it came to.
        seconds: How long it took.
        sizes: Bytes of the files it wrote.
    """

    command: Command
    pristine: Path
    before: Content
    content: Content
    seconds: float
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, command: Command, folder: Path) -> Alone:
        """Make a command's input below a folder, and run it there once."""
        pristine = folder / "pristine"
        (pristine / "out").mkdir(parents=True)
        command.prepare(pristine)
        command.begin(pristine)
        scene = folder / "alone"
        shutil.copytree(pristine, scene)
        started = time.monotonic()
        status, said = Run.start(command, scene).end()
        require(status == 0, f"undisturbed, it ended with {status}: {said}")
        seconds = time.monotonic() - started
        sizes = tuple(one.stat().st_size for one in (scene / "out").rglob("*") if one.is_file())
        before, content = command.content(pristine), command.content(scene)
        return cls(command, pristine, before, content, seconds, sizes)


class Outcome(Enum):
    """What became of a run into which a fault was to be injected."""

    TOO_LATE = "it ended before"
    STOPPED = "it ended without having done all"
    DONE = "it has done all"


@dataclass(frozen=True)
class Scene:
    """A place in which a command runs and something happens to it.

    Attributes:
        alone: The command and what it comes to.
        folder: The place.
    """

    alone: Alone
    folder: Path

    @property
    def command(self) -> Command:
        """What is run."""
        return self.alone.command

    @property
    def out(self) -> Path:
        """Folder into which it writes."""
        return self.folder / "out"

    def start(self, largest_file: int | None = None) -> Run:
        """Start the command."""
        return Run.start(self.command, self.folder, largest_file)

    def moment(self, random: Random, earliest: float = 0.0) -> float:
        """Return a random moment of a run, in seconds after its start."""
        return random.uniform(earliest, 1.0) * self.alone.seconds

    def earlier(self, share: float) -> Scene:
        """Return the same place, with moments drawn from a share of the time."""
        return replace(self, alone=replace(self.alone, seconds=share * self.alone.seconds))

    def reset(self) -> None:
        """Put everything as it was before the first run."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for part in ("in", "out", "tmp"):
            there = self.folder / part
            there.mkdir(exist_ok=True)
            empty(there)
            if (self.alone.pristine / part).exists():
                shutil.copytree(self.alone.pristine / part, there, dirs_exist_ok=True)

    def require_nothing_broken(self) -> None:
        """Make sure that what stands under a final name is as before, or complete."""
        for name, content in self.command.content(self.folder).items():
            if not re.search(self.command.changing, name):
                allowed = (self.alone.before.get(name), self.alone.content.get(name))
                require(content in allowed, f"{name}: neither as it was nor complete")

    def require_tidy(self) -> None:
        """Make sure that nothing is left but the result and what a second run goes on with."""
        left = [name for name in self._aside() if not re.search(self.command.needed, name)]
        require(not left, f"left behind: {', '.join(left)}")
        self._require_no_scratch()

    def require_complete(self) -> None:
        """Make sure that the result is that of an undisturbed run, and that nothing else is."""
        found, wanted = self.command.content(self.folder), self.alone.content
        differing = [name for name in found.keys() | wanted if found.get(name) != wanted.get(name)]
        require(not differing, f"not as undisturbed: {', '.join(sorted(differing))}")
        left = self._aside(folders=True)
        require(not left, f"left behind after all was done: {', '.join(left)}")

    def finish(self) -> None:
        """Run the command again, to the end, unless all that it changes was changed already."""
        if not (self.alone.before and self.command.content(self.folder) == self.alone.content):
            status, said = self.start().end()
            require(status == 0, f"run again, it ended with {status}: {said}")
        self.require_complete()

    def _aside(self, *, folders: bool = False) -> list[str]:
        paths = (path for path in sorted(self.out.rglob("*")) if folders or path.is_file())
        names = (path.relative_to(self.out).as_posix() for path in paths)
        return [name for name in names if self.command.is_kept_aside(name)]

    def _require_no_scratch(self) -> None:
        scratch = [path.name for path in (self.folder / "tmp").iterdir()]
        require(not scratch, f"left among temporary files: {', '.join(scratch)}")


@dataclass(frozen=True)
class Fault:
    """Something that happens to a command.

    Attributes:
        title: What, in a few words.
        inject: Starts the command and lets it happen; checks what can be checked right then.
        impossible: Why it cannot happen to a command here; None if it can.
        around: Prepares the scene for it, and puts it back.
    """

    title: str
    inject: Callable[[Scene, Random], Outcome]
    impossible: Callable[[Command], str | None] = lambda _: None
    around: Callable[[Scene], AbstractContextManager[object]] = lambda _: nullcontext()


# Moments are drawn from a time that gets shorter by this each time that a fault came too late.
_EARLIER = 0.7
_MOST_TRIES = 12


def strike(fault: Fault, scene: Scene, random: Random) -> None:
    """Let a fault happen once to a fresh scene, and run the command again until all is done.

    Raises:
        LostError: A promise was broken.
    """
    for tried in range(_MOST_TRIES):
        scene.reset()
        with fault.around(scene):
            outcome = fault.inject(scene.earlier(_EARLIER**tried), random)
            if outcome is Outcome.STOPPED:
                scene.require_nothing_broken()
                scene.finish()
            if outcome is not Outcome.TOO_LATE:
                scene.require_complete()
                return
    raise LostError(f"{fault.title}: came too late {_MOST_TRIES} times")


def strike_in_turn(faults: Iterable[Fault], scene: Scene, random: Random) -> None:
    """Let one fault after the other happen to a run that goes on; at the end, let it finish.

    Raises:
        LostError: A promise was broken.
    """
    scene.reset()
    for fault in faults:
        for tried in range(_MOST_TRIES):
            with fault.around(scene):
                outcome = fault.inject(scene.earlier(_EARLIER**tried), random)
                scene.require_nothing_broken()
                if outcome is Outcome.DONE:
                    scene.require_complete()
            if scene.command.content(scene.folder) == scene.alone.content:
                scene.reset()  # the next fault would find nothing to do
            if outcome is not Outcome.TOO_LATE:
                break
        else:
            raise LostError(f"{fault.title}: came too late {_MOST_TRIES} times")
    scene.finish()


def require_told(ended: tuple[int, str], statuses: Collection[int], words: str) -> str:
    """Make sure that a command ended as it should, and said so in words for its user.

    Args:
        ended: Its exit status and what it said.
        statuses: What it may be.
        words: Regular expression of what it says.
    """
    status, said = ended
    require(status in statuses, f"exit status {status}, not {statuses}: {said}")
    for unwanted in ("Traceback", "unexpected error", "Exception ignored"):
        require(unwanted not in said, f"said: {said}")
    require(re.search(words, said, re.MULTILINE), f"did not say {words!r}: {said}")
    return said
