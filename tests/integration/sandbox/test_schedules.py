import pytest

from support.wire import MESSAGE, at, sandbox


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


async def test_a_scheduled_message_goes_at_its_time(api):
    schedule = at(api, hours=1)
    status, answer = await api.post("/message/schedule", {**MESSAGE, "schedule": schedule})
    assert status == 200
    [job] = answer
    assert job["status"] == "SCHEDULED"
    assert api.box.accepted() == 1
    assert api.box.credits == 10000
    assert await api.get("/messages/schedule") == (
        200,
        [
            {
                "id": job["messageid"],
                "status": "SCHEDULED",
                "batch": False,
                "message": {
                    "sender": "AcmeCorp",
                    "content": "Hello",
                    "schedule": "2026-07-01T13:00:00.000Z",
                    "destination": "447700900123",
                },
            }
        ],
    )
    assert (await api.record(job["messageid"]))["status"] == "SCHEDULED"
    await api.box.advance(3600)
    assert (await api.record(job["messageid"]))["status"] == "SENT"
    assert api.box.credits == 9999
    await api.box.advance(1)
    assert (await api.record(job["messageid"]))["status"] == "DELIVERED"
    assert (await api.get("/messages/schedule"))[1][0]["status"] == "PROCESSED"
    assert (await api.delete(f"/messages/schedule/{job['messageid']}"))[1]["errorCode"] == 4008
    await api.box.advance(92 * 86400)
    assert await api.get("/messages/schedule") == (200, [])


async def test_a_schedule_may_be_written_as_javascript_does_and_lie_a_little_in_the_past(api):
    for schedule in ("Wed Jul 01 2026 14:00:00 GMT+0100 (BST)", at(api, seconds=-60)):
        message = {**MESSAGE, "schedule": schedule}
        assert (await api.post("/message/schedule", message))[0] == 200
    for schedule in ("", "soon", at(api, seconds=-61)):
        message = {**MESSAGE, "schedule": schedule}
        status, answer = await api.post("/message/schedule", message)
        assert (status, answer["errorCode"]) == (400, 4009)


async def test_a_cancelled_message_never_goes(api):
    message = {**MESSAGE, "schedule": at(api, hours=1)}
    _, [job] = await api.post("/message/schedule", message)
    path = f"/messages/schedule/{job['messageid']}"
    for _ in range(2):
        expected = {"messageid": job["messageid"], "status": "CANCELLED"}
        assert await api.delete(path) == (200, expected)
    await api.box.advance(7200)
    assert (await api.record(job["messageid"]))["status"] == "CANCELLED"
    assert api.box.credits == 10000
    assert (await api.delete("/messages/schedule/1"))[1]["errorCode"] == 4008
    assert (await api.delete(f"/batches/schedule/{job['messageid']}"))[1]["errorCode"] == 4008


async def test_a_scheduled_message_fails_when_there_is_no_credit_at_its_time():
    async with sandbox(credits=1) as api:
        message = {**MESSAGE, "schedule": at(api, minutes=5)}
        _, [job] = await api.post("/message/schedule", message)
        await api.send()
        await api.box.advance(300)
        record = await api.record(job["messageid"])
        assert (record["status"], record["failurereason"]["code"]) == ("FAILED", 4021)
        assert api.box.accepted() == 1


async def test_a_message_that_was_deleted_before_its_time_does_not_go(api):
    message = {**MESSAGE, "schedule": at(api, minutes=5)}
    _, [job] = await api.post("/message/schedule", message)
    await api.delete(f"/messages/{job['messageid']}")
    await api.box.advance(300)
    assert api.box.credits == 10000
