"""What people pass, and the plain value that each of it stands for."""

from __future__ import annotations

import asyncio
import enum
import fractions
import sqlite3
import subprocess
import sys
import uuid
from collections import ChainMap, OrderedDict, UserDict, UserString, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest
from django.conf import settings as django_settings
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from markupsafe import Markup

from smsworks_async import Message, ValidationError
from smsworks_async.models import checks, iterables, values


if not django_settings.configured:
    django_settings.configure(USE_I18N=False)


class Text(str, enum.Enum):  # noqa: UP042 - whose `str` is another
    REMINDER = "Hello"


class Loud(str):
    """A string that shows itself otherwise than it is."""

    __slots__ = ()

    def __str__(self):
        return "LOUD"

    def encode(self, *_):
        return b"LOUD"


class Speaklater:
    """What flask-babel and babel make: it passes everything on to the string of this moment."""

    def __init__(self, words):
        self._words = words

    def __str__(self):
        return self._words

    def __getattr__(self, name):
        return getattr(self._words, name)


class Level(enum.IntEnum):
    FIVE = 5


class Colour(enum.Enum):
    RED = "red"


class Secret:
    """As pydantic's: its string is asterisks."""

    def get_secret_value(self):
        return "Hello"

    def __str__(self):
        return "**********"


class Broken:
    def __str__(self):
        raise RuntimeError("Hello")

    encode = __str__


def mock(**more):
    return MagicMock(**more)


TEXTS = {
    "a string": "Hello",
    "an enum member": Text.REMINDER,
    "a subclass": Loud("Hello"),
    "Markup": Markup("Hello"),
    "SafeString": mark_safe("Hello"),
    "numpy.str_": np.str_("Hello"),
    "UserString": UserString("Hello"),
    "gettext_lazy": gettext_lazy("Hello"),
    "a lazy string": Speaklater("Hello"),
}
NO_TEXTS = {
    "None": None,
    "bytes": b"Hello",
    "bytearray": bytearray(b"Hello"),
    "a number": 5,
    "a secret": Secret(),
    "a mock": mock(),
    "a mock of a string": mock(spec=str),
    "an object": object(),
    "a list": ["Hello"],
    "an enum": Colour.RED,
    "a function": str.upper,
    "a class": str,
    "a broken one": Broken(),
    "NaN": float("nan"),
    "pandas.NA": pd.NA,
    "half of a pair": UserString("\ud83d"),
}


@pytest.mark.parametrize("value", TEXTS.values(), ids=TEXTS)
def test_text_becomes_the_plain_characters(value):
    plain = values.text(value, "content")
    assert (plain, type(plain)) == ("Hello", str)
    message = Message(sender=value, destination="07700 900123", content=value, tag=value)
    for field in (message.sender, message.content, message.tag):
        assert (field, type(field)) == ("Hello", str)


@pytest.mark.parametrize("value", NO_TEXTS.values(), ids=NO_TEXTS)
def test_what_is_no_text_is_refused_and_not_quoted(value):
    with pytest.raises(ValidationError) as caught:
        values.text(value, "content")
    assert caught.value.field == "content"
    assert "Hello" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


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
    """A subclass whose arithmetic gives something else, as pendulum's and pandas' do."""

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


MISSING = [
    *("\u200b", " \ufeff\u200d\u2060", np.str_("\u200b"), UserString("\u00ad\u200e")),
    *(None, "", "  ", "\u00a0\n", UserString(" "), Markup(""), np.str_(" "), gettext_lazy(" ")),
    *(float("nan"), np.float64("nan"), np.float32("nan"), Decimal("NaN"), Decimal("sNaN")),
    *(pd.NA, pd.NaT, np.datetime64("NaT"), np.timedelta64("NaT"), np.ma.masked),
]


@pytest.mark.parametrize("value", MISSING, ids=repr)
def test_a_missing_value_is_known_whoever_made_it(value):
    assert values.is_missing(value)
    message = Message(
        sender="AcmeCorp",
        destination="07700 900123",
        content="Hello",
        tag=value,
        delivery_report_url=value,
        ttl=value,
        validity=value,
        ai=value,
        metadata=value,
        reference=value,
        response_email=value,
    )
    assert message == Message(sender="AcmeCorp", destination="07700 900123", content="Hello")
    for field in ("sender", "destination", "content"):
        given = {"sender": "AcmeCorp", "destination": "07700 900123", "content": "Hello"}
        with pytest.raises(ValidationError) as caught:
            Message(**{**given, field: value})
        assert caught.value.field == field


PRESENT = {
    "zero": 0,
    "False": False,
    "numpy.False_": np.False_,
    "0.0": 0.0,
    "text": "nan",
    "an emoji of several": "\U0001f469\u200d\U0001f680",
    "numpy's text": np.str_("nan"),
    "an array": np.array([]),
    "an array of NaN": np.array(float("nan")),
    "a mock": mock(),
    "a list": [],
    "a date": date.min,
    "an object": object(),
}


@pytest.mark.parametrize("value", PRESENT.values(), ids=PRESENT)
def test_nothing_else_is_missing(value):
    assert not values.is_missing(value)


class Untestable:
    """An object that fails where its truth, its length or its equality is asked for."""

    def __bool__(self):
        raise AssertionError

    __len__ = __eq__ = __ne__ = __bool__
    __hash__ = None


