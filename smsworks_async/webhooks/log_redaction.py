"""Removal of URL secrets from the request logs of web servers and frameworks."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote


#: Loggers that log paths. A logger's filter does not apply to its children.
LOGGERS: Final = (
    "aiohttp.access",
    "aiohttp.server",
    "aiohttp.web",
    "daphne.http_protocol",
    "daphne.server",
    "daphne.ws_protocol",
    "django.channels.server",
    "django.request",
    "django.security.csrf",
    "django.server",
    "granian.access",
    "gunicorn.access",
    "gunicorn.error",
    "hypercorn.access",
    "hypercorn.error",
    "litestar",
    "twisted",
    "uvicorn.access",
    "uvicorn.asgi",
    "uvicorn.error",
    "waitress",
    "werkzeug",
)
_PLACEHOLDER: Final = "…"


class _SecretFilter(logging.Filter):
    """Removes secrets from the parts of a log record, and from its message."""

    def __init__(self) -> None:
        super().__init__()
        self._hidden: frozenset[str] = frozenset()

    def hide(self, secrets: Iterable[str]) -> None:
        for secret in secrets:
            # Some log the path unchanged, some decode it, some encode it again.
            self._hidden |= {secret, quote(secret), quote(secret, safe="")}

    def filter(self, record: logging.LogRecord) -> bool:
        # Clean the arguments too, since some formatters print them separately.
        for name, value in vars(record).items():
            setattr(record, name, self._clean(value))
        if record.args or not isinstance(record.msg, str):  # twisted logs objects
            try:
                message = record.getMessage()
            except Exception:
                return True  # logging itself reports a format error
            # Objects of other types may show the secrets when they are printed.
            if (cleaned := self._clean(message)) != message:
                record.msg, record.args = cleaned, ()
        return True

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            for secret in self._hidden:
                value = value.replace(secret, _PLACEHOLDER)
        elif isinstance(value, bytes):
            for secret in self._hidden:
                value = value.replace(secret.encode(), _PLACEHOLDER.encode())
        elif type(value) is tuple or type(value) is list:
            return type(value)(map(self._clean, value))
        elif type(value) is dict:
            return {key: self._clean(item) for key, item in value.items()}
        return value


_filter: Final = _SecretFilter()


def keep_out_of_logs(secrets: Iterable[str]) -> None:
    """Replace secrets by ``…`` in the logs of known servers from now on."""
    _filter.hide(secrets)
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_filter)
