"""Whether a cascade file is one, all through: OpenCV believes every number in it.

An index beyond a list, a rectangle beyond the window or a tree that leads back to itself would make
OpenCV read what is not its own, or never come back. Source: ``cascadedetect.cpp`` of OpenCV 4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

_DEEPEST = 16
"""Elements within each other: real cascades have nine. OpenCV's parser goes down without an end."""

_LARGEST_WINDOW = 1024

MOST_BYTES = 2**26
"""Fifty times the largest cascade that OpenCV ships."""

_MOST_RECTANGLES = 3

_LBP_CATEGORIES, _LBP_CELLS = 256, 3


class UnsoundError(ValueError):
    """What is wrong with a cascade."""


def check_xml(data: bytes) -> None:
    """Make sure that a file is plain XML, before OpenCV parses it.

    Raises:
        UnsoundError: It is no XML, too large, too deep, or declares a document type.
    """
    if len(data) > MOST_BYTES:
        raise UnsoundError(f"larger than {MOST_BYTES >> 20} MiB")
    depth = 0

    def begin(_name: str, _attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise UnsoundError("too deep")

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: object) -> None:
        raise UnsoundError("it declares a document type")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UnsoundError(f"no XML: {error}") from error


def check_cascade(root: Any) -> None:
    """Make sure that no number of a cascade leads beyond it.

    Args:
        root: The ``cv2.FileNode`` of the cascade.

    Raises:
        UnsoundError: One does.
    """
    if _has(root, "size") and not _has(root, "featureType"):
        raise UnsoundError("it is in the format of OpenCV 1, without featureType")
    kind = root.getNode("featureType").string() if _has(root, "featureType") else ""
    if kind not in ("HAAR", "LBP"):
        raise UnsoundError("its features are neither HAAR nor LBP")
    window = tuple(_whole(_child(root, side)) for side in ("width", "height"))
    if not all(0 < side <= _LARGEST_WINDOW for side in window):
        raise UnsoundError(f"its window is {window[0]} x {window[1]}")
    categories = _whole(_child(_child(root, "featureParams"), "maxCatCount"))
    if categories != (_LBP_CATEGORIES if kind == "LBP" else 0):
        raise UnsoundError(f"it has {categories} categories")
    features = list(_items(_child(root, "features")))
    for feature in features:
        _check_feature(feature, kind, window)
    step = 3 + (_LBP_CATEGORIES // 32 if kind == "LBP" else 1)
    for stage in _items(_child(root, "stages")):
        _number(_child(stage, "stageThreshold"))
        for tree in _items(_child(stage, "weakClassifiers")):
            _check_tree(tree, step, len(features))


def _check_feature(feature: Any, kind: str, window: tuple[int, ...]) -> None:
    if kind == "LBP":
        x, y, width, height = _wholes(_child(feature, "rect"), 4)
        _check_within((x, y, _LBP_CELLS * width, _LBP_CELLS * height), window)
        return
    rectangles = list(_items(_child(feature, "rects")))
    if not 1 <= len(rectangles) <= _MOST_RECTANGLES:
        raise UnsoundError(f"a feature has {len(rectangles)} rectangles")
    tilted = _has(feature, "tilted") and _whole(feature.getNode("tilted"))
    for rectangle in rectangles:
        if rectangle.size() != 5:
            raise UnsoundError(f"a rectangle has {rectangle.size()} numbers")
        _number(rectangle.at(4))
        x, y, width, height = (_whole(rectangle.at(index)) for index in range(4))
        if tilted:  # it goes down to the left by its height, and to the right by its width
            _check_within((x - height, y, width + height, width + height), window)
        _check_within((x, y, width, 1 if tilted else height), window)


def _check_within(rectangle: tuple[int, int, int, int], window: tuple[int, ...]) -> None:
    x, y, width, height = rectangle
    inside = x >= 0 and y >= 0 and x + width <= window[0] and y + height <= window[1]
    if not inside or width < 1 or height < 1:
        raise UnsoundError("a rectangle lies beyond its window")


def _check_tree(tree: Any, step: int, features: int) -> None:
    numbers, leaves = _child(tree, "internalNodes"), _child(tree, "leafValues")
    nodes, left_over = divmod(numbers.size(), step)
    if left_over or not nodes or leaves.size() != nodes + 1:
        raise UnsoundError("a tree has too few or too many numbers")
    for node in range(nodes):
        *branches, feature = (_whole(numbers.at(node * step + place)) for place in range(3))
        if not 0 <= feature < features:
            raise UnsoundError(f"a tree asks for feature {feature} of {features}")
        for place in range(3, step):
            _number(numbers.at(node * step + place))
        for branch in branches:
            # Upwards only, so that each way ends; leaves count downwards from 0.
            if not (node < branch < nodes or -nodes <= branch <= 0):
                raise UnsoundError("a tree leads nowhere")
    for leaf in _items(leaves):
        _number(leaf)


def _has(node: Any, name: str) -> bool:
    return bool(node.isMap()) and not node.getNode(name).empty()


def _child(node: Any, name: str) -> Any:
    if not _has(node, name):
        raise UnsoundError(f"it lacks {name}")
    return node.getNode(name)


def _items(node: Any) -> Iterator[Any]:
    if not node.isSeq() or not node.size():
        raise UnsoundError(f"{node.name()} is no list")
    return (node.at(index) for index in range(node.size()))


def _wholes(node: Any, count: int) -> tuple[int, ...]:
    if not node.isSeq() or node.size() != count:
        raise UnsoundError(f"{node.name()} has not {count} numbers")
    return tuple(map(_whole, _items(node)))


def _whole(node: Any) -> int:
    number = _number(node)
    if not number.is_integer():
        raise UnsoundError(f"{number:g} is no whole number")
    return int(number)


def _number(node: Any) -> float:
    number = float(node.real()) if node.isInt() or node.isReal() else math.nan
    if not math.isfinite(number):
        raise UnsoundError(f"{node.name()} is no number")
    return number
