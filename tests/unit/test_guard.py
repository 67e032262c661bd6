"""What would make us slow, counted rather than timed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


NOT_NEEDED = {
    "aiohttp.web",
    "argparse",
    "phonenumbers",
    "smsworks_async.cli",
    "smsworks_async.sandbox",
    "smsworks_async.webhooks",
    "sqlite3",
}


def modules(code):
    listing = "; import json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code + listing], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_importing_the_package_imports_nothing_of_an_extra_the_sandbox_or_the_command_line():
    imported = modules("import smsworks_async")
    needed = modules("import aiohttp, attrs, cattrs, tenacity, aiolimiter")
    # aiohttp imports parts of its server by itself.
    assert imported & NOT_NEEDED <= needed
    foreign = {name.partition(".")[0] for name in imported - needed} - {"smsworks_async"}
    assert not foreign & {"email_validator", "httpx", "requests", "sqlite3"}
    assert len([name for name in imported if name.startswith("smsworks_async")]) < 45


def test_importing_the_webhooks_imports_no_web_framework_and_no_server():
    imported = modules("import smsworks_async.webhooks")
    needed = modules("import aiohttp, attrs, cattrs, tenacity, aiolimiter")
    foreign = {name.partition(".")[0] for name in imported - needed}
    assert not foreign & {"django", "fastapi", "flask", "sqlite3", "starlette", "uvicorn"}
    assert "smsworks_async.webhooks.aiohttp" not in imported


def test_the_sandbox_does_not_import_the_clients_request_path():
    imported = modules(
        "import sys, types; package = types.ModuleType('smsworks_async'); "
        "import importlib.util as u; spec = u.find_spec('smsworks_async'); "
        "package.__path__ = spec.submodule_search_locations; "
        "sys.modules['smsworks_async'] = package; import smsworks_async.sandbox"
    )
    ours = {name for name in imported if name.startswith("smsworks_async.")}
    assert {name.split(".")[1] for name in ours} == {"sandbox"}


@pytest.mark.parametrize("count", [1, 200])
async def test_a_send_is_one_request_and_sends_in_a_row_are_one_connection(box, sms, count):
    for _ in range(count):
        await sms.messages.flash(
            sender="AcmeCorp", destination=f"07700 900{_:03d}", content="Hello"
        )
    assert len(box.requests) == count
    assert len({record.connection for record in box.requests}) == 1
