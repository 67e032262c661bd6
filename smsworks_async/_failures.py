"""Pure decisions about failures: whether to retry, and which other recipients they concern.

- `worth_repeating`: whether to repeat the request, in the call that made it or in a poller.
- `scope_of`, `is_about_one`: which other recipients of a bulk run, or of the chunk, it concerns.
- `may_pass`: whether a later run may try the chunk again.
- `may_be_delivered_yet`: whether an undelivered message may still be delivered.
"""

from __future__ import annotations

from typing import Final

from smsworks_async.errors import (
    CODES,
    APIError,
    ConfigurationError,
    InsufficientCredit,
    NotAuthenticated,
    NotAuthorised,
    NotSent,
    OutcomeUnknown,
    RejectionScope,
    SMSWorksError,
)
from smsworks_async.models.incoming import MessageRecord


_OF_THE_ACCOUNT: Final = (NotAuthenticated, InsufficientCredit, NotAuthorised)
#: Rejections that concern one number: 4004 (destination) and 5020 (flooding filter).
_OF_ONE_NUMBER: Final = frozenset({4004, 5020})
_BLOCKED_TERMS: Final = 4007
_DATABASE: Final = 5002
_NOT_DELIVERED: Final = frozenset({"UNDELIVERED", "UNDELIVERABLE", "EXPIRED", "FAILED", "REJECTED"})


def worth_repeating(error: BaseException) -> bool:
    """Return whether the same request may, and should, be made again after this failure."""
    return isinstance(error, APIError | NotSent | OutcomeUnknown) and error.retryable


def scope_of(error: SMSWorksError, before: int | None) -> RejectionScope:
    """Return which recipients an error concerns in addition to the chunk that got it.

    Args:
        error: the chunk's error.
        before: the error code of the previous chunk, or None.
    """
    if isinstance(error, ConfigurationError):
        return RejectionScope.ACCOUNT
    if not isinstance(error, APIError):
        return RejectionScope.NOBODY
    known = CODES.get(error.code) if error.code is not None else None
    if known is None:
        # Without an API error code: the account was refused, or the address is wrong.
        elsewhere = 300 <= error.status < 400 or error.status == 404
        of_all = isinstance(error, _OF_THE_ACCOUNT) or elsewhere
        return RejectionScope.ACCOUNT if of_all else RejectionScope.NOBODY
    if known.scope is RejectionScope.WHEN_REPEATED:
        return RejectionScope.ACCOUNT if before == error.code else RejectionScope.NOBODY
    return known.scope


def dooms_account(error: SMSWorksError) -> bool:
    """Return whether the account cannot send until somebody fixes it."""
    if not isinstance(error, InsufficientCredit | NotAuthorised):
        return False
    return scope_of(error, None) is RejectionScope.ACCOUNT


def may_pass(error: SMSWorksError) -> bool:
    """Return whether a refused chunk may be tried again by another run.

    It may if the rejection is temporary, or concerns the account and not the chunk: credit can be
    bought, a token renewed, an account enabled. (4007 concerns both the account and the text.)
    """
    if not isinstance(error, APIError) or error.code == _BLOCKED_TERMS:
        return False
    if error.retryable or error.code == _DATABASE:
        return True
    return scope_of(error, None) in {RejectionScope.ACCOUNT, RejectionScope.INTERNATIONAL}


def is_about_one(error: SMSWorksError, *, shared_text: bool) -> bool:
    """Return whether the rejection of a chunk may concern one recipient, so that it is split.

    Args:
        error: the rejection.
        shared_text: whether all recipients get the same text.
    """
    if not isinstance(error, APIError) or error.code is None:
        return False
    known = CODES.get(error.code)
    of_a_text = known is not None and known.scope is RejectionScope.TEXT
    return error.code in _OF_ONE_NUMBER or (of_a_text and not shared_text)


def may_be_delivered_yet(record: MessageRecord) -> bool:
    """Return whether a message failed for a temporary reason (5006, 5008, 5013, 5015, 5034).

    The ``permanent`` flag of the reason decides; without one, the table of codes does.
    """
    reason = record.failure_reason
    if record.status not in _NOT_DELIVERED or reason is None:
        return False
    if reason.permanent is not None:
        return not reason.permanent
    known = CODES.get(reason.code) if reason.code is not None else None
    return known is not None and not known.permanent
