"""Texts that could break pages, terminals and encodings: they are returned unchanged."""

import asyncio
import json

import pytest

from support.waiting import until
from support.webhook_receiver import receiver
from support.wire import BATCH, sandbox


TEXTS = {
    "markup": "<script>alert(1)</script>\"onmouseover='alert(1)'",
    "directions": "\u202eevil\u202c \u2066and\u2069 \u200f",
    "half a surrogate pair": "half \ud83d of one",
    "combining marks": "a" + "\u0301" * 1279,
    "lines": "one\r\ntwo\n\n\u2028three\x85",
    "controls": "\x00\x1b[31mred\x07",
}


@pytest.fixture
async def api():
    async with sandbox(flooding=False) as wire:
        yield wire


async def raw(api, path):
    async with api.session.get(f"{api.box.root_url}/sandbox/{path}") as response:
        assert response.status == 200
        return await response.text()


@pytest.mark.parametrize("name", TEXTS)
async def test_a_text_comes_back_as_it_was_sent(api, name):
    text = TEXTS[name]
    sent = (await api.send(content=text, tag=text[:50], sender="447700900000"))["messageid"]
    await api.box.advance(1)
    await api.box.receive(sender="447700900123", to="447700900000", content=text)
    for path in ("messages", f"messages/{sent}", "requests", "messages?q=447700900123"):
        answer = await raw(api, path)
        assert answer.isascii()
        json.loads(answer)
    message = json.loads(await raw(api, f"messages/{sent}"))
    assert message["content"] == text
    assert "".join(message["parts"]) == text
    assert [one["content"] for one in message["conversation"]] == [text, text]
    assert message["request"]["body"]["content"] == text
    assert all(text[one["position"]] == one["character"] for one in message["unicode"])


async def test_each_mark_that_forced_unicode_is_named(api):
    sent = (await api.send(content=TEXTS["combining marks"]))["messageid"]
    message = json.loads(await raw(api, f"messages/{sent}"))
    assert len(message["unicode"]) == 1279
    assert {one["name"] for one in message["unicode"]} == {"COMBINING ACUTE ACCENT"}
    assert message["segments"] == len(message["parts"]) == 20


@pytest.mark.parametrize("q", [*TEXTS.values(), "%00", "(", "\\", "é" * 1000])
async def test_a_search_for_anything_is_answered(api, q):
    await api.send(content="Hello")
    params = {"q": q.encode("utf-8", "replace").decode()}
    status, answer = await api.get("sandbox/messages", params=params)
    assert (status, answer["matching"]) == (200, 0)


async def test_lines_of_the_terminal_show_no_text_and_no_controls(api):
    lines = []
    with api.box.write_log(lines.append):
        for text in TEXTS.values():
            await api.send(content=text)
            await api.post("/message/send", {"sender": text, text[:20]: 1})
        await until(lambda: len(lines) == 2 * len(TEXTS))
    assert all(line.isprintable() for line in lines)
    assert not any("red" in line.partition("(unknown")[0] for line in lines)


async def test_a_list_of_50_000_messages_is_searched_and_paged():
    async with sandbox(flooding=False, credits=1e6) as api:
        for first in range(0, 100_000, 500):
            numbers = [f"4477009{n % 1000:05}" for n in range(first, first + 500)]
            await api.post("/batch/send", {**BATCH, "destinations": numbers})
        answer = (await api.get("sandbox/messages?limit=500"))[1]
        assert 50_000 <= answer["matching"] <= 56_250
        assert len(answer["messages"]) == 500
        found = (await api.get("sandbox/messages?q=0770+0900+0007&limit=1"))[1]
        assert found["matching"] == 0
        found = (await api.get("sandbox/messages?q=44770+0900007&limit=1"))[1]
        assert found["matching"] >= 50
        state = (await api.get("sandbox/state"))[1]
        assert state["accepted"] == 100_000


async def test_a_page_is_answered_while_a_webhook_never_answers():
    never = asyncio.Event()

    async def wait(_request):
        await never.wait()

    async with receiver(wait) as hook, sandbox(delivery_report_url=hook.url) as api:
        sent = (await api.send())["messageid"]
        turning = asyncio.ensure_future(api.box.advance(1))
        await until(lambda: hook.bodies)
        message = (await api.get(f"sandbox/messages/{sent}"))[1]
        [post] = message["posts"]
        assert (message["status"], post["waiting"], post["status"]) == ("DELIVERED", True, None)
        assert post["milliseconds"] is None
        reply = await api.post(f"sandbox/messages/{sent}/reply", {"content": "Yes", "to": "60777"})
        assert reply[0] == 200
        turning.cancel()
