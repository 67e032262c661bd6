"""What applications really pass: each case once texted someone wrongly, twice, or not at all."""

from __future__ import annotations

import enum
import sqlite3
import threading
from collections import ChainMap, UserDict
from collections.abc import Collection

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup
from multidict import CIMultiDict

from smsworks_async import AsyncSMSWorks, ConfigurationError, Message, SMSWorks, ValidationError
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.journals import MemoryJournal
from smsworks_async.sandbox import Fault
from support.messages import TEXT, TEXT_TO_MANY, drama


class Words(str, enum.Enum):  # noqa: UP042 - whose `str` is another
    SENDER = "AcmeCorp"
    REMINDER = "Your table is booked"
    NUMBER = "07700 900123"
    CAMPAIGN = "opening"


# Text


@pytest.mark.parametrize("each", [False, True])
async def test_an_enum_as_text_is_found_again_and_nobody_is_texted_twice(box, sms, journal, each):
    box.add_fault(Fault(path="/batch/*", when="after"))
    more = {"journal": journal, "campaign": Words.CAMPAIGN, "settle": 0, "on_unknown": "resend"}
    text = {"sender": Words.SENDER, "content": Words.REMINDER}
    if each:
        messages = [{**text, "destination": n} for n in drama(10)]
        report = await sms.bulk.send_each(messages=messages, **more)
    else:
        report = await sms.bulk.send(**text, destinations=drama(10), **more)
    assert (report.accepted, report.unknown, box.accepted()) == (10, 0, 10)
    assert {message.content for message in box.messages} == {"Your table is booked"}
    assert (await sms.bulk.status("opening", journal=journal)).accepted == 10


async def test_an_enum_is_measured_searched_for_and_sent_by_its_characters(box, sms, wire):
    assert (
        await sms.bulk.estimate(content=Words.REMINDER, destinations=drama(1), balance=False)
    ).segments == 1
    await sms.messages.send(
        sender=Words.SENDER,
        destination=Words.NUMBER,
        content=Words.REMINDER,
        reference=Words.NUMBER,
    )
    assert len(await sms.messages.search(sender=Words.SENDER, destination=Words.NUMBER)) == 1
    assert await sms.messages.find(reference=Words.NUMBER) is not None
    assert wire[0][1]["content"] == "Your table is booked"


async def test_markup_as_a_template_escapes_nothing(box, sms):
    rows = [{"destination": "07700 900001", "name": "O'Neil & <Sons>"}]
    await sms.bulk.send_each(template=Markup("Hi {name}"), rows=rows, sender="AcmeCorp")
    assert [message.content for message in box.messages] == ["Hi O'Neil & <Sons>"]


@pytest.mark.parametrize("names", [("Caf\u00e9", "Cafe\u0301"), ("Opening", " Opening\n")])
async def test_names_of_campaigns_that_look_alike_are_one(box, sms, journal, names):
    for name in names:
        report = await sms.bulk.send(
            **TEXT_TO_MANY, destinations=drama(10), journal=journal, campaign=name
        )
        assert report.accepted == 10
    assert box.accepted() == 10
    assert (await sms.bulk.status(names[1], journal=journal)).accepted == 10
    assert len([one async for one in sms.bulk.outcomes(names[1], journal=journal)]) == 10


# Destinations


COLUMN = ["07700 900001", "+1 202 555 0123", "1632 960001", "31/12/2031", "192.0.2.144"]


async def test_digits_in_a_column_of_uk_mobiles_are_nobody_abroad(box, sms):
    report = await sms.bulk.send(**TEXT_TO_MANY, destinations=COLUMN)
    assert (report.accepted, report.invalid) == (1, 4)
    assert all("international=True" in problem.message for problem in report.problems)
    messages = [{**TEXT, "destination": number} for number in COLUMN]
    assert (await sms.bulk.send_each(messages=messages)).invalid == 4
    estimate = await sms.bulk.estimate(content="Hello", destinations=COLUMN, balance=False)
    assert (estimate.recipients, estimate.credits) == (1, 1.0)


async def test_an_international_client_still_judges_what_has_no_plus(box):
    async with AsyncSMSWorks(box.token, base_url=box.base_url, international=True) as sms:
        report = await sms.bulk.send(**TEXT_TO_MANY, destinations=COLUMN)
        assert (report.accepted, report.invalid) == (2, 3)
        sent = await sms.messages.send(**{**TEXT, "destination": "33123456789"})
        assert (await sms.messages.get(sent.message_id)).destination == "33123456789"
        for number in ("+1 800 555 0123", "+1 900 555 0123", "+44 20 7946 0018", "07000 900123"):
            with pytest.raises(ValidationError):
                await sms.messages.send(**{**TEXT, "destination": number})


