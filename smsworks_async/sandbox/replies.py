"""Encoded responses, of operations and of faults."""

from __future__ import annotations

import json
from http.client import responses
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from .codes import CODES, Answer, error_object


if TYPE_CHECKING:
    from collections.abc import Mapping

    from .faults import Fault


_CONTENT_TYPE = "application/json;charset=UTF-8"


class Reply(NamedTuple):
    """An encoded response."""

    status: int
    body: bytes
    content_type: str = _CONTENT_TYPE
    headers: Mapping[str, str] = MappingProxyType({})


def encode(answer: Answer) -> Reply:
    """Encode the response of an operation."""
    body = json.dumps(answer.payload).encode()
    return Reply(answer.status, body, headers=answer.headers)


def fault_reply(fault: Fault, true: Reply | None) -> Reply:
    """Return the response of a fault; without one, a bare 503.

    Args:
        fault: the fault.
        true: the real response of the operation; None if it was not carried out.
    """
    status = fault.status
    content_type = _CONTENT_TYPE
    ids = _ids(true) if fault.carry_ids and true is not None else {}
    if fault.error_code is not None:
        payload = {**error_object(fault.error_code), **ids}
        if fault.permanent == "omit":
            del payload["permanent"]
        elif fault.permanent is not None:
            payload["permanent"] = fault.permanent
        status = status or CODES[fault.error_code].http_status
        body = json.dumps(payload)
    elif fault.body is not None:
        status = status or (true.status if true else 200)
        content_type, body = fault.content_type, fault.body
    else:
        status = status or 503
        body = json.dumps({"message": responses.get(status, f"Status {status}"), **ids})
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after}"}
    return Reply(status, body.encode("utf-8", "replace"), content_type, headers)


def _ids(true: Reply) -> dict[str, Any]:
    """Return the ids in a response, if it accepts the request."""
    if true.status >= 300:
        return {}
    payload = json.loads(true.body)
    first: Any = payload[0] if isinstance(payload, list) and payload else payload
    return {name: first[name] for name in ("messageid", "batchid") if name in first}
