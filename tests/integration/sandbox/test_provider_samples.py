"""Requests of the provider's samples and SDKs and of public programs work unchanged."""

from __future__ import annotations

import asyncio
import json
import shutil

import pytest

from support.waiting import PATIENCE
from support.wire import BATCH, MESSAGE, TWICE, Wire, at, document, head, request, sandbox


#: The method, the path and the body of each of the guide's curl samples.
BLANK = {"sender": "", "content": "", "tag": ""}
SAMPLES = [
    ("POST", "/message/send", {**BLANK, "destination": ""}, (400, 4003)),
    ("POST", "/message/schedule", {**BLANK, "destination": "", "schedule": ""}, (400, 4003)),
    (
        "POST",
        "/messages",
        dict.fromkeys(("status", "destination", "sender", "keyword", "from", "to"), ""),
        (200, None),
    ),
    ("GET", "/messages/", None, (405, None)),
    ("DELETE", "/messages/schedule/SCHEDULEDMESSAGEID", None, (400, 4008)),
    ("POST", "/batch/send", {**BLANK, "destinations": ["", ""]}, (400, 4003)),
    ("GET", "/batch/", None, (404, None)),
    ("POST", "/batch/schedule", {**BLANK, "destinations": ["", ""], "schedule": ""}, (400, 4003)),
    ("DELETE", "/batches/schedule/MESSAGEID", None, (400, 4008)),
]
IDS = [f"{method} {path}" for method, path, *_ in SAMPLES]


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


@pytest.fixture
async def wire(api):
    async with Wire.to(api) as opened:
        yield opened


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
async def test_samples_of_curl_are_understood_byte_for_byte(api, wire, sample):
    method, path, body, expected = sample
    status, answer, _ = await wire.ask(request(api, method, path, body))
    code = answer.get("errorCode") if isinstance(answer, dict) else None
    assert (status, code) == expected
    assert api.box.requests[-1].status == status


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
async def test_samples_of_curl_are_understood_from_curl_itself(api, sample):
    method, path, body, expected = sample
    arguments = ["--location", "--request", method, f"{api.box.base_url}{path}"]
    arguments += ["--header", f"Authorization: {api.box.token}"]
    if body is not None:
        for kind in ("application/json", "text/plain"):
            arguments += ["--header", f"Content-Type: {kind}"]
        arguments += ["--data-raw", document(body)]
    curl = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--noproxy", "*", *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await curl.communicate()
    answer = json.loads(out)
    code = answer.get("errorCode") if isinstance(answer, dict) else None
    assert (api.box.requests[-1].status, code) == expected


FILLED = [
    ("/message/send", MESSAGE, 201),
    ("/message/schedule", {**MESSAGE, "schedule": "Thu 26 Nov 2031 18:21:05 UTC"}, 200),
    ("/batch/send", BATCH, 201),
    ("/batch/schedule", {**BATCH, "schedule": "16 October 2031 17:00:00"}, 201),
    ("/messages", {"status": "SENT"}, 200),
]


@pytest.mark.parametrize(("path", "body", "expected"), FILLED, ids=[path for path, *_ in FILLED])
async def test_samples_filled_in_work_with_both_content_types(api, wire, path, body, expected):
    assert (await wire.ask(request(api, "POST", path, body)))[0] == expected


async def test_the_first_content_type_counts_and_a_body_is_never_touched(api, wire):
    content = "Hi\r\nContent-Type: a\r\ncontent-type: b\r\n\r\nContent-Type: c\r\n"
    raw = json.dumps({**MESSAGE, "content": content}, indent=0).replace("\n", "\r\n").encode()
    more = f"{TWICE}Content-Length: {len(raw)}\r\n"
    sent = head(api, "POST", "/message/send", more) + raw
    # A request in one piece and byte by byte, and two requests in one piece.
    assert (await wire.ask(sent))[0] == 201
    assert (await wire.ask(*(sent[i : i + 1] for i in range(len(sent)))))[0] == 201
    assert (await wire.ask(sent + sent))[0] == 201
    assert (await wire.answer())[0] == 201
    assert {message.content for message in api.box.messages} == {content}
    other = "Content-Type: text/plain\r\nContent-Type: application/json\r\n"
    assert (await wire.ask(request(api, "POST", "/message/send", MESSAGE, other)))[0] == 415


