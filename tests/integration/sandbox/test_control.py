import asyncio
from base64 import b64encode

import aiohttp
import pytest

from smsworks_async.sandbox.access import is_loopback
from support.wire import BATCH, MESSAGE, sandbox


JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


async def page(api, **options):
    async with api.session.get(f"{api.box.root_url}/", **options) as response:
        return response.status, await response.text(), response.headers


async def file(api, name, **options):
    url = f"{api.box.root_url}/sandbox/page/{name}"
    async with api.session.get(url, **options) as response:
        return response.status, await response.text(), response.headers


async def test_another_process_counts_what_was_accepted(api):
    await api.send()
    await api.post("/batch/send", {**BATCH, "destinations": ["447700900123", "nobody"]})
    await api.get("/credits/balance")
    assert await api.get("sandbox/state", token=None) == (
        200,
        {
            "now": "2026-07-01T12:00:00.000Z",
            "credits": 9998,
            "accepted": 2,
            "by_destination": {"447700900123": 2},
            "by_status": {"SENT": 2, "FAILED": 1},
            "requests": {
                "POST /message/send": 1,
                "POST /batch/send": 1,
                "GET /credits/balance": 1,
            },
            "unknown_fields": {},
            "connections": 1,
        },
    )


async def test_another_process_scripts_faults(api):
    faults = [{"path": "/message/send", "status": 503}, {"path": "*", "nth": 3, "when": "after"}]
    assert await api.post("sandbox/faults", faults, token=None) == (200, {"added": 2})
    assert (await api.post("/message/send", MESSAGE))[0] == 503
    assert (await api.get("/utils/test"))[0] == 200
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await api.post("/message/send", MESSAGE)
    assert api.box.accepted() == 1
    await api.post("sandbox/faults", [{"path": "*", "times": 0}])
    assert await api.delete("sandbox/faults", token=None) == (200, {})
    assert (await api.get("/utils/test"))[0] == 200


@pytest.mark.parametrize("body", ["/etc/hostname", {}, 5, [5], [{"path": "*", "nth": 0}]])
async def test_what_is_no_script_is_refused_whole(api, body):
    status, answer = await api.post("sandbox/faults", body)
    assert (status, list(answer)) == (400, ["message"])


async def test_another_process_turns_the_clock(api):
    await api.send()
    expected = (200, {"now": "2026-07-01T12:00:01.000Z"})
    assert await api.post("sandbox/advance", {"seconds": 1}, token=None) == expected
    assert api.box.messages[0].status == "DELIVERED"
    for body in ({"seconds": "1"}, {"seconds": -1}, {"seconds": 1e30}, {}, []):
        assert (await api.post("sandbox/advance", body))[0] == 400
    async with sandbox(clock=None) as real:
        status, answer = await real.post("sandbox/advance", {"seconds": 1})
        assert status == 400
        assert "ManualClock" in answer["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "sandbox", 404, "no such path"),
        ("GET", "sandbox/message", 404, "no such path"),
        ("DELETE", "sandbox/messages/1/deliver/now", 404, "no such path"),
        ("GET", "sandbox/advance", 405, "it has POST"),
        ("DELETE", "sandbox/account", 405, "it has GET, HEAD, POST"),
    ],
)
async def test_an_unknown_path_is_refused_in_json(api, method, path, status, words):
    url = f"{api.box.base_url.removesuffix('/v1')}/{path}"
    async with aiohttp.request(method, url) as response:
        assert response.status == status
        assert words in (await response.json())["message"]


async def test_storage_names_the_settings_that_there_are(api):
    status, answer = await api.post("sandbox/storage", {"recordlag": 5})
    assert status == 400
    assert answer["message"].startswith("recordlag is not a setting; the settings are rewrite, ")


async def test_another_process_sends_a_message_from_a_phone(api):
    body = {"sender": "447700900124", "to": "60777", "content": "Yes", "keyword": "YES"}
    status, answer = await api.post("sandbox/incoming", body, token=None)
    assert status == 200
    [record] = (await api.post("/messages/inbox", {}))[1]
    assert (record["messageid"], record["keyword"]) == (answer["messageid"], "YES")
    assert (await api.post("sandbox/incoming", {"sender": "447700900124"}))[0] == 400


async def test_another_process_starts_again(api):
    sent = await api.send()
    await api.post("sandbox/faults", [{"path": "*", "nth": 2}])
    assert await api.post("sandbox/reset", token=None, headers=JSON) == (200, {})
    assert (await api.get(f"/messages/{sent['messageid']}"))[0] == 400
    assert (await api.get("/credits/balance"))[1] == {"credits": 10000}
    assert len(api.box.requests) == 2
    assert api.box.accepted() == 0


async def test_another_process_releases_what_is_held(api):
    await api.post("sandbox/faults", [{"path": "*", "when": "hold"}])
    url = f"{api.box.base_url}/message/send"
    async with aiohttp.ClientSession() as other:
        headers = {"Authorization": api.box.token}
        waiting = asyncio.create_task(other.post(url, json=MESSAGE, headers=headers))
        while not api.box.requests:
            await asyncio.sleep(0)
        while not waiting.done():
            await api.post("sandbox/release", token=None, headers=JSON)
        assert (await waiting).status == 201


@pytest.mark.parametrize("data", [b"{", b"[" * 100_000])
async def test_what_is_not_json_is_refused_here_too(api, data):
    assert (await api.post("sandbox/faults", data=data, headers=JSON))[0] == 400


async def test_beyond_loopback_the_token_or_the_secret_is_asked_for():
    async with sandbox(host="0.0.0.0") as api:
        basic = f"Basic {b64encode(f'{api.box.key}:{api.box.secret}'.encode()).decode()}"
        wrong = f"Basic {b64encode(f'{api.box.key}:guess'.encode()).decode()}"
        for token in (None, "JWT guess", wrong, "é"):
            assert (await api.get("sandbox/state", token=token))[0] == 401
            assert (await api.post("sandbox/reset", token=token, headers=JSON))[0] == 401
        status, _, headers = await page(api)
        assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="sandbox"')
        for token in (api.box.token, basic):
            assert (await api.get("sandbox/state", token=token))[0] == 200
            assert (await page(api, headers={"Authorization": token}))[0] == 200
            assert (await file(api, "app.js", headers={"Authorization": token}))[0] == 200
        assert (await file(api, "app.js"))[0] == 401
        assert (await api.get("/utils/test", token=basic))[0] == 401


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("", False),
        ("192.0.2.1", False),
        ("example.com", False),
    ],
)
def test_only_this_machine_reaches_loopback(host, loopback):
    assert is_loopback(host) is loopback
