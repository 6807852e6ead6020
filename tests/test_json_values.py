"""Plain values that somebody else may have written, and what is asked of them."""

from __future__ import annotations

import pytest

from fer_pipeline.json_values import fits

RECORD = {"name": str, "sizes": [int], "made": {"seed": int}, "other": {}}
WHOLE = {"name": "a", "sizes": [1, 2], "made": {"seed": 3}, "other": {"anything": None}}


@pytest.mark.parametrize(
    ("values", "ways"),
    [
        (WHOLE, {"any", "all", "only"}),
        (WHOLE | {"more": 1}, {"any", "all"}),
        (WHOLE | {"made": {"seed": 3, "more": 1}}, {"any", "all"}),
        ({"name": "a"}, {"any"}),
        (WHOLE | {"made": {}}, {"any"}),
        (WHOLE | {"made": {"seed": True}}, set()),
        (WHOLE | {"sizes": [1, "2"]}, set()),
        (WHOLE | {"other": []}, set()),
        ([], set()),
    ],
)
def test_a_pattern_asks_for_some_of_its_keys_all_of_them_or_them_only(values, ways):
    assert {way for way in ("any", "all", "only") if fits(values, RECORD, way)} == ways


def test_an_object_of_any_keys_asks_the_same_of_each():
    assert fits({"a": [1], "b": []}, {str: [int]}, "only")
    assert not fits({"a": [1], "b": 1}, {str: [int]})
