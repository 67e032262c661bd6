import pytest

from support.wire import BATCH, MESSAGE, sandbox


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


async def test_a_message_is_accepted_charged_and_delivered(api):
    status, sent = await api.post("/message/send", MESSAGE)
    assert status == 201
    assert sent == {
        "messageid": sent["messageid"],
        "status": "SENT",
        "credits": 9999,
        "creditsUsed": 1,
    }
    assert api.box.accepted() == api.box.accepted("447700900123") == 1
    assert api.box.accepted("447700900124") == 0
    await api.box.advance(0.999)
    assert (await api.record(sent["messageid"]))["status"] == "SENT"
    await api.box.advance(0.001)
    assert (await api.record(sent["messageid"]))["status"] == "DELIVERED"
    assert api.box.credits == 9999


async def test_a_record_has_the_shape_of_the_wire(api):
    sent = await api.send(
        destination="07700900123",
        tag="campaign",
        deliveryreporturl="http://127.0.0.1:9/",
        metadata=[{"key": "a", "value": "b"}],
    )
    number = sent["messageid"]
    assert await api.record(number) == {
        "_id": "000000000000000000000001",
        "__v": 0,
        "identifier": "7700900123",
        "id": number,
        "messageid": number,
        "customerid": api.box.customer_id,
        "sender": "AcmeCorp",
        "destination": 447700900123,
        "content": "Hello",
        "status": "SENT",
        "credits": 1,
        "international": False,
        "tag": "campaign",
        "keyword": "",
        "created": "Wed Jul 01 2026 13:00:00 GMT+0100 (BST)",
        "modified": "Wed Jul 01 2026 13:00:00 GMT+0100 (BST)",
        "schedule": "Wed Jul 01 2026 13:00:00 GMT+0100 (BST)",
        "deliveryreporturl": "http://127.0.0.1:9/",
    }


async def test_answers_are_json_in_the_apis_own_words(api):
    url = f"{api.box.base_url}/credits/balance"
    async with api.session.get(url, headers={"Authorization": api.box.token}) as response:
        assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
        assert await response.json() == {"credits": 10000}
    assert await api.get("/utils/test") == (200, {"message": api.box.customer_id})


async def test_flash_messages_are_sent_like_others(api):
    status, sent = await api.post("/message/flash", MESSAGE)
    assert (status, sent["status"]) == (201, "SENT")
    assert api.box.messages[0].flash


async def test_a_message_abroad_costs_double_and_may_be_forbidden():
    async with sandbox(international=False) as api:
        status, answer = await api.post("/message/send", {**MESSAGE, "destination": "33123456789"})
        assert (status, answer["errorCode"]) == (403, 4034)
        abroad = {**BATCH, "destinations": ["447700900123", "33123456789"]}
        assert (await api.post("/batch/send", abroad))[1]["errorCode"] == 4034
        assert api.box.accepted() == 0
    async with sandbox() as api:
        sent = await api.send(destination="33123456789", content="a" * 161)
        assert sent["creditsUsed"] == 4
        assert (await api.record(sent["messageid"]))["international"] is True


async def test_without_enough_credit_nothing_is_accepted():
    async with sandbox(credits=1.5) as api:
        status, answer = await api.post("/message/send", {**MESSAGE, "content": "a" * 161})
        assert (status, answer["errorCode"]) == (402, 4021)
        assert (await api.post("/batch/send", BATCH))[0] == 402
        assert (await api.send())["credits"] == 0.5
        api.box.credits = 2
        assert (await api.post("/batch/send", BATCH))[0] == 201
        assert api.box.accepted() == 3


@pytest.mark.parametrize(
    ("number", "status", "cost", "shown"),
    [
        (501, "UNDELIVERED", 1, {"code": 1, "permanent": True}),
        (502, "REJECTED", 0, {"code": 5002, "permanent": True}),
        (506, "UNDELIVERED", 1, {"code": 5006, "permanent": False}),
        (515, "EXPIRED", 1, {"code": 5015, "permanent": False}),
        (534, "UNDELIVERED", 1, {"code": 34, "permanent": False}),
    ],
)
async def test_a_failed_uk_message_shows_its_reason_and_gives_its_credits_back(
    api, number, status, cost, shown
):
    sent = await api.send(destination=f"447700900{number}")
    assert sent["credits"] == 9999
    await api.box.advance(1)
    record = await api.record(sent["messageid"])
    assert (record["status"], record["credits"]) == (status, cost)
    assert shown.items() <= record["failurereason"].items()
    assert record["failurereason"]["details"]
    assert api.box.credits == 10000


async def test_an_expired_message_abroad_stays_paid_for():
    async with sandbox(delivery_delay=600) as api:
        abroad = await api.send(destination="33123456789", validity=5)
        home = await api.send(validity=5)
        await api.box.advance(300)
        for sent in (abroad, home):
            assert (await api.record(sent["messageid"]))["status"] == "EXPIRED"
        assert api.box.credits == 9998


async def test_the_flooding_filter_counts_for_each_number_and_hour(api):
    for _ in range(6):
        await api.send()
    status, answer = await api.post("/message/send", MESSAGE)
    assert (status, answer["errorCode"]) == (400, 5020)
    for count in range(14):
        await api.send(content=f"Hello {count}")
    assert (await api.post("/message/send", {**MESSAGE, "content": "Other"}))[0] == 400
    await api.box.advance(3600)
    await api.send()


async def test_the_flooding_filter_can_be_left_out():
    async with sandbox(flooding=False) as api:
        for _ in range(25):
            await api.send()
        assert api.box.accepted("447700900123") == 25


async def test_what_the_api_refuses_is_refused_over_the_wire_too(api):
    status, answer = await api.post("/message/send", {**MESSAGE, "content": ""})
    assert (status, answer["errorCode"]) == (400, 4001)
    status, answer = await api.post("/message/send", {**MESSAGE, "tag": 5})
    assert (status, answer) == (400, {"message": "tag must be a string"})
