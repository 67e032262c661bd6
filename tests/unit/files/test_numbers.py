"""Spellings of numbers, by Hypothesis: `judge` accepts all that `phone.normalise` accepts."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async import ValidationError, phone
from smsworks_async.files import read_recipients
from smsworks_async.files.numbers import judge, judge_each, looks_like_number


RULE = phone.destination_rule(international=False)
LAST = st.integers(0, 999).map("{:03d}".format)
PREFIXES = st.sampled_from(["07700", "+447700", "00447700", "447700", "7700", "+44 (0)7700"])
TRACES = st.sampled_from(["{}", "'{}", " {} ", '="{}"', "\u200e{}\u202c", "{}\u00a0", "\u2018{}"])
BLANKS = st.sampled_from(["", " ", "-", ".", "\u00a0"])
SPELLED = st.tuples(PREFIXES, BLANKS, LAST, TRACES)


def spell(parts):
    prefix, blank, last, trace = parts
    return trace.format(f"{prefix}{blank}900{blank}{last}"), f"447700900{last}"


@given(SPELLED.map(spell))
def test_judge_takes_every_spelling_of_a_number_that_a_person_or_a_spreadsheet_writes(spelled):
    cell, wire = spelled
    verdict = judge(cell, RULE)
    assert verdict.destination == wire, verdict.problem
    assert judge_each([cell], RULE)[0] == [wire]


@given(st.integers(0, 999))
def test_judge_takes_numbers_of_workbooks_and_mends_those_without_country_code(last):
    wire = f"447700900{last:03d}"
    assert judge(float(wire), RULE) == (wire, "", "", "")
    lost = judge(float(wire[2:]), RULE)
    assert (lost.destination, "leading 0" in lost.notice) == (wire, True)


@given(st.integers(0, 999), st.sampled_from([".0", ",0"]), st.sampled_from(["44", ""]))
def test_judge_mends_numbers_that_were_written_as_decimals(last, decimals, prefix):
    verdict = judge(f"{prefix}7700900{last:03d}{decimals}", RULE)
    assert verdict.destination == f"447700900{last:03d}"
    assert "decimal" in verdict.notice
    assert ("leading 0" in verdict.notice) == (not prefix)


@given(st.integers(0, 999), st.sampled_from([".", ","]), st.integers(2, 11))
def test_judge_sets_scientific_notation_aside_unless_all_digits_are_there(last, point, digits):
    wire = f"447700900{last:03d}"
    cell = f"{wire[0]}{point}{wire[1 : 1 + digits]}E+11"
    verdict = judge(cell, RULE)
    if digits == 11:
        assert (verdict.destination, "scientific" in verdict.notice) == (wire, True)
    else:
        assert verdict.destination is None
        assert "lost digits" in verdict.problem


@pytest.mark.parametrize("cell", [447701000000.0, 447701000000, 7701000000.0])
def test_judge_sets_a_cells_number_aside_whose_last_six_digits_a_spreadsheet_has_made_zeros(cell):
    """Check numbers such as 447701000000: saved as 4.47701E+11 and read again, digits are lost."""
    verdict = judge(cell, RULE)
    assert verdict.destination is None
    assert "last six digits" in verdict.problem
    assert judge_each(["", cell], RULE)[1][1] == judge_each([cell], RULE)[1][0] == verdict
    assert judge_each([cell], RULE)[0] == [None]
    assert looks_like_number(cell, RULE)
    # Text was entered by a person, so its zeros are genuine.
    assert judge(str(int(cell)), RULE).destination == "447701000000"
    assert judge_each([str(int(cell))], RULE)[0] == ["447701000000"]


@given(
    st.lists(SPELLED.map(spell), min_size=2, max_size=3),
    st.sampled_from([" / ", "; ", ", ", "\n", " or ", "|", " & "]),
)
def test_judge_sets_several_numbers_in_a_cell_aside(spelled, between):
    cell = between.join(text.strip("=\"'\u2018 ") for text, _ in spelled)
    verdict = judge(cell, RULE)
    assert (verdict.destination, verdict.problem) == (None, "it holds more than one number")


@pytest.mark.parametrize("cell", ["+33 6 12 34 56 78", "0033612345678"])
def test_judge_suggests_to_allow_a_number_outside_the_uk(cell):
    assert "(--international)" in judge(cell, RULE).suggestion
    assert "(--international)" not in judge("+44 20 7946 0018", RULE).suggestion


@given(st.text(max_size=30) | st.floats() | st.none() | st.booleans() | st.integers())
def test_judge_raises_for_no_cell_and_takes_no_more_than_the_rule(cell):
    verdict = judge(cell, RULE)
    assert (verdict.destination is None) == bool(verdict.problem)
    if verdict.destination is None:
        assert verdict.suggestion
        return
    assert RULE(verdict.destination) == verdict.destination


@given(
    st.lists(
        st.text("0123456789+ 'eE.,()-ab\u200b\u0661", max_size=16) | SPELLED.map(spell).map(min)
    )
)
def test_judge_each_finds_what_judge_finds(cells):
    """Check that the fast path for many cells has the same results as `judge` for each cell."""
    destinations, others = judge_each(cells, RULE)
    for index, cell in enumerate(cells):
        verdict = judge(cell, RULE)
        assert destinations[index] == verdict.destination
        assert (index in others) >= bool(verdict.notice or verdict.problem)
        if index in others and verdict.destination is None:
            assert others[index] == verdict


@given(st.lists(st.text("0123456789+ '()-/", min_size=1, max_size=16), min_size=1))
def test_read_recipients_takes_what_normalise_takes(cells):
    file = io.StringIO()
    csv.writer(file).writerows([["Name", "Mobile"], *(("x", cell) for cell in cells)])
    taken = {row.number: row.destination for row in read_recipients(file_at_start(file))}
    for number, cell in enumerate(cells, 2):
        try:
            expected = phone.normalise(cell)
        except ValidationError:
            expected = None
        if taken.get(number) != expected:  # `normalise` ignores a slash between two numbers
            assert taken[number] is None
            assert "/" in cell


def file_at_start(file):
    return io.StringIO(file.getvalue())
