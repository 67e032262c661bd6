"""A long-running sandbox keeps only the latest records, and counts all of them."""

import asyncio
import gc
import sqlite3
from collections import Counter

import pytest
from aiohttp import web

from smsworks_async.sandbox import Message, PostRecord, Reporting, RequestRecord, Sandbox
from smsworks_async.sandbox.records import Job, Passcode
from support.waiting import until
from support.webhook_receiver import receiver
from support.wire import BATCH, MESSAGE, at, sandbox


KEEP = {"keep_messages": 40, "keep_requests": 24, "keep_posts": 24, "flooding": False}
KINDS = (Message, RequestRecord, PostRecord, Job, Passcode)


def alive():
    """Return the live objects of the sandbox's kinds, by their ids."""
    gc.collect()
    return {id(one): one for one in gc.get_objects() if isinstance(one, KINDS)}


def counted(before):
    """Return the number of live objects of each type, without some that were there before."""
    return Counter(type(one).__name__ for key, one in alive().items() if key not in before)


async def one_of_each(api, n):
    await api.send(destination="447700900123", content=f"Hello {n}")
    await api.post("/batch/send", {**BATCH, "destinations": ["447700900124", "nobody"]})
    await api.post("/otp/send", {"sender": "Acme", "destination": "447700900125"})
    later = {**MESSAGE, "schedule": at(api, minutes=1), "destination": "447700900126"}
    cancelled = (await api.post("/message/schedule", later))[1][0]["messageid"]
    await api.delete(f"/messages/schedule/{cancelled}")
    await api.post("/batch/schedule", {**BATCH, "schedule": at(api, seconds=1)})
    await api.get(f"/messages/{cancelled}")
    await api.box.receive(sender="447700900124", to="60777", content="Yes")
    await api.box.advance(2)


async def state(api):
    return (await api.get("sandbox/state"))[1]


async def test_a_sandbox_retains_no_more_however_long_it_runs():
    async with (
        receiver() as hook,
        sandbox(**KEEP, delivery_report_url=hook.url, incoming_url=hook.url) as api,
    ):
        before = alive()  # of other tests, and kept, so that their ids stay theirs
        for n in range(10):
            await one_of_each(api, n)
        first = counted(before)
        for n in range(10, 40):
            await one_of_each(api, n)
        last = counted(before)
        timeline = api.box._simulator.state.account.timeline
        acts = len(timeline._heap)
        answer = await state(api)
    assert first["Message"] == pytest.approx(40, abs=5)
    for kind, most in (("Message", 45), ("RequestRecord", 27), ("PostRecord", 54)):
        assert last[kind] <= most
    assert last["Job"] <= 20
    assert last["Passcode"] <= 10
    assert acts <= 60
    assert answer["by_destination"] == {
        "447700900123": 80,
        "447700900124": 80,
        "447700900125": 40,
        "447700900126": 40,
    }
    assert answer["accepted"] == 240
    assert answer["by_status"] == {"DELIVERED": 200, "FAILED": 40, "CANCELLED": 40}


async def test_counts_go_on_after_requests_were_dropped():
    async with sandbox(**KEEP) as api:
        for n in range(60):
            await api.post("/message/send", {**MESSAGE, "colour": "red"})
            await api.get(f"/messages/{n}")
            await api.get(f"/nowhere/{n}")
        answer = await state(api)
        account = (await api.get("sandbox/account"))[1]
    assert answer["requests"]["POST /message/send"] == 60
    ids = {name: n for name, n in answer["requests"].items() if name.startswith("GET /messages/")}
    assert sum(ids.values()) == 60
    assert ids["GET /messages/{messageid}"] >= 50
    assert answer["requests"]["* /{path}"] >= 50
    assert answer["unknown_fields"] == {"POST /message/send colour": 60}
    assert answer["connections"] == 1
    assert account["counts"]["requests"] == 180
    assert account["kept"]["requests"] <= 27


async def test_counts_begin_again_after_a_reset():
    async with sandbox(**KEEP) as api:
        for _ in range(60):
            await api.send()
        await api.post("sandbox/reset", {})
        await api.send()
        answer = await state(api)
    assert (answer["accepted"], answer["connections"]) == (1, 1)
    assert answer["requests"] == {"POST /message/send": 1}


async def test_names_of_unknown_fields_are_counted_within_bounds(monkeypatch):
    monkeypatch.setattr("smsworks_async.sandbox.traffic._MOST_NAMES", 10)
    async with sandbox(**KEEP) as api:
        for n in range(60):
            await api.post("/message/send", {**MESSAGE, f"field{n}": 1})
        answer = await state(api)
    assert sum(answer["unknown_fields"].values()) == 60
    assert answer["unknown_fields"]["POST /message/send …"] >= 20
    assert len(api.box._simulator.traffic.dropped.unknown_fields) == 11


