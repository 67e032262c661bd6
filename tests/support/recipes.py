"""The programs of docs/idempotency.md, by framework."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from smsworks_async.sandbox import Fault


_PAGE = (Path(__file__).parents[2] / "docs" / "idempotency.md").read_text()
#: The first lines of each program.
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
    """Run a recipe as a module `shop`; return its namespace.

    Args:
        recipe: the recipe's name.
        timeout: the time-out of its client in seconds, instead of the recipe's.
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
    """Add a fault for single sends to a sandbox."""
    hosted.do(lambda box: box.add_fault(Fault(path="/message/send", **fault)))


def counts(hosted):
    """Return the number of texts sent to each number."""
    return hosted.do(lambda box: box.accepted_by_destination())


def posts(hosted):
    """Return the number of single sends that a sandbox received."""
    return hosted.do(lambda box: [r.path for r in box.requests].count("/message/send"))
