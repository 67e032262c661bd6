"""Describe the latest requests and callbacks, with numbers masked and without secrets."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from .records import mask, mask_all


if TYPE_CHECKING:
    from collections.abc import Iterator

    from .outbox import PostRecord
    from .simulator import Simulator
    from .traffic import RequestRecord


LATEST: Final = 10
_LONGEST: Final = 300  # characters of a body
_DEEPEST: Final = 100  # levels of a body
_SECRETS: Final = frozenset({"token", "key", "secret", "customerid"})
_NUMBERS: Final = frozenset(
    {"destination", "destinations", "identifier", "from", "to", "sender", "responseemail"}
)
_IDS: Final = frozenset({"messageid", "batchid", "id", "_id"})
_LONGEST_NUMBER: Final = 15  # digits, by E.164
_TOKEN: Final = re.compile(r"(?:JWT\s+)?eyJ[\w.+/=-]*")
# A secret in a webhook's path has at least 32 characters.
_SECRET_PART: Final = re.compile(r"(?<=/)[^/]{32,}")


def describe(simulator: Simulator, *, waiting: int = 0, numbers: bool = False) -> str:
    """Return a description of the latest messages, requests with responses, and callbacks.

    Args:
        simulator: the simulator.
        waiting: the number of callbacks that have not been posted yet (default 0).
        numbers: show whole phone numbers (default False).
    """
    parts = [
        _section(
            "messages",
            len(simulator.messages),
            (message.describe(numbers=numbers) for message in simulator.messages[-LATEST:]),
        ),
        _section(
            "requests",
            len(simulator.requests),
            (line for one in simulator.requests[-LATEST:] for line in _request(one, numbers)),
        ),
        _section(
            "webhooks",
            len(simulator.posts),
            (_post(one, numbers) for one in simulator.posts[-LATEST:]),
        ),
    ]
    if waiting:
        parts.append(
            f"{waiting} more are queued: an application in this process gets them when advance, "
            "deliver, receive or reply is called"
        )
    return "\n".join(parts)


def _section(name: str, count: int, lines: Iterator[str]) -> str:
    if not count:
        return f"{name}: none"
    title = f"{name}:" if count <= LATEST else f"{name}, the last {LATEST} of {count}:"
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _request(record: RequestRecord, numbers: bool) -> Iterator[str]:
    fault = "" if record.fault is None else f" (by a fault: {record.fault.when})"
    path = record.path if numbers else shown_path(record.path)
    yield f"{record.method} {path} {_body(record.body, numbers)}".rstrip()
    yield f"  -> {record.status or 'no response'} {_body(record.answer, numbers)}".rstrip() + fault
    if record.unknown_fields:
        names = (_words(name, numbers) for name in record.unknown_fields)
        yield f"  unknown fields, which the API ignores: {', '.join(names)}"


def public_url(url: str) -> str:
    """Return a URL for display: without user, password, query, and a secret in its path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "…"
    path = shown_path(_SECRET_PART.sub("…", parts.path))
    query = "?…" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}{query}"


def printable(text: str) -> str:
    """Return a text with characters escaped that could disturb a terminal."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def shown(text: str) -> str:
    """Return a text with numbers masked and without tokens."""
    return _words(text, False)


def shown_path(path: str) -> str:
    """Return a path with numbers masked and without tokens; ids, which are longer, stay."""
    return "/".join(
        part if part.isdigit() and len(part.lstrip("0")) > _LONGEST_NUMBER else shown(part)
        for part in path.split("/")
    )


def without_tokens(text: str) -> str:
    """Return a text without tokens."""
    return _TOKEN.sub("…", text)


def without_secrets(value: Any) -> Any:
    """Return a JSON value without tokens and credentials; phone numbers stay."""
    return _clean(value, True)


def _post(record: PostRecord, numbers: bool) -> str:
    attempt = f" (attempt {record.post.attempt + 1})" if record.post.attempt else ""
    answer = "refused, see callback_hosts" if record.refused else record.status or "no response"
    body = _body(json.dumps(record.post.payload).encode(), numbers)
    return f"POST {public_url(record.post.url)} {body} -> {answer}{attempt}"


def _body(data: bytes, numbers: bool) -> str:
    try:
        words = json.dumps(_clean(json.loads(data), numbers), ensure_ascii=False)
    except (ValueError, RecursionError):
        words = _words(data.decode("utf-8", "replace"), numbers)
    words = printable(words)
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def _clean(value: Any, numbers: bool, name: str = "", depth: int = 0) -> Any:
    if name in _SECRETS:
        return "…"
    if depth > _DEEPEST:
        raise RecursionError("too deep to be shown")
    if isinstance(value, dict):
        # In a pair of metadata `key` is a name; in a log-in request it is a secret.
        names = {name: "" if name == "key" and "value" in value else name for name in value}
        return {key: _clean(item, numbers, names[key], depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, numbers, name, depth + 1) for item in value]
    if isinstance(value, str | int) and not isinstance(value, bool) and name in _NUMBERS:
        return value if numbers else mask(str(value))
    # Ids are also digits, but would be useless if masked.
    return _words(value, numbers) if isinstance(value, str) and name not in _IDS else value


def _words(text: str, numbers: bool) -> str:
    text = without_tokens(text)
    return text if numbers else mask_all(text)
