"""Decisions about the failed requests of a run: pure functions."""

from __future__ import annotations

import enum
from typing import Any, Final

from smsworks_async._failures import is_about_one, scope_of
from smsworks_async.bulk.chunk import Chunk
from smsworks_async.bulk.throttle import LONGEST_PAUSE
from smsworks_async.errors import APIError, RateLimited, RejectionScope, SMSWorksError


#: How often a chunk is requeued after a 429 with a longer wait than the call's time-out allows.
_REQUEUES: Final = 3
#: Consecutive rejections after which chunks are no longer split. It is more than halving 500 down
#: to one takes, so the cause is not a single recipient.
_SPLITS: Final = 20


class Action(enum.Enum):
    """What to do with a chunk whose request failed."""

    #: It is sent again later.
    REQUEUE = "requeue"
    #: Its halves are sent.
    SPLIT = "split"
    #: The failure is its outcome.
    RECORD = "record"


class Refusals:
    """Decides about a run's failed requests, taking earlier ones into account.

    Args:
        shared_text: whether all recipients get the same text, so that its rejection concerns all.
    """

    def __init__(self, *, shared_text: bool) -> None:
        self._shared_text = shared_text
        self._requeued: dict[int, int] = {}
        self._code_before: int | None = None
        self._in_a_row = 0
        #: The error because of which nothing more may be sent, or None.
        self.halt: SMSWorksError | None = None
        #: The error because of which nothing more may be sent outside the UK, or None.
        self.international_halt: SMSWorksError | None = None

    def accepted(self) -> None:
        """Record that a chunk was accepted."""
        self._code_before = None
        self._in_a_row = 0

    def decide(self, chunk: Chunk[Any], error: SMSWorksError) -> Action:
        """Decide what to do with a chunk, and whether the run continues: see `halt`."""
        if self._is_requeued(chunk, error):
            return Action.REQUEUE
        if (
            len(chunk.items) > 1
            and not chunk.resent
            and self._in_a_row < _SPLITS
            and is_about_one(error, shared_text=self._shared_text)
        ):
            self._in_a_row += 1
            return Action.SPLIT
        self._consider(error)
        return Action.RECORD

    def _is_requeued(self, chunk: Chunk[Any], error: SMSWorksError) -> bool:
        if not isinstance(error, RateLimited) or error.permanent or error.retry_after is None:
            return False
        if error.retry_after > LONGEST_PAUSE:  # it ends the run
            self.halt = self.halt or error
            return False
        count = self._requeued[chunk.number] = self._requeued.get(chunk.number, 0) + 1
        return count <= _REQUEUES

    def _consider(self, error: SMSWorksError) -> None:
        scope = scope_of(error, self._code_before)
        self._code_before = error.code if isinstance(error, APIError) else None
        if scope is RejectionScope.INTERNATIONAL:
            self.international_halt = error
        elif scope is RejectionScope.ACCOUNT or (
            scope is RejectionScope.TEXT and self._shared_text
        ):
            self.halt = self.halt or error
