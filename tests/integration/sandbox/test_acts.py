"""The actions of the control endpoints on a message: deliver, report, reply, fire, cancel."""

import pytest

from support.webhook_receiver import receiver
from support.wire import BATCH, MESSAGE, at, sandbox


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


async def act(api, message_id, name, body=None, *, expected=200):
    status, answer = await api.post(f"sandbox/messages/{message_id}/{name}", body or {})
    assert status == expected, answer
    return answer


async def scheduled(api, **fields):
    body = {**MESSAGE, "schedule": at(api, hours=1), **fields}
    return (await api.post("/message/schedule", body))[1][0]["messageid"]


async def test_deliver_makes_a_sent_message_delivered_once():
    async with receiver() as hook, sandbox(delivery_report_url=hook.url) as api:
        sent = (await api.send())["messageid"]
        shown = await act(api, sent, "deliver", {"wait": True})
        assert (shown["id"], shown["status"], shown["final"]) == (sent, "DELIVERED", True)
        await api.box.advance(60)
        assert [report["status"] for report in hook.bodies] == ["DELIVERED"]
        answer = await act(api, sent, "deliver", expected=409)
        assert "this one is DELIVERED" in answer["message"]


@pytest.mark.parametrize(
    ("body", "status", "code", "credits"),
    [
        ({"code": 5006}, "UNDELIVERED", 5006, 10_000),
        ({"code": 5010}, "REJECTED", 5010, 10_000),
        ({"status": "expired"}, "EXPIRED", 5015, 10_000),
        ({"status": "UNDELIVERED"}, "UNDELIVERED", 5001, 10_000),
        ({"status": "UNDELIVERED", "code": 5013}, "UNDELIVERED", 5013, 10_000),
        ({"status": "DELIVERED"}, "DELIVERED", None, 9_999),
    ],
)
async def test_deliver_fails_a_message_with_a_status_and_a_code(api, body, status, code, credits):
    sent = (await api.send())["messageid"]
    shown = await act(api, sent, "deliver", body)
    assert (shown["status"], shown["code"], api.box.credits) == (status, code, credits)


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("deliver", {"code": 4004}, "code must be one of 5001, 5002"),
        ("deliver", {"status": "SENT"}, "status must be one of DELIVERED"),
        ("deliver", {"status": "DELIVERED", "code": 5001}, "must be left out"),
        ("deliver", {"status": "EXPIRED", "code": 5001}, "must be one of 5015"),
        ("deliver", {"colour": 1}, "colour is not a field"),
        ("deliver", [], "must be an object"),
        ("report", {"times": 0}, "times must be"),
        ("report", {"delay": -1}, "delay must be"),
        ("report", {"delay": 1e300}, "delay must be"),
        ("reply", {}, "content is missing"),
        ("reply", {"content": ""}, "content must be 1 to 1280"),
        ("reply", {"content": "x" * 1281}, "content must be 1 to 1280"),
        ("fire", {"at": 1}, "at is not a field"),
    ],
)
async def test_acts_refuse_a_body_that_does_not_fit(api, name, body, words):
    sent = (await api.send(sender="447700900000"))["messageid"]
    status, answer = await api.post(f"sandbox/messages/{sent}/{name}", body)
    assert status == 400
    assert words in answer["message"]
    assert len(api.box._simulator.state.account.archive.messages) == 1


@pytest.mark.parametrize("name", ["deliver", "report", "reply", "fire", "cancel"])
async def test_acts_want_a_message_that_is_kept_and_json(api, name):
    await act(api, "1", name, {"content": "x"}, expected=404)
    sent = (await api.send())["messageid"]
    path = f"sandbox/messages/{sent}/{name}"
    assert (await api.post(path, data="x=1", headers={"Content-Type": "text/plain"}))[0] == 415
    headers = {"Origin": "https://attacker.example"}
    assert (await api.post(path, {}, headers=headers))[0] == 403


