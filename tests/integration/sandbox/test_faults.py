import asyncio
import json
import sys
from types import SimpleNamespace
from urllib.parse import urlsplit

import aiohttp
import pytest

from smsworks_async.sandbox import Fault, ManualClock, Sandbox, server
from smsworks_async.sandbox.dispatcher import _cut
from smsworks_async.sandbox.lenient import Runner
from smsworks_async.sandbox.operations import UNKNOWN
from support.internals import server_of
from support.waiting import PATIENCE, when_held
from support.wire import BATCH, MESSAGE, sandbox


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


async def arrived(box, count=1):
    """Wait until ``count`` requests have arrived."""
    while len(box.requests) < count:
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("when", "accepted", "error"),
    [
        ("before", 0, aiohttp.ServerDisconnectedError),
        ("after", 1, aiohttp.ServerDisconnectedError),
        ("mid", 1, aiohttp.ClientPayloadError),
    ],
)
@pytest.mark.parametrize("path", ["/message/send", "/message/flash"])
async def test_a_connection_is_cut_before_after_or_in_the_middle(api, when, accepted, error, path):
    api.box.add_fault(Fault(path=path, when=when))
    with pytest.raises(error):
        await api.post(path, MESSAGE)
    assert api.box.accepted() == accepted
    assert api.box.requests[0].status is None
    assert (await api.post(path, MESSAGE))[0] == 201


@pytest.mark.parametrize(("when", "accepted"), [("before", 0), ("after", 2)])
async def test_a_batch_is_accepted_or_not_by_when_the_fault_falls(api, when, accepted):
    api.box.add_fault({"path": "/batch/send", "when": when})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await api.post("/batch/send", BATCH)
    assert api.box.accepted() == accepted


async def test_in_the_middle_the_headers_and_half_of_the_body_have_gone_out(api):
    api.box.add_fault(Fault(path="/utils/test", when="mid", body="<p>" * 100))
    url = f"{api.box.base_url}/utils/test"
    async with api.session.get(url, headers={"Authorization": api.box.token}) as response:
        assert response.status == 200
        assert response.headers["Content-Length"] == "300"
        assert await response.content.read(150) == b"<p>" * 50
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_status_is_answered_in_place_of_the_cut(api):
    api.box.add_fault(Fault(path="*", status=503, retry_after=1.5))
    api.box.add_fault(Fault(path="*", nth=2, status=503, when="after"))
    url = f"{api.box.base_url}/message/send"
    headers = {"Authorization": api.box.token}
    async with api.session.post(url, json=MESSAGE, headers=headers) as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "1.5"
        assert await response.json() == {"message": "Service Unavailable"}
    assert api.box.accepted() == 0
    assert (await api.post("/message/send", MESSAGE))[0] == 503
    assert api.box.accepted() == 1
    assert [record.status for record in api.box.requests] == [503, 503]


async def test_an_odd_status_has_a_message_too(api):
    api.box.add_fault(Fault(path="*", status=599))
    status, answer = await api.post("/message/send", MESSAGE)
    assert (status, list(answer)) == (599, ["message"])


@pytest.mark.parametrize(
    ("options", "status", "flag"),
    [
        ({}, 400, False),
        ({"permanent": True}, 400, True),
        ({"permanent": "omit"}, 400, None),
        ({"status": 500}, 500, False),
    ],
)
async def test_an_error_of_the_apis_own_is_answered(api, options, status, flag):
    api.box.add_fault({"path": "/batch/send", "error_code": 5006, **options})
    answered, answer = await api.post("/batch/send", BATCH)
    assert (answered, answer["errorCode"], answer.get("permanent")) == (status, 5006, flag)
    assert api.box.accepted() == 0


@pytest.mark.parametrize(("when", "status"), [("before", 200), ("after", 201)])
async def test_a_page_is_answered_in_place_of_json(api, when, status):
    api.box.add_fault(Fault(path="*", when=when, body="<h1>Hello\ud83d</h1>"))
    url = f"{api.box.base_url}/message/send"
    headers = {"Authorization": api.box.token}
    async with api.session.post(url, json=MESSAGE, headers=headers) as response:
        assert response.status == status
        assert response.content_type == "text/html"
        assert await response.text() == "<h1>Hello?</h1>"


