"""Notes on the files in a folder, whatever became of the run that wrote the last one."""

from __future__ import annotations

import pytest

from fer_pipeline.outputs import Output, add_to_manifest, read_manifest


@pytest.fixture
def output(tmp_path):
    return Output(tmp_path, "csv", folder=True)


@pytest.mark.parametrize("kept", [1, 5, -1, -3])
def test_a_note_cut_short_costs_no_other(output, kept):
    add_to_manifest(output, "a.mp4", {"size": 1})
    whole = output.manifest.read_bytes()
    add_to_manifest(output, "Zoë.mp4", {"size": 2})
    second = output.manifest.read_bytes()[len(whole) :]
    # As a killed run leaves it; "ë" has two bytes.
    output.manifest.write_bytes(whole + second[:kept])
    add_to_manifest(output, "b.mp4", {"size": 3})
    assert read_manifest(output).items() >= {"a.mp4": {"size": 1}, "b.mp4": {"size": 3}}.items()


def test_a_note_cut_within_a_letter_can_be_read_over(output):
    add_to_manifest(output, "a.mp4", {"size": 1})
    with output.manifest.open("ab") as file:
        file.write('{"video": "Zoë'.encode()[:-1])
    assert read_manifest(output) == {"a.mp4": {"size": 1}}


def test_a_note_for_which_there_is_no_room_is_not_there_in_part(small_disk):
    from fer_pipeline.errors import OutputError

    output = Output(small_disk, "csv", folder=True)
    add_to_manifest(output, "a.mp4", {"size": 1})
    whole = output.manifest.read_bytes()
    with (small_disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(2**20)) == 2**20:
            pass
    with pytest.raises(OutputError, match="No space left on device"):
        add_to_manifest(output, "b" * 2**13, {"size": 2})
    assert output.manifest.read_bytes() == whole
