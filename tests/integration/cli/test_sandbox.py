"""`smsworks sandbox`: its output and its server, in a separate process where needed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import re
import socket
import sys

import aiohttp
import pytest

from smsworks_async import AsyncSMSWorks, NotSent, RetryPolicy
from smsworks_async.cli import main
from smsworks_async.sandbox import Sandbox


COMMAND = "python -m smsworks_async sandbox"
MESSAGE = {"sender": "AcmeCorp", "destination": "447700900123", "content": "Hello"}


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextlib.asynccontextmanager
async def command(*options):
    """Run the command, and yield its base URL and its token."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "smsworks_async", "sandbox", "--port", "0", *options),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        told = ""
        while "Its web page" not in told:
            line = await process.stdout.readline()
            assert line, told
            told += line.decode()
        yield re.search(r"URL=(\S+)", told)[1], re.search(r"TOKEN='(.+)'", told)[1]
    finally:
        process.terminate()
        await process.communicate()


async def send_alike(url, token, count):
    """Send a text ``count`` times, and return the statuses."""
    headers = {"Authorization": token}
    statuses = []
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(count):
            async with session.post(f"{url}/message/send", json=MESSAGE) as response:
                statuses.append(response.status)
    return statuses


@pytest.mark.parametrize(
    ("options", "expected"), [((), [201] * 6 + [400]), (("--no-flooding",), [201] * 7)]
)
async def test_sandbox_command_can_switch_the_flooding_filter_off(options, expected):
    async with command(*options) as (url, token):
        assert await send_alike(url, token, 7) == expected


async def test_sandbox_command_has_a_clock_that_can_be_advanced():
    async with command("--delivery-delay", "3600") as (url, token):
        await send_alike(url, token, 1)
        async with aiohttp.ClientSession(url.removesuffix("v1")) as session:
            async with session.post("sandbox/advance", json={"seconds": 3600}) as response:
                assert response.status == 200
            async with session.get("sandbox/messages") as response:
                [message] = (await response.json())["messages"]
            async with session.get("sandbox/account") as response:
                account = await response.json()
    assert message["status"] == "DELIVERED"
    assert (account["manual"], account["adjustable"]) == (False, True)


async def test_sandbox_says_what_to_do_about_a_port_in_use(taken):
    with pytest.raises(OSError, match=rf"127\.0\.0\.1:{taken} is in use.*port 0") as refused:
        async with Sandbox(port=taken):
            pass
    assert refused.value.errno == errno.EADDRINUSE


def test_sandbox_command_says_in_one_line_that_a_port_is_in_use(taken, capsys):
    assert main(["sandbox", "--port", str(taken)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"smsworks: 127.0.0.1:{taken} is in use")
    assert "another port" in err
    assert "Errno" not in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1:0"),
        (["--faults", "no-such-file.json"], "no-such-file.json: No such file"),
        (["--database", "nowhere/at/all.db"], "nowhere/at/all.db"),
    ],
)
def test_sandbox_command_says_in_one_line_which_address_or_file_it_cannot_use(
    options, words, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main(["sandbox", "--port", "0", *options]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert words in err


@pytest.mark.parametrize("port", ["65536", "-1", "x"])
def test_sandbox_command_refuses_what_is_no_port_with_the_range(port, capsys):
    assert main(["sandbox", "--port", port]) == 2
    assert "'--port'" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_client_without_its_sandbox_is_told_how_to_start_one(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    once = RetryPolicy(attempts=1)
    async with AsyncSMSWorks("JWT eyJ", base_url=f"http://{host}:{port}/v1", retry=once) as sms:
        for call in (sms.credits.balance(), sms.messages.send(**MESSAGE)):
            with pytest.raises(NotSent) as refused:
                await call
            hint = f"if you meant to use a sandbox, start it: {COMMAND} --port {port}"
            assert str(refused.value).endswith(hint)


async def lines_of(*options, count):
    """Run the command, send a text, and return up to `count` lines of later output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "smsworks_async", "sandbox", "--port", "0", "--seed", "1"),
        *options,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        head = b""
        while b"token" not in head.lower():
            head += await process.stdout.readline()
        url = re.search(r"http://[0-9.:]+/v1", head.decode())[0]
        token = re.search(r"JWT [\w.-]+", head.decode())[0]
        if b"{" not in head:
            while b"Its web page" not in head:
                head += await process.stdout.readline()
        await send_alike(url, token, 1)
        lines = [(await process.stdout.readline()).decode() for _ in range(count)]
    finally:
        process.terminate()
        rest, _ = await process.communicate()
    return lines, rest.decode()


async def test_sandbox_command_writes_a_line_for_each_request():
    [line], rest = await lines_of(count=1)
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d POST /message/send …123 1 segment -> 201 [\d.]+ ms\n", line
    )
    assert "The sandbox has stopped" in rest


async def test_sandbox_command_writes_lines_of_json():
    [line], _ = await lines_of("--json", count=1)
    fields = json.loads(line)
    assert (fields["type"], fields["to"], fields["status"]) == ("request", "…123", 201)


async def test_sandbox_command_is_quiet_when_told():
    _, rest = await lines_of("--quiet", count=0)
    assert rest.strip() == "The sandbox has stopped."


async def test_sandbox_command_goes_on_when_nobody_reads_its_lines():
    async with command() as (url, _), aiohttp.ClientSession() as session:
        for _ in range(60):  # 64 KiB fit into a pipe
            async with session.get(f"{url}/{'x' * 3000}") as response:
                assert response.status == 401


@pytest.mark.parametrize(("options", "expected"), [((), 201), (("--no-international",), 403)])
async def test_sandbox_command_says_whether_the_account_may_send_abroad(options, expected):
    async with command(*options) as (url, token):
        body = {**MESSAGE, "destination": "33123456789"}
        headers = {"Authorization": token}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{url}/message/send", json=body, headers=headers) as response,
        ):
            assert response.status == expected
