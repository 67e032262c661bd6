"""Parsing of posted bodies to models.

A body is untrusted input, so its size and depth are limited before it is parsed, and
`InvalidWebhook` is the only exception that is raised.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, Final, NoReturn

from smsworks_async._decoding import decode
from smsworks_async._redaction import redact
from smsworks_async.errors import InvalidWebhook, ValidationError
from smsworks_async.models import checks
from smsworks_async.models.convert import Misshapen, from_wire
from smsworks_async.models.posted import DeliveryReport, IncomingMessage


#: The largest body, in bytes. A report of the longest text takes less than 10,000.
MAX_BODY: Final = 64 * 1024
#: How deep its JSON may be nested: a report needs 3.
MAX_DEPTH: Final = 16
#: The longest status; known ones have at most 13 characters.
MAX_STATUS: Final = 64

_HALF_A_PAIR: Final = re.compile(r"[\ud800-\udfff]")


def _no_number(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_decode: Final = json.JSONDecoder(parse_constant=_no_number).decode


def parse(body: bytes | str) -> DeliveryReport | IncomingMessage:
    """Parse a posted body: a delivery report or an incoming message.

    Ids and numbers may be JSON numbers or strings, dates may be in ISO 8601 or JavaScript's format,
    and unknown fields are kept in ``extra``. The last of duplicate keys counts, as in JavaScript.

    Args:
        body: the body of the request: JSON in UTF-8, with or without a byte order mark, at most
            64 KiB, nested at most 16 levels deep.

    Raises:
        InvalidWebhook: it is neither. The error does not quote the body.

    >>> report = parse('{"messageid": "5f2a", "status": "DELIVERED"}')
    >>> report.message_id, report.status, report.is_final
    ('5f2a', 'DELIVERED', True)
    """
    document = _read(_as_text(body))
    shape: type[DeliveryReport | IncomingMessage] = DeliveryReport
    if _is_incoming(document):
        shape = IncomingMessage
        document.pop("messagetype", None)
    # The caught exception may contain the body, so it must not be the cause or context of the new
    # one.
    problem, item = "", None
    try:
        item = from_wire(document, shape)
        checks.identifier(item.message_id, "messageid")
    except Misshapen as error:
        problem = f"the body is malformed: {redact(str(error))}"
    except ValidationError:
        problem = "the body's messageid is not a message id"
    if problem or item is None:
        raise InvalidWebhook(problem)
    if isinstance(item, DeliveryReport) and not 0 < len(item.status) <= MAX_STATUS:
        raise InvalidWebhook("the body has no valid status")
    return item


def _as_text(body: object) -> str:
    if not isinstance(body, bytes | bytearray | str):
        raise InvalidWebhook(f"the body must be bytes or a string, not {type(body).__name__}")
    if len(body) > MAX_BODY:
        raise InvalidWebhook(f"the body is larger than {MAX_BODY} bytes")
    if not isinstance(body, str):
        with suppress(UnicodeDecodeError):  # the exception contains the body
            return decode(bytes(body))
        raise InvalidWebhook("the body is not UTF-8")
    if not body.isascii() and len(body.encode("utf-8", "surrogatepass")) > MAX_BODY:
        raise InvalidWebhook(f"the body is larger than {MAX_BODY} bytes")
    return decode(body)


def _read(text: str) -> dict[str, Any]:
    problem, document = "", None
    try:
        document = _decode(text.removeprefix("\ufeff"))
    except RecursionError:
        problem = f"the body is nested more than {MAX_DEPTH} deep"
    except ValueError:  # not JSON, or an integer with thousands of digits
        problem = "the body is not JSON"
    if problem:
        raise InvalidWebhook(problem)
    if not isinstance(document, dict):
        raise InvalidWebhook(f"the body must be a JSON object, not {type(document).__name__}")
    # A body with few brackets cannot be deep, and one without escapes has no lone surrogates, so
    # almost no body needs to be walked.
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _check_depth(document)
    if "\\u" in text or not text.isascii():
        return {_mended(key): _mended(item) for key, item in document.items()}
    return document


def _check_depth(document: object) -> None:
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    raise InvalidWebhook(f"the body is nested more than {MAX_DEPTH} deep")


def _mended(value: Any) -> Any:
    """Replace lone surrogates, which cannot be encoded, by U+FFFD."""
    if isinstance(value, str):
        return _HALF_A_PAIR.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return [_mended(item) for item in value] if isinstance(value, list) else value


def _is_incoming(document: dict[str, Any]) -> bool:
    kind, status = document.get("messagetype"), document.get("status")
    if isinstance(status, str) and status.strip().upper() == "INCOMING":
        return True
    if isinstance(kind, str) and kind.strip():
        return kind.strip().lower() == "incoming"
    return not status and "from" in document
