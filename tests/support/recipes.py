"""The programs of docs/idempotency.md, by what they are for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from smsworks_async.sandbox import Fault


_PAGE = (Path(__file__).parents[2] / "docs" / "idempotency.md").read_text()
#: What each program begins with.
_BEGINNINGS = {
    "celery": "from celery ",
    "fastapi": "from collections.abc import AsyncIterator",
    "django": "import uuid\n\nimport django",
    "cron": "import sqlite3",
}
_PROGRAMS = re.findall(r"```python\n(.*?)```", _PAGE, re.DOTALL)
RECIPES: dict[str, str] = {
    name: program
    for name, beginning in _BEGINNINGS.items()
    for program in _PROGRAMS
    if program.startswith(beginning)
}


_CLIENT = re.compile(r'SMSWorks\(journal="sms.db"(?:, timeout=\d+)?\)')


def load(recipe: str, timeout: float | None = None) -> dict[str, Any]:
    """Run a recipe as a module `shop`, and return what it defines.

    Args:
        recipe: which.
        timeout: seconds that a call of its client may take, instead of what it says.
    """
    source = RECIPES[recipe]
    if timeout is not None:
        client = f'SMSWorks(journal="sms.db", timeout={timeout})'
        source, count = _CLIENT.subn(client, source)
        assert count == 1
    defined: dict[str, Any] = {"__name__": "shop"}
    exec(compile(source, f"{recipe} of docs/idempotency.md", "exec"), defined)
    return defined


def faulty(hosted, **fault):
    """Have a sandbox fail single sends in some way."""
    hosted.do(lambda box: box.add_fault(Fault(path="/message/send", **fault)))


def counts(hosted):
    """Return how many texts each number was sent."""
    return hosted.do(lambda box: box.accepted_by_destination())


def posts(hosted):
    """Return how many single sends a sandbox has read."""
    return hosted.do(lambda box: [r.path for r in box.requests].count("/message/send"))
