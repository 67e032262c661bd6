import aiohttp
import pytest

from smsworks_async.sandbox import Fault
from support.wire import BATCH, MESSAGE, sandbox


LATER = "2026-07-01T13:00:00.000Z"


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


async def test_a_batch_is_accepted_as_one_and_delivered_one_by_one(api):
    status, answer = await api.post("/batch/send", BATCH)
    assert status == 201
    assert answer == {"batchid": answer["batchid"], "status": "SCHEDULED"}
    assert api.box.credits == 9998
    await api.box.advance(1)
    _, records = await api.get(f"/batch/{answer['batchid']}")
    assert [record["destination"] for record in records] == [447700900123, 447700900124]
    assert {record["status"] for record in records} == {"DELIVERED"}
    assert {record["batchid"] for record in records} == {answer["batchid"]}


async def test_single_recipients_fail_within_an_accepted_batch(api):
    numbers = ["447700900123", "+447700900124", "nobody", "447700900506"]
    status, answer = await api.post("/batch/send", {**BATCH, "destinations": numbers})
    assert status == 201
    await api.box.advance(1)
    _, records = await api.get(f"/batch/{answer['batchid']}")
    shown = [
        (r["destination"], r["status"], r.get("failurereason", {}).get("code")) for r in records
    ]
    assert shown == [
        (447700900123, "DELIVERED", None),
        ("+447700900124", "FAILED", 4004),
        ("nobody", "FAILED", 4004),
        (447700900506, "UNDELIVERED", 5006),
    ]
    assert api.box.accepted() == 2
    assert api.box.credits == 9999
    assert len(api.box.messages) == 4


async def test_the_flooding_filter_fails_single_recipients_of_a_batch(api):
    numbers = ["447700900123"] * 7
    _, answer = await api.post("/batch/send", {**BATCH, "destinations": numbers})
    _, records = await api.get(f"/batch/{answer['batchid']}")
    assert [record["status"] for record in records] == ["SENT"] * 6 + ["FAILED"]
    assert records[-1]["failurereason"]["code"] == 5020
    assert api.box.credits == 9994


@pytest.mark.parametrize("count", [0, 501])
@pytest.mark.parametrize("path", ["/batch/send", "/batch/any", "/batch/schedule"])
async def test_a_batch_of_none_or_too_many_is_refused(api, path, count):
    body = {**BATCH, "destinations": ["447700900123"] * count, "schedule": LATER}
    status, answer = await api.post(path, [MESSAGE] * count if path == "/batch/any" else body)
    assert (status, list(answer)) == (400, ["message"])
    assert str(count) in answer["message"]


async def test_the_most_of_a_batch_is_a_setting():
    async with sandbox(max_batch=1) as api:
        assert (await api.post("/batch/send", BATCH))[0] == 400
        assert (await api.post("/batch/any", [MESSAGE]))[0] == 201


@pytest.mark.parametrize("field", ["metadata", "responseemail", "destination"])
@pytest.mark.parametrize("path", ["/batch/send", "/batch/schedule"])
async def test_a_batch_has_fewer_fields_than_a_message(api, path, field):
    status, _ = await api.post(path, {**BATCH, "schedule": LATER, field: []})
    assert (status, api.box.requests[-1].unknown_fields) == (201, (field,))


async def test_a_bad_text_refuses_the_whole_batch(api):
    status, answer = await api.post("/batch/send", {**BATCH, "content": "a" * 1281})
    assert (status, answer["errorCode"]) == (400, 4002)
    assert api.box.messages == []


async def test_unique_messages_fail_one_by_one_for_what_has_a_code(api):
    messages = [
        {**MESSAGE, "content": "One", "tag": "a", "metadata": [{"key": "n", "value": "1"}]},
        {**MESSAGE, "destination": "nobody"},
        {**MESSAGE, "sender": "A B"},
        {**MESSAGE, "content": "Four", "responseemail": ["me@example.com"]},
    ]
    status, answer = await api.post("/batch/any", messages)
    assert status == 201
    _, records = await api.get(f"/batch/{answer['batchid']}")
    assert [record.get("failurereason", {}).get("code") for record in records] == [
        None,
        4004,
        4003,
        None,
    ]
    assert [record["content"] for record in records] == ["One", "Hello", "Hello", "Four"]
    assert api.box.accepted("447700900123") == 2


