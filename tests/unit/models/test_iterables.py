"""Rows, copies and iterables from callers."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import ChainMap, OrderedDict, UserDict, UserString, deque
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest
from django.utils.translation import gettext_lazy

from smsworks_async import Message, ValidationError
from smsworks_async.models import checks, iterables


def mock(**more):
    return MagicMock(**more)


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
        with pytest.raises(ValidationError, match="exhausted") as caught:
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
