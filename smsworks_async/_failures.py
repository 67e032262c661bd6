"""What an error means for the chunk that met it, and for the rest of a run: pure decisions."""

from __future__ import annotations

from typing import Final

from smsworks_async.errors import (
    CODES,
    APIError,
    ConfigurationError,
    Doom,
    InsufficientCredit,
    NotAuthenticated,
    NotAuthorised,
    OutcomeUnknown,
    SMSWorksError,
)
from smsworks_async.models.report import Outcome


_OF_THE_ACCOUNT: Final = (NotAuthenticated, InsufficientCredit, NotAuthorised)
#: Refusals that are about one number: 4004 (destination) and 5020 (flooding filter).
_OF_ONE_NUMBER: Final = frozenset({4004, 5020})
_BLOCKED_TERMS: Final = 4007
_DATABASE: Final = 5002


def outcome_of(error: SMSWorksError) -> Outcome:
    """Say what an error means for the chunk that met it."""
    if isinstance(error, APIError):
        return Outcome.REJECTED
    return Outcome.UNKNOWN if isinstance(error, OutcomeUnknown) else Outcome.NOT_SENT


def doom_of(error: SMSWorksError, before: int | None) -> Doom:
    """Say whom an error dooms beside the chunk that met it.

    Args:
        error: what the chunk met.
        before: the code that the chunk before it met, or None.
    """
    if isinstance(error, ConfigurationError):
        return Doom.ACCOUNT
    if not isinstance(error, APIError):
        return Doom.NOBODY
    known = CODES.get(error.code) if error.code is not None else None
    if known is None:
        # Without a code of the API's: refused as a person would be, or the address is wrong.
        elsewhere = 300 <= error.status < 400 or error.status == 404
        return Doom.ACCOUNT if isinstance(error, _OF_THE_ACCOUNT) or elsewhere else Doom.NOBODY
    if known.dooms is Doom.WHEN_REPEATED:
        return Doom.ACCOUNT if before == error.code else Doom.NOBODY
    return known.dooms


def may_pass(error: SMSWorksError) -> bool:
    """Say whether a refused chunk may be tried again by another run.

    It may where the refusal spoke of the moment, or of the account and not of the chunk: credits
    are bought, tokens renewed, accounts enabled. (4007 is of the account and of the text.)
    """
    if not isinstance(error, APIError) or error.code == _BLOCKED_TERMS:
        return False
    if error.retryable or error.code == _DATABASE:
        return True
    return doom_of(error, None) in {Doom.ACCOUNT, Doom.ABROAD}


def is_about_one(error: SMSWorksError, *, one_text: bool) -> bool:
    """Say whether a refusal of many may be about one of them, so that the others go by themselves.

    Args:
        error: the refusal.
        one_text: whether they all get the same text.
    """
    if not isinstance(error, APIError) or error.code is None:
        return False
    known = CODES.get(error.code)
    of_a_text = known is not None and known.dooms is Doom.TEXT
    return error.code in _OF_ONE_NUMBER or (of_a_text and not one_text)
