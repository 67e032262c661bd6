"""The reason why a message was not delivered."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from smsworks_async._redaction import redact
from smsworks_async.errors import CODES, is_permanent
from smsworks_async.models.readers import boolean, integer, lenient, string


@attrs.frozen
class FailureReason:
    """The reason why a message was not delivered.

    Attributes:
        code: the API's code (see `smsworks_async.errors.CODES`), or None if the API sent only
            words.
        details: the reason in words.
        permanent: whether the same message would fail again; None if neither the API nor the
            table of codes tells.
    """

    code: int | None = None
    details: str = attrs.field(default="", repr=False)
    permanent: bool | None = None


def read_failure_reason(value: object, _: object = None) -> FailureReason | None:
    """Read a failure reason: an object, a string, or nothing."""
    if value is None or value in ("", {}):
        return None
    if isinstance(value, str):
        return FailureReason(details=redact(value))
    if not isinstance(value, Mapping):
        raise TypeError(f"expected an object or a string, not {type(value).__name__}")
    code = lenient(integer)(value.get("code"))
    if code is not None and 0 <= code < 100:
        code += 5000  # delivery reports have 1 and 34 for 5001 and 5034
    permanent = lenient(boolean)(value.get("permanent"))
    if permanent is None and code in CODES:
        permanent = is_permanent(400, code, None)
    words = value.get("details") or ("" if code is not None else value.get("code") or "")
    return FailureReason(code, redact(string(words)), permanent)