async def test_any_number_of_requests_in_one_piece_are_answered(api, wire):
    """aiohttp holds what exceeds its own queue, and asks for it again with no bytes at all."""
    wire.writer.write(request(api, "POST", "/message/send", {**MESSAGE, "tag": "last"}) * 100)
    async with asyncio.timeout(PATIENCE):
        answers = [await wire.answer() for _ in range(100)]
    assert {status for status, *_ in answers} == {201, 400}  # 20 an hour, six alike
    assert len(api.box.requests) == 100


async def test_whatever_else_is_repeated_is_refused_as_before(api, wire):
    twice = f"{TWICE}Content-Length: 2\r\nContent-Length: 3\r\n"
    wire.writer.write(head(api, "POST", "/messages", twice) + b"{}")
    assert b" 400 " in await wire.reader.readline()


@pytest.mark.parametrize("more", ["HTTP/1.7", "HTTP/1.1\r\nX: \x00 07700 900123"])
async def test_what_is_malformed_is_logged_without_its_bytes(api, wire, caplog, more):
    line = f"GET /v1/messages/447700900123 {more}\r\nAuthorization: {api.box.token}\r\n\r\n"
    wire.writer.write(line.encode())
    async with asyncio.timeout(PATIENCE):
        assert b" 400 " in await wire.reader.readline()
    assert "A malformed request was refused" in caplog.text
    assert "900123" not in caplog.text
    assert "eyJ" not in caplog.text


async def test_a_body_in_chunks_passes_as_it_is(api, wire):
    data = json.dumps(MESSAGE).encode()
    kind = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    body = f"{len(data):x}\r\n".encode() + data + b"\r\n0\r\n\r\n"
    assert (await wire.ask(head(api, "POST", "/message/send", kind) + body))[0] == 201


async def test_a_blank_field_is_no_filter(api):
    await api.send()
    names = "status destination sender keyword tag credits from to limit skip unread metadata"
    for blank in ("", "  ", None):
        status, found = await api.post("/messages", dict.fromkeys(names.split(), blank))
        assert (status, len(found)) == (200, 1)
        assert len(await api.post("/messages/failed", dict.fromkeys(names.split(), blank))) == 2


@pytest.mark.parametrize("customer_id", [{}, {"customerid": ""}, {"customerid": None}])
async def test_a_key_and_a_secret_suffice_to_log_in(api, customer_id):
    login = {"key": api.box.key, "secret": api.box.secret, **customer_id}
    assert await api.post("/auth/token", login, token=None) == (200, {"token": api.box.token})
    for wrong in ({"secret": "no"}, {"key": ""}, {"customerid": "other"}):
        status, answer = await api.post("/auth/token", {**login, **wrong}, token=None)
        assert (status, answer["errorCode"]) == (401, 4011)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/message/send", "POST"),
        ("PUT", "/messages", "POST"),
        ("POST", "/messages/128032521395903584", "DELETE, GET"),
        ("PATCH", "/credits/balance/", "GET"),
        ("DELETE", "/auth/token", "POST"),
        ("POST", "/utils/errors/4021", "GET"),
    ],
)
async def test_another_method_on_a_known_path_is_a_405_that_names_those_it_has(
    api, method, path, allowed
):
    url = f"{api.box.base_url}{path}"
    async with api.session.request(
        method, url, headers={"Authorization": api.box.token}
    ) as response:
        assert (response.status, response.headers["Allow"]) == (405, allowed)
        assert (await response.json()).keys() == {"message"}


