"""Webhooks under every server and framework that the docs name, in separate processes."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest

from support.greenlets import needs_gevent
from support.waiting import PATIENCE


SECRET = "the-webhook-secret-of-these-tests-+/AA"

HOOKS = f"""
import time
from smsworks_async.webhooks import Webhooks

def on_report(report):
    time.sleep(0.05)  # so that copies come to other processes meanwhile
    with open("handled", "a") as file:
        file.write(f"{{report.message_id}} {{report.status}}\\n")

hooks = Webhooks(on_report=on_report, secrets={SECRET!r}, seen="seen.db")
"""
DJANGO = """
from django.conf import settings
from django.urls import re_path
urlpatterns = [re_path("^sms/", hooks.django())]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"])
"""
APPS = {
    "bare asgi": "app = hooks.asgi()",
    "bare wsgi": "app = hooks.wsgi()",
    "starlette": (
        "from starlette.applications import Starlette\n"
        "from starlette.routing import Mount\n"
        "app = Starlette(routes=[Mount('/sms', hooks.asgi())])"
    ),
    "fastapi": "from fastapi import FastAPI\napp = FastAPI()\napp.mount('/sms', hooks.asgi())",
    "litestar": (
        "from litestar import Litestar, asgi\n"
        "app = Litestar([asgi('/sms', is_mount=True, copy_scope=True)(hooks.asgi())])"
    ),
    "django asgi": (
        DJANGO + "from django.core.asgi import get_asgi_application\napp = get_asgi_application()"
    ),
    "django wsgi": (
        DJANGO + "from django.core.wsgi import get_wsgi_application\napp = get_wsgi_application()"
    ),
    "flask": (
        "from flask import Flask\n"
        "from werkzeug.middleware.dispatcher import DispatcherMiddleware\n"
        "app = DispatcherMiddleware(Flask(__name__).wsgi_app, {'/sms': hooks.wsgi()})"
    ),
}
ACCESS = re.compile(r"127\.0\.0\.1:\d+ - - ")
GUNICORN = "-m gunicorn --workers 3 --threads 4 --access-logfile - --log-level debug"
SERVERS = {
    "uvicorn": "-m uvicorn app:app --fd {fd} --log-level trace",
    "hypercorn": "-m hypercorn app:app --bind fd://{fd} --access-logfile -",
    "daphne": "-m daphne app:app --fd {fd} -v 2",
    "gunicorn": GUNICORN + " app:app --bind fd://{fd}",
    "gunicorn gevent": GUNICORN + " --worker-class gevent app:app --bind fd://{fd}",
    "gunicorn gevent preload": GUNICORN
    + " --worker-class gevent --preload app:app --bind fd://{fd}",
    "gunicorn preload": GUNICORN + " --preload app:app --bind fd://{fd}",
}
SET_UPS = [
    ("uvicorn", "bare asgi"),
    ("uvicorn", "starlette"),
    ("uvicorn", "fastapi"),
    ("uvicorn", "litestar"),
    ("uvicorn", "django asgi"),
    ("hypercorn", "bare asgi"),
    ("daphne", "bare asgi"),
    ("daphne", "django asgi"),
    ("gunicorn", "bare wsgi"),
    ("gunicorn", "flask"),
    pytest.param("gunicorn gevent", "django wsgi", marks=needs_gevent),
    pytest.param("gunicorn gevent", "flask", marks=needs_gevent),
    pytest.param("gunicorn gevent preload", "bare wsgi", marks=needs_gevent),
    ("gunicorn preload", "bare wsgi"),
    ("gunicorn preload", "django wsgi"),
]


@asynccontextmanager
async def running(server, app, folder):
    """Run an application, and yield its root URL and the path of its server's log."""
    (folder / "app.py").write_text(HOOKS + APPS[app])
    said = folder / "log"
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening, said.open("w") as log:
        fd = listening.fileno()
        process = subprocess.Popen(
            [sys.executable, *SERVERS[server].format(fd=fd).split()],
            pass_fds=[fd],
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", said
        finally:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, PATIENCE)
            finally:
                process.kill()


