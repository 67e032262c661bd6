"""Protection against other web sites, other host names and other users of the machine."""

from __future__ import annotations

import asyncio
import os
import stat
import sys

import pytest

from smsworks_async.cli import main
from smsworks_async.sandbox import ManualClock, Sandbox
from support.wire import MESSAGE, sandbox


EVIL = "https://evil.example"
CONTROLS = ["reset", "release", "faults", "advance", "incoming", "storage"]
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


@pytest.mark.parametrize(
    "name", ["evil.example", "127.0.0.1.nip.example", "192.0.2.1", "a b", "[", "[::1]a"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "sandbox/state"), ("POST", "sandbox/reset"), ("GET", "/utils/test"), ("GET", "no")],
)
async def test_sandbox_does_not_answer_to_another_host_name(api, name, method, path):
    headers = {"Host": f"{name}:{api.box.port}", **JSON}
    status, answer = await api.call(method, path, headers=headers)
    assert status == 421
    assert "allow_hosts" in answer["message"]


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "localhost", "LOCALHOST:1", "[::1]:8025", "127.9.9.9"]
)
async def test_sandbox_answers_to_loopbacks_own_names(api, name):
    assert (await api.get("sandbox/state", headers={"Host": name}))[0] == 200


async def test_sandbox_answers_to_names_that_are_allowed():
    async with sandbox(allow_hosts=["Sandbox.test", "[2001:db8::1]"]) as api:
        for name in ("sandbox.test:80", "SANDBOX.TEST.", "[2001:db8::1]:1", "localhost"):
            assert (await api.get("/utils/test", headers={"Host": name}))[0] == 200
        assert (await api.get("/utils/test", headers={"Host": "test"}))[0] == 421


async def test_sandbox_beyond_loopback_answers_to_any_name_unless_some_are_given():
    async with sandbox(host="0.0.0.0") as api:
        assert (await api.get("/utils/test", headers={"Host": "any.example"}))[0] == 200
    async with sandbox(host="0.0.0.0", allow_hosts="sandbox") as api:
        assert (await api.get("/utils/test", headers={"Host": "any.example"}))[0] == 421
        assert (await api.get("/utils/test", headers={"Host": "sandbox:8025"}))[0] == 200


@pytest.mark.parametrize("wrong", ["a:80", "http://a", "", "a b", "*", 5, None])
@pytest.mark.parametrize("setting", ["allow_hosts", "callback_hosts"])
def test_sandbox_refuses_what_is_no_host_name_at_once(setting, wrong):
    with pytest.raises(ValueError, match=setting):
        Sandbox(**{setting: [wrong]})


FOREIGN = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://evil.example:99999999"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "whatever"},
]


@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_control_refuses_changes_by_a_page_of_another_site(host, foreign):
    async with sandbox(host=host) as api:
        sent = await api.send()
        headers = {**foreign, **JSON}
        for control in CONTROLS:
            assert (await api.post(f"sandbox/{control}", headers=headers))[0] == 403
        assert (await api.delete("sandbox/faults", headers=headers))[0] == 403
        assert (await api.post("/message/send", MESSAGE, headers=foreign))[0] == 403
        assert (await api.delete(f"/messages/{sent['messageid']}", headers=foreign))[0] == 403
        assert len(api.box.messages) == 1
        assert (await api.record(sent["messageid"]))["messageid"] == sent["messageid"]


@pytest.mark.parametrize(
    "own",
    [
        {"Origin": "{}"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "{}"},
    ],
)
async def test_control_takes_changes_by_its_own_page(api, own):
    headers = {name: value.format(api.box.root_url) for name, value in own.items()}
    assert (await api.post("sandbox/reset", headers={**headers, **JSON}))[0] == 200


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_control_wants_json_even_without_a_body(api, control, kind):
    await api.send()
    headers = {} if kind is None else {"Content-Type": kind}
    status, answer = await api.post(f"sandbox/{control}", headers=headers, data=b"")
    assert (status, list(answer)) == (415, ["message"])
    assert len(api.box.messages) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/",
        "https://evil.example/x",
        "http://127.0.0.1.nip.example/",
        "http://2130706433/",
        "http://\ud83d/",
    ],
)
async def test_callbacks_go_to_loopback_only(url):
    async with sandbox(delivery_report_url=url, incoming_url=url) as api:
        await api.send()
        await api.send(destination="447700900124", deliveryreporturl=url)
        await api.box.advance(1000)
        await api.box.receive(sender="447700900125", to="60777", content="Hi")
        assert [(post.status, post.refused) for post in api.box.posts] == [(None, True)] * 3


