"""Values from callers, and their plain equivalents."""

from __future__ import annotations

import enum
import subprocess
import sys
import uuid
from collections import UserDict, UserString
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from markupsafe import Markup

from smsworks_async import Message, ValidationError
from smsworks_async.models import checks, iterables, values


class Text(str, enum.Enum):  # noqa: UP042 - whose `str` is another
    REMINDER = "Hello"


class Loud(str):
    """A string whose str() differs from its value."""

    __slots__ = ()

    def __str__(self):
        return "LOUD"

    def encode(self, *_):
        return b"LOUD"


class Speaklater:
    """A lazy string as of flask-babel and babel: it delegates to the current translation."""

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
