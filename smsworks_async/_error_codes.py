"""The API's error codes: what each means, and which recipients it concerns."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import attrs


class RejectionScope(enum.StrEnum):
    """Which other recipients would get the same rejection, so that a bulk run can skip them."""

    NOBODY = "nobody"
    TEXT = "all recipients of the same text"
    ACCOUNT = "all recipients"
    INTERNATIONAL = "all recipients outside the UK"
    WHEN_REPEATED = "all recipients, if two chunks in a row get it"


@attrs.frozen
class ErrorCode:
    """One of the API's error codes.

    Attributes:
        code: the number, as in the API's ``errorCode``.
        http_status: the HTTP status it arrives with. The 50xx codes arrive with 400.
        permanent: whether the same request would fail again.
        meaning: what happened.
        advice: what to do about it, or an empty string.
        scope: which recipients of a bulk run it concerns in addition to the rejected chunk.
    """

    code: int
    http_status: int
    permanent: bool
    meaning: str
    advice: str = ""
    scope: RejectionScope = RejectionScope.NOBODY


def _table(*rows: ErrorCode) -> Mapping[int, ErrorCode]:
    return {row.code: row for row in rows}


#: Every code of the provider's developer guide (*Error codes*), by number.
CODES: Final[Mapping[int, ErrorCode]] = _table(
    ErrorCode(
        4001,
        400,
        True,
        "The text is empty.",
        "write 1 to 1280 characters",
        scope=RejectionScope.TEXT,
    ),
    ErrorCode(
        4002, 400, True, "The text is too long.", "stay within 1280", scope=RejectionScope.TEXT
    ),
    ErrorCode(
        4003,
        400,
        True,
        "The sender ID has the wrong length.",
        "use 3 to 11 letters and digits, or 3 to 15 digits",
        scope=RejectionScope.TEXT,
    ),
    ErrorCode(4004, 400, True, "The destination is not a number that can receive texts."),
    ErrorCode(
        4005, 400, True, "The tag is too long.", "stay within 280", scope=RejectionScope.TEXT
    ),
    ErrorCode(4006, 400, True, "The text contains profanity.", scope=RejectionScope.TEXT),
    ErrorCode(
        4007,
        400,
        True,
        "The text contains blocked terms, and the account has been disabled.",
        "contact the provider",
        scope=RejectionScope.ACCOUNT,
    ),
    ErrorCode(4008, 400, True, "There is no message with this id."),
    ErrorCode(
        4009,
        400,
        True,
        "The date is not valid, or lies in the past.",
        "schedule for a time in the future",
        scope=RejectionScope.TEXT,
    ),
    ErrorCode(
        4011,
        401,
        True,
        "The token, or the key and secret, are not valid.",
        "check the token, or the key and secret; creating a new key invalidates all older tokens",
        scope=RejectionScope.ACCOUNT,
    ),
    ErrorCode(
        4021,
        402,
        True,
        "The account has too little credit.",
        "buy credits, then send the messages that were not sent",
        scope=RejectionScope.ACCOUNT,
    ),
    ErrorCode(
        4031, 403, True, "The account is not allowed to do this.", scope=RejectionScope.ACCOUNT
    ),
    ErrorCode(4032, 403, True, "The account does not exist.", scope=RejectionScope.ACCOUNT),
    ErrorCode(
        4033,
        403,
        True,
        "The account is disabled.",
        "contact the provider",
        scope=RejectionScope.ACCOUNT,
    ),
    ErrorCode(
        4034,
        403,
        True,
        "The account is not enabled for numbers outside the UK.",
        "ask the provider to enable them",
        scope=RejectionScope.INTERNATIONAL,
    ),
    ErrorCode(5001, 400, True, "The number does not exist or is not in use."),
    ErrorCode(
        5002,
        400,
        True,
        "The service's database failed.",
        scope=RejectionScope.WHEN_REPEATED,
    ),
    ErrorCode(5004, 400, True, "The operator rejected the message."),
    ErrorCode(
        5006,
        400,
        False,
        "The handset did not respond: switched off, or no signal.",
    ),
    ErrorCode(5008, 400, False, "The handset is not allowed to roam."),
    ErrorCode(5009, 400, True, "The operator could not deliver the message."),
    ErrorCode(5010, 400, True, "The number is blocked for service messages."),
    ErrorCode(5011, 400, True, "The operator has suspended the subscriber."),
    ErrorCode(5013, 400, False, "The handset is in do-not-disturb mode."),
    ErrorCode(5015, 400, False, "The message expired before it was delivered."),
    ErrorCode(
        5020,
        400,
        True,
        "The flooding filter refused the message.",
        "a number can be sent 20 messages an hour, at most 6 of them identical",
    ),
    ErrorCode(5034, 400, False, "The handset's system failed."),
)
