"""Files appear when they are complete, and never in part."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from pathlib import Path

import pytest

from fer_pipeline.errors import OutputError, VideoError
from fer_pipeline.files import (
    FileState,
    PathKind,
    digest_of,
    kind_of,
    name_attempt,
    name_digest,
    put_back,
    reason,
    remove_attempts,
    remove_folder,
    remove_if_empty,
    replace_folder,
    replacing,
    require_room,
    writing,
)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def folder_with(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "file").write_text(text)
    return path


def write_half(target: Path, error: type[BaseException]) -> None:
    with replacing(target) as unfinished:
        unfinished.write_text("half of i")
        raise error


# Files


def test_a_file_appears_when_its_block_ends(tmp_path):
    target = tmp_path / "new" / "folder" / "a.txt"
    with replacing(target) as unfinished:
        unfinished.write_text("all of it")
        assert not target.exists()
    assert target.read_text() == "all of it"
    assert names_in(target.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [OSError, ValueError, KeyboardInterrupt])
def test_after_an_error_the_old_file_is_as_it_was_and_nothing_is_beside_it(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(OutputError if error is OSError else error):
        write_half(target, error)
    assert target.read_text() == "old"
    assert names_in(tmp_path) == ["a.txt"]


def test_a_file_left_by_a_killed_run_is_replaced(tmp_path):
    (tmp_path / "a.txt.unfinished").write_text("of a run that was killed")
    with replacing(tmp_path / "a.txt") as unfinished:
        unfinished.write_text("new")
    assert names_in(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "new"


def test_attempts_that_have_names_do_not_disturb_each_other(tmp_path):
    target = tmp_path / "a.txt"
    try:
        name_attempt("0" * 16)
        with replacing(target) as one:
            one.write_text("by one")
            name_attempt("1" * 16)
            with replacing(target) as other:
                other.write_text("by the other")
            assert target.read_text() == "by the other"
            assert one.read_text() == "by one"
    finally:
        name_attempt("")
    assert target.read_text() == "by one"
    assert names_in(tmp_path) == ["a.txt"]


def test_what_killed_attempts_left_is_removed_and_nothing_else(tmp_path):
    left = f"a.txt.{'0' * 16}.unfinished"
    others = (
        "a.txt",
        "a.txt.unfinished",
        f"b.txt.{'0' * 16}.unfinished",
        f"a.txt.{'0' * 16}.unfinished.txt",
        "a.txt.0.unfinished",
    )
    for name in (left, *others):
        (tmp_path / name).touch()
    remove_attempts([tmp_path / "a.txt", tmp_path / "missing" / "a.txt"])
    assert names_in(tmp_path) == sorted(others)


def test_a_file_cannot_be_written_below_a_file(tmp_path):
    (tmp_path / "a.txt").write_text("no folder")
    below = tmp_path / "a.txt" / "b.txt"
    with pytest.raises(OutputError, match=r"b\.txt: cannot be written"), replacing(below):
        pass


def test_a_file_does_not_take_the_place_of_a_folder(tmp_path):
    folder = folder_with(tmp_path / "folder", "kept")
    with pytest.raises(OutputError, match="cannot be written"), replacing(folder) as unfinished:
        unfinished.write_text("new")
    assert names_in(tmp_path) == ["folder"]
    assert names_in(folder) == ["file"]


def test_the_reason_is_the_systems_own_in_few_words():
    error = OSError(errno.ENOSPC, "Driver write request failed (a line\nand another)")
    assert reason(error) == os.strerror(errno.ENOSPC)
    assert reason(OSError("file signature not found")) == "file signature not found"


def test_more_room_than_the_disk_has_is_refused(tmp_path):
    require_room(tmp_path, 1)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        require_room(tmp_path, shutil.disk_usage(tmp_path).total + 1)


# Folders


def test_a_finished_folder_takes_the_place_of_another(tmp_path):
    target = folder_with(tmp_path / "model", "old")
    (target / "only in the old one").touch()
    aside = folder_with(tmp_path / "aside", "of a run that was killed")
    replace_folder(folder_with(tmp_path / "finished", "new"), target, aside)
    assert names_in(tmp_path) == ["model"]
    assert names_in(target) == ["file"]
    assert (target / "file").read_text() == "new"


def test_a_finished_folder_may_be_the_first(tmp_path):
    finished = folder_with(tmp_path / "finished", "new")
    replace_folder(finished, tmp_path / "model", tmp_path / "aside")
    assert names_in(tmp_path) == ["model"]


def test_a_folder_that_cannot_be_replaced_is_as_it_was(tmp_path):
    target = folder_with(tmp_path / "model", "old")
    with pytest.raises(OutputError, match="model: cannot be written"):
        replace_folder(tmp_path / "missing", target, tmp_path / "aside")
    assert names_in(tmp_path) == ["model"]
    assert (target / "file").read_text() == "old"


def test_only_the_folder_named_is_used_to_put_the_old_one_aside(tmp_path):
    target = folder_with(tmp_path / "model", "old")
    kept = folder_with(tmp_path / "model.old", "the user's own")
    replace_folder(folder_with(tmp_path / "finished", "new"), target, tmp_path / "aside")
    assert names_in(tmp_path) == ["model", "model.old"]
    assert (kept / "file").read_text() == "the user's own"


def test_a_folder_put_aside_gets_its_place_back_unless_it_is_taken(tmp_path):
    target, aside = tmp_path / "model", folder_with(tmp_path / "aside", "old")
    for _ in range(2):
        put_back(aside, target)
        assert names_in(tmp_path) == ["model"]
    folder_with(aside, "older")
    put_back(aside, target)
    assert (target / "file").read_text() == "old"


def test_what_the_system_refuses_while_writing_is_one_line(tmp_path):
    def refuse() -> None:
        raise OSError(errno.ENOSPC, "a line\nand another")

    with pytest.raises(OutputError) as error, writing(tmp_path / "model"):
        refuse()
    full = os.strerror(errno.ENOSPC)
    assert str(error.value) == f"{tmp_path / 'model'}: cannot be written ({full})"


def test_only_an_empty_folder_is_removed_where_others_may_have_files(tmp_path):
    empty, full = tmp_path / "empty", folder_with(tmp_path / "full", "text")
    empty.mkdir()
    for folder in (empty, full, tmp_path / "missing"):
        remove_if_empty(folder)
    assert names_in(tmp_path) == ["full"]
    for folder in (full, tmp_path / "missing"):
        remove_folder(folder)
    assert names_in(tmp_path) == []


# What tells a source


def test_the_state_of_a_file_tells_its_size_and_its_time(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"12345")
    os.utime(file, ns=(1, 1_600_000_000_000_000_000))
    assert FileState.of(file) == FileState(5, 1_600_000_000_000_000_000)


def test_the_digest_of_a_file_is_the_sha256_of_its_content(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(content)
    assert digest_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_names_of_any_kind_have_short_plain_names_of_their_own():
    names = ["a.mp4", "A.mp4", "b/a.mp4", "日本 語.mp4", "x" * 300, "con"]
    digests = {name_digest(name) for name in names}
    assert len(digests) == len(names)
    assert all(len(digest) == 32 and digest.isalnum() for digest in digests)
    assert name_digest("a.mp4") == name_digest("a.mp4")


def test_what_there_is_at_a_path(tmp_path):
    (tmp_path / "a.csv").touch()
    assert kind_of(tmp_path, VideoError) is PathKind.FOLDER
    assert kind_of(tmp_path / "a.csv", VideoError) is PathKind.FILE
    assert kind_of(tmp_path / "b.csv", VideoError) is PathKind.MISSING
    assert kind_of(tmp_path / "a.csv" / "b.csv", VideoError) is PathKind.MISSING


@pytest.mark.parametrize("refused", [errno.EACCES, errno.ENAMETOOLONG])
@pytest.mark.parametrize("family", [VideoError, OutputError])
def test_what_the_system_does_not_say_is_one_line_of_the_callers_family(
    refused, family, monkeypatch
):
    def refuse(path: Path) -> os.stat_result:
        raise OSError(refused, os.strerror(refused), str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(family) as error:
        kind_of(Path("a.mp4"), family)
    assert str(error.value).startswith(f"a.mp4: cannot be read ({os.strerror(refused)}); ")
