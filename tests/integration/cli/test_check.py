"""`smsworks check`: the drawing of a text's segments."""
# The tests need characters that look alike.
# ruff: noqa: RUF001

from __future__ import annotations

import pytest

from smsworks_async.text import measure, split
from support.command_docs import shapes


def test_check_has_the_documented_shape(command_line):
    done = command_line("check", "Don’t be late", "--json")
    assert done.code == 0
    assert done.record == shapes()["check"]
    assert list(done.record) == list(shapes()["check"])
    assert not command_line.home.exists()


def test_check_draws_each_segment_with_marks_below_what_forces_unicode(command_line):
    done = command_line("check", "Don’t be late 你")
    assert done.out.splitlines() == [
        "Encoding  Unicode, because of 2 characters",
        "Length    15 UTF-16 units",
        "Segments  1",
        "Credits   1 for one UK recipient",
        "",
        "Segment 1 of 1: 15 of 70",
        "  │ Don’t be late 你",
        "  │    ^          ^^",
        "",
        "    Code    Not in the GSM alphabet      At  With --gsm",
        "’   U+2019  RIGHT SINGLE QUOTATION MARK  4   '",
        "你  U+4F60  CJK UNIFIED IDEOGRAPH-4F60   15  stays",
        "",
        "With --gsm: Unicode, 1 segment, 1 credit:",
        "Don't be late 你",
    ]


@pytest.mark.parametrize("text", ["Hello", "x" * 400, "[" * 200, "😀" * 80, "a\nb\x1bc", ""])
def test_check_shows_all_of_a_text(text, command_line):
    done = command_line("check", text)
    assert done.code == 0
    assert f"Segments  {measure(text).segments}\n" in done.out
    assert done.out.count("\nSegment ") == len(split(text))
    drawn = [line[4:] for line in done.out.splitlines() if line.startswith("  │ ")]
    drawn = "".join(line for line in drawn if set(line) - set(" ^"))
    assert drawn == text.replace("\n", "↵").replace("\x1b", "\\x1b")
    assert max(map(len, done.out.splitlines())) <= 80


def test_check_reads_standard_input(command_line):
    done = command_line("check", "-", "--json", stdin="One\nTwo\n")
    assert done.record["parts"] == ["One\nTwo"]


def test_check_says_that_a_text_is_too_long(command_line):
    assert "at most 1280" in command_line("check", "x" * 1281).out
    assert "at most 1280" not in command_line("check", "x" * 1280).out


def test_check_refuses_half_of_a_character(command_line):
    done = command_line("check", "\ud83d")
    assert done.code == 2
    assert "surrogate" in done.error


def test_check_names_at_most_ten_offenders_and_five_places(command_line):
    shown = command_line("check", "абвгдежзийклмн" + "😀" * 7).out
    assert "and 5 others" in shown
    assert ", ..." in command_line("check", "😀" * 7).out