@pytest.mark.parametrize("status", [400, 429, 503])
@pytest.mark.parametrize("code", [5002, None])
@pytest.mark.parametrize("when", ["after", "hold", "late"])
async def test_a_refusal_may_carry_the_id_of_what_was_accepted(api, status, code, when):
    fault = {"path": "/batch/send", "when": when, "status": status, "carry_ids": True}
    api.box.add_fault({**fault, "error_code": code, "delay": 0.001, "permanent": code and False})
    answered, answer = await api.post("/batch/send", BATCH)
    assert (answered, answer.get("errorCode")) == (status, code)
    assert len((await api.get(f"/batch/{answer['batchid']}"))[1]) == api.box.accepted() == 2


async def test_a_single_messages_id_is_carried_too_and_none_by_a_refusal(api):
    api.box.add_fault(Fault(path="*", when="after", status=400, times=0, carry_ids=True))
    for path in ("/message/send", "/otp/send"):
        body = {**MESSAGE} if path == "/message/send" else {**MESSAGE, "content": None}
        body = {name: value for name, value in body.items() if value is not None}
        _, answer = await api.post(path, body)
        assert answer["messageid"] == api.box.messages[-1].message_id
    _, answer = await api.post(
        "/message/schedule", {**MESSAGE, "schedule": "2026-07-01T13:00:00.000Z"}
    )
    assert answer["messageid"] == api.box.messages[-1].message_id
    _, answer = await api.post("/message/send", {**MESSAGE, "content": ""})
    assert answer == {"message": "Bad Request"}


async def test_a_page_may_have_a_status_and_a_type_of_its_own(api):
    fault = {"path": "*", "status": 502, "body": "{", "content_type": "application/json"}
    api.box.add_fault(fault)
    headers = {"Authorization": api.box.token}
    async with api.session.get(f"{api.box.base_url}/utils/test", headers=headers) as response:
        assert (response.status, response.content_type) == (502, "application/json")


@pytest.mark.parametrize(("when", "accepted", "status"), [("hold", 1, 201), ("hang", 0, 503)])
async def test_an_answer_is_withheld_until_it_is_released(api, when, accepted, status):
    api.box.add_fault(Fault(path="/message/send", when=when))
    waiting = asyncio.create_task(api.post("/message/send", MESSAGE))
    await arrived(api.box)
    assert (await api.get("/credits/balance"))[1] == {"credits": 10000 - accepted}
    assert not waiting.done()
    assert api.box.requests[0].status is None
    api.box.release()
    assert (await waiting)[0] == status
    assert api.box.accepted() == accepted


async def test_a_held_answer_may_be_the_faults_own_and_release_itself(api):
    api.box.add_fault(Fault(path="*", when="hold", delay=0.001, error_code=5002))
    assert (await api.post("/message/send", MESSAGE))[1]["errorCode"] == 5002
    assert api.box.accepted() == 1


async def test_a_slow_answer_is_a_true_one(api):
    api.box.add_fault(Fault(path="*", when="hold", delay=0.001))
    assert (await api.post("/message/send", MESSAGE))[0] == 201


async def test_a_late_request_is_accepted_when_it_is_released(api):
    api.box.add_fault(Fault(path="/message/send", when="late"))
    waiting = asyncio.create_task(api.post("/message/send", MESSAGE))
    await arrived(api.box)
    assert (await api.get("/credits/balance"))[1] == {"credits": 10000}
    await api.box.advance(300)
    assert api.box.accepted() == 0
    api.box.release()
    status, answer = await waiting
    assert status == 201
    assert api.box.accepted("447700900123") == 1
    record = await api.record(answer["messageid"])
    assert record["created"] == "Wed Jul 01 2026 13:05:00 GMT+0100 (BST)"


async def test_a_late_request_accepts_itself_after_its_delay(api):
    api.box.add_fault(Fault(path="/batch/send", when="late", delay=0.001))
    assert (await api.post("/batch/send", BATCH))[0] == 201
    assert api.box.accepted() == 2


async def test_a_late_request_is_accepted_although_its_client_has_given_up(api):
    api.box.add_fault(Fault(path="/message/send", when="late"))
    held = asyncio.Event()
    when_held(api.box, held.set)
    given_up = asyncio.create_task(api.post("/message/send", MESSAGE))
    await held.wait()
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert (await api.get("/credits/balance"))[1] == {"credits": 10000}
    api.box.release()
    while api.box.accepted() == 0:
        await asyncio.sleep(0)
    assert api.box.requests[0].status is None
    assert api.box.accepted_by_destination() == {"447700900123": 1}


DYING = """
import os, socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as wire:
    wire.sendall(sys.stdin.buffer.read())
    wire.recv(1)
"""


