import contextlib
import enum
import pickle
import re
from collections import UserString
from decimal import Decimal
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from smsworks_async.errors import ValidationError
from smsworks_async.phone import (
    apply_rule,
    are_normalised,
    canonical,
    destination_rule,
    digits_of,
    is_uk,
    mask,
    normalise,
)


# What follows the 7 of a mobile: neither a personal number (070) nor a pager (076).
NINE_DIGITS = st.from_regex("(?:[1-57-9][0-9]|62)4[0-9]{6}", fullmatch=True)


PREFIXES = ["0", "", "44", "+44", "0044", "+44(0)", "+44 (0)", "0044 (0)", "44 0", "(+44) ", "(0)"]


SEPARATORS = ["", " ", "  ", "-", ".", "/", "\u00a0", "\u2009", "\u2011", "\u2013", "\u200b"]


def refusal(number, **options):
    with pytest.raises(ValidationError) as refused:
        normalise(number, **options)
    assert refused.value.field == "destination"
    assert refused.value.code == 4004
    return str(refused.value)


@pytest.mark.parametrize(
    "written",
    [
        "07700900123",
        "7700900123",
        "447700900123",
        "+447700900123",
        "00447700900123",
        "4407700900123",
        "07700 900123",
        "07700 900 123",
        "0 7 7 0 0 9 0 0 1 2 3",
        "07700) 900123",
        "07700-900-123",
        "07700.900.123",
        "07700/900123",
        "(07700) 900123",
        "(0)7700 900123",
        "[07700] 900123",
        "+44 7700 900123",
        "+44 (0)7700 900123",
        "+44(0)7700900123",
        "+44 ( 0 ) 7700 900123",
        "+44 [0] 7700 900123",
        "(+44) 7700 900123",
        "(0044) (0) 7700-900-123",
        "  07700 900123\t\n",
        "07700\u00a0900\u202f123",
        "07700\u2011900\u2013123",
        "\u202a+44 7700 900123\u202c",  # as copied from a phone's contacts
        "\ufeff07700900123",
        "'07700900123",
        "7700900123.0",
        "447700900123.0",
        "+44·7700·900123",
        "０７７００　９００１２３",  # noqa: RUF001
        "＋４４（０）７７００９００１２３",  # noqa: RUF001
        "٠٧٧٠٠٩٠٠١٢٣",
        7700900123,
        447700900123,
    ],
)
def test_normalise_reads_a_uk_mobile_in_every_spelling(written):
    assert normalise(written) == "447700900123"


@given(NINE_DIGITS, st.sampled_from(PREFIXES), st.data())
def test_normalise_returns_the_same_number_for_any_prefix_and_any_separators(digits, prefix, data):
    written = prefix + "7"
    for digit in digits:
        written += data.draw(st.sampled_from(SEPARATORS)) + digit
    # A single dot before a final 0 is taken for a float that a spreadsheet wrote.
    assume(not (written.endswith(".0") and written.count(".") == 1))
    assert normalise(written) == "447" + digits


@given(NINE_DIGITS)
def test_normalise_takes_an_integer_that_has_lost_its_leading_zero(digits):
    assert normalise(int("7" + digits)) == "447" + digits
    assert normalise(int("447" + digits)) == "447" + digits


def test_normalise_takes_whatever_counts_as_an_integer():
    class Int64:  # as NumPy's
        def __index__(self):
            return 7700900123

    assert normalise(Int64()) == "447700900123"


@pytest.mark.parametrize(
    "mobile", ["07300 900123", "07797 700123", "07781 100123", "07624 200123", "7624200123"]
)
def test_normalise_takes_every_mobile_range_those_of_the_islands_among_them(mobile):
    assert normalise(mobile) == "44" + mobile.replace(" ", "").removeprefix("0")


@pytest.mark.parametrize("country_code", ["0", "", "44", "+44", "0044 (0)"])
@pytest.mark.parametrize("options", [{}, {"international": True}, {"region": "GB"}])
@pytest.mark.parametrize(
    ("number", "kind"),
    [("7000 900123", "personal"), ("7600 900123", "pager"), ("7625 900123", "pager")],
)
def test_normalise_refuses_personal_numbers_and_pagers(number, kind, country_code, options):
    assert kind in refusal(country_code + number, **options)


OUTSIDE = [
    "+1 202 555 0123",
    "+33 1 99 00 00 00",
    "33123456789",
    33123456789,
    "1632 960001",
    "31/12/2031",
    "192.0.2.144",
    "77001234567",
    "1234567",
]


@pytest.mark.parametrize("number", OUTSIDE)
def test_normalise_refuses_a_number_outside_the_uk_and_says_what_to_do(number):
    problem = refusal(number)
    assert "outside the UK" in problem
    assert "international=True" in problem