ABROAD = "+1 202 555 0123"


@pytest.mark.parametrize("given", [ABROAD, "0012025550123", "12025550123", 12025550123])
async def test_one_rule_judges_every_operation_of_a_client(box, wire, given):
    many = {"sender": "AcmeCorp", "content": "Hello"}
    text = {**many, "destination": given}
    at = pd.Timestamp("2050-01-31 09:00", tz="Europe/London")
    for international in (False, True):
        async with AsyncSMSWorks(
            box.token, base_url=box.base_url, international=international
        ) as client:
            calls = [
                lambda c: c.messages.send(**text),
                lambda c: c.messages.flash(**text),
                lambda c: c.messages.schedule(**text, at=at),
                lambda c: c.messages.search(destination=given),
                lambda c: c.messages.failed(destination=given),
                lambda c: c.messages.inbox(destination=given),
                lambda c: c.messages.find(reference="x", destination=given),
                lambda c: anext(c.messages.iterate(destination=given), None),
                lambda c: c.batches.send(**many, destinations=[given]),
                lambda c: c.batches.schedule(**many, destinations=[given], at=at),
                lambda c: c.batches.send_each(messages=[text]),
                lambda c: c.batches.send_each(messages=[Message(**text)]),
                lambda c: c.otp.send(sender="AcmeCorp", destination=given, passcode="123456"),
                lambda c: c.otp.verify(passcode="123456", destination=given),
            ]
            before = len(wire)
            for call in calls:
                if international:
                    await call(client)
                else:
                    with pytest.raises(ValidationError, match="international=True"):
                        await call(client)
            sent = wire[before:]
            assert len(sent) == (len(calls) if international else 0)
            for path, body in sent:
                assert "12025550123" in str(body) or path == "/otp/verify"
                assert "+" not in str(body)


async def test_a_message_of_ones_own_keeps_its_plus_until_a_client_judges_it(box, sms):
    message = Message(**{**TEXT, "destination": "0033 1 99 00 00 00"})
    assert message.destination == "+33199000000"
    assert (await sms.bulk.send_each(messages=[message])).invalid == 1
    async with AsyncSMSWorks(box.token, base_url=box.base_url, international=True) as client:
        assert (await client.bulk.send_each(messages=[message])).accepted == 1
    assert box.messages[0].destination == "33199000000"


def test_without_the_extra_an_international_client_cannot_be_made(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "phonenumbers", None)
    for client in (AsyncSMSWorks, SMSWorks):
        with pytest.raises(ConfigurationError, match=r"smsworks-async\[international\]"):
            client("eyJ", international=True)
        client("eyJ")


async def test_what_a_journal_has_is_searched_for_and_not_judged(box, sms, wire):
    search = BulkGateway(sms._requester).iterate(destination="12025550123", sender="AcmeCorp")
    assert [record async for record in search] == []
    assert wire[-1][1]["destination"] == "12025550123"


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


async def test_blanks_of_pandas_are_missing(box, sms, wire):
    frame = pd.DataFrame(
        {
            "destination": [7700900001.0, 7700900002.0, 7700900003.0, None, 7700900005.0],
            "name": ["Ada", None, np.nan, "Kay", pd.NA],
            "order": [1.0, 2.0, None, 4.0, 5.0],
            "when": [pd.Timestamp("2031-05-06 08:30"), pd.NaT, pd.NaT, pd.NaT, pd.NaT],
            "tag": [np.nan, np.nan, "t", "t", "t"],
        }
    )
    rows = frame.to_dict("records")
    report = await sms.bulk.send_each(
        template="Hi {name}, your order comes {when}", rows=rows, sender="AcmeCorp"
    )
    assert (report.accepted, report.invalid) == (1, 4)
    assert [problem.field for problem in report.problems] == ["name", "name", "when", "name"]
    assert box.messages[0].content == "Hi Ada, your order comes 2031-05-06 08:30:00"
    messages = [
        {"sender": "AcmeCorp", "content": "Hello", "destination": r["destination"], "tag": r["tag"]}
        for r in rows
    ]
    report = await sms.bulk.send_each(messages=messages)
    assert (report.accepted, report.invalid) == (4, 1)
    assert report.problems[0].field == "destination"
    assert "tag" not in wire[-1][1][0]