def test_no_odd_object_is_tested_for_truth():
    odd = Untestable()
    assert not values.is_missing(odd)
    for read in (values.as_text, values.as_integer, values.as_number, values.as_boolean):
        assert read(odd) is None
    assert values.for_a_text(odd) is None
    assert iterables.as_mapping(odd) is None
    assert iterables.copied(odd) is odd


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Ada", "Ada"),
        (Text.REMINDER, "Hello"),
        (Markup("<b>"), "<b>"),
        (gettext_lazy("Hello"), "Hello"),
        (8, "8"),
        (Level.FIVE, "5"),
        (np.int64(8), "8"),
        (8.5, "8.5"),
        (np.float64(8.5), "8.5"),
        (1234.0, "1234"),  # as pandas makes of a whole number beside a blank
        (Decimal("12.50"), "12.50"),
        (date(2031, 5, 6), "2031-05-06"),
        (time(8, 30), "08:30:00"),
        (datetime(2031, 5, 6, 8, 30), "2031-05-06 08:30:00"),  # noqa: DTZ001
        (pd.Timestamp("2031-05-06 08:30"), "2031-05-06 08:30:00"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_text_numbers_and_dates_may_stand_in_a_text(value, words):
    assert values.for_a_text(value) == words


async def coroutine():
    pass


def test_nothing_else_may_stand_in_a_text():
    begun = coroutine()
    for value in (
        *(True, np.True_, b"Ada", Colour.RED, "".join, str, len, [], (), {}, set(), object()),
        *(mock(), mock(spec=str), mock(spec=int), mock(spec=date), begun, iter(()), Secret()),
        *(
            float("inf"),
            Decimal("Infinity"),
            1j,
            timedelta(1),
            np.timedelta64(5),
            np.array([1]),
            Broken(),
            10**5000,
        ),
    ):
        assert values.for_a_text(value) is None, type(value)
    begun.close()


def sqlite_row():
    with sqlite3.connect(":memory:") as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute("SELECT 'Ada' AS name, 5 AS age").fetchone()
    connection.close()
    return row


@pytest.mark.parametrize(
    "row",
    [
        {"name": "Ada", "age": 5},
        OrderedDict(name="Ada", age=5),
        UserDict(name="Ada", age=5),
        ChainMap({"name": "Ada"}, {"age": 5}),
        {np.str_("name"): "Ada", UserString("age"): 5},
        sqlite_row(),
        pd.Series({"name": "Ada", "age": 5}),
    ],
)
def test_mappings_and_rows_become_dicts(row):
    plain = iterables.as_mapping(row)
    assert plain == {"name": "Ada", "age": 5}
    assert type(plain) is dict
    assert {type(key) for key in plain} == {str}
    assert plain is not row


@pytest.mark.parametrize(
    "value", [None, [], "name", [("name", "Ada")], object(), mock(), mock(spec=object), 5]
)
def test_what_has_no_keys_is_no_row(value):
    assert iterables.as_mapping(value) is None


def test_a_copy_goes_all_the_way_down():
    inner = {"order": "1"}
    addresses = ["a@example.org"]
    row = UserDict(metadata=inner, response_email=addresses, content=gettext_lazy("Hello"))
    copy = iterables.copied(row)
    inner["order"] = "2"
    addresses.append("b@example.org")
    assert copy == {
        "metadata": {"order": "1"},
        "response_email": ["a@example.org"],
        "content": "Hello",
    }
    assert type(copy["content"]) is str


def test_what_contains_itself_is_left_to_the_checks():
    endless = []
    endless.append(endless)
    assert iterables.settled(endless) is endless
    mapping = {}
    mapping["metadata"] = mapping
    iterables.settled(mapping)
    with pytest.raises(ValidationError):
        checks.otp_metadata(mapping)


def test_plain_data_is_not_copied():
    message = Message(sender="AcmeCorp", destination="07700 900123", content="Hello")
    for value in ("a", 5, ["a", 5], [{"a": {"b": ["c"]}}], ("a",), {"a"}, range(5), [message]):
        assert iterables.settled(value) is value


def finished():
    generator = (n for n in range(2))
    list(generator)
    return generator


async def awaited():
    yield 1


def test_a_finished_generator_is_refused():
    async def read():
        source = awaited()
        async for _ in source:
            pass
        return source

    for used in (finished(), asyncio.run(read())):
        with pytest.raises(ValidationError, match="used up") as caught:
            iterables.check_iterable(used, "destinations")
        assert caught.value.field == "destinations"


def test_other_iterables_are_taken_and_not_touched():
    class Rows:
        def __iter__(self):
            raise AssertionError

        __len__ = __bool__ = __contains__ = __iter__

    for taken in (
        Rows(),
        iter(()),
        np.array(["a", "b"]),
        pd.Series([1, 2]),
        deque(),
        {},
        awaited(),
    ):
        iterables.check_iterable(taken, "destinations")
    for refused in ("a", b"a", bytearray(b"a"), UserString("a"), gettext_lazy("a"), 5, None):
        with pytest.raises(ValidationError):
            iterables.check_iterable(refused, "destinations")


def test_neither_numpy_nor_pandas_is_imported():
    code = (
        "import sys, decimal; from smsworks_async.models import values; "
        "[values.is_missing(v) for v in (None, 5, object(), decimal.Decimal(1), 1.5)]; "
        "sys.exit(bool({'numpy', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_one_time_passwords_metadata_becomes_plain_json():
    given = UserDict(
        {UserString("a"): Text.REMINDER, "b": np.int64(5), "c": [np.float64(1.5), Level.FIVE, None]}
    )
    plain = checks.otp_metadata(given)
    assert plain == {"a": "Hello", "b": 5, "c": [1.5, 5, None]}
    assert [type(item) for item in plain["c"]] == [float, int, type(None)]
    for wrong in ({"a": {1}}, {"a": float("nan")}, {"a": b"x"}, {"a": mock()}, {5: "a"}):
        with pytest.raises(ValidationError):
            checks.otp_metadata(wrong)
