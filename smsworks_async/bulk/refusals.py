"""What a run does about a request that failed: pure decisions."""

from __future__ import annotations

import enum
from typing import Any, Final

from smsworks_async._failures import is_about_one, scope_of
from smsworks_async.bulk.chunk import Chunk
from smsworks_async.bulk.throttle import LONGEST_PAUSE
from smsworks_async.errors import APIError, RateLimited, RejectionScope, SMSWorksError


#: How often a chunk is requeued after a 429 that asks for a longer wait than a call has time for.
_REQUEUES: Final = 3
#: Refusals in a row, with nobody accepted between them, after which chunks are no longer split:
#: more than halving 500 down to one takes, so that it is not one recipient that is at fault.
_SPLITS: Final = 20


class Action(enum.Enum):
    """What becomes of a chunk whose request failed."""

    #: It is sent again later.
    REQUEUE = "requeue"
    #: Its halves are sent.
    SPLIT = "split"
    #: The failure is its outcome.
    RECORD = "record"


class Refusals:
    """Decides on a run's failed requests by those that went before.

    Args:
        shared_text: whether all get the same text, so that a refusal of it is for all of them.
    """

    def __init__(self, *, shared_text: bool) -> None:
        self._shared_text = shared_text
        self._requeued: dict[int, int] = {}
        self._code_before: int | None = None
        self._in_a_row = 0
        #: Why nothing more may be sent; None while it may.
        self.halt: SMSWorksError | None = None
        #: Why nothing more may be sent outside the UK; None while it may.
        self.international_halt: SMSWorksError | None = None

    def accepted(self) -> None:
        """Note that a chunk was accepted."""
        self._code_before = None
        self._in_a_row = 0

    def decide(self, chunk: Chunk[Any], error: SMSWorksError) -> Action:
        """Decide what becomes of a chunk, and whether the run goes on: see `halt`."""
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
        if error.retry_after > LONGEST_PAUSE:  # it ends the run, whose report says why
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
