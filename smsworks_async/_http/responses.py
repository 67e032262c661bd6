"""Interpretation of the API's responses: pure functions, no I/O."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from smsworks_async._decoding import decode
from smsworks_async._http.operations import Operation, unknown
from smsworks_async._http.retry import parse_retry_after
from smsworks_async._redaction import redact
from smsworks_async.errors import OutcomeUnknown, api_error_class, is_permanent


# The form of an id that is kept from a rejection; the API's ids have 18 digits. Other text is not.
_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,100}")


@attrs.frozen
class _Ids:
    """The ids in a response, which only accepted messages have. None if an id is unreadable."""

    message_id: str | None
    batch_id: str | None

    def __str__(self) -> str:
        where = [
            f"read that {what} with {method}"
            for what, method, id in (
                ("message", "messages.get", self.message_id),
                ("batch", "batches.get", self.batch_id),
            )
            if id is not None
        ]
        return " and ".join(where) or "search the messages of the last minutes for this recipient"


def _find_ids(document: object, *, nested: bool) -> _Ids | None:
    """Return the first ids in a response; None if it has none.

    Args:
        document: the response's JSON: an object, or an array of objects.
        nested: also search the values of objects.
    """
    left = deque([document])
    while left:
        item = left.popleft()
        if isinstance(item, list):
            left.extend(item)
        elif isinstance(item, dict):
            named = {name.lower(): value for name, value in item.items()}
            message_id, batch_id = named.get("messageid"), named.get("batchid")
            if not (_is_blank(message_id) and _is_blank(batch_id)):
                return _Ids(_id(message_id), _id(batch_id))
            left.extend(item.values() if nested else ())
    return None


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _id(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    read = str(value).strip()
    return read if _ID.fullmatch(read) else None


def _refused_with(ids: _Ids, operation: Operation, status: int) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{operation}: the response (HTTP {status}) is a rejection but contains an id, so it may "
        f"have been accepted, and it was not repeated; {ids} before sending again",
        operation=str(operation),
        message_id=ids.message_id,
        batch_id=ids.batch_id,
    )


def _decode(content: bytes) -> tuple[object, Exception | None]:
    try:
        return json.loads(decode(content, "replace")), None
    except json.JSONDecodeError as error:
        error.doc = ""  # the error must not carry the response, which may contain message texts
        return None, error
    except (ValueError, RecursionError) as error:
        return None, error


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _flag(value: object) -> bool | None:
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def interpret(
    operation: Operation,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    *,
    secrets: Callable[[], tuple[str, ...]] = tuple,
    now: datetime | None = None,
) -> Any:
    """Return the JSON of a response, or raise the error that it reports.

    Raises:
        APIError: the API, or a server in front of it, rejected the request.
        OutcomeUnknown: the response does not tell whether the request was accepted, or it rejects
            an operation that is not repeatable and contains the id of a message or a batch.
    """
    document, not_json = _decode(content)
    fields: Mapping[str, Any] = document if isinstance(document, dict) else {}
    code = _integer(fields.get("errorCode"))
    success = 200 <= status < 300
    if not_json is None:
        if operation.answers_errors or (success and code is None):
            return document
        ids = _find_ids(document, nested=not operation.repeatable)
        if ids is not None and success:
            return document
        if ids is not None and not operation.repeatable:
            raise _refused_with(ids, operation, status)
    if status < 300 and code is None:
        raise unknown(
            operation, f"the response (HTTP {status}, {len(content)} bytes) is not complete JSON"
        ) from not_json
    if status >= 500 and code is None and not operation.repeatable:
        raise unknown(
            operation, f"the response is HTTP {status} without an API error code"
        ) from not_json
    said = fields.get("message")
    if 300 <= status < 400:
        said = (
            "the address redirects to another, and redirects are not followed; check the base URL"
        )
    elif status == 404 and not fields:
        said = "there is nothing at this address; check that the base URL ends in /v1"
    elif not isinstance(said, str) or not said:
        said = f"the response gives no reason ({headers.get('Content-Type', 'no content type')})"
    raise api_error_class(status, code)(
        redact(said, secrets(), passcodes=operation.passcodes),
        status=status,
        code=code,
        permanent=is_permanent(status, code, _flag(fields.get("permanent"))),
        retry_after=parse_retry_after(headers.get("Retry-After"), now or datetime.now(UTC)),
    ) from not_json
