"""Proxies from the environment, and nothing else from it."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import asynccontextmanager

import pytest

from smsworks_async import AsyncSMSWorks, ConfigurationError, NotSent
from support.messages import TEXT
from support.sandboxes import AT_ONCE


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def serving():
    """Respond to everything, as an API or a proxy; yield the request heads and a port."""
    heads = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        _, _, after = head.lower().partition(b"content-length: ")
        await reader.readexactly(int(after.partition(b"\r\n")[0] or 0))
        heads.append(head.decode())
        body = b'{"messageid": "1", "status": "SENT", "credits": 1, "token": "JWT eyJnew"}'
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield heads, server.sockets[0].getsockname()[1]


@pytest.fixture
def netrc(tmp_path, monkeypatch):
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login somebody password sekrit\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize(
    "account", [{"token": "JWT eyJold"}, {"customer_id": "c", "key": "k", "secret": "s"}]
)
async def test_client_sends_nothing_of_a_netrc_file(account):
    async with (
        serving() as (heads, port),
        AsyncSMSWorks(**account, base_url=f"http://127.0.0.1:{port}/v1", trust_env=True) as sms,
    ):
        assert (await sms.messages.send(**TEXT)).message_id == "1"
        assert await sms.credits.balance() == 1
    assert all("Basic" not in head for head in heads)
    token = "eyJold" if "token" in account else "eyJnew"
    assert all(f"Authorization: JWT {token}\r\n" in head for head in heads[-2:])


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_proxy_of_the_environment_is_used_where_it_is_to_be(monkeypatch, name, scheme):
    async with serving() as (heads, port):
        monkeypatch.setenv(name, f"{scheme}127.0.0.1:{port}")
        for trust_env in (True, False):
            async with AsyncSMSWorks(
                "eyJ",
                base_url="http://127.0.0.1:1/v1",
                trust_env=trust_env,
                retry=AT_ONCE,
            ) as sms:
                if trust_env:
                    assert (await sms.messages.send(**TEXT)).message_id == "1"
                else:
                    with pytest.raises(NotSent):
                        await sms.messages.send(**TEXT)
    (head,) = heads
    assert head.startswith("POST http://127.0.0.1:1/v1/message/send HTTP/1.1\r\n")
    assert "Proxy-Authorization" not in head  # the netrc file has a password for the proxy, too


async def test_proxy_is_sent_the_password_in_its_address(monkeypatch):
    async with serving() as (heads, port):
        monkeypatch.setenv("http_proxy", f"http://user:word@127.0.0.1:{port}")
        async with AsyncSMSWorks("eyJ", base_url="http://127.0.0.1:1/v1", trust_env=True) as sms:
            await sms.messages.send(**TEXT)
    assert f"Proxy-Authorization: Basic {b64encode(b'user:word').decode()}\r\n" in heads[0]


@pytest.mark.parametrize("exempt", ["127.0.0.1", "example.com,127.0.0.1", "*"])
async def test_proxy_is_not_used_for_a_host_that_is_exempt(monkeypatch, exempt):
    async with serving() as (heads, port):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", exempt)
        base_url = f"http://127.0.0.1:{port}/v1"
        async with AsyncSMSWorks("eyJ", base_url=base_url, trust_env=True) as sms:
            await sms.messages.send(**TEXT)
    assert heads[0].startswith("POST /v1/message/send HTTP/1.1\r\n")


async def test_proxy_that_is_given_goes_before_the_environments(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with (
        serving() as (heads, port),
        AsyncSMSWorks(
            "eyJ",
            base_url="http://127.0.0.1:1/v1",
            proxy=f"http://127.0.0.1:{port}",
            trust_env=True,
        ) as sms,
    ):
        await sms.messages.send(**TEXT)
    assert len(heads) == 1


@pytest.mark.parametrize("address", ["socks5://user:sekrit@127.0.0.1:1", "http://", "http://[x"])
async def test_proxy_that_cannot_be_used_is_an_error_without_its_password(monkeypatch, address):
    monkeypatch.setenv("http_proxy", address)
    async with AsyncSMSWorks("eyJ", base_url="http://127.0.0.1:1/v1", trust_env=True) as sms:
        with pytest.raises(ConfigurationError, match="http_proxy") as caught:
            await sms.messages.send(**TEXT)
    assert "sekrit" not in str(caught.value) + repr(caught.value.__context__)
