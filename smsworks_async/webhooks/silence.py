"""Keeping secrets in paths out of the logs that web servers and frameworks write of requests."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote


#: Who writes paths: filters of a logger see what is logged to it, and not to those below it.
LOGGERS: Final = (
    "aiohttp.access",
    "aiohttp.server",
    "aiohttp.web",
    "daphne.server",
    "django.request",
    "django.server",
    "granian.access",
    "gunicorn.access",
    "hypercorn.access",
    "uvicorn.access",
    "uvicorn.error",
    "waitress",
    "werkzeug",
)
_INSTEAD: Final = "…"


class _Silence(logging.Filter):
    """Takes secrets out of every string of a log record, its arguments included."""

    def __init__(self) -> None:
        super().__init__()
        self._hidden: frozenset[str] = frozenset()

    def hide(self, secrets: Iterable[str]) -> None:
        for secret in secrets:
            # Some log the path as it came, some undo its escapes, some make new ones.
            self._hidden |= {secret, quote(secret), quote(secret, safe="")}

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in vars(record).items():
            setattr(record, name, self._clean(value))
        return True

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            for secret in self._hidden:
                value = value.replace(secret, _INSTEAD)
        elif type(value) is tuple:
            return tuple(map(self._clean, value))
        elif type(value) is dict:
            return {key: self._clean(item) for key, item in value.items()}
        return value


_silence: Final = _Silence()


def keep_out_of_logs(secrets: Iterable[str]) -> None:
    """Have the known servers' loggers show ``…`` in place of these from now on."""
    _silence.hide(secrets)
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_silence)
