"""Performance regressions, counted rather than timed."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import tracemalloc

import pytest

from smsworks_async import AsyncSMSWorks
from smsworks_async.journals import SQLiteJournal
from support.internals import on_connect, requester_of


NOT_NEEDED = {
    "aiohttp.web",
    "aiolimiter",
    "argparse",
    "csv",
    "phonenumbers",
    "smsworks_async.bulk",
    "smsworks_async.cli",
    "smsworks_async.sandbox",
    "smsworks_async.blocking.client",
    "smsworks_async.webhooks",
    "sqlite3",
}


def modules(code):
    listing = "; import json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code + listing], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_import_of_the_package_loads_nothing_that_a_send_does_not_need():
    imported = modules("import smsworks_async")
    needed = modules("import aiohttp, attrs, cattrs, tenacity")
    # aiohttp itself imports parts of its server.
    assert imported & NOT_NEEDED <= needed
    foreign = {name for name in imported - needed if not name.startswith("smsworks_async")}
    assert not foreign
    assert len(imported - needed) <= 33


def test_import_of_the_facade_and_bulk_loads_no_database_and_no_server():
    imported = modules("import smsworks_async; smsworks_async.SMSWorks; smsworks_async.BulkReport")
    needed = modules("import aiohttp, attrs, cattrs, tenacity")
    left_out = NOT_NEEDED - {"smsworks_async.bulk", "smsworks_async.blocking.client"}
    assert imported & left_out <= needed
    assert "smsworks_async.journals" not in imported


def test_import_of_the_sandbox_loads_nothing_of_the_clients_request_path():
    imported = modules(
        "import sys, types; package = types.ModuleType('smsworks_async'); "
        "import importlib.util as u; spec = u.find_spec('smsworks_async'); "
        "package.__path__ = spec.submodule_search_locations; "
        "sys.modules['smsworks_async'] = package; import smsworks_async.sandbox"
    )
    ours = {name for name in imported if name.startswith("smsworks_async.")}
    assert {name.split(".")[1] for name in ours} == {"sandbox", "_version"}


def test_import_of_the_pytest_plugin_loads_itself_and_next_to_nothing():
    """It is loaded at the start of every run of pytest, wherever this package is installed."""
    new = modules("import smsworks_async.pytest_plugin") - modules("import pytest")
    assert new == {
        "smsworks_async",
        "smsworks_async._lazy",
        "smsworks_async._version",
        "smsworks_async.pytest_plugin",
    }


@pytest.mark.parametrize("count", [1, 200])
async def test_send_is_one_request_and_sends_in_a_row_are_one_connection(box, sms, count):
    for _ in range(count):
        await sms.messages.flash(
            sender="AcmeCorp", destination=f"07700 900{_:03d}", content="Hello"
        )
    assert len(box.requests) == count
    assert len({record.connection for record in box.requests}) == 1


@pytest.mark.parametrize("journalled", [False, True])
async def test_bulk_is_a_request_a_chunk_over_as_many_connections_as_are_in_flight(
    box, sms, journalled, tmp_path
):
    more = {"journal": tmp_path / "j.db", "campaign": "x"} if journalled else {}
    people = [f"07700 900{n:03d}" for n in range(1000)]
    await sms.bulk.send(
        sender="AcmeCorp",
        content="Hello",
        destinations=people,
        chunk_size=10,
        concurrency=4,
        **more,
    )
    assert len(box.requests) == 100
    assert len({record.connection for record in box.requests}) <= 4


async def test_journal_makes_a_fixed_number_of_statements_for_a_chunk(box, sms, tmp_path):
    """Compared for runs of one hundred and two hundred chunks: the cost per chunk is constant."""

    async def statements(chunks):
        journal = SQLiteJournal(tmp_path / f"{chunks}.db")
        counted = []
        on_connect(journal, lambda db: db.set_trace_callback(counted.append))
        people = [f"07700 900{n:03d}" for n in range(chunks)]
        await sms.bulk.send(
            sender="AcmeCorp",
            content="Hello",
            destinations=people,
            chunk_size=1,
            journal=journal,
            campaign="x",
        )
        await journal.close()
        return len(counted)

    small, large = await statements(100), await statements(200)
    assert (large - small) / 100 <= 20


@pytest.fixture
async def send_answered_at_once():
    """Yield a warmed-up send that makes no request."""
    async with AsyncSMSWorks("eyJ") as sms:

        async def answer(*_, **__):
            return {"messageid": "1", "status": "SENT", "credits": 1, "creditsUsed": 1}

        requester_of(sms)._request = answer

        def send():
            return sms.messages.send(sender="AcmeCorp", destination="07700 900123", content="Hello")

        for _ in range(50):
            await send()
        yield send


async def test_send_leaves_nothing_in_memory_and_takes_little(send_answered_at_once):
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(500):
            await send_answered_at_once()
        _, peak = tracemalloc.get_traced_memory()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 5_000
    assert peak - before < 60_000


async def test_send_runs_so_many_of_our_own_functions_and_no_more(send_answered_at_once):
    called = []

    def count(frame, event, _):
        if event == "call" and "smsworks_async" in frame.f_code.co_filename:
            called.append(frame.f_code.co_qualname)

    sys.setprofile(count)
    try:
        await send_answered_at_once()
    finally:
        sys.setprofile(None)
    assert 10 < len(called) <= 49, called


async def test_send_sets_no_timer_of_its_own(send_answered_at_once, monkeypatch):
    timers = []
    monkeypatch.setattr(
        asyncio.get_running_loop(), "call_at", lambda *call, **_: timers.append(call)
    )
    for _ in range(100):
        await send_answered_at_once()
    assert timers == []