async def test_report_posts_the_report_again_twice_and_late():
    async with receiver() as hook, sandbox(delivery_report_url=hook.url) as api:
        sent = (await api.send())["messageid"]
        await act(api, sent, "report", expected=409)
        await api.box.advance(1)
        await act(api, sent, "report", {"times": 2, "delay": 30, "wait": True})
        assert len(hook.bodies) == 1
        await api.box.advance(29)
        assert len(hook.bodies) == 1
        await api.box.advance(1)
        assert len(hook.bodies) == 3
        assert hook.bodies[0] == hook.bodies[1] == hook.bodies[2]


async def test_report_posts_a_received_text_again():
    async with receiver() as hook, sandbox(incoming_url=hook.url) as api:
        reply = await api.box.receive(sender="447700900124", to="60777", content="Yes")
        await act(api, reply, "report", {"wait": True})
        assert [post["content"] for post in hook.bodies] == ["Yes", "Yes"]


async def test_report_wants_a_url(api):
    sent = (await api.send())["messageid"]
    await api.box.advance(1)
    assert "no URL" in (await act(api, sent, "report", expected=409))["message"]


async def test_reply_comes_from_the_handset_to_the_sender():
    async with receiver() as hook, sandbox(incoming_url=hook.url) as api:
        sent = (await api.send(sender="447700900000"))["messageid"]
        reply = await act(api, sent, "reply", {"content": "STOP", "wait": True})
        assert (reply["direction"], reply["content"]) == ("received", "STOP")
        assert (reply["sender"], reply["destination"]) == ("447700900123", "447700900000")
        [posted] = hook.bodies
        assert (posted["from"], posted["to"]) == ("447700900123", "447700900000")
        again = await act(api, reply["id"], "reply", {"content": "START"})
        assert (again["sender"], again["destination"]) == ("447700900123", "447700900000")


async def test_reply_to_a_name_wants_the_number_that_it_goes_to(api):
    sent = (await api.send())["messageid"]
    answer = await act(api, sent, "reply", {"content": "STOP"}, expected=409)
    assert "'AcmeCorp', which is a name" in answer["message"]
    reply = await act(api, sent, "reply", {"content": "STOP", "to": "60777"})
    assert reply["destination"] == "60777"


async def test_reply_wants_a_text_that_has_left(api):
    waiting = await scheduled(api, sender="447700900000")
    answer = await act(api, waiting, "reply", {"content": "STOP"}, expected=409)
    assert "SCHEDULED" in answer["message"]


async def test_fire_sends_what_is_scheduled_now_and_not_again(api):
    waiting = await scheduled(api)
    shown = await act(api, waiting, "fire")
    assert (shown["status"], shown["scheduled"]) == ("SENT", None)
    assert api.box.credits == 9_999
    await api.box.advance(7200)
    assert api.box.credits == 9_999
    assert [m.status for m in api.box.messages] == ["DELIVERED"]
    await act(api, waiting, "fire", expected=409)


async def test_fire_and_cancel_take_the_whole_batch(api):
    for name, status in (("fire", "SENT"), ("cancel", "CANCELLED")):
        body = {**BATCH, "schedule": at(api, hours=1)}
        batch_id = (await api.post("/batch/schedule", body))[1]["batchid"]
        messages = (await api.get(f"sandbox/messages?batch={batch_id}"))[1]["messages"]
        await act(api, messages[0]["id"], name)
        records = (await api.get(f"/batch/{batch_id}"))[1]
        assert {record["status"] for record in records} == {status}


async def test_cancel_ends_a_schedule(api):
    waiting = await scheduled(api)
    assert (await act(api, waiting, "cancel"))["status"] == "CANCELLED"
    await api.box.advance(7200)
    assert api.box.credits == 10_000
    await act(api, waiting, "cancel", expected=409)


async def test_the_balance_is_set_from_another_process(api):
    status, account = await api.post("sandbox/account", {"credits": 2.5})
    assert (status, account["credits"], api.box.credits) == (200, 2.5, 2.5)
    for credits in (-1, "1", 1e300, True):
        assert (await api.post("sandbox/account", {"credits": credits}))[0] == 400