@pytest.mark.parametrize(("server", "app"), SET_UPS)
async def test_each_report_is_handled_once_and_no_log_shows_the_secret(server, app, tmp_path):
    async with running(server, app, tmp_path) as (root, log), aiohttp.ClientSession() as session:

        async def post(message_id, status="DELIVERED", path=f"/sms/{SECRET}", method="POST"):
            document = {"messageid": message_id, "status": status}
            async with session.request(method, root + path, json=document) as response:
                return response.status, response.headers.get("Allow")

        posts = [
            post(str(number), status)
            for number in range(8)
            for status in ("DELIVERED", "DELIVERED", "EXPIRED")
        ]
        answers = await asyncio.gather(*posts)
        assert answers == [(200, None)] * 24, log.read_text()
        assert await post("9", path="/sms/wrong") == (404, None)
        assert await post("9", method="GET") == (405, "POST")
        handled = (tmp_path / "handled").read_text().split()[::2]
        assert sorted(handled) == [str(number) for number in range(8)]
    said = log.read_text()
    if server == "daphne":  # its access log does not use a logger, as documented
        said = "\n".join(line for line in said.splitlines() if not ACCESS.match(line))
    assert SECRET not in said, said
    assert "…" in said, said


CALL = """
import io, json

def call(application, message_id, status="DELIVERED"):
    body = json.dumps({"messageid": message_id, "status": status}).encode()
    said = []
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/sms/" + hooks_secret, "SCRIPT_NAME": "",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "HTTP_HOST": "127.0.0.1",
        "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(), "wsgi.multithread": True,
    }
    answer = application(environ, lambda status, headers: said.append(int(status[:3])))
    b"".join(answer)
    getattr(answer, "close", lambda: None)()
    return said[0]
"""


def run(script, folder):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"hooks_secret = {SECRET!r}\n" + CALL + script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_webhook_that_was_used_before_a_fork_works_on_in_both_processes(tmp_path):
    script = """
import os, sys
app = hooks.wsgi()
print(call(app, "1"), flush=True)
child = os.fork()
answers = [call(app, message_id) for message_id in ("1", str(child and 2), "3")]
if not child:
    os._exit(answers != [200] * 3)
print(*answers, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(HOOKS + script, tmp_path) == ["200"] * 4 + ["0"]
    handled = (tmp_path / "handled").read_text().split()[::2]
    assert sorted(handled) == ["0", "1", "2", "3"]


def test_a_fork_while_a_report_is_handled_leaves_it_to_the_parent_alone(tmp_path):
    script = """
import os, sys, threading
from smsworks_async.webhooks import deduplication
deduplication.MAX_WAIT = 0.0
begun, go_on = threading.Event(), threading.Event()

def on_report(report):
    begun.set()
    assert go_on.wait(60)

app = Webhooks(on_report=on_report, secrets=hooks_secret, seen="seen.db").wsgi()
answers = []
thread = threading.Thread(target=lambda: answers.append(call(app, "1")))
thread.start()
begun.wait(60)
back, forth = os.pipe(), os.pipe()
child = os.fork()
if not child:
    threading.Timer(60, os._exit, [9]).start()
    while_handled = call(app, "1")
    os.write(back[1], b"x")
    os.read(forth[0], 1)
    print(while_handled, call(app, "1"), flush=True)
    os._exit(0)
os.read(back[0], 1)
go_on.set()
thread.join()
os.write(forth[1], b"x")
assert os.waitpid(child, 0)[1] == 0
print(*answers)
"""
    assert run(HOOKS + script, tmp_path) == ["503", "200", "200"]


def test_under_django_a_connection_that_the_database_has_closed_is_not_used_again(tmp_path):
    script = """
from django.conf import settings
settings.configure(
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.db"}},
)
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.urls import re_path

def on_report(report):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    connection.connection.close()  # as a server does with one that is idle

from smsworks_async.webhooks import Webhooks
hooks = Webhooks(on_report=on_report, secrets=hooks_secret)
app = get_wsgi_application()
urlpatterns = [re_path("^sms/", hooks.django())]
print(*[call(app, message_id) for message_id in "123"])
"""
    assert run(script, tmp_path) == ["200"] * 3
