"""`messages.iterate` yields every record once, although messages arrive between its pages."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from smsworks_async.models.incoming import MessageRecord
from smsworks_async.resources import _searching
from smsworks_async.resources._searching import MOST_REPEATS, MessageSearching


class Account:
    """An account whose searches return the newest messages first.

    Args:
        messages: the number of messages at the beginning.
        arriving: the number of messages that arrive after each search.
        searches: the number of searches after which no more messages arrive.
        skips: whether searches respect ``skip``.
    """

    def __init__(self, messages, *, arriving=0, searches=1000, skips=True):
        self.ids = [str(number) for number in range(messages)]
        self.asked = 0
        self._arriving = arriving
        self._searches = searches
        self._skips = skips
        self.settings = SimpleNamespace(destination=str)

    async def request(self, _, query, *, into):
        assert into == list[MessageRecord]
        skip = query.skip if self._skips else 0
        page = list(reversed(self.ids))[skip : skip + query.limit]
        self.asked += 1
        if self.asked <= self._searches:
            self.ids += [f"new {self.asked} {number}" for number in range(self._arriving)]
        return [MessageRecord(message_id=one, status="SENT") for one in page]


async def iterated(account, limit):
    return [one.message_id async for one in MessageSearching(account).iterate(limit=limit)]


@pytest.mark.parametrize("limit", [1, 2, 10, 11, 100])
async def test_iterate_yields_each_record_once(limit):
    account = Account(10)
    assert await iterated(account, limit) == account.ids[::-1]


@pytest.mark.parametrize("limit", [2, 3, 5])
@pytest.mark.parametrize("arriving", [1, 2, 3, 5, 8])
async def test_iterate_neither_loses_nor_doubles_records_while_others_arrive(limit, arriving):
    account = Account(20, arriving=arriving, searches=3 if arriving != limit else 1)
    before = set(account.ids)
    found = await iterated(account, limit)
    assert before <= set(found)
    assert len(found) == len(set(found))


async def test_iterate_ends_where_the_api_ignores_skip():
    account = Account(10, skips=False)
    assert await iterated(account, 5) == account.ids[:4:-1]
    assert account.asked == 1 + MOST_REPEATS


async def test_iterate_remembers_a_limited_number_of_records(monkeypatch):
    monkeypatch.setattr(_searching, "REMEMBERED", 6)
    account = Account(40, arriving=4, searches=3)
    found = await iterated(account, 5)
    assert len(found) == len(set(found))
    monkeypatch.setattr(_searching, "REMEMBERED", 0)
    found = await iterated(Account(40, arriving=4, searches=3), 5)
    assert len(found) > len(set(found))