NOT_FOR_TEXTS = {
    "bytes": b"Ada",
    "an enum": enum.Enum("Colour", "RED").RED,
    "a bound method": "Ada".upper,
    "a list": ["Ada"],
    "an object": object(),
    "a truth value": True,
    "NaN": float("nan"),
    "infinity": float("inf"),
}


@pytest.mark.parametrize("value", NOT_FOR_TEXTS.values(), ids=NOT_FOR_TEXTS)
async def test_what_no_text_should_show_makes_the_row_invalid_and_names_its_type(box, sms, value):
    report = await sms.bulk.send_each(
        template="Hi {name}",
        rows=[{"destination": "07700 900001", "name": value}],
        sender="AcmeCorp",
    )
    assert (report.invalid, box.requests) == (1, [])
    problem = report.problems[0]
    assert problem.field == "name"
    if not isinstance(value, float):
        assert type(value).__name__ in problem.message
    assert "Ada" not in problem.message


# Iterables


class Queryset:
    """As Django's: its truth and its length ask the database, which a loop's thread must not."""

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


class Lazily:
    """A translation into the language of the thread that asks for it."""

    def __init__(self):
        self.language = threading.local()
        self.language.words = "Bonjour"

    def __str__(self):
        return getattr(self.language, "words", "Hello")

    def encode(self):
        return str(self).encode()


def test_a_lazy_translation_speaks_the_language_of_its_callers_thread(hosted, wire):
    lazy = Lazily()
    message = {"sender": "AcmeCorp", "destination": "07700 900001", "content": lazy}
    with hosted.client() as sms:
        sms.messages.send(**message)
        sms.batches.send(sender="AcmeCorp", destinations=drama(1), content=lazy)
        sms.batches.send_each(messages=[message])
        sms.bulk.send(sender="AcmeCorp", destinations=drama(1), content=lazy)
        sms.bulk.send_each(messages=[message])
        sms.bulk.send_each(messages=iter([message]))
        row = {"destination": "07700 900001", "greeting": lazy}
        sms.bulk.send_each(template="{greeting}", rows=[row], sender="AcmeCorp")
        list(sms.messages.iterate(tag=lazy))
    assert hosted.do(lambda box: {m.content for m in box.messages}) == {"Bonjour"}
    assert wire[-1][1]["tag"] == "Bonjour"


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
        with pytest.raises(ValidationError, match="used up"):
            await call(await source())
    assert box.requests == []
    # Its name is not spent.
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
            with pytest.raises(ValidationError, match="used up"):
                call(used_up())


# Numbers


async def test_odd_numbers_are_errors_of_ours(box, sms):
    huge = 10**400
    for call in (
        lambda: sms.messages.wait("1", timeout="5"),
        lambda: sms.messages.wait("1", timeout=huge),
        lambda: sms.messages.wait("1", timeout=float("inf")),
        lambda: anext(sms.messages.incoming(pause=huge)),
        lambda: anext(sms.messages.incoming(pause=float("nan"))),
        lambda: sms.messages.search(credits=huge),
        lambda: sms.messages.search(limit=huge),
        lambda: sms.messages.search(skip=-huge),
        lambda: sms.messages.get(huge),
        lambda: sms.messages.send(**TEXT, ttl=huge),
        lambda: sms.utils.error(huge),
        lambda: sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), max_rate=huge),
        lambda: sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), max_credits=huge),
        lambda: sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), max_credits=float("nan")),
        lambda: sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), concurrency=True),
        lambda: sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), settle=float("inf")),
        lambda: sms.bulk.reconcile("x", journal=MemoryJournal(), settle=huge),
    ):
        with pytest.raises(ValidationError) as caught:
            await call()
        assert "00000000" not in str(caught.value)
    assert box.requests == []


async def test_a_dataframe_is_no_list_of_its_rows(sms):
    frame = pd.DataFrame({"destination": ["07700 900001"], "name": ["Ada"]})
    message = {"sender": "AcmeCorp", "template": "Hi {name}"}
    with pytest.raises(ValidationError, match="to_dict") as caught:
        await sms.bulk.send_each(**message, rows=frame)
    assert caught.value.field == "rows"
    report = await sms.bulk.send_each(**message, rows=frame.to_dict("records"))
    assert report.accepted == 1
