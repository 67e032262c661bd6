"""The sandbox accepts the requests of the provider's SDKs, byte for byte.

The bytes of Node and Python were recorded from those SDKs; those of the others follow their source.
"""

from __future__ import annotations

import json

import attrs
import pytest

from support.wire import BATCH, MESSAGE, Wire, sandbox


ACCEPT = "Accept: application/json;charset=UTF-8\r\n"
TYPE = "Content-Type: application/json\r\n"
DESTINATIONS = ["07700900123", "07700900124"]


@attrs.frozen
class Sdk:
    """The format of an SDK's requests: headers, headers with a body, JSON, dates."""

    headers: str
    body_headers: str = TYPE
    ascii: bool = False
    compact: bool = True
    escape_slashes: bool = False
    date: str = "2031-11-26T18:21:05Z"

    def write(self, api, method, path, body=None):
        """Return the bytes of a request."""
        start = f"{method} /v1{path} HTTP/1.1\r\nHost: 127.0.0.1:{api.box.port}\r\n{self.headers}"
        start += f"Authorization: {api.box.token}\r\n"
        if body is None:
            return f"{start}\r\n".encode()
        separators = (",", ":") if self.compact else (", ", ": ")
        text = json.dumps(body, ensure_ascii=self.ascii, separators=separators)
        data = (text.replace("/", "\\/") if self.escape_slashes else text).encode()
        length = f"Content-Length: {len(data)}\r\n"
        return f"{start}{self.body_headers}{length}\r\n".encode() + data


NODE = (
    f"Accept-Encoding: gzip, deflate\r\nUser-Agent: OpenAPI-Generator/1.9.0/Javascript\r\n{ACCEPT}"
)
PYTHON = f"Accept-Encoding: identity\r\n{ACCEPT}User-Agent: OpenAPI-Generator/1.0.0/python\r\n"
SDKS = {
    "node": Sdk(NODE, date="2031-10-14T17:00:00.000Z"),
    "node, from an object": Sdk(
        NODE, date="Tue Oct 14 2031 17:00:00 GMT+0000 (Coordinated Universal Time)"
    ),
    "python": Sdk(PYTHON, ascii=True, compact=False, date="Wed 26 Nov 2031 18:21:05 UTC"),
    "python, the guide's": Sdk(
        "Accept-Encoding: identity\r\nAccept: application/json;charset=utf-8\r\n"
        "User-Agent: Swagger-Codegen/1.0.0/python\r\n",
        ascii=True,
        compact=False,
        date="Wed 26 Nov 2031 18:21:05 UTC",
    ),
    "java": Sdk(
        f"{ACCEPT}User-Agent: OpenAPI-Generator/1.9.0/java\r\nConnection: Keep-Alive\r\n"
        "Accept-Encoding: gzip\r\n",
        "Content-Type: application/json; charset=utf-8\r\n",
        date="Wed Nov 26 06:21:05 2031",
    ),
    "csharp": Sdk(
        f"{ACCEPT}User-Agent: OpenAPI-Generator/1.0.0/csharp\r\n",
        f"{TYPE}Expect: 100-continue\r\n",
        date="2031-11-26T18:21:05.1234567+00:00",
    ),
    "php": Sdk(
        f"User-Agent: OpenAPI-Generator/1.0.0/PHP\r\n{ACCEPT}{TYPE}",
        "",
        ascii=True,
        escape_slashes=True,
        date="Wed, 26 Nov 2031 18:21:05 GMT",
    ),
    "ruby": Sdk(f"User-Agent: OpenAPI-Generator/1.0.0/ruby\r\n{TYPE}{ACCEPT}", "Expect: \r\n"),
}


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


@pytest.mark.parametrize("name", SDKS)
async def test_each_call_of_the_guide_is_understood_from_each_sdk(api, name):
    sdk = SDKS[name]
    async with Wire.to(api) as wire:

        async def call(method, path, body=None, expected=200):
            status, answer, _ = await wire.ask(sdk.write(api, method, path, body))
            assert status == expected, answer
            return answer

        text = {"sender": "AcmeCorp", "content": "Hello, wörld", "tag": "a/b"}
        one = {**text, "destination": DESTINATIONS[0]}
        sent = await call("POST", "/message/send", {**one, "schedule": ""}, 201)
        (later,) = await call("POST", "/message/schedule", {**one, "schedule": sdk.date})
        query = {"status": "SENT", "destination": "447700900123", "from": "", "to": sdk.date}
        (found,) = await call("POST", "/messages", query)
        assert found["content"] == "Hello, wörld"
        assert found == await call("GET", f"/messages/{sent['messageid']}")
        assert found["tag"] == "a/b"
        await call("DELETE", f"/messages/schedule/{later['messageid']}")
        many = {**text, "destinations": DESTINATIONS}
        batch = await call("POST", "/batch/send", {**many, "schedule": ""}, 201)
        assert len(await call("GET", f"/batch/{batch['batchid']}")) == 2
        batch = await call("POST", "/batch/schedule", {**many, "schedule": sdk.date}, 201)
        await call("DELETE", f"/batches/schedule/{batch['batchid']}")
        # The PHP samples, and all examples in the SDKs' docs, leave the fields empty.
        assert (await call("POST", "/message/send", {}, 400)).keys() == {"message"}
        assert (await call("GET", "/messages/messageid_example", expected=400))["errorCode"] == 4008