async def test_callbacks_go_to_hosts_that_are_named():
    url = "http://app.invalid/reports"
    async with sandbox(delivery_report_url=url, callback_hosts=["app.invalid"]) as api:
        await api.send()
        await api.box.advance(1)
        assert [post.refused for post in api.box.posts] == [False]


def test_sandbox_command_says_which_callback_host_it_would_need(capsys):
    arguments = ["sandbox", "--port", "0", "--incoming-url", "http://app:8000/sms"]
    assert main(arguments) == 2
    assert "--callback-host" in capsys.readouterr().err
    assert main(["sandbox", "--port", "0", "--allow-host", "http://x"]) == 2
    assert "--allow-host" in capsys.readouterr().err


# One database, one sandbox, one owner


async def test_sandbox_refuses_a_database_that_another_sandbox_has(tmp_path):
    file = tmp_path / "state.db"
    link = tmp_path / "link.db"
    async with sandbox(database=file) as api:
        link.symlink_to(file)
        await api.send()
        for other in (file, link):
            with pytest.raises(OSError, match="in use by another sandbox"):
                async with Sandbox(database=other):
                    pass
        await api.send()
    async with sandbox(database=file) as api:
        assert len(api.box.messages) == 2


async def test_sandbox_refuses_a_database_that_another_process_has(tmp_path):
    async with sandbox(database=tmp_path / "state.db"):
        command = ["-m", "smsworks_async", "sandbox", "--port", "0", "--database"]
        other = await asyncio.create_subprocess_exec(
            sys.executable, *command, str(tmp_path / "state.db"), stderr=asyncio.subprocess.PIPE
        )
        _, told = await other.communicate()
        assert other.returncode == 1
        assert b"in use by another sandbox" in told


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
@pytest.mark.parametrize("there", [False, True])
async def test_sandbox_database_is_its_owners_alone(tmp_path, there):
    file = tmp_path / "state.db"
    old = os.umask(0)
    try:
        if there:
            async with sandbox(database=file) as api:
                await api.send()
            for path in tmp_path.iterdir():
                path.chmod(0o666)
        async with sandbox(database=file) as api:
            await api.send()
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
            assert {"state.db", "state.db-wal"} <= modes.keys()
            assert {mode for name, mode in modes.items() if not name.endswith("-lock")} == {0o600}
    finally:
        os.umask(old)


# Ids and tokens


async def test_sandbox_makes_new_ids_and_tokens_each_time_and_after_a_reset():
    ids, tokens = [], []
    for _ in range(3):
        async with sandbox() as api:
            for _ in range(2):
                ids.append((await api.send())["messageid"])
                _, batch = await api.post("/batch/any", [MESSAGE])
                ids.append(batch["batchid"])
                api.box.reset()
            tokens += [api.box.token, api.box.rotate_token()]
    assert len(set(ids)) == len(ids)
    assert len(set(tokens)) == len(tokens)


async def test_sandbox_with_a_seed_makes_the_same_ids_and_tokens():
    found = []
    for _ in range(2):
        async with sandbox(seed=7) as api:
            sent = await api.send()
            otp = {"sender": "AcmeCorp", "destination": "447700900123"}
            _, code = await api.post("/otp/send", otp)
            found.append((sent, code, api.box.token, api.box.rotate_token()))
            api.box.reset()
            assert (await api.send())["messageid"] == sent["messageid"]
    assert found[0] == found[1]


async def test_sandbox_goes_on_with_other_ids_after_a_restart(tmp_path):
    clock, file, ids = ManualClock(), tmp_path / "state.db", set()
    for _ in range(3):
        async with sandbox(database=file, clock=clock) as api:
            ids.add((await api.send())["messageid"])
            ids.add((await api.post("/batch/any", [MESSAGE]))[1]["batchid"])
    assert len(ids) == 6
