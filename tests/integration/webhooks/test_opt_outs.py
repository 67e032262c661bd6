"""STOP and START are recorded before the function is called, or the message is repeated."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from smsworks_async import AsyncSMSWorks, ConfigurationError, OptOuts, SMSWorks
from smsworks_async.journals import MemoryJournal, SQLiteJournal
from smsworks_async.journals.sqlite import file
from smsworks_async.sandbox import Sandbox
from smsworks_async.webhooks import Webhooks
from support.internals import journal_of
from support.sandboxes import AT_ONCE
from support.webhook_servers import serving


NUMBER = "447700900124"
STOP = {"messageid": "1", "from": NUMBER, "to": "60777", "content": "ACME stop!", "keyword": "ACME"}


@pytest.fixture
async def opt_outs(tmp_path):
    async with OptOuts(tmp_path / "list.db") as opt_outs:
        yield opt_outs


class Handler:
    """Notes whether the sender was on the list when it was called."""

    def __init__(self, opt_outs, fail=False):
        self.opt_outs = opt_outs
        self.fail = fail
        self.seen = []

    async def __call__(self, message):
        self.seen.append(await self.opt_outs.contains(message.sender))
        if self.fail:
            raise LookupError("the function fails")


@pytest.mark.parametrize("client", [AsyncSMSWorks, SMSWorks])
async def test_a_stop_is_recorded_before_the_function_runs(server, tmp_path, opt_outs, client):
    handler = Handler(opt_outs)
    sms = client("eyJ", opt_outs=tmp_path / "list.db")
    async with serving(server, on_incoming=handler, client=sms) as provider:
        assert await provider.post(STOP) == 200
        assert await provider.post(STOP) == 200
    assert handler.seen == [True]
    [event] = await opt_outs.history(NUMBER)
    assert (event.change, event.source, event.word, event.message_id) == (
        *("out", "message", "STOP", "1"),
    )
    await journal_of(sms).close()


async def test_a_function_that_fails_loses_none_and_a_repeat_adds_none(server, opt_outs):
    handler = Handler(opt_outs, fail=True)
    async with serving(server, on_incoming=handler, opt_outs=opt_outs) as provider:
        assert await provider.post(STOP) == 500
        assert await provider.post(STOP) == 500
    assert handler.seen == [True, True]
    assert len(await opt_outs.history(NUMBER)) == 1


async def test_a_list_that_cannot_be_written_is_a_503_and_the_repeat_is_recorded(
    server, opt_outs, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(file, "PATIENCE", 0.0)
    handler = Handler(opt_outs)
    async with serving(server, on_incoming=handler, opt_outs=opt_outs) as provider:
        assert await provider.post({**STOP, "messageid": "0", "content": "Hello"}) == 200
        await opt_outs.identity()
        with closing(sqlite3.connect(tmp_path / "list.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await provider.post(STOP) == 503
            other.execute("ROLLBACK")
        assert handler.seen == [False]
        assert await provider.post(STOP) == 200
    assert handler.seen == [False, True]
    assert "opt-out list failed" in caplog.text
    assert NUMBER not in caplog.text


async def test_without_a_function_opt_outs_are_recorded_and_the_rest_is_a_404(server, opt_outs):
    async with serving(server, opt_outs=opt_outs) as provider:
        assert await provider.post(STOP) == 200
        assert await provider.post({**STOP, "messageid": "2", "content": "Hello"}) == 404
    assert await opt_outs.contains(NUMBER)


async def test_a_client_without_a_list_records_nothing(server):
    messages = []
    async with serving(
        server, on_incoming=messages.append, client=AsyncSMSWorks("eyJ")
    ) as provider:
        assert await provider.post(STOP) == 200
    assert [message.content for message in messages] == ["ACME stop!"]


async def test_the_clients_journal_remembers_what_was_handled_and_who_opted_out(server, tmp_path):
    journal = SQLiteJournal(tmp_path / "journal.db")
    handled = []
    for _ in range(2):  # as two processes
        sms = AsyncSMSWorks("eyJ", journal=journal)
        async with serving(
            server, on_incoming=handled.append, on_report=handled.append, client=sms
        ) as provider:
            assert await provider.post(STOP) == 200
            assert await provider.report("7") == 200
        await sms.close()
    assert len(handled) == 2
    assert await OptOuts(journal).contains(NUMBER)
    await journal.close()


async def test_an_own_list_and_an_own_store_come_before_the_clients(tmp_path, opt_outs):
    sms = AsyncSMSWorks("eyJ", journal=MemoryJournal())
    async with serving(
        "aiohttp", client=sms, opt_outs=opt_outs, seen=str(tmp_path / "list.db")
    ) as provider:
        assert await provider.post(STOP) == 200
    assert await opt_outs.contains(NUMBER)
    assert not await sms.opt_outs.contains(NUMBER)
    await sms.close()


async def test_what_is_posted_is_a_hint_where_it_is_confirmed(opt_outs):
    async with (
        Sandbox() as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms,
    ):
        message_id = await box.receive(sender=NUMBER, to="60777", content="STOP")
        async with serving(
            "aiohttp", client=sms, confirm=True, opt_outs=opt_outs, on_incoming=lambda _: None
        ) as provider:
            assert await provider.post({**STOP, "messageid": "77"}) == 422
            assert (await opt_outs.changes(0)).last == 0
            forged = {**STOP, "messageid": message_id, "from": "447700900999"}
            assert await provider.post(forged) == 200
    assert await opt_outs.among([NUMBER, "447700900999"]) == [NUMBER]


@pytest.mark.parametrize("opt_outs", [5, b"list.db", ""])
def test_what_is_no_list_is_refused(opt_outs):
    with pytest.raises(ConfigurationError, match="opt_outs"):
        Webhooks(on_incoming=print, insecure=True, opt_outs=opt_outs)
