"""The control endpoint that lists attempts at callbacks."""

import pytest
from aiohttp import web

from support.webhook_receiver import receiver
from support.wire import sandbox


async def webhooks(api):
    return (await api.get("sandbox/webhooks"))[1]["webhooks"]


async def test_an_attempt_is_shown_with_its_answer_and_without_the_secret():
    async def accept(_request):
        return web.Response(status=204)

    secret = "s" * 40
    async with (
        receiver(accept) as hook,
        sandbox(delivery_report_url=f"{hook.url}/sms/{secret}?key=1") as api,
    ):
        sent = await api.send()
        await api.box.advance(1)
        [attempt] = await webhooks(api)
        shown = (await api.get(f"sandbox/messages/{sent['messageid']}"))[1]["posts"]
    assert shown == [attempt]
    milliseconds = attempt.pop("milliseconds")
    assert milliseconds > 0
    assert attempt.pop("body")["messageid"] == sent["messageid"]
    assert attempt == {
        "id": "1",
        "at": "2026-07-01T12:00:01.000Z",
        "kind": "report",
        "message": sent["messageid"],
        "url": f"{hook.url}/sms/…?…",
        "status": 204,
        "error": None,
        "attempt": 1,
        "waiting": False,
    }


async def test_an_incoming_text_is_shown_as_one():
    async def accept(_request):
        return web.Response()

    async with receiver(accept) as hook, sandbox(incoming_url=hook.url) as api:
        await api.box.receive(sender="447700900124", to="60777", content="Yes")
        [attempt] = await webhooks(api)
    assert (attempt["kind"], attempt["body"]["content"]) == ("incoming", "Yes")


async def test_a_repeat_is_an_attempt_of_its_own():
    async def fail(_request):
        return web.Response(status=500)

    async with receiver(fail) as hook, sandbox(delivery_report_url=hook.url) as api:
        await api.send()
        await api.box.advance(6)
        second, first = await webhooks(api)
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert second["at"] > first["at"]


async def cut(request):
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize(
    ("path", "answer", "error"),
    [
        ("", cut, "the connection was closed without a response"),
        (None, cut, "cannot connect to 127.0.0.1:1"),
    ],
)
async def test_an_attempt_without_an_answer_says_why(path, answer, error):
    async with receiver(answer) as hook:
        target = "http://127.0.0.1:1/sms" if path is None else hook.url
        async with sandbox(delivery_report_url=target) as api:
            await api.send()
            await api.box.advance(1)
            [attempt] = await webhooks(api)
    assert (attempt["status"], attempt["error"]) == (None, error)


async def test_a_refused_url_says_so():
    async with sandbox(delivery_report_url="http://app.example/sms") as api:
        await api.send()
        await api.box.advance(1)
        [attempt] = await webhooks(api)
    assert attempt["error"] == "refused: add the host to callback_hosts"
    assert (attempt["waiting"], attempt["milliseconds"]) == (False, None)
