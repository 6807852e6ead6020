"""Damage to a good dataset, done with h5py or to its bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py


def edited(edit: Callable[[h5py.File], object]) -> Callable[[Path], None]:
    """Return what damages a good dataset with h5py."""

    def damage(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            edit(file)

    return damage


def put(name: str, value: object) -> Callable[[Path], None]:
    """Return what puts something else in the place of a column."""

    def edit(file: h5py.File) -> None:
        del file[name]
        if value is None:
            file.create_group(name)
        else:
            file[name] = value

    return edited(edit)


def set_cell(name: str, row: object, value: object) -> Callable[[Path], None]:
    def edit(file: h5py.File) -> None:
        file[name][row] = value

    return edited(edit)


def rename(names: str) -> Callable[[Path], None]:
    """Give the second of some names that of the first."""
    return edited(lambda file: file[names].__setitem__(1, file[names][0]))


def flip_a_byte(name: str) -> Callable[[Path], None]:
    """Change a byte in the middle of what the disk holds of a column's last chunk."""

    def damage(path: Path) -> None:
        with h5py.File(path) as file:
            chunk = file[name].id.get_chunk_info(file[name].id.get_num_chunks() - 1)
        data = bytearray(path.read_bytes())
        data[chunk.byte_offset + chunk.size // 2] ^= 0xFF
        path.write_bytes(data)

    return damage
