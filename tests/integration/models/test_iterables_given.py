"""Rows, lists and generators as applications pass them: each case once sent something wrong."""

from __future__ import annotations

import sqlite3
import threading
from collections import ChainMap, UserDict
from collections.abc import Collection

import numpy as np
import pandas as pd
import pytest
from multidict import CIMultiDict

from smsworks_async import AsyncSMSWorks, ValidationError
from smsworks_async.journals import MemoryJournal
from support.messages import TEXT, TEXT_TO_MANY, drama


# Rows that change, and rows of many types


def filling_again(make, key="content"):
    row = make()
    for number in range(5):
        row["destination"] = f"07700 90000{number}"
        row[key] = f"Hello {number}"
        if key == "content":
            row["sender"] = "AcmeCorp"
        yield row


def with_one_metadata():
    metadata = {}
    for number in range(5):
        metadata["order"] = str(number)
        yield {**TEXT, "destination": f"07700 90000{number}", "metadata": metadata}


class Filling(Collection):
    """A collection of one's own that fills one dict."""

    def __init__(self, key="content"):
        self._key = key

    def __iter__(self):
        return filling_again(dict, self._key)

    def __len__(self):
        raise AssertionError

    def __contains__(self, _):
        raise AssertionError


async def awaited(values):
    for value in values:
        yield value


SOURCES = {
    "a UserDict": lambda key: filling_again(UserDict, key),
    "a ChainMap": lambda key: filling_again(ChainMap, key),
    "a multidict": lambda key: filling_again(CIMultiDict, key),
    "a collection": Filling,
    "an async generator": lambda key: awaited(filling_again(UserDict, key)),
}


@pytest.mark.parametrize("blocking", [False, True])
@pytest.mark.parametrize("template", [False, True])
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
async def test_one_mapping_that_is_filled_again_reaches_everybody(
    hosted, source, template, blocking
):
    if template:
        fields = {"template": "{name}", "rows": source("name"), "sender": "AcmeCorp"}
    else:
        fields = {"messages": source("content")}
    if blocking:
        with hosted.client() as sms:
            report = sms.bulk.send_each(**fields)
    else:
        async with AsyncSMSWorks(hosted.box.token, base_url=hosted.box.base_url) as sms:
            report = await sms.bulk.send_each(**fields)
    assert (report.accepted, report.duplicates) == (5, 0)
    contents = hosted.do(lambda box: {m.destination: m.content for m in box.messages})
    assert contents == {f"44770090000{n}": f"Hello {n}" for n in range(5)}


@pytest.mark.parametrize("made", [with_one_metadata, lambda: awaited(with_one_metadata())])
async def test_one_metadata_for_all_keeps_what_each_was_given(box, sms, made):
    assert (await sms.bulk.send_each(messages=made())).accepted == 5
    orders = [pair["value"] for m in box.messages for pair in m.metadata if pair["key"] == "order"]
    assert sorted(orders) == ["0", "1", "2", "3", "4"]


@pytest.fixture
def database(tmp_path):
    connection = sqlite3.connect(tmp_path / "people.db")
    connection.row_factory = sqlite3.Row
    connection.execute("CREATE TABLE people (sender, destination, content, name, tag)")
    connection.executemany(
        "INSERT INTO people VALUES ('AcmeCorp', ?, 'Hello', ?, NULL)",
        [(number, f"N{number[-3:]}") for number in drama(5)],
    )
    yield connection
    connection.close()


async def test_rows_of_a_database_are_rows(box, sms, database):
    fields = "SELECT sender, destination, content, tag FROM people"
    assert (await sms.bulk.send_each(messages=database.execute(fields))).accepted == 5
    report = await sms.bulk.send_each(
        template="Hi {name}",
        rows=database.execute("SELECT destination, name FROM people"),
        sender="AcmeCorp",
    )
    assert report.accepted == 5
    assert {"Hello", "Hi N000"} <= {message.content for message in box.messages}
    batch = await sms.batches.send_each(messages=database.execute(fields))
    assert len(await sms.batches.get(batch.batch_id)) == 5


# Iterables


class Queryset:
    """Like Django's: bool() and len() query the database, which a loop's thread must not."""

    def __init__(self, values):
        self._values = values
        self.threads = set()

    def __iter__(self):
        self.threads.add(threading.get_ident())
        return iter(self._values)

    def __len__(self):
        raise AssertionError("You cannot call this from an async context")

    __bool__ = __contains__ = __len__


