"""What all commands have in common: help, exit statuses, and what they load."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner, Result

from fer_pipeline import __version__
from fer_pipeline.cli.console import reports
from fer_pipeline.cli.root import COMMANDS, Root, root
from fer_pipeline.errors import FerError
from tests.media import PARTICIPANTS

CLIP = PARTICIPANTS / "P00_happy.mp4"

HEAVY = {"tensorflow", "keras", "cv2", "av", "h5py", "matplotlib"}


def commands(
    command: click.Command = root, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command but the root, with the words that call it."""
    if path:
        yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, help_option_names=["-h", "--help"])
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, (*path, name))


ALL = dict(commands())

each_command = pytest.mark.parametrize("path", ALL, ids=" ".join)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


# Help


@each_command
def test_every_command_has_help(path, fer):
    for option in ("--help", "-h"):
        result = fer(*path, option)
        assert result.exit_code == 0
        assert result.stdout.startswith(f"Usage: root {' '.join(path)} ")
        assert result.stderr == ""


@each_command
def test_the_help_of_every_command_has_an_example_that_parses(path):
    help_text = ALL[path].help or ""
    lines = help_text.partition("Example:\n")[2].split("\n\n")[0].splitlines()
    examples = [shlex.split(line) for line in lines if line.strip()]
    assert examples
    for program, *words in examples:
        assert program == "fer"
        called, rest = _called(words)
        assert called[: len(path)] == path
        ALL[called].make_context(" ".join(called), rest)


def _called(words: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Divide the words of a command line into those of the command and its arguments."""
    path = max((path for path in ALL if tuple(words[: len(path)]) == path), key=len)
    return path, words[len(path) :]


@each_command
def test_every_option_of_every_command_is_explained(path):
    options = [one for one in ALL[path].params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help] == []


@each_command
def test_every_command_may_be_quiet_or_verbose(path):
    if not isinstance(ALL[path], click.Group):
        options = {name for one in ALL[path].params for name in one.opts}
        assert {"-q", "--quiet", "-v", "--verbose"} <= options


def test_the_list_of_commands_holds_the_first_line_of_each():
    helps = {name: (ALL[(name,)].help or "").partition("\n\n")[0] for name in COMMANDS}
    assert {name: " ".join(text.split()) for name, text in helps.items()} == COMMANDS


def test_no_arguments_show_the_help(fer):
    result = fer()
    assert "Usage:" in result.output
    assert all(name in result.output for name in COMMANDS)


def test_the_help_shows_the_three_steps(fer):
    lines = [line.strip() for line in fer("--help").stdout.splitlines()]
    steps = lines[lines.index("The three steps:") + 1 :][:3]
    assert steps == [
        "fer extract videos/",
        "fer train --data faces.h5",
        "fer annotate clip.mp4 --out labels.csv",
    ]


def test_the_module_is_the_command_too():
    result = run("-m", "fer_pipeline", "--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"fer, version {__version__}\n"


# Wrong usage


@pytest.mark.parametrize(
    "arguments",
    [
        ["--unknown"],
        ["unknown"],
        ["annotate"],
        ["extract"],
        ["train"],
        ["data", "unknown"],
        ["-q", "annotate", "clip.mp4"],
        *([*path, "--unknown"] for path in ALL),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(arguments, fer):
    result = fer(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert result.stdout == ""


# What an error becomes


def _fails_with(error: BaseException, *arguments: str) -> Result:
    """Run a command that raises an error, under the group of all commands."""

    @click.command("boom")
    @reports
    def boom(console: object) -> None:
        raise error

    class Failing(Root):
        def get_command(self, ctx: click.Context, name: str) -> click.Command:
            return boom

    return CliRunner().invoke(Failing("fer", package="", listed={}), ["boom", *arguments])


@pytest.mark.parametrize("verbosity", [[], ["-q"], ["-v"]])
@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (FerError("a.mp4: not a video"), 1, "fer: a.mp4: not a video"),
        (
            KeyError("name"),
            1,
            "fer: unexpected error: KeyError('name'); please report it, with -vv",
        ),
        (
            KeyboardInterrupt(),
            130,
            "fer: interrupted; what was finished is kept; run it again to go on",
        ),
    ],
)
def test_an_error_is_one_line_and_a_status(error, status, line, verbosity):
    result = _fails_with(error, *verbosity)
    assert result.exit_code == status
    assert (result.stdout, result.stderr) == ("", f"{line}\n")


INTERRUPTED_IN_SOURCE_TEXT = """
import sys
import click
from fer_pipeline.cli import main, networks

@click.command()
def hang():
    exec("import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)")

networks.command = hang
sys.argv = ["fer", "networks"]
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="no such signal on Windows")
def test_ctrl_c_while_source_text_is_run_is_a_status_and_no_signal(tmp_path):
    (tmp_path / "interrupted.py").write_text(INTERRUPTED_IN_SOURCE_TEXT)
    command = [sys.executable, "-m", "interrupted"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 130
    assert ended.stderr == "fer: interrupted; what was finished is kept; run it again to go on\n"


@pytest.mark.parametrize("error", [FerError("a.mp4: not a video"), KeyError("name")])
def test_the_traceback_is_there_for_whoever_asks(error):
    result = _fails_with(error, "-vv")
    assert result.exit_code == 1
    assert result.stderr.startswith("Traceback (most recent call last):\n")
    assert type(error).__name__ in result.stderr
    assert result.stderr.splitlines()[-1].startswith("fer: ")


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_is_gone_is_no_error_worth_a_word():
    command = [sys.executable, "-m", "fer_pipeline", "networks"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""


# What is loaded

HELP_THEN_HEAVY = """
import json, sys
from click.testing import CliRunner
from fer_pipeline.cli.root import root
heavy, paths = map(json.loads, sys.argv[1:])
found = {}
for path in paths:
    assert CliRunner().invoke(root, [*path, "--help"]).exit_code == 0, path
    found["fer " + " ".join(path)] = [name for name in heavy if name in sys.modules]
print(json.dumps(found))
"""


def test_no_help_loads_a_heavy_library():
    paths = [[], *map(list, ALL)]
    result = run("-c", HELP_THEN_HEAVY, json.dumps(sorted(HEAVY)), json.dumps(paths))
    assert result.returncode == 0, result.stderr
    loaded = json.loads(result.stdout)
    assert len(loaded) == len(ALL) + 1
    assert {command: names for command, names in loaded.items() if names} == {}


LOADED_AT_EXIT = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from fer_pipeline.cli import main
main()
"""


def loaded_by(*arguments: object) -> set[str]:
    """Run ``fer`` in a process of its own; return the modules that it loaded."""
    result = run("-c", LOADED_AT_EXIT, *map(str, arguments))
    assert result.returncode == 0, result.stderr
    return set(result.stderr.splitlines()[-1].split())


def test_the_list_of_commands_loads_none_of_them():
    loaded = loaded_by("--help")
    assert "fer_pipeline.cli.root" in loaded
    assert not {"numpy", "fer_pipeline.cli.annotate", "fer_pipeline.training"} & loaded


def test_annotating_a_clip_loads_neither_tensorflow_nor_keras(model_folder, tmp_path):
    loaded = loaded_by(
        "annotate", CLIP, "--every", 25, "--model", model_folder, "--out", tmp_path / "labels.csv"
    )
    assert {"av", "cv2", "ai_edge_litert"} <= loaded
    assert {"tensorflow", "keras", "h5py", "matplotlib"} & loaded == set()