@pytest.mark.parametrize("body", [MESSAGE, [MESSAGE, 5], [{**MESSAGE, "tag": 5}]])
async def test_unique_messages_of_the_wrong_shape_are_refused_whole(api, body):
    status, answer = await api.post("/batch/any", body)
    assert (status, list(answer)) == (400, ["message"])
    assert api.box.messages == []


async def test_an_unknown_batch_is_a_404_with_a_bare_message(api):
    status, answer = await api.get("/batch/1")
    assert (status, list(answer)) == (404, ["message"])


async def test_a_scheduled_batch_goes_at_its_time(api):
    numbers = ["447700900123", "nobody", "07700900124"]
    body = {**BATCH, "destinations": numbers, "schedule": LATER}
    status, job = await api.post("/batch/schedule", body)
    assert (status, job["status"]) == (201, "SCHEDULED")
    _, [listed] = await api.get("/messages/schedule")
    assert (listed["id"], listed["batch"]) == (job["batchid"], True)
    assert listed["message"]["destinations"] == numbers
    await api.box.advance(3600)
    _, records = await api.get(f"/batch/{job['batchid']}")
    assert [record["status"] for record in records] == ["SENT", "FAILED", "SENT"]
    assert api.box.credits == 9998
    assert (await api.get("/messages/schedule"))[1][0]["status"] == "PROCESSED"


async def test_a_cancelled_batch_never_goes_and_answers_with_a_message_id(api):
    _, job = await api.post("/batch/schedule", {**BATCH, "schedule": LATER})
    path = f"/batches/schedule/{job['batchid']}"
    expected = {"messageid": job["batchid"], "status": "CANCELLED"}
    assert await api.delete(path) == (200, expected)
    assert (await api.get("/messages/schedule"))[1][0]["status"] == "CANCELLED"
    await api.box.advance(3600)
    assert api.box.credits == 10000
    _, records = await api.get(f"/batch/{job['batchid']}")
    assert {record["status"] for record in records} == {"CANCELLED"}


async def test_a_delete_whose_answer_is_lost_was_carried_out_and_one_that_comes_late_is_refused(
    api,
):
    jobs = [await api.post("/batch/schedule", {**BATCH, "schedule": LATER}) for _ in range(2)]
    lost, late = (f"/batches/schedule/{job['batchid']}" for _, job in jobs)
    api.box.add_fault(Fault(path="/batches/schedule/*", method="DELETE", when="mid"))
    with pytest.raises(aiohttp.ClientError):
        await api.delete(lost)
    listed = (await api.get("/messages/schedule"))[1]
    assert [job["status"] for job in listed] == ["CANCELLED", "SCHEDULED"]
    await api.box.advance(3600)
    assert (await api.delete(late))[1]["errorCode"] == 4008
    assert api.box.credits == 9998


async def test_a_batch_without_a_date_is_not_scheduled(api):
    status, answer = await api.post("/batch/schedule", BATCH)
    assert (status, answer["errorCode"]) == (400, 4009)
    assert api.box.messages == []


async def test_a_hundred_thousand_recipients_are_taken_in_batches_of_500():
    async with sandbox(credits=100_000) as api:
        for chunk in range(200):
            numbers = [f"4477{chunk:03}{n:05}" for n in range(500)]
            status, _ = await api.post("/batch/send", {**BATCH, "destinations": numbers})
            assert status == 201
        assert api.box.accepted() == 100_000
        assert api.box.credits == 0
        await api.box.advance(1)
        assert {message.status for message in api.box.messages} == {"DELIVERED"}
