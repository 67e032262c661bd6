"""The applications of docs/webhooks.md, as they are written, each under its own real server."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from smsworks_async.sandbox import ManualClock, Sandbox
from support.waiting import PATIENCE


PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
APPLICATIONS = dict(re.findall(r"```python app_(\w+)\.py\n(.*?)```", PAGE, re.DOTALL))
SECRET = "the-webhook-secret-of-these-tests-+/="

SERVERS = {
    "aiohttp": "from aiohttp import web; web.run_app(app, sock=listening)",
    "fastapi": ("import uvicorn; uvicorn.Server(uvicorn.Config(app)).run(sockets=[listening])"),
    "flask": (
        "from werkzeug.serving import make_server; "
        "make_server('127.0.0.1', 0, app, threaded=True, fd=listening.fileno()).serve_forever()"
    ),
    "django": (
        "from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler\n"
        "server = ThreadedWSGIServer(('127.0.0.1', 0), WSGIRequestHandler, "
        "bind_and_activate=False)\n"
        "server.socket = listening\n"
        "server.server_name, server.server_port = listening.getsockname()\n"
        "server.setup_environ()\n"
        "server.set_app(app)\n"
        "server.serve_forever()"
    ),
}
RUN = """
import logging, socket, sys
logging.basicConfig(level=logging.INFO)
listening = socket.socket(fileno=int(sys.argv[1]))
from app import app
{server}
"""


def test_there_is_an_application_for_each_server_and_none_has_thirty_lines():
    assert APPLICATIONS.keys() == SERVERS.keys()
    for name, source in APPLICATIONS.items():
        assert len(source.splitlines()) < 30, name


@pytest.mark.parametrize("framework", SERVERS)
async def test_an_application_sends_is_told_and_answers(framework, tmp_path):
    (tmp_path / "app.py").write_text(APPLICATIONS[framework])
    (tmp_path / "run.py").write_text(RUN.format(server=SERVERS[framework]))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        root = f"http://127.0.0.1:{listening.getsockname()[1]}"
        hook = f"{root}/sms/{SECRET}"
        async with Sandbox(clock=ManualClock(), delivery_report_url=hook, incoming_url=hook) as box:
            app = subprocess.Popen(
                [sys.executable, "run.py", str(listening.fileno())],
                pass_fds=[listening.fileno()],
                cwd=tmp_path,
                env={
                    **os.environ,
                    "PYTHONUNBUFFERED": "1",
                    "SMSWORKS_BASE_URL": box.base_url,
                    "SMSWORKS_TOKEN": box.token,
                    "SMSWORKS_WEBHOOK_SECRET": SECRET,
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            try:
                await _talk(box, root, framework)
            finally:
                app.terminate()
                try:
                    said, _ = app.communicate(timeout=PATIENCE)
                finally:
                    app.kill()  # no process is left, even after a failure
    [sent, answer] = box.messages
    assert f"{sent.message_id} DELIVERED" in said, said
    assert f"{answer.message_id} DELIVERED" in said, said
    assert "/sms/" in said  # so the server does write of its requests
    assert SECRET not in said


async def _talk(box, root, framework):
    async with aiohttp.ClientSession() as session:
        method = "GET" if framework == "django" else "POST"  # where CSRF is another matter
        async with session.request(method, f"{root}/send?to=07700900123") as response:
            assert response.status == 200, await response.text()
            message_id = (await response.json())["id"]
        await box.advance(2)
        await box.receive(sender="447700900124", to="447700900000", content="Yes")
        await box.advance(2)
        assert [post.status for post in box.posts] == [200, 200, 200]
        assert box.messages[0].message_id == message_id
        assert box.accepted("447700900124") == 1
        async with session.post(f"{root}/sms/{'x' * 37}", json={}) as response:
            assert response.status == 404
