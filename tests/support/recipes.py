"""The programs of docs/idempotency.md, by what they are for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any


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


def load(recipe: str, name: str = "shop", /, **replaced: str) -> dict[str, Any]:
    """Run a recipe, and return what it defines.

    Args:
        recipe: which.
        name: what it is to have as `__name__`.
        replaced: settings of its client that are to be others, by name.
    """
    source = RECIPES[recipe]
    for setting, value in replaced.items():
        source, count = re.subn(rf"\b{setting}=[^,)]+", f"{setting}={value}", source, count=1)
        assert count == 1, setting
    defined: dict[str, Any] = {"__name__": name}
    exec(compile(source, f"{recipe} of docs/idempotency.md", "exec"), defined)
    return defined