async def test_what_waits_to_be_sent_is_kept():
    async with sandbox(**KEEP) as api:
        later = {**BATCH, "schedule": at(api, hours=1)}
        later["destinations"] = [f"4477009000{n:02}" for n in range(60)]
        await api.post("/batch/schedule", later)
        for n in range(60):
            await api.send(destination="447700900123", content=f"Hello {n}")
        await api.box.advance(3601)
        answer = await state(api)
        assert len(api.box.messages) <= 60 + 45
        for n in range(60):
            await api.send(destination="447700900124", content=f"Hello {n}")
        assert len(api.box.messages) <= 45
    assert answer["by_status"] == {"DELIVERED": 120}


async def test_what_was_sent_is_delivered_and_reported_though_it_is_dropped():
    async with receiver() as hook, sandbox(**KEEP, delivery_report_url=hook.url) as api:
        first = (await api.send(destination="447700900506"))["messageid"]
        for _ in range(60):
            await api.send(destination="447700900123")
        assert (await api.get(f"sandbox/messages/{first}"))[0] == 404
        assert (await state(api))["by_status"] == {"SENT": 61}
        await api.box.advance(1)
        assert hook.bodies[0]["messageid"] == first
        assert len(hook.bodies) == 61
        assert (await state(api))["by_status"] == {"DELIVERED": 60, "UNDELIVERED": 1}
        assert api.box.credits == 10_000 - 60
        assert len(api.box._simulator.state.account.timeline._heap) <= 45


async def test_the_volume_of_a_day_counts_what_was_dropped():
    async with sandbox(**KEEP) as api:
        for _ in range(3):
            for _ in range(60):
                await api.send()
            assert (await api.get("/messages/volume"))[1] == {"volume": 60}
            await api.box.advance(86_400)
        assert (await api.get("/messages/volume"))[1] == {"volume": 0}


async def test_ids_and_passcodes_are_not_given_twice_after_some_were_dropped():
    async with sandbox(**KEEP, seed=1) as api:
        body = {"sender": "Acme", "destination": "447700900125"}
        sent = [(await api.post("/otp/send", body))[1]["messageid"] for _ in range(100)]
        passcodes = {m.content for m in api.box.messages}
    assert len(set(sent)) == 100
    assert len(passcodes) >= 40


async def test_a_database_keeps_no_more_and_counts_go_on_after_a_restart(tmp_path):
    path = tmp_path / "state.db"
    async with sandbox(**KEEP, database=path) as api:
        for n in range(20):
            await one_of_each(api, n)
        before = await state(api)
        newest = api.box.messages[-1].number
    with sqlite3.connect(path) as database:
        rows = dict(database.execute("SELECT kind, count(*) FROM record GROUP BY kind").fetchall())
    database.close()
    assert rows["message"] <= 45
    assert rows["job"] <= 20
    assert rows["passcode"] <= 10
    async with sandbox(**KEEP, database=path) as api:
        after = await state(api)
        for name in ("accepted", "by_destination", "by_status"):
            assert after[name] == before[name]
        volume = (await api.get("/messages/volume"))[1]["volume"]
        await api.send()
        assert api.box.messages[-1].number > newest
    assert volume == 20 * 5
    async with sandbox(**{**KEEP, "keep_messages": 8}, database=path) as api:
        assert len(api.box._simulator.state.account.archive.messages) <= 9
        assert (await state(api))["accepted"] == before["accepted"] + 1


@pytest.mark.parametrize(("answered", "most"), [(True, 400), (False, 40)])
async def test_posts_are_given_up_when_too_many_wait(answered, most):
    answers = asyncio.Event()

    async def wait(request):
        if not answered and len(hook.bodies) <= 16:
            request.transport.abort()
        else:
            await answers.wait()
        return web.Response()

    reporting = Reporting(pauses=())
    async with (
        receiver(wait) as hook,
        sandbox(**KEEP, delivery_report_url=hook.url, reporting=reporting) as api,
    ):
        if not answered:
            for _ in range(16):
                await api.send()
            await api.box.advance(1)
        numbers = [f"4477009{n:05}" for n in range(500)]
        await api.post("/batch/send", {**BATCH, "destinations": numbers})
        waiting = asyncio.ensure_future(api.box.advance(1))
        await until(lambda: any(post.error.startswith("dropped") for post in api.box.posts))
        account = (await api.get("sandbox/account"))[1]
        newest = (await api.get("sandbox/webhooks?limit=1"))[1]["webhooks"][0]
        assert account["counts"]["waiting"] == most
        assert newest["error"] == f"dropped: {most} others are queued (keep_messages)"
        assert newest["waiting"] is False
        answers.set()
        await waiting
    assert len(hook.bodies) == most + (0 if answered else 16)


@pytest.mark.parametrize("name", ["keep_messages", "keep_requests", "keep_posts"])
@pytest.mark.parametrize("given", [0, -1, 1.5, True, "9"])
def test_a_limit_is_a_whole_number_or_none(name, given):
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, or None"):
        Sandbox(**{name: given})
    Sandbox(**{name: None})


async def test_nothing_is_dropped_without_a_limit():
    async with sandbox(keep_messages=None, flooding=False) as api:
        for _ in range(3):
            await api.send()
        assert api.box._simulator.state.account.archive.prune() == []
