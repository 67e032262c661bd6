import pytest

from support.wire import BATCH, at, sandbox


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


async def test_an_unknown_message_is_a_4008(api):
    for method in ("GET", "DELETE"):
        status, answer = await api.call(method, "/messages/1")
        assert (status, answer["errorCode"]) == (400, 4008)


async def test_a_deleted_message_is_gone_but_was_accepted(api):
    sent = await api.send()
    path = f"/messages/{sent['messageid']}"
    assert await api.delete(path) == (200, {"messageid": sent["messageid"], "status": "DELETED"})
    assert (await api.get(path))[0] == 400
    assert (await api.delete(path))[0] == 400
    assert await api.post("/messages", {}) == (200, [])
    assert api.box.accepted("447700900123") == 1


async def test_a_record_vanishes_after_its_ttl_or_after_three_months(api):
    short = await api.send(ttl=10)
    long = await api.send()
    await api.box.advance(601)
    assert (await api.get(f"/messages/{short['messageid']}"))[0] == 400
    await api.box.advance(91 * 86400)
    assert (await api.get(f"/messages/{long['messageid']}"))[0] == 200
    await api.box.advance(86400)
    assert (await api.get(f"/messages/{long['messageid']}"))[0] == 400


async def test_a_search_finds_by_every_filter(api):
    await api.send(tag="a", metadata=[{"key": "k", "value": "1"}, {"key": "l", "value": "2"}])
    await api.box.advance(10)
    await api.send(sender="Other", destination="447700900506", content="a" * 161)
    await api.box.advance(10)
    await api.box.receive(sender="447700900124", to="60777", content="Yes", keyword="YES")

    async def found(**query):
        status, records = await api.post("/messages", query)
        assert status == 200
        return [record["_id"][-1] for record in records]

    assert await found() == ["1", "2", "3"]
    assert await found(status="") == ["1", "2", "3"]
    assert await found(status="DELIVERED") == ["1"]
    assert await found(status="INCOMING", unread=True) == ["3"]
    assert await found(status="INCOMING", unread=False) == []
    assert await found(destination="447700900123") == ["1"]
    assert await found(destination="07700900123") == []
    assert await found(sender="447700900124") == ["3"]
    assert await found(keyword="YES") == ["3"]
    assert await found(tag="a") == ["1"]
    assert await found(credits=2) == ["2"]
    assert await found(metadata=[{"key": "l", "value": "2"}]) == ["1"]
    assert await found(metadata=[{"key": "l", "value": "1"}]) == []
    assert await found(**{"from": at(api, seconds=-10)}) == ["2", "3"]
    assert await found(to=at(api, seconds=-20)) == ["1"]
    assert await found(to="Wed Jul 01 2026 13:00:10 GMT+0100 (BST)") == ["1", "2"]
    assert await found(limit=1) == ["1"]
    assert await found(limit=2, skip=1) == ["2", "3"]
    assert await found(skip=3) == []


async def test_a_search_gives_a_thousand_at_most():
    async with sandbox(max_batch=2000) as api:
        many = {**BATCH, "destinations": [f"4477009{n:05}" for n in range(1500)]}
        assert (await api.post("/batch/send", many))[0] == 201
        assert len((await api.post("/messages", {}))[1]) == 1000
        assert len((await api.post("/messages", {"skip": 1000}))[1]) == 500


async def test_a_search_lags_behind_when_told_to():
    async with sandbox(search_lag=30) as api:
        sent = await api.send()
        _, batch = await api.post("/batch/send", {**BATCH, "destinations": ["447700900125"]})
        await api.box.advance(29.9)
        assert await api.post("/messages", {}) == (200, [])
        assert (await api.get(f"/messages/{sent['messageid']}"))[0] == 200
        assert len((await api.get(f"/batch/{batch['batchid']}"))[1]) == 1
        await api.box.advance(0.1)
        assert len((await api.post("/messages", {}))[1]) == 2


async def test_failed_messages_are_listed(api):
    await api.send()
    failing = await api.send(destination="447700900506")
    _, batch = await api.post("/batch/send", {**BATCH, "destinations": ["nobody"]})
    await api.box.advance(1)
    _, records = await api.post("/messages/failed", {})
    assert [record["status"] for record in records] == ["UNDELIVERED", "FAILED"]
    assert records[0]["messageid"] == failing["messageid"]
    assert records[1]["batchid"] == batch["batchid"]
    assert (await api.post("/messages/failed", {"status": "FAILED"}))[1] == records[1:]


async def test_the_inbox_gives_each_message_once(api):
    first = await api.box.receive(sender="447700900124", to="447700900999", content="One")
    await api.box.receive(sender="447700900125", to="447700900999", content="Two")
    status, records = await api.post("/messages/inbox", {"limit": 1})
    assert status == 200
    assert [(r["messageid"], r["status"], r["sender"]) for r in records] == [
        (first, "INCOMING", "447700900124")
    ]
    assert [record["content"] for record in (await api.post("/messages/inbox", {}))[1]] == ["Two"]
    assert await api.post("/messages/inbox", {}) == (200, [])
    assert len((await api.post("/messages", {"status": "INCOMING", "unread": False}))[1]) == 2
    assert api.box.messages == []
    assert api.box.accepted() == 0


async def test_a_value_that_no_message_can_have_finds_nothing_and_is_no_error(api):
    # Codes such as 4003 and 4004 are for sends; incoming messages may have short codes.
    await api.box.receive(sender="+33 MY SHOP", to="60777", content="Hi")
    for query in ({"destination": "60777"}, {"destination": 60777}, {"sender": "+33 MY SHOP"}):
        _, (found,) = await api.post("/messages", {"status": "INCOMING", **query})
        assert found["destination"] == 60777
    nothing = [{"destination": "nobody"}, {"destination": 1073741823}, {"sender": "a b"}]
    nothing += [{"tag": "a" * 281}]
    for query in nothing:
        for path in ("/messages", "/messages/failed", "/messages/inbox"):
            assert await api.post(path, query) == (200, [])