async def test_an_empty_destination_fails_alone_in_its_batch(api):
    _, batch = await api.post("/batch/send", {**BATCH, "destinations": ["447700900123", ""]})
    messages = [MESSAGE, {**MESSAGE, "destination": ""}]
    _, each = await api.post("/batch/any", messages)
    _, later = await api.post(
        "/batch/schedule", {**BATCH, "destinations": ["", "447700900123"], "schedule": at(api)}
    )
    await api.box.advance(1)
    for answer in (batch, each, later):
        status, records = await api.get(f"/batch/{answer['batchid']}")
        assert status == 200
        shown = {r["destination"]: r.get("failurereason", {}).get("code") for r in records}
        assert shown == {447700900123: None, "": 4004}
    assert api.box.accepted_by_destination() == {"447700900123": 3}


@pytest.mark.parametrize(
    "written",
    [str, str.strip, lambda t: t[4:], lambda t: "jwt " + t[4:], lambda t: f"Jwt  {t[4:]}"],
)
async def test_a_token_may_be_bare_or_have_its_prefix_in_any_case(api, written):
    assert (await api.get("/credits/balance", token=written(api.box.token)))[0] == 200


async def test_a_slash_at_the_end_makes_no_difference(api):
    api.box.add_fault({"path": "/message/flash", "status": 503})
    status, sent = await api.post("/message/send/", MESSAGE)
    assert status == 201
    assert (await api.get(f"/messages/{sent['messageid']}/"))[0] == 200
    assert len((await api.post("/messages/", {}))[1]) == 1
    assert (await api.post("/message/flash/", MESSAGE))[0] == 503
    assert api.box.requests[0].path == "/message/send"


async def test_unknown_fields_are_ignored_and_listed_with_the_request(api):
    sent = await api.send(colour="red", Sender="x")
    _, found = await api.post("/messages", {"colour": "red", "status": "SENT"})
    assert [record["messageid"] for record in found] == [sent["messageid"]]
    await api.post("/batch/any", [MESSAGE, {**MESSAGE, "size": 1}])
    await api.post("/batch/send", {**BATCH, "metadata": []})
    listed = [record.unknown_fields for record in api.box.requests]
    assert listed == [("Sender", "colour"), ("colour",), ("size",), ("metadata",)]
    _, state = await api.get("sandbox/state")
    assert state["unknown_fields"]["POST /message/send colour"] == 1
    _, shown = await api.get("sandbox/requests")
    assert shown["requests"][-1]["unknown_fields"] == ["Sender", "colour"]


async def test_a_binary_message_is_priced_by_its_bytes(api):
    for count, credits in ((1, 1), (140, 1), (141, 2), (268, 2), (269, 3)):
        content = " ".join(["4f"] * count)
        status, answer = await api.post("/binary/send", {**MESSAGE, "content": content})
        assert (status, answer["creditsUsed"]) == (201, credits)
    for wrong in ("4", "4f4f", "4f  4f", "zz", " 4f", "four"):
        assert (await api.post("/binary/send", {**MESSAGE, "content": wrong}))[0] == 400
    assert (await api.post("/binary/send", {**MESSAGE, "content": ""}))[1]["errorCode"] == 4001
    long = " ".join(["4f"] * 428)
    assert (await api.post("/binary/send", {**MESSAGE, "content": long}))[1]["errorCode"] == 4002
    api.box.credits = 0
    assert (await api.post("/binary/send", {**MESSAGE, "content": "4f"}))[0] == 402


async def test_a_day_begins_at_midnight_for_the_volume(api):
    await api.send()
    await api.post("/batch/send", {**BATCH, "destinations": ["447700900123", "nobody"]})
    assert await api.get("/messages/volume") == (200, {"volume": 2})
    await api.box.advance(12 * 3600)
    assert await api.get("/messages/volume") == (200, {"volume": 0})


async def test_a_country_has_its_cost(api):
    expected = {"code": "FR", "country": "France", "credits": 2}
    assert await api.get("/credits/fr") == (200, expected)
    assert (await api.get("/credits/GB"))[1]["credits"] == 1
    status, answer = await api.get("/credits/XX")
    assert (status, list(answer)) == (404, ["message"])
