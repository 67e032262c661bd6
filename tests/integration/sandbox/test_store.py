import sqlite3

import pytest

from smsworks_async.sandbox import ManualClock, Sandbox
from support.wire import BATCH, MESSAGE, sandbox


LATER = "2026-07-01T13:00:00.000Z"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "sandbox.db"


async def test_an_account_outlives_its_sandbox(file):
    clock = ManualClock()
    async with sandbox(database=file, clock=clock) as api:
        sent = await api.send(metadata=[{"key": "k", "value": "v"}], content="\ud83d")
        deleted = await api.send(destination="447700900125")
        await api.delete(f"/messages/{deleted['messageid']}")
        await api.box.advance(1)
        _, batch = await api.post("/batch/send", {**BATCH, "destinations": ["07700900126", "no"]})
        _, [job] = await api.post("/message/schedule", {**MESSAGE, "schedule": LATER})
        _, late = await api.post("/batch/schedule", {**BATCH, "schedule": LATER})
        await api.delete(f"/batches/schedule/{late['batchid']}")
        await api.post(
            "/otp/send", {"sender": "Acme", "destination": "447700900127", "passcode": "4711"}
        )
        await api.box.receive(sender="447700900128", to="60777", content="Yes")
        token = api.box.rotate_token()
        balance = api.box.credits
    async with sandbox(database=file, clock=clock) as api:
        assert (api.box.credits, api.box.token) == (balance, token)
        assert api.box.accepted("447700900123") == 3
        assert (await api.record(sent["messageid"]))["status"] == "DELIVERED"
        assert (await api.record(sent["messageid"]))["content"] == "\ud83d"
        assert (await api.get(f"/messages/{deleted['messageid']}"))[0] == 400
        query = {"metadata": [{"key": "k", "value": "v"}]}
        assert len((await api.post("/messages", query))[1]) == 1
        _, records = await api.get(f"/batch/{batch['batchid']}")
        assert [record["status"] for record in records] == ["SENT", "FAILED"]
        await api.box.advance(1)
        _, records = await api.get(f"/batch/{batch['batchid']}")
        assert [record["status"] for record in records] == ["DELIVERED", "FAILED"]
        assert (await api.post("/otp/verify", {"passcode": "4711"}))[0] == 200
        assert len((await api.post("/messages/inbox", {}))[1]) == 1
        await api.box.advance(3600)
        assert (await api.record(job["messageid"]))["status"] == "DELIVERED"
        _, jobs = await api.get("/messages/schedule")
        assert {entry["status"] for entry in jobs} == {"PROCESSED", "CANCELLED"}
        _, another = await api.post("/batch/send", BATCH)
        assert another["batchid"] not in {batch["batchid"], late["batchid"]}
        assert (await api.send())["messageid"] not in {sent["messageid"], deleted["messageid"]}
    async with sandbox(database=file, clock=clock) as api:
        assert (await api.post("/otp/verify", {"passcode": "4711"}))[0] == 404
        assert await api.post("/messages/inbox", {}) == (200, [])


async def test_the_flooding_filter_remembers(file):
    clock = ManualClock()
    async with sandbox(database=file, clock=clock) as api:
        for _ in range(6):
            await api.send()
        await api.box.advance(60)
    async with sandbox(database=file, clock=clock) as api:
        assert (await api.post("/message/send", MESSAGE))[1]["errorCode"] == 5020
        await api.box.advance(3600)
    async with sandbox(database=file, clock=clock) as api:
        await api.send()


async def test_what_was_accepted_is_in_the_file_before_the_answer_is_given(file):
    faults = [{"path": "*", "when": "hang", "nth": 2}]
    async with sandbox(database=file, faults=faults) as api:
        await api.send()
        with sqlite3.connect(file) as reader:
            assert reader.execute("SELECT count(*) FROM record").fetchone() == (1,)
        reader.close()


async def test_a_reset_empties_the_file(file):
    async with sandbox(database=file) as api:
        await api.send()
        api.box.reset()
        await api.send(destination="447700900124")
    async with sandbox(database=str(file)) as api:
        assert [message.destination for message in api.box.messages] == ["447700900124"]
        assert api.box.credits == 9999


@pytest.mark.parametrize("content", [b"no database", None])
async def test_a_file_that_is_something_else_is_refused_and_left_alone(file, content):
    if content is None:
        with sqlite3.connect(file) as other:
            other.execute("PRAGMA user_version = 99")
        other.close()
    else:
        file.write_bytes(content * 100)
    before = file.read_bytes()
    with pytest.raises(ValueError, match=r"sandbox\.db is not a sandbox's database"):
        async with Sandbox(database=file):
            pass
    assert file.read_bytes() == before
