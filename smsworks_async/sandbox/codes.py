"""The API's error codes and error responses.

This table is separate from the client's, so that tests against the sandbox find errors in that.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import attrs


class Answer(NamedTuple):
    """The HTTP status, the JSON payload and the headers of a response."""

    status: int
    payload: Any
    headers: Mapping[str, str] = MappingProxyType({})


@attrs.frozen
class Code:
    """One row of the table: the HTTP status, the flag *permanent*, and the message."""

    http_status: int
    permanent: bool
    message: str


_REFUSED_BY_OPERATOR = "The operator refused the message."

CODES: dict[int, Code] = {
    4001: Code(400, True, "The message has no content."),
    4002: Code(400, True, "The message is longer than 1280 characters."),
    4003: Code(400, True, "The sender is not 3-11 letters and digits, or 3-15 digits."),
    4004: Code(400, True, "The destination is not a valid number."),
    4005: Code(400, True, "The tag is longer than 280 characters."),
    4006: Code(400, True, "The message contains profanity."),
    4007: Code(400, True, "The message contains blocked terms; the account is disabled."),
    4008: Code(400, True, "There is no message with that ID."),
    4009: Code(400, True, "The date is not valid, or is in the past."),
    4011: Code(401, True, "The caller is not authenticated."),
    4021: Code(402, True, "There is not enough credit for the message."),
    4031: Code(403, True, "The caller is not authorised."),
    4032: Code(403, True, "There is no such account."),
    4033: Code(403, True, "The account is disabled."),
    4034: Code(403, True, "The account is not enabled for numbers outside the UK."),
    5001: Code(400, True, "Nobody has that number."),
    5002: Code(400, True, "The service's database failed."),
    5004: Code(400, True, _REFUSED_BY_OPERATOR),
    5006: Code(400, False, "The handset did not respond."),
    5008: Code(400, False, "The handset is roaming, where that is not allowed."),
    5009: Code(400, True, "The operator could not deliver the message."),
    5010: Code(400, True, "The recipient's operator blocks service messages to this number."),
    5011: Code(400, True, "The recipient's service is suspended."),
    5013: Code(400, False, "The handset is set to do not disturb."),
    5015: Code(400, False, "The message expired before it could be delivered."),
    5020: Code(
        400, True, "Too many messages, or too many equal ones, to this number within an hour."
    ),
    5034: Code(400, False, "The handset reported an error."),
}


def error_object(code: int, detail: str = "") -> dict[str, Any]:
    """Return the API's error object for a code."""
    row = CODES[code]
    message = f"{row.message} ({detail})" if detail else row.message
    return {"message": message, "errorCode": code, "status": "FAILED", "permanent": row.permanent}


class Refusal(Exception):
    """A request was refused.

    Attributes:
        answer: the response.
        code: the API's code, or None if the API has none for the reason.
    """

    def __init__(self, answer: Answer, code: int | None = None) -> None:
        super().__init__(answer.payload["message"])
        self.answer = answer
        self.code = code


def refusal(code: int, detail: str = "") -> Refusal:
    """Return a refusal with one of the API's codes and the HTTP status of that code."""
    return Refusal(Answer(CODES[code].http_status, error_object(code, detail)), code)


def complaint(message: str, status: int = 400, **headers: str) -> Refusal:
    """Return a refusal without a code, for reasons for which the API has none."""
    return Refusal(Answer(status, {"message": message}, headers))