# JavaScript, which the provider uses, has only one number type.


@pytest.mark.parametrize("number", ["447700900123", "447700900123.0", "4.47700900123e11"])
async def test_a_destination_may_be_a_number_as_in_the_guides_node_samples(api, number):
    async with Wire.to(api) as wire:

        async def call(path, body, expected):
            written = json.dumps(body).replace('"#"', number).encode()
            head = NODE + TYPE + f"Authorization: {api.box.token}\r\n"
            head += f"Host: 127.0.0.1\r\nContent-Length: {len(written)}\r\n\r\n"
            start = f"POST /v1{path} HTTP/1.1\r\n"
            status, answer, _ = await wire.ask(start.encode() + head.encode() + written)
            assert status == expected, answer
            return answer

        one = {**MESSAGE, "destination": "#"}
        many = {**BATCH, "destinations": ["#", "07700900123"]}
        await call("/message/send", one, 201)
        await call("/message/flash", one, 201)
        await call("/binary/send", {**one, "content": "4f"}, 201)
        await call("/batch/any", [one], 201)
        await call("/batch/send", many, 201)
        await call("/otp/send", {"sender": "AcmeCorp", "destination": "#"}, 201)
        assert api.box.accepted_by_destination() == {"447700900123": 7}
        assert len(await call("/messages", {"destination": "#"}, 200)) == 7
        later = "2031-11-26T18:21:05Z"
        await call("/message/schedule", {**one, "schedule": later}, 200)
        await call("/batch/schedule", {**many, "schedule": later}, 201)
        _, (message, batch) = await api.get("/messages/schedule")
        assert message["message"]["destination"] == "447700900123"
        assert batch["message"]["destinations"] == ["447700900123", "07700900123"]


@pytest.mark.parametrize(
    "number",
    [
        1073741823,  # the value of 07777777777 without quotes in JavaScript, which is octal
        7700900123,  # the value of 07700900123, a decimal, since 9 is not an octal digit
        0,
        -447700900123,
        447700900123 * 10**20,
    ],
)
async def test_a_number_that_is_no_destination_has_the_code_for_that(api, number):
    status, answer = await api.post("/message/send", {**MESSAGE, "destination": number})
    assert (status, answer["errorCode"]) == (400, 4004)
    _, batch = await api.post("/batch/send", {**BATCH, "destinations": [number, "07700900123"]})
    _, records = await api.get(f"/batch/{batch['batchid']}")
    assert [record["status"] for record in records] == ["FAILED", "SENT"]


@pytest.mark.parametrize("wrong", [True, None, 447700900123.5, [], {}, ["447700900123"]])
async def test_what_is_neither_a_string_nor_a_whole_number_is_no_destination(api, wrong):
    for path, body in (
        ("/message/send", {**MESSAGE, "destination": wrong}),
        ("/batch/send", {**BATCH, "destinations": [wrong]}),
        ("/otp/send", {"sender": "AcmeCorp", "destination": wrong}),
    ):
        status, answer = await api.post(path, body)
        assert (status, answer.keys()) == (400, {"message"})
        assert "destination" in answer["message"]


async def test_a_whole_number_may_be_written_with_a_fraction_of_zero(api):
    # The format of decimals in the C# SDK, and of floats in the Python SDK.
    await api.send(ttl=10.0, validity=1440.0)
    await api.post("/batch/send", {**BATCH, "ttl": 10.0, "validity": 2880.0})
    query = {"limit": 2.0, "skip": 1.0, "credits": 1.0}
    status, found = await api.post("/messages", query)
    assert (status, len(found)) == (200, 2)
    fields = {"sender": "AcmeCorp", "destination": "447700900123", "length": 8.0, "validity": 300.0}
    status, sent = await api.post("/otp/send", fields)
    assert status == 201
    _, record = await api.get(f"/otp/{sent['messageid']}")
    assert json.dumps(record["validity"]) == "300"
    assert len(api.box.messages[-1].content.split()[-1].strip(".")) == 8
    assert [message.ttl for message in api.box.messages] == [10, 10, 10, None]
    await api.box.advance(1 + 10 * 60)
    _, (left,) = await api.post("/messages", {"credits": 1.0})
    assert left["messageid"] == sent["messageid"]


@pytest.mark.parametrize("wrong", [10.5, "10", True, 1e300])
async def test_other_numbers_are_refused_as_before(api, wrong):
    status, answer = await api.post("/message/send", {**MESSAGE, "validity": wrong})
    assert (status, answer.keys()) == (400, {"message"})


async def test_a_number_beyond_any_is_refused_too(api):
    async with Wire.to(api) as wire:
        data = b'{"sender":"AcmeCorp","content":"Hello","destination":1e999}'
        sdk = SDKS["node"]
        head, _, _ = sdk.write(api, "POST", "/message/send", {}).partition(b"Content-Length")
        raw = head + b"Content-Length: %d\r\n\r\n" % len(data) + data
        status, answer, _ = await wire.ask(raw)
        assert (status, answer.keys()) == (400, {"message"})
