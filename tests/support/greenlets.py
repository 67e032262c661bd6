"""Scripts for processes that gevent or eventlet has patched."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
import time
from contextlib import contextmanager

import pytest

from support.waiting import PATIENCE


TEXT = {"sender": "AcmeCorp", "content": "Hello"}

#: The prologues define the same functions for both libraries.
PATCHES = {
    "gevent": """
        from gevent import monkey
        monkey.patch_all()
        import gevent
        from gevent import Timeout, getcurrent, sleep, spawn
        def result(greenlet):
            return greenlet.get()
        def call_in_hub(function):
            gevent.get_hub().loop.run_callback(function)
    """,
    "eventlet": """
        import eventlet
        eventlet.monkey_patch()
        from eventlet import Timeout, getcurrent, sleep, spawn
        def result(greenlet):
            return greenlet.wait()
        def call_in_hub(function):
            eventlet.hubs.get_hub().schedule_call_global(0, function)
    """,
}
CLIENT = """
    import signal
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from smsworks_async import ConfigurationError, OutcomeUnknown, SMSWorks
    TEXT = {"sender": "AcmeCorp", "content": "Hello"}
    def number(n):
        return f"07700 900{n:03d}"
    client = SMSWorks()
"""
DJANGO = """
    import django
    from django.conf import settings
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.db"}},
        INSTALLED_APPS=["django.contrib.contenttypes"],
    )
    django.setup()
    from django.contrib.contenttypes.models import ContentType
    from django.core.management import call_command
    from django.db import connections
    call_command("migrate", verbosity=0)
    def count():
        try:
            return ContentType.objects.count()
        finally:
            connections.close_all()  # each greenlet has its own
    count()
"""


def _needs(library):
    found = importlib.util.find_spec(library) is not None
    return pytest.mark.skipif(not found, reason=f"{library} is not installed")


LIBRARIES = [pytest.param(name, marks=_needs(name)) for name in PATCHES]
needs_gevent = _needs("gevent")


def wait_until(condition):
    """Wait for another process to reach a state."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "the state was not reached in time"
        time.sleep(0.005)


def environment(hosted):
    return {
        **os.environ,
        "SMSWORKS_TOKEN": hosted.box.token,
        "SMSWORKS_BASE_URL": hosted.box.base_url,
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def child(hosted, folder, *parts):
    """Run a script in a new process, and terminate it at the end."""
    process = subprocess.Popen(
        [
            sys.executable,
            *("-W", "error::ResourceWarning", "-W", "ignore::DeprecationWarning"),
            *("-c", "\n".join(map(textwrap.dedent, parts))),
        ],
        cwd=folder,
        env=environment(hosted),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finish(process):
    """Wait until a process has ended successfully; return its further output."""
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors, errors
    return output.splitlines()


def said(process):
    """Return the next line that a process prints."""
    line = process.stdout.readline()
    assert line, process.communicate(timeout=PATIENCE)[1]
    return line.rstrip("\n")


def say(process, line=""):
    process.stdin.write(line + "\n")
    process.stdin.flush()


def sends(hosted):
    return hosted.do(lambda box: [r.path for r in box.requests].count("/message/send"))
