"""The list of opt-outs: in memory and in a file, nothing is deleted and the last event counts."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsworks_async import ConfigurationError, JournalError, OptOuts, ValidationError
from smsworks_async.journals import MemoryJournal, PostgresJournal, SQLiteJournal
from smsworks_async.journals.sqlite import file
from smsworks_async.models.posted import IncomingMessage
from smsworks_async.optouts import Keywords
from support.journals import each_kind, of_kind


NOW = datetime(2030, 1, 31, 9, 0, tzinfo=UTC)
ONE, TWO, THREE = "447700900001", "447700900002", "447700900003"


class Clock:
    def __init__(self):
        self.now = NOW.timestamp()

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@each_kind
async def journal(request, clock):
    async with of_kind(request, clock) as made:
        yield made


@pytest.fixture
def opt_outs(journal):
    return OptOuts(journal)


def incoming(message_id, content, sender=ONE, **fields):
    return IncomingMessage(message_id, sender, "60777", content, **fields)


async def test_a_number_goes_out_and_in_and_keeps_its_history(opt_outs, clock):
    assert await opt_outs.contains("07700 900001") is False
    assert await opt_outs.add("07700 900001", source="shop", word="no more") is True
    assert await opt_outs.contains("+44 7700 900001") is True
    clock.now += 60
    assert await opt_outs.remove(7700900001) is True
    assert await opt_outs.contains(ONE) is False
    out, again = await opt_outs.history(ONE)
    assert (out.number, out.change, out.at, out.source, out.word) == (
        *(ONE, "out", NOW, "shop", "no more"),
    )
    assert (again.change, again.at, again.source) == ("in", NOW + timedelta(minutes=1), "manual")
    assert ONE not in repr(out)


async def test_what_changes_nothing_and_came_without_a_message_is_not_recorded(opt_outs):
    assert await opt_outs.remove(ONE) is False
    assert await opt_outs.add(ONE) is True
    assert await opt_outs.add(ONE) is False
    assert len(await opt_outs.history(ONE)) == 1


async def test_a_message_is_recorded_once_however_often_it_comes(opt_outs):
    assert await opt_outs.record(incoming("1", "STOP")) == "out"
    assert await opt_outs.record(incoming("2", "START")) == "in"
    assert await opt_outs.record(incoming("1", "STOP")) == "out"
    assert await opt_outs.contains(ONE) is False
    events = [(e.change, e.source, e.word, e.message_id) for e in await opt_outs.history(ONE)]
    assert events == [("out", "message", "STOP", "1"), ("in", "message", "START", "2")]


@pytest.mark.parametrize("content", ["HELP", "Yes please", "please stop"])
async def test_other_messages_change_nothing(opt_outs, content):
    await opt_outs.record(incoming("1", content))
    assert await opt_outs.history(ONE) == []


async def test_an_opt_in_that_is_read_late_does_not_undo_a_later_opt_out(opt_outs):
    await opt_outs.record(incoming("2", "STOP", created=NOW - timedelta(hours=1)))
    await opt_outs.record(incoming("1", "START", created=NOW - timedelta(hours=2)))
    assert await opt_outs.contains(ONE)
    await opt_outs.record(incoming("3", "START", created=NOW - timedelta(minutes=59)))
    assert not await opt_outs.contains(ONE)
    [_, again] = await opt_outs.history(ONE)
    assert again.at == NOW - timedelta(minutes=59)


async def test_a_message_is_recorded_only_after_the_events_that_were_read(opt_outs):
    start = incoming("2", "START")
    for known in range(2):
        assert len(await opt_outs.events_of(start)) == known
        await opt_outs.record(incoming(f"1{known}", "STOP"))
        assert not await opt_outs.record_after(start, known)
        assert await opt_outs.contains(ONE)
    assert await opt_outs.record_after(start, 2)
    assert not await opt_outs.contains(ONE)


@pytest.mark.parametrize("sender", ["441632960001", "12345", "33123456789", "Bank"])
async def test_a_number_that_the_api_reports_is_never_judged(opt_outs, tmp_path, sender):
    await opt_outs.record(incoming("1", "STOP", sender=sender))
    assert [event.number async for event in opt_outs.iterate()] == [sender]
    assert await opt_outs.contains(sender)
    assert await opt_outs.among([sender]) == [sender]
    assert await opt_outs.opted_out([sender, ONE]) == {sender}
    await opt_outs.export_csv(tmp_path / "list.csv")
    other = OptOuts(MemoryJournal())
    assert await other.import_file(tmp_path / "list.csv") == 1
    assert await other.contains(sender)
    assert await opt_outs.remove(sender)


async def test_a_message_without_a_sender_is_recorded_nowhere(opt_outs):
    assert await opt_outs.record(incoming("1", "STOP", sender="")) == "out"
    assert (await opt_outs.changes(0)).last == 0


async def test_numbers_outside_the_uk_are_accepted_from_a_person(opt_outs):
    assert await opt_outs.add("+33 1 23 45 67 89")
    assert await opt_outs.contains("0033123456789")
    assert await opt_outs.among(["33123456789", ONE]) == ["33123456789"]


@pytest.mark.parametrize("number", ["", None, "hello", "0207 946 0000", "+44 7700 9001", object()])
@pytest.mark.parametrize("method", ["add", "remove", "contains", "history"])
async def test_what_can_be_no_number_is_refused(opt_outs, method, number):
    with pytest.raises(ValidationError):
        await getattr(opt_outs, method)(number)
    with pytest.raises(ValidationError):
        await opt_outs.among([ONE, number])


@pytest.mark.parametrize("field", ["source", "word", "message_id"])
@pytest.mark.parametrize("value", ["x" * 201, "a\nb", 5, b"x"])
async def test_notes_are_short_and_printable(opt_outs, field, value):
    with pytest.raises(ValidationError, match=field):
        await opt_outs.add(ONE, **{field: value})
    assert (await opt_outs.changes(0)).last == 0


async def test_among_keeps_the_order_and_names_each_once(opt_outs, monkeypatch):
    monkeypatch.setattr("smsworks_async.optouts._SLICE", 2)
    for number in (TWO, ONE):
        await opt_outs.add(number)
    found = await opt_outs.among(iter([TWO, THREE, "07700 900001", TWO, ONE]))
    assert found == [TWO, ONE]


async def test_iterate_goes_through_all_pages(opt_outs, journal):
    numbers = [f"4477009{n:05d}" for n in range(1100)]
    await journal.record_opt_outs(numbers, source="import")
    await opt_outs.remove(numbers[5])
    found = [event.number async for event in opt_outs.iterate()]
    assert found == [number for number in numbers if number != numbers[5]]


async def test_changes_are_what_all_events_above_a_key_come_to(opt_outs):
    await opt_outs.add(ONE)
    await opt_outs.add(TWO)
    await opt_outs.remove(ONE)
    assert summed(await opt_outs.changes(0)) == (3, {TWO}, {ONE})
    assert summed(await opt_outs.changes(2)) == (3, set(), {ONE})
    assert summed(await opt_outs.changes(3)) == (3, set(), set())


async def test_changes_keep_numbers_apart_whatever_they_consist_of(opt_outs, journal):
    for number in ("a\nb", "\n", "a,b"):
        await journal.record_opt_out(number, "out", source="x")
    assert summed(await opt_outs.changes(0)) == (3, {"a\nb", "\n", "a,b"}, set())


async def test_each_list_has_an_identity_which_a_file_keeps(opt_outs, tmp_path):
    identity = await opt_outs.identity()
    assert identity
    assert await opt_outs.identity() == identity
    async with OptOuts(tmp_path / "other.db") as other:
        first = await other.identity()
        assert first != identity
    async with OptOuts(str(tmp_path / "other.db")) as other:
        assert await other.identity() == first


async def test_lists_of_one_file_share_it_and_only_a_path_is_closed(tmp_path):
    journal = SQLiteJournal(tmp_path / "list.db")
    async with OptOuts(journal) as one, OptOuts(tmp_path / "list.db") as other:
        await one.add(ONE)
        assert await other.contains(ONE)
    assert await OptOuts(journal).contains(ONE)
    with pytest.raises(JournalError, match="closed"):
        await other.contains(ONE)
    await journal.close()


async def test_a_list_that_cannot_be_written_is_a_journal_error_and_loses_nothing(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(file, "PATIENCE", 0.0)
    async with OptOuts(tmp_path / "list.db") as opt_outs:
        await opt_outs.add(TWO)
        other = sqlite3.connect(tmp_path / "list.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError) as caught:
            await opt_outs.record(incoming("1", "STOP"))
        assert caught.value.retryable
        other.execute("ROLLBACK")
        other.close()
        await opt_outs.record(incoming("1", "STOP"))
        assert await opt_outs.among([ONE, TWO]) == [ONE, TWO]


async def test_a_list_whose_file_was_deleted_takes_nothing_more(tmp_path):
    async with OptOuts(tmp_path / "list.db") as opt_outs:
        await opt_outs.add(TWO)
        (tmp_path / "list.db").unlink()
        with pytest.raises(JournalError):
            await opt_outs.record(incoming("1", "STOP"))


@pytest.mark.parametrize("journal", [5, None, b"list.db", ["list.db"]])
def test_what_is_no_journal_is_refused(journal):
    with pytest.raises(ConfigurationError):
        OptOuts(journal)


async def test_words_of_ones_own(journal):
    opt_outs = OptOuts(journal, keywords=Keywords(out=["GENUG"], begins=()))
    assert await opt_outs.record(incoming("1", "stop")) is None
    assert await opt_outs.record(incoming("2", "genug")) == "out"
    assert not opt_outs.concerns(incoming("3", "help"))


# Both stores agree

EVENTS = st.lists(
    st.tuples(
        st.sampled_from([ONE, TWO]),
        st.sampled_from(["out", "in"]),
        st.sampled_from(["", "1", "2", "3"]),
        st.one_of(st.none(), st.integers(0, 3)),
    ),
    max_size=12,
)


def summed(changes):
    """Return changes without the order of their numbers."""
    return changes.last, set(changes.out), set(changes.back)


async def answers(journal, events):
    said = [
        await journal.record_opt_out(n, change, source="x", message_id=m, sent=sent)
        for n, change, m, sent in events
    ]
    _, out, back = summed(await journal.opt_out_changes(0))
    assert not out & back
    assert set(await journal.opted_out([ONE, TWO])) == out
    assert [e.number for e in await journal.opt_out_page()] == sorted(out)
    return said, (out, back), [await journal.opt_out_events(number) for number in (ONE, TWO)]


@given(events=EVENTS)
async def test_the_stores_agree(tmp_path_factory, events):
    path = tmp_path_factory.mktemp("lists") / "list.db"
    journal = SQLiteJournal(path, clock=Clock())
    try:
        expected = await answers(MemoryJournal(clock=Clock()), events)
        assert await answers(journal, events) == expected
    finally:
        await journal.close()


@settings(max_examples=25)
@given(events=EVENTS)
def test_postgres_agrees(postgres_databases, events):
    async def compare():
        url = await postgres_databases.create()
        journal = PostgresJournal(url, clock=Clock())
        try:
            expected = await answers(MemoryJournal(clock=Clock()), events)
            assert await answers(journal, events) == expected
        finally:
            await journal.close()
            await postgres_databases.drop(url)

    asyncio.run(compare())