@pytest.mark.parametrize(
    ("number", "wire"),
    [
        (447700900123.0, "447700900123"),
        (7700900123.0, "447700900123"),
        ("447700900000.0", "447700900000"),
        ("4.47700900123E+11", "447700900123"),
        ("4,47700900123e11", "447700900123"),
        ("447700900123E0", "447700900123"),
        ("7.700900123E+9", "447700900123"),
        (Decimal(447700900123), "447700900123"),
        (Decimal("447700900123.0"), "447700900123"),
        (np.int64(447700900123), "447700900123"),
        (np.uint64(7700900123), "447700900123"),
        (np.float64(447700900123), "447700900123"),
        (np.str_("07700 900123"), "447700900123"),
        (UserString("07700 900123"), "447700900123"),
    ],
)
def test_normalise_takes_a_number_with_all_its_digits_whatever_its_type(number, wire):
    normalised = normalise(number)
    assert normalised == wire
    assert type(normalised) is str


def test_normalise_reads_the_characters_of_a_string_subclass():
    class Number(str, enum.Enum):  # noqa: UP042 - whose `str` is another
        ADA = "447700900123"

    normalised = normalise(Number.ADA)
    assert normalised == "447700900123"
    assert type(normalised) is str


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "destination is missing; pass a number"),
        ("   ", "destination is missing; pass a number"),
        ("-", "it has no digits, too few"),
        ("+", "it has no digits, too few"),
        ("900123", "it has 6 digits, too few"),
        ("+33", "it has 2 digits, too few"),
        ("n/a", "letters"),
        ("07700 9OO123", "letters"),
        ("07700 900123 ext 4", "letters"),
        ("anna@example.org", "letters"),
        ("07700900123 (Ann)", "letters"),
        ("4.477E+11", "lost digits"),
        ("4.47701E+11", "lost digits"),
        ("4,477e11", "lost digits"),
        ("4.477E-11", "letters"),
        ("4.477009001234E+11", "lost digits"),
        ("07700 90012", "07 or 447 and then nine digits"),
        ("07700 9001234", "07 or 447 and then nine digits"),
        ("+44 7700 90012", "07 or 447 and then nine digits"),
        ("+44 (0)7700 9001234", "07 or 447 and then nine digits"),
        ("020 7946 0018", "its country code first"),
        ("01632 960018", "its country code first"),
        ("0447700900123", "its country code first"),
        ("+07700 900123", "not a UK mobile"),
        ("+44 20 7946 0018", "447 and then nine digits"),
        ("442079460018", "447 and then nine digits"),
        ("770090012", "not a UK mobile"),
        ("+7700900123", "not a UK mobile"),
        ("07700 900123 / 07700 900124", "one number at a time"),
        ("07700900123,07700900124", "',' does not belong"),
        ("07700900123;", "';' does not belong"),
        ("+447700900123+", "'+' does not belong"),
        ("++447700900123", "'+' does not belong"),
        ("0770090012³", "'\\xb3' does not belong"),
        ("07700 900123 \N{MOBILE PHONE}", "'\\U0001f4f1' does not belong"),
        ("1234567890123456", "it has 16 digits, too many"),
        ("0" * 65, "it has 63 digits, too many"),
        ("07700 900123 " * 8, "too long for a number"),
        (None, "destination is missing; pass a number"),
        (True, "not bool"),
        (447700900123.5, "all its digits"),
        (4.47700900123e20, "all its digits"),
        (float("nan"), "missing"),
        (float("inf"), "not float"),
        (np.float32(447700900123), "all its digits"),
        (np.float64("nan"), "missing"),
        (pd.NA, "missing"),
        (pd.NaT, "missing"),
        (np.bool_(True), "not bool"),
        pytest.param(MagicMock(), "not MagicMock", id="a mock"),
        pytest.param(MagicMock(spec=str), "not MagicMock", id="a mock of a string"),
        pytest.param(MagicMock(spec=int), "not MagicMock", id="a mock of an integer"),
        (b"07700900123", "not bytes"),
        (["07700900123"], "not list"),
        (0, "positive"),
        (-7700900123, "positive"),
        pytest.param(10**5000, "at most 15 digits", id="a huge integer"),
    ],
)
def test_normalise_says_what_is_wrong(written, reason):
    assert reason in refusal(written)


def test_normalise_raises_an_error_that_pickles():
    with pytest.raises(ValidationError) as refused:
        normalise("07700 90012")
    copy = pickle.loads(pickle.dumps(refused.value))
    assert (str(copy), copy.field, copy.code) == (str(refused.value), "destination", 4004)


NUMBER_LIKE = st.text(st.sampled_from("0123456789" * 3 + "47+() .-/\u00a0eE,x٣²")) | st.text()


