"""The detection of numbers and texts in files, as used by tests."""

from __future__ import annotations

import json

import pytest

from support.traces import found


NUMBER, WORD = "447700900123", "Café Zoë"


@pytest.mark.parametrize(
    "shown",
    ["447700900123", "321009007744", "44 77 00 90 01 23", "447700091032", "447700900123 in full"],
)
def test_found_finds_a_number(shown):
    assert found(f"x{shown}y".encode(), numbers=[NUMBER], words=[])


@pytest.mark.parametrize(
    "shown",
    [
        WORD.encode(),
        json.dumps(WORD).encode(),
        WORD.encode("utf-16-le"),
        WORD.encode().hex().encode(),
        b"Q2Fmw6kgWm/Dqw==",
    ],
)
def test_found_finds_a_word(shown):
    assert found(b"x" + shown, numbers=[], words=[WORD])


def test_found_finds_nothing_in_other_numbers_and_words():
    assert not found(b"447700900132 Cafe Zoe", numbers=[NUMBER], words=[WORD])