async def test_a_late_request_is_accepted_although_its_clients_process_is_dead(api):
    api.box.add_fault(Fault(path="/message/send", when="late"))
    body = json.dumps(MESSAGE).encode()
    head = (
        "POST /v1/message/send HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: {api.box.token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DYING, str(api.box.port), stdin=asyncio.subprocess.PIPE
    )
    process.stdin.write(head.encode() + body)
    process.stdin.close()
    await arrived(api.box)
    process.kill()
    await process.wait()
    assert (await api.get("/credits/balance"))[1] == {"credits": 10000}
    api.box.release()
    while api.box.accepted() == 0:
        await asyncio.sleep(0)
    assert api.box.accepted() == 1


async def test_a_late_request_that_is_wrong_is_refused_late(api):
    api.box.add_fault(Fault(path="/message/send", when="late", delay=0.001))
    status, answer = await api.post("/message/send", {**MESSAGE, "content": ""})
    assert (status, answer["errorCode"], api.box.accepted()) == (400, 4001, 0)


async def test_a_cut_may_come_late(api):
    api.box.add_fault(Fault(path="*", delay=0.001))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await api.post("/message/send", MESSAGE)


async def test_a_client_that_leaves_ends_what_is_held_for_it(api):
    api.box.add_fault(Fault(path="*", when="hold", times=0))
    waiting = asyncio.create_task(api.post("/message/send", MESSAGE))
    await arrived(api.box)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    api.box.clear_faults()
    assert (await api.get("/utils/test"))[0] == 200
    assert api.box.accepted() == 1


@pytest.mark.parametrize("when", ["hold", "late", "hang"])
async def test_a_sandbox_ends_at_once_whatever_it_holds(when, monkeypatch):
    monkeypatch.setattr(
        server,
        "Runner",
        lambda app, **options: Runner(app, **options | {"cleanup": 10 * PATIENCE}),
    )
    async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE):
        async with Sandbox(faults=[Fault(path="*", when=when, times=0)]) as box:
            headers = {"Authorization": box.token}
            waiting = [
                asyncio.create_task(
                    session.post(f"{box.base_url}/message/send", json=MESSAGE, headers=headers)
                )
                for _ in range(10)
            ]
            await arrived(box, 10)
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, aiohttp.ClientConnectionError) for result in results)


async def test_whoever_comes_while_it_ends_is_not_held(api):
    server_of(api.box).gate.close()
    api.box.add_fault(Fault(path="*", when="hang"))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await api.post("/message/send", MESSAGE)


async def test_a_connection_that_is_gone_already_is_noted_as_none_and_is_not_cut(api):
    gone = SimpleNamespace(method="GET", path="/v1/utils/test", transport=None)
    assert server_of(api.box).dispatcher._record(gone, UNKNOWN).connection == 0
    assert _cut(gone).status == 499


async def test_every_fifth_answer_is_lost_and_none_is_counted_twice(api):
    api.box.add_fault(Fault(path="/message/send", every=5, when="after"))
    lost = 0
    for count in range(20):
        try:
            await api.send(content=f"Hello {count}")
        except aiohttp.ServerDisconnectedError:
            lost += 1
    assert (lost, api.box.accepted()) == (4, 20)


async def test_a_fault_does_not_carry_out_what_is_wrong(api):
    api.box.add_fault(Fault(path="*", when="after", times=0))
    for options in ({"token": None}, {"body": {**MESSAGE, "content": ""}}):
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await api.post("/message/send", **{"body": MESSAGE, **options})
    assert api.box.accepted() == 0


async def test_a_script_may_be_a_file_that_is_given_at_the_start(tmp_path):
    file = tmp_path / "faults.json"
    file.write_text('[{"path": "/utils/*", "status": 429, "retry_after": 3}]')
    async with sandbox(faults=file) as api:
        assert (await api.get("/utils/test"))[0] == 429
    with pytest.raises(ValueError, match="Not a fault"):
        Sandbox(faults=[{"colour": "red"}], clock=ManualClock())


async def test_a_client_that_leaves_in_the_middle_of_its_body_has_sent_nothing(api):
    address = urlsplit(api.box.base_url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"POST /v1/message/send HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 100\r\n\r\n{")
    await arrived(api.box)
    writer.close()
    await writer.wait_closed()
    assert (await api.get("/utils/test"))[0] == 200
    assert api.box.requests[0].status is None
    assert api.box.accepted() == 0
