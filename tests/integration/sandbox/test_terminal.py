"""The lines that a sandbox writes for requests and callbacks."""

import json
import re
import threading

import aiohttp
import pytest

from support.waiting import until
from support.webhook_receiver import receiver
from support.wire import BATCH, MESSAGE, sandbox


CLOCK = r"^\d\d:\d\d:\d\d "


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


async def written(api, count, act, **options):
    """Return the lines written by an action, once there are ``count`` of them."""
    lines = []
    with api.box.write_log(lines.append, **options):
        await act()
        await until(lambda: len(lines) >= count)
    assert len(lines) == count
    return lines


def without_times(line):
    return re.sub(r"\d+(\.\d)? ms", "… ms", re.sub(CLOCK, "", line))


async def test_a_line_shows_a_request_with_its_number_masked(api):
    [line] = await written(api, 1, api.send)
    assert re.match(CLOCK, line)
    assert without_times(line) == "POST /message/send …123 1 segment -> 201 … ms"


async def test_a_line_shows_how_much_a_batch_sends(api):
    async def act():
        await api.post("/batch/send", {**BATCH, "content": "x" * 161, "colour": "red"})

    [line] = await written(api, 1, act)
    assert without_times(line) == (
        "POST /batch/send 2 messages 4 segments -> 201 … ms (unknown: colour)"
    )


async def test_a_line_shows_why_a_request_was_refused(api):
    async def act():
        await api.post("/message/send", {**MESSAGE, "destination": "447700900123x"})
        await api.get("/utils/test", token="JWT eyJguess")

    lines = await written(api, 2, act)
    assert without_times(lines[0]).startswith("POST /message/send -> 400 … ms 4004 The destination")
    assert without_times(lines[1]) == (
        "GET /utils/test -> 401 … ms 4011 The caller is not authenticated."
    )


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/messages/447700900123", "/messages/…123"),
        ("/messages/%2B44%207700%20900123/", "/messages/…123"),
        ("/utils/07700900123?destination=07700900123", "/utils/…123"),
        ("/batch/07700-900123", "/batch/…123"),
        ("/batch/(07700)%20900123", "/batch/(…123"),
        ("/batch/44.7700.900.123", "/batch/…123"),
        ("/messages/07700%E2%80%93900123", "/messages/…123"),
        ("/messages/00000447700900123", "/messages/…123"),
        ("/messages/eyJhbGciOi.eyJrZXk", "/messages/…"),
    ],
)
async def test_lines_mask_numbers_in_paths(api, path, shown):
    async def act():
        await api.get(path)

    [line] = await written(api, 1, act)
    assert without_times(line).startswith(f"GET {shown} -> 40")
    [line] = await written(api, 1, act, as_json=True)
    assert json.loads(line)["path"] == shown
    assert f"GET {shown}\n" in api.box.describe()


async def test_lines_show_ids_whole(api):
    made = (await api.send())["messageid"]
    batch = (await api.post("/batch/send", BATCH))[1]["batchid"]

    async def act():
        await api.get(f"/messages/{made}")
        await api.get(f"/batch/{batch}")

    lines = await written(api, 2, act)
    assert f"GET /messages/{made} -> 200" in lines[0]
    assert f"GET /batch/{batch} -> 200" in lines[1]


async def test_lines_mask_numbers_in_searches_and_names_of_fields(api):
    async def act():
        search = {"destination": "447700900123", "07700 900123": "07700 900123"}
        await api.post("/messages", search)
        await api.post("/messages/inbox", search)

    for line in (*await written(api, 2, act), *await written(api, 2, act, as_json=True)):
        assert "900123" not in line
        assert "unknown" in line


async def test_a_line_shows_the_fault_that_struck(api):
    async def act():
        api.box.add_fault({"path": "*", "when": "after"})
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await api.post("/message/send", MESSAGE)

    [line] = await written(api, 1, act)
    assert without_times(line) == (
        "POST /message/send …123 1 segment -> no response … ms (fault: after)"
    )


async def test_lines_show_webhooks_without_the_secret():
    async with receiver() as hook:
        urls = {"delivery_report_url": f"{hook.url}/sms/{'s' * 32}", "incoming_url": hook.url}
        async with sandbox(**urls) as api:

            async def act():
                await api.send()
                await api.box.advance(1)
                await api.box.receive(sender="447700900124", to="60777", content="Yes")

            lines = [without_times(line) for line in await written(api, 3, act)]
    assert lines[1:] == [
        f"webhook DELIVERED of …123 POST {hook.url}/sms/… -> 200 … ms",
        f"webhook text from …124 POST {hook.url} -> 200 … ms",
    ]


async def test_a_line_shows_why_a_webhook_had_no_answer():
    async with sandbox(incoming_url="http://app.example/sms") as api:

        async def act():
            await api.box.receive(sender="447700900124", to="60777", content="Yes")

        [line] = await written(api, 1, act)
    assert without_times(line) == (
        "webhook text from …124 POST http://app.example/sms -> "
        "refused: add the host to callback_hosts"
    )


async def test_lines_of_json_have_the_same_fields(api):
    lines = await written(api, 1, api.send, as_json=True)
    [fields] = map(json.loads, lines)
    assert fields.pop("milliseconds") > 0
    assert fields == {
        "type": "request",
        "at": "2026-07-01T12:00:00.000Z",
        "method": "POST",
        "path": "/message/send",
        "messages": 1,
        "to": "…123",
        "segments": 1,
        "status": 201,
    }


@pytest.mark.parametrize("path", ["/a%0Ab", "/a%E2%80%AEb", "/a%1B%5B31mb", "/a%C2%85b"])
async def test_a_line_is_one_line_without_control_characters(api, path):
    async def act():
        await api.get(path)

    [line] = await written(api, 1, act)
    assert line.isprintable()


async def test_lines_end_with_the_log(api):
    lines = []
    with api.box.write_log(lines.append):
        await api.send()
    count = len(lines)
    await api.send()
    assert len(lines) == count == 1


async def test_a_reader_that_does_not_read_holds_nothing_up_and_is_told(api, monkeypatch):
    monkeypatch.setattr("smsworks_async.sandbox.terminal.MOST_WAITING", 3)
    lines, begun, goes_on = [], threading.Event(), threading.Event()

    def write(line):
        begun.set()
        goes_on.wait()
        lines.append(line)

    with api.box.write_log(write):
        await api.get("/utils/test")
        await until(begun.is_set)
        for _ in range(19):
            await api.get("/utils/test")
        goes_on.set()
        await until(lambda: len(lines) == 4)
        await api.get("/utils/test")
        await until(lambda: len(lines) == 6)
    assert lines[4] == "(16 lines were left out because they were not read in time)"


async def test_nothing_more_is_written_to_what_cannot_be_written_to(api):
    attempts = []

    def write(line):
        attempts.append(line)
        raise BrokenPipeError

    with api.box.write_log(write):
        await api.send()
        await until(lambda: attempts)
        for _ in range(3):
            assert await api.send()
    assert len(attempts) == 1
