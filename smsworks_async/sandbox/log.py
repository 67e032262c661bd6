"""The latest requests and callbacks in words that may be shown: numbers masked, without secrets."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from .records import mask, mask_all


if TYPE_CHECKING:
    from collections.abc import Iterator

    from .outbox import PostRecord
    from .simulator import RequestRecord, Simulator


LATEST: Final = 10
_LONGEST: Final = 300  # characters of a body
_SECRETS: Final = frozenset({"token", "key", "secret", "customerid"})
_NUMBERS: Final = frozenset(
    {"destination", "destinations", "identifier", "from", "to", "sender", "responseemail"}
)
_IDS: Final = frozenset({"messageid", "batchid", "id", "_id"})
_TOKEN: Final = re.compile(r"(?:JWT\s+)?eyJ[\w.+/=-]*")
# A secret that ends a webhook's path has 32 characters at least.
_SECRET_PART: Final = re.compile(r"(?<=/)[^/]{32,}")


def describe(simulator: Simulator, *, waiting: int = 0, numbers: bool = False) -> str:
    """Return the latest messages, requests with their answers, and callbacks.

    Args:
        waiting: how many callbacks wait to be posted.
        numbers: whether to show whole phone numbers.
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
            f"{waiting} more to be posted: an application of this process gets them when advance, "
            "deliver, receive or reply is called"
        )
    return "\n".join(parts)


def _section(name: str, count: int, lines: Iterator[str]) -> str:
    if not count:
        return f"{name}: none"
    title = f"{name}:" if count <= LATEST else f"{name}, the last {LATEST} of {count}:"
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _request(record: RequestRecord, numbers: bool) -> Iterator[str]:
    fault = "" if record.fault is None else f" (struck by a fault: {record.fault.when})"
    yield f"{record.method} {record.path} {_body(record.body, numbers)}".rstrip()
    yield f"  -> {record.status or 'no answer'} {_body(record.answer, numbers)}".rstrip() + fault
    if record.unknown_fields:
        yield f"  unknown fields, which the API ignores: {', '.join(record.unknown_fields)}"


def _post(record: PostRecord, numbers: bool) -> str:
    parts = urlsplit(record.post.url)
    path = _SECRET_PART.sub("…", parts.path)
    attempt = f" (attempt {record.post.attempt + 1})" if record.post.attempt else ""
    answer = "refused, see callback_hosts" if record.refused else record.status or "no answer"
    body = _body(json.dumps(record.post.payload).encode(), numbers)
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"
    return f"POST {address} {body} -> {answer}{attempt}"


def _body(data: bytes, numbers: bool) -> str:
    try:
        words = json.dumps(_clean(json.loads(data), numbers), ensure_ascii=False)
    except ValueError:
        words = _words(data.decode("utf-8", "replace"), numbers)
    # Directions of writing, half surrogates and the like would disturb the terminal.
    words = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in words)
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def _clean(value: Any, numbers: bool, name: str = "") -> Any:
    if name in _SECRETS:
        return "…"
    if isinstance(value, dict):
        return {key: _clean(item, numbers, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, numbers, name) for item in value]
    if isinstance(value, str | int) and not isinstance(value, bool) and name in _NUMBERS:
        return value if numbers else mask(str(value))
    # Ids are digits, too, and of no use when masked.
    return _words(value, numbers) if isinstance(value, str) and name not in _IDS else value


def _words(text: str, numbers: bool) -> str:
    text = _TOKEN.sub("…", text)
    return text if numbers else mask_all(text)
