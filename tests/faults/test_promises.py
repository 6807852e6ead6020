"""The document of promises names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
TEXT = (TESTS.parent / "docs" / "reliability.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", TEXT)))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_each_promise_is_shown_by_a_test(file, test):
    assert f"def {test}(" in (TESTS / file).read_text("utf-8")


def test_no_promise_is_without_a_test():
    promises = TEXT.partition("## What is not promised")[0].split("\n- ")[1:]
    assert len(promises) > 40
    assert [one for one in promises if "::test_" not in one] == []