@pytest.mark.parametrize(
    "make", [np.array, pd.Series, Queryset, pd.Index, lambda v: pd.array(v, dtype="string")]
)
@pytest.mark.parametrize("journalled", [False, True])
async def test_iterables_are_not_tested_for_truth_or_length(box, sms, make, journalled):
    more = {"journal": MemoryJournal(), "campaign": "x"} if journalled else {"max_credits": 100}
    report = await sms.bulk.send(**TEXT_TO_MANY, destinations=make(drama(10)), **more)
    assert report.accepted == 10
    report = await sms.bulk.send(**TEXT_TO_MANY, destinations=make(drama(10)[:0]))
    assert (report.read, report.accepted) == (0, 0)
    estimate = await sms.bulk.estimate(content="Hello", destinations=make(drama(10)), balance=False)
    assert estimate.recipients == 10
    await sms.batches.send(**TEXT_TO_MANY, destinations=make(drama(10)))


class People(Collection):
    """A collection of one's own over a database that belongs to one thread."""

    def __init__(self, database, columns):
        self._database = database
        self._columns = columns

    def __iter__(self):
        for row in self._database.execute(f"SELECT {self._columns} FROM people"):
            yield row[0] if self._columns == "destination" else dict(row)

    def __len__(self):
        return self._database.execute("SELECT count(*) FROM people").fetchone()[0]

    def __contains__(self, _):
        raise AssertionError


def test_a_collection_of_ones_own_is_read_on_the_callers_thread(hosted, database):
    with hosted.client() as sms:
        people = People(database, "destination")
        assert sms.bulk.send(**TEXT_TO_MANY, destinations=people).accepted == 5
        rows = People(database, "destination, name")
        more = {"template": "Hi {name}", "sender": "AcmeCorp"}
        assert sms.bulk.send_each(rows=rows, **more).accepted == 5
        journal = {"journal": MemoryJournal(), "campaign": "x"}
        assert sms.bulk.send_each(rows=rows, **more, **journal).accepted == 5
        found = sms.bulk.estimate(content="Hello", destinations=people, balance=False)
        assert found.recipients == 5
        sms.batches.send(**TEXT_TO_MANY, destinations=people)
        messages = People(database, "sender, destination, content")
        sms.batches.send_each(messages=messages)
        assert sms.bulk.send_each(messages=messages).accepted == 5


def used_up():
    generator = (number for number in drama(3))
    list(generator)
    return generator


async def used_up_async():
    source = awaited(drama(3))
    async for _ in source:
        pass
    return source


@pytest.mark.parametrize("make", [used_up, used_up_async])
async def test_a_generator_that_was_used_up_is_refused(box, sms, journal, make):
    async def source():
        made = make()
        return await made if hasattr(made, "__await__") else made

    more = {"journal": journal, "campaign": "x"}
    template = {"template": "Hi", "sender": "AcmeCorp"}
    for call in (
        lambda g: sms.bulk.send(**TEXT_TO_MANY, destinations=g),
        lambda g: sms.bulk.send(**TEXT_TO_MANY, destinations=g, **more),
        lambda g: sms.bulk.send_each(messages=g),
        lambda g: sms.bulk.send_each(rows=g, **template),
        lambda g: sms.bulk.estimate(content="Hello", destinations=g),
    ):
        with pytest.raises(ValidationError, match="exhausted"):
            await call(await source())
    assert box.requests == []
    # The name is still free.
    report = await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(3), **more)
    assert report.accepted == 3
    assert (await sms.bulk.send(**TEXT_TO_MANY, destinations=iter(()))).read == 0


def test_so_is_it_by_the_blocking_client(hosted):
    with hosted.client() as sms:
        for call in (
            lambda g: sms.bulk.send(**TEXT_TO_MANY, destinations=g),
            lambda g: sms.bulk.send_each(messages=g),
            lambda g: sms.batches.send(**TEXT_TO_MANY, destinations=g),
            lambda g: sms.batches.send_each(messages=g),
        ):
            with pytest.raises(ValidationError, match="exhausted"):
                call(used_up())


async def test_a_dataframe_is_no_list_of_its_rows(sms):
    frame = pd.DataFrame({"destination": ["07700 900001"], "name": ["Ada"]})
    message = {"sender": "AcmeCorp", "template": "Hi {name}"}
    with pytest.raises(ValidationError, match="to_dict") as caught:
        await sms.bulk.send_each(**message, rows=frame)
    assert caught.value.field == "rows"
    report = await sms.bulk.send_each(**message, rows=frame.to_dict("records"))
    assert report.accepted == 1
