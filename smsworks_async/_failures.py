"""What a failure means for what may be done next: pure decisions, each made here and nowhere else.

- `worth_repeating`: the same request, by the call that made it or by a poller.
- `scope_of`, `is_about_one`: the rest of a bulk run, and of the chunk that failed.
- `may_pass`: the same chunk, by a later run.
- `may_be_delivered_yet`: a message that was accepted and not delivered.
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
#: Refusals that are about one number: 4004 (destination) and 5020 (flooding filter).
_OF_ONE_NUMBER: Final = frozenset({4004, 5020})
_BLOCKED_TERMS: Final = 4007
_DATABASE: Final = 5002
_NOT_DELIVERED: Final = frozenset({"UNDELIVERED", "UNDELIVERABLE", "EXPIRED", "FAILED", "REJECTED"})


def worth_repeating(error: BaseException) -> bool:
    """Return whether the same request may, and should, be made again after this failure."""
    return isinstance(error, APIError | NotSent | OutcomeUnknown) and error.retryable


def scope_of(error: SMSWorksError, before: int | None) -> RejectionScope:
    """Return which recipients an error concerns beside the chunk that met it.

    Args:
        error: what the chunk met.
        before: the code that the chunk before it met, or None.
    """
    if isinstance(error, ConfigurationError):
        return RejectionScope.ACCOUNT
    if not isinstance(error, APIError):
        return RejectionScope.NOBODY
    known = CODES.get(error.code) if error.code is not None else None
    if known is None:
        # Without a code of the API's: refused as a person would be, or the address is wrong.
        elsewhere = 300 <= error.status < 400 or error.status == 404
        of_all = isinstance(error, _OF_THE_ACCOUNT) or elsewhere
        return RejectionScope.ACCOUNT if of_all else RejectionScope.NOBODY
    if known.scope is RejectionScope.WHEN_REPEATED:
        return RejectionScope.ACCOUNT if before == error.code else RejectionScope.NOBODY
    return known.scope


def dooms_account(error: SMSWorksError) -> bool:
    """Return whether no process of the account can send until a person has mended it."""
    if not isinstance(error, InsufficientCredit | NotAuthorised):
        return False
    return scope_of(error, None) is RejectionScope.ACCOUNT


def may_pass(error: SMSWorksError) -> bool:
    """Return whether a refused chunk may be tried again by another run.

    It may where the refusal is temporary, or concerns the account and not the chunk: credits are
    bought, tokens renewed, accounts enabled. (4007 concerns the account and the text.)
    """
    if not isinstance(error, APIError) or error.code == _BLOCKED_TERMS:
        return False
    if error.retryable or error.code == _DATABASE:
        return True
    return scope_of(error, None) in {RejectionScope.ACCOUNT, RejectionScope.INTERNATIONAL}


def is_about_one(error: SMSWorksError, *, shared_text: bool) -> bool:
    """Return whether a refusal of many may be about one of them, so that they are sent apart.

    Args:
        error: the refusal.
        shared_text: whether they all get the same text.
    """
    if not isinstance(error, APIError) or error.code is None:
        return False
    known = CODES.get(error.code)
    of_a_text = known is not None and known.scope is RejectionScope.TEXT
    return error.code in _OF_ONE_NUMBER or (of_a_text and not shared_text)


def may_be_delivered_yet(record: MessageRecord) -> bool:
    """Return whether a message failed for a reason that may pass (5006, 5008, 5013, 5015, 5034).

    The reason's own flag decides; where there is none, the table of codes does.
    """
    reason = record.failure_reason
    if record.status not in _NOT_DELIVERED or reason is None:
        return False
    if reason.permanent is not None:
        return not reason.permanent
    known = CODES.get(reason.code) if reason.code is not None else None
    return known is not None and not known.permanent
