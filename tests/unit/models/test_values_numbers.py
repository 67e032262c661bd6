"""Numbers, bools and datetimes, and their plain equivalents."""

from __future__ import annotations

import enum
import fractions
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest

from smsworks_async import ValidationError
from smsworks_async.models import values


class Level(enum.IntEnum):
    FIVE = 5


def mock(**more):
    return MagicMock(**more)


@pytest.mark.parametrize(
    "value",
    [5, Level.FIVE, np.int8(5), np.uint64(5), 5.0, np.float64(5), np.float32(5), Decimal("5.0")],
)
def test_integers_become_plain(value):
    plain = values.integer(value, "ttl", at_least=1)
    assert (plain, type(plain)) == (5, int)


NO_INTEGERS = {
    "True": True,
    "numpy.True_": np.True_,
    "a fraction": 5.5,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "a signalling NaN": Decimal("sNaN"),
    "words": "5",
    "a mock": mock(),
    "a mock of an integer": mock(spec=int),
    "an array": np.array([5]),
    "too coarse": 1e300,
    "a huge one": 10**400,
    "zero": 0,
    "NaT": pd.NaT,
}


@pytest.mark.parametrize("value", NO_INTEGERS.values(), ids=NO_INTEGERS)
def test_what_is_no_integer_in_its_bounds_is_refused(value):
    with pytest.raises(ValidationError) as caught:
        values.integer(value, "ttl", at_least=1)
    assert caught.value.field == "ttl"
    assert "0" * 20 not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (2, 2),
        (2.5, 2.5),
        (np.float64(2.5), 2.5),
        (np.float32(2.5), 2.5),
        (np.int64(2), 2),
        (Decimal("2.5"), 2.5),
        (fractions.Fraction(5, 2), 2.5),
        (Level.FIVE, 5),
    ],
)
def test_numbers_become_plain(value, plain):
    read = values.number(value, "credits")
    assert (read, type(read)) == (plain, type(plain))


@pytest.mark.parametrize(
    "value",
    [
        True,
        float("nan"),
        float("inf"),
        -float("inf"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        np.float64("nan"),
        10**400,
        fractions.Fraction(10**400),
        np.timedelta64(5),
        1j,
        "1",
        None,
        pd.NA,
    ],
)
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(ValidationError):
        values.number(value, "credits")


HUGE = Decimal("1E+999999999999999999")  # with more digits than any memory holds


@pytest.mark.parametrize(
    "value", [HUGE, HUGE.copy_negate(), Decimal("1E+400"), Decimal(10**28), 1e28]
)
def test_a_number_that_has_not_all_its_digits_is_no_integer(value):
    assert values.as_integer(value) is None


def test_a_decimal_with_all_its_digits_is_an_integer():
    assert values.as_integer(Decimal("4.477009E+11")) == 447700900000
    assert values.as_integer(Decimal(10**27)) == 10**27


def test_mocks_are_no_numbers():
    for value in (mock(), mock(spec=int), mock(spec=float)):
        assert values.as_integer(value) is values.as_number(value) is None


@pytest.mark.parametrize("value", [0, 0.0, 5, 1e7, np.float64(5), Level.FIVE])
def test_a_length_of_time_is_finite_seconds(value):
    assert type(values.seconds(value, "settle")) is float


@pytest.mark.parametrize(
    "value", [-1, 1e7 + 1, float("inf"), float("nan"), 10**400, True, "5", None, timedelta(1)]
)
def test_absurd_lengths_of_time_are_refused(value):
    with pytest.raises(ValidationError, match="at most 1e"):
        values.seconds(value, "settle")


def test_truth_values_become_plain():
    assert values.boolean(True, "ai") is values.boolean(np.True_, "ai") is True
    assert values.boolean(np.bool_(False), "ai") is False
    for value in (1, 0, "yes", None, "", mock(), pd.NA, np.array([True])):
        with pytest.raises(ValidationError):
            values.boolean(value, "ai")


class Pendulum(datetime):
    """A subclass whose arithmetic returns another type, like those of pendulum and pandas."""

    def __add__(self, _):
        raise AssertionError

    __sub__ = astimezone = __add__


@pytest.mark.parametrize(
    "value",
    [
        datetime(2031, 5, 6, 12, 0, tzinfo=timezone(timedelta(hours=1))),
        Pendulum(2031, 5, 6, 12, 0, tzinfo=timezone(timedelta(hours=1))),
        pd.Timestamp("2031-05-06T12:00:00+01:00"),
        pd.Timestamp("2031-05-06T12:00:00", tz="Europe/London"),
    ],
)
def test_moments_become_plain_datetimes_in_utc(value):
    plain = values.aware_datetime(value, "at")
    assert plain == datetime(2031, 5, 6, 11, 0, tzinfo=UTC)
    assert (type(plain), plain.tzinfo) == (datetime, UTC)


class Failing(timezone.__base__):
    def utcoffset(self, _):
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (pd.NaT, "missing"),
        (None, "missing"),
        (pd.Timestamp("2031-05-06"), "time zone"),
        (datetime(2031, 5, 6), "time zone"),  # noqa: DTZ001
        (datetime(2031, 5, 6, tzinfo=Failing()), "time zone"),
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))), "calendar"),
        (date(2031, 5, 6), "not date"),
        (np.datetime64("2031-05-06"), "not datetime64"),
    ],
)
def test_what_is_no_moment_is_refused(value, reason):
    with pytest.raises(ValidationError, match=reason):
        values.aware_datetime(value, "at")