@settings(max_examples=500)
@given(NUMBER_LIKE)
@example("00" + "7" * 10)
@example("+" + "7" * 10)
def test_normalise_returns_the_form_of_the_wire_and_leaves_it_as_it_is(written):
    try:
        wire = normalise(written)
    except ValidationError:
        return
    assert re.fullmatch("447(?:[1-57-9][0-9]|62)[0-9]{7}", wire)
    assert normalise(wire) == wire
    assert normalise("+" + wire) == wire
    assert normalise(int(wire)) == wire
    assert normalise(written, international=True) == wire
    assert canonical(written) == digits_of(written) == wire


@settings(max_examples=500)
@given(NUMBER_LIKE)
def test_canonical_reads_a_number_and_does_not_judge_it(written):
    try:
        read = canonical(written)
    except ValidationError:
        return
    assert re.fullmatch(r"447[0-9]{9}|[+]?(?!44)[1-9][0-9]{6,14}", read)
    assert canonical(read) == read
    assert digits_of(read) == digits_of(written) == read.removeprefix("+")


@pytest.mark.parametrize(
    ("given", "digits"),
    [
        ("07700 900123", "447700900123"),
        ("+44 (0)7700 900123", "447700900123"),
        (447700900123, "447700900123"),
        (447700900123.0, "447700900123"),
        ("07000 900123", "447000900123"),
        ("+33 1 99 00 00 00", "33199000000"),
        ("0033199000000", "33199000000"),
        ("33199000000", "33199000000"),
        ("60777", "60777"),
        ("020 7946 0018", "02079460018"),
        ("AcmeCorp", ""),
        ("4.477E+11", ""),
        ("", ""),
        (None, ""),
        (True, ""),
        (b"447700900123", ""),
        ([], ""),
    ],
)
def test_digits_of_does_not_judge_a_number_from_elsewhere(given, digits):
    assert digits_of(given) == digits


@given(st.from_type(object) | st.floats() | st.integers() | st.text() | st.binary())
@settings(suppress_health_check=list(HealthCheck))
def test_digits_of_anything_raises_nothing(anything):
    digits = digits_of(anything)
    assert digits == "" or digits.isdecimal()


@given(st.lists(st.sampled_from(["447700900123", "07700900123", "447624200123"]) | NUMBER_LIKE))
def test_are_normalised_is_true_of_normalised_numbers_alone(numbers):
    if are_normalised(numbers):
        assert [normalise(number) for number in numbers] == numbers
    assert are_normalised(["447700900123"] * 3)
    assert not are_normalised(["447700900123", UserString("447700900123")])
    assert not are_normalised(["447700900123", "44770090012", "4477009001234"])


@given(st.text("0123456789", min_size=7, max_size=70), st.sampled_from(["", "+", "x", " ", "/"]))
def test_normalise_shows_the_last_three_digits_at_most_in_an_error(digits, junk):
    number = digits + junk
    with contextlib.suppress(ValidationError):
        normalise(number)
        number += "abc"
    problem = refusal(number)
    assert problem.startswith(f"destination …{digits[-3:]}: ")
    assert digits[-4:] not in problem


@pytest.mark.parametrize(
    "junk",
    [
        "0",
        "7",
        " ",
        "+",
        "(0)",
        "1.",
        "07700 900123, ",
        "x",
        "٣",
        "\u00a0",
        "😀",
        "4.477E+11",
        "\0",
    ],
)
def test_normalise_refuses_ten_megabytes_of_junk(junk):
    """Code that takes more than linear time would not finish."""
    junk *= 10_000_000 // len(junk)
    refusal(junk)
    mask(junk)


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("447700900123", "…123"),
        ("+44 (0)7700 900-123", "…123"),
        ("07700 900 1 2 3 ", "…123"),
        ("1234567", "…567"),
        ("123456", "…"),
        ("123", "…"),
        ("", "…"),
        ("anna1985@example.org", "…"),
    ],
)
def test_mask_leaves_three_digits_of_a_number_and_none_of_anything_shorter(number, masked):
    assert mask(number) == masked


def test_is_uk_counts_jersey_guernsey_and_man():
    assert all(is_uk(normalise(n)) for n in ("07797 700123", "07781 100123", "07624 200123"))


@pytest.mark.parametrize("international", [False, True])
@pytest.mark.parametrize(
    "more", [[], ["07700 900124"], [447700900124], [UserString("447700900124")]]
)
def test_apply_rule_judges_number_by_number_where_one_is_not_normalised(international, more):
    asked = []
    rule = destination_rule(international=international)

    def counting(number):
        asked.append(number)
        return rule(number)

    assert list(apply_rule(counting, ["447700900123", *more])) == [
        "447700900123",
        *(["447700900124"] if more else []),
    ]
    assert len(asked) == (2 if more else 0)


def test_apply_rule_does_not_judge_again_what_a_rule_returned():
    normalised = apply_rule(canonical, ["07700 900123", "447700900124"])

    def refuse(number):
        raise AssertionError(f"judged again: {number}")

    assert apply_rule(refuse, normalised) is normalised
