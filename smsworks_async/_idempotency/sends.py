"""Calls with an idempotency key, which send at most once even if they are repeated.

The order is fixed: validate the fields; look the key up; check the conditions that can change
between calls (a past time, opt-outs, the rate); claim the request durably, and send it. A call
whose key was accepted returns after the second step.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar

from smsworks_async._client_journal import ClientJournal
from smsworks_async._clock import Clock
from smsworks_async._http.requester import Requester
from smsworks_async._idempotency.answers import id_of, pack_answer, replay
from smsworks_async._idempotency.claims import Claims
from smsworks_async._idempotency.completion import completed
from smsworks_async._idempotency.doubts import KeyDoubts, found_by
from smsworks_async._idempotency.fingerprints import check_key, hash_fields, hash_key
from smsworks_async.bulk.campaign.reconciler import Reconciler
from smsworks_async.bulk.campaign.waits import longest_request
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.options import SETTLE, check_on_unknown
from smsworks_async.bulk.progress import Reporter
from smsworks_async.bulk.timer import Timer, request_time
from smsworks_async.errors import (
    JournalError,
    KeyInUse,
    NotSent,
    OutcomeUnknown,
    SMSWorksError,
    ValidationError,
)
from smsworks_async.journals import Journal
from smsworks_async.journals.key_records import KeyRecord
from smsworks_async.journals.records import ChunkRecord, State, pack_error, unpack_error
from smsworks_async.models.convert import to_wire
from smsworks_async.models.outgoing import KEY
from smsworks_async.models.report import BatchOutcome, Outcome, outcome_of
from smsworks_async.rates import RateRaised
from smsworks_async.resources._calls import Call, KeyedBy


T = TypeVar("T")

_log: Final = logging.getLogger("smsworks_async")

#: The seconds between two checks of a key that another call is using: short at first, then longer.
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGER = 0.02, 0.5, 1.5


class JournaledSends:
    """Makes the calls of one client that have an idempotency key.

    Args:
        requester: makes the requests.
        kept: provides the client's journal.
        clock: the client's clock.
    """

    def __init__(self, requester: Requester, kept: ClientJournal, clock: Clock) -> None:
        self.requester = requester
        self.clock = clock
        self.gateway = BulkGateway(requester)
        self._kept = kept

    async def make(self, call: Call[T], keyed: KeyedBy) -> T:
        """Make a call, or return the response of an accepted call with the same key."""
        key = check_key(keyed.idempotency_key)
        resends = keyed.on_unknown is not None and check_on_unknown(keyed.on_unknown) == "resend"
        journal = self._kept.required_journal("idempotency_key")
        self.requester.check_loop()
        key_hash = hash_key(key, str(self.requester.settings.base_url))
        fields = hash_fields(key, call.messages)
        return await _KeyedCall(self, journal, call, key_hash, fields, resends=resends).run()


class _KeyedCall(Generic[T]):
    """One call with a key."""

    def __init__(
        self,
        sends: JournaledSends,
        journal: Journal,
        call: Call[T],
        key_hash: str,
        fields: Mapping[str, str],
        *,
        resends: bool,
    ) -> None:
        self._requester = sends.requester
        self._gateway = sends.gateway
        self._clock = sends.clock
        self._journal = journal
        self._call = call
        self._key_hash = key_hash
        self._fields = fields
        self._resends = resends
        self._seconds = request_time(sends.requester.settings.timeout)
        self._claims = Claims(sends.requester, journal, sends.clock, key_hash)
        self._until = self._clock.monotonic() + self._seconds
        self._pause = _FIRST_PAUSE

    async def run(self) -> T:
        """Make the call."""
        awaited = None  # the attempt of another call for which this one waits
        kept = await self._first_look()
        while True:
            if kept is not None:
                self._check_same(kept)
            if kept is not None and self._claims.is_claimed(kept):
                return await self._request(kept.request)
            if kept is None or kept.is_free:
                if kept is not None and awaited == kept.request.attempt:
                    raise _failure_of(kept)
                kept = await self._claim()
                continue
            if kept.request.state is State.ACCEPTED:
                return replay(kept.answer, self._call.send.into)
            if kept.request.state is State.SENDING:
                awaited = kept.request.attempt
                await self._wait()
                kept = await self._journal.key(self._key_hash)
            else:
                kept = await self._reconcile(kept)

    async def _first_look(self) -> KeyRecord | None:
        """Return the key, claimed at once if there is nothing to check first; None if new."""
        if self._call.check is None and not self._requester.is_paced:
            return await self._claim()
        return await self._journal.key(self._key_hash)

    def _check_same(self, kept: KeyRecord) -> None:
        """Check that a key was used for the same call before.

        Raises:
            ValidationError: it was used for a different call.
        """
        differs = kept.difference(self._call.send.name, self._fields)
        if differs is not None:
            raise ValidationError(
                f"idempotency_key: it was used for a different call before, which differs in "
                f"{differs}; nothing was sent; use a new key for each call, and repeat a call with "
                "the same values",
                field="idempotency_key",
            )

    # Waiting for another call

    async def _wait(self) -> None:
        """Wait briefly for the call that uses the key.

        Raises:
            KeyInUse: this call's time-out has expired.
        """
        left = self._until - self._clock.monotonic()
        if left <= 0:
            raise KeyInUse(
                f"{self._call.send.name}: another call with this idempotency_key is in progress, "
                f"and did not end within {self._seconds:g} s; this call sent nothing; repeat it"
            )
        await self._clock.sleep(min(self._pause, left))
        self._pause = min(self._pause * _LONGER, _LONGEST_PAUSE)

    # Searching for a lost request

    async def _reconcile(self, kept: KeyRecord) -> KeyRecord | None:
        """Search for an unknown request; return the key, claimed if it must be sent again.

        Raises:
            OutcomeUnknown: it stays unknown.
        """
        doubts = KeyDoubts(self._journal, self._key_hash, self._call, self._gateway)
        timer = Timer(
            sleep=self._clock.sleep, monotonic=self._clock.monotonic, clock=self._clock.time
        )
        reporter = Reporter(None, timer, doubts.describe(kept.request))
        reconciler = Reconciler(doubts, timer=timer, reporter=reporter)
        if not self._resends:
            await self._look_once(reconciler)
        else:
            nothing = await reconciler.settle(SETTLE)
            lost = await reconciler.rule_out(nothing, SETTLE)
            if lost and (claimed := await self._claim_again(lost[0])) is not None:
                return claimed
        now = await self._journal.key(self._key_hash)
        if now is not None and _is_as_before(now.request, kept.request):
            raise self._unknown(
                "the outcome of an earlier request is unknown, and it was not found",
                now.request.error,
            )
        return now

    async def _look_once(self, reconciler: Reconciler) -> None:
        seconds = max(0.0, self._until - self._clock.monotonic())
        try:
            async with asyncio.timeout(seconds):
                await reconciler.settle(0)
        except TimeoutError as error:
            why = (
                "the outcome of an earlier request is unknown, and the search took longer than "
                f"{self._seconds:g} s"
            )
            raise self._unknown(why) from error

    def _unknown(self, why: str, error: SMSWorksError | None = None) -> OutcomeUnknown:
        """Return the error for this call, which can be repeated with its key."""
        return OutcomeUnknown(
            f"{self._call.send.name}: {why}, so it may have been accepted; repeat the call with "
            "its idempotency_key to search again, or with on_unknown='resend' to send again if "
            "there is no trace of it",
            operation=str(self._call.send.operation),
            safe_to_repeat=True,
            message_id=getattr(error, "message_id", None),
            batch_id=getattr(error, "batch_id", None),
        )

    # Claiming

    async def _claim(self) -> KeyRecord | None:
        """Claim the key's request, unless another call did so first; return the key."""
        await self._check()
        return await self._claims.make(
            functools.partial(
                self._journal.claim_key,
                self._key_hash,
                operation=self._call.send.name,
                fields=self._fields,
                found_by=found_by(self._call.send, self._call.messages[0]),
            )
        )

    async def _claim_again(self, lost: ChunkRecord) -> KeyRecord | None:
        await self._check()
        wait = longest_request(lost, self._seconds)
        return await self._claims.make(
            functools.partial(self._journal.resend_key, self._key_hash, lost.attempt, wait)
        )

    async def _check(self) -> None:
        """Check the conditions that may have changed since an earlier call; wait for the rate."""
        if self._call.check is not None:
            await self._call.check()
        try:
            await self._requester.acquire_rate()
        except RateRaised as raised:
            raise raised.error from None
        if self._call.check is not None and self._requester.is_paced:
            await self._call.check()  # the wait may have been long

    # The request

    async def _request(self, claimed: ChunkRecord) -> T:
        """Make the request of a claim, and record its outcome."""
        try:
            answer = await self._requester.request(
                self._call.send.operation,
                self._document(),
                into=self._call.send.into,
                expired=self._claims.is_over,
                rate_acquired=True,
                before_repeat=self._call.check,
                limit=self._seconds,
                is_inner=True,
            )
        except SMSWorksError as error:
            failed: Exception = await self._after(claimed, error)
        except RateRaised as raised:  # before a retry of a request that had sent nothing
            await self._record(claimed, BatchOutcome(0, Outcome.NOT_SENT, 1))
            failed = raised.error
        except asyncio.CancelledError:
            await completed(self._record(claimed, BatchOutcome(0, Outcome.UNKNOWN, 1)))
            raise
        except Exception:  # unexpected, so the outcome is unknown
            await self._record(claimed, BatchOutcome(0, Outcome.UNKNOWN, 1))
            raise
        else:
            await self._accepted(claimed, answer)
            return answer
        # Raised outside the handler: inside, the handled exception would become the context again.
        raise failed

    def _document(self) -> Any:
        """Return the body of the request, with marks in its messages if possible."""
        wire = to_wire(self._call.document)
        if found_by(self._call.send, self._call.messages[0]) != "mark":
            return wire
        mark = {"key": KEY, "value": self._key_hash}
        for message in wire if self._call.send.is_list else [wire]:
            message["metadata"] = [*message.get("metadata", ()), mark]
        return wire

    async def _accepted(self, claimed: ChunkRecord, answer: T) -> None:
        message_id = id_of(answer)
        outcome = BatchOutcome(0, Outcome.ACCEPTED, 1, message_id)
        kept = await self._record(claimed, outcome, pack_answer(answer))
        if kept is not None and message_id in kept.request.doubles:
            _log.warning(
                "%s with key hash %s was accepted twice", self._call.send.name, self._key_hash[:8]
            )

    async def _after(self, claimed: ChunkRecord, error: SMSWorksError) -> SMSWorksError:
        """Record a failure; return the error to raise."""
        outcome = outcome_of(error)
        kept = await self._record(claimed, BatchOutcome(0, outcome, 1, error=error))
        if outcome is not Outcome.UNKNOWN and not _has_another(claimed, kept):
            return error
        why = (
            "no usable response arrived"
            if outcome is Outcome.UNKNOWN
            else "another request with its idempotency_key is unknown, in flight or accepted"
        )
        unknown = self._unknown(why, error)
        unknown.__cause__ = error
        return unknown

    async def _record(
        self,
        claimed: ChunkRecord,
        outcome: BatchOutcome,
        answer: Mapping[str, Any] | None = None,
    ) -> KeyRecord | None:
        """Record the outcome of a claim; return the updated key, or None if that failed.

        A process that was forked after the claim records nothing, since the request belongs to its
        parent.
        """
        if self._claims.is_inherited:
            return None
        try:
            return await self._journal.finish_key(self._key_hash, claimed, outcome, answer or {})
        except JournalError as error:
            _log.warning(
                "%s with key hash %s: its outcome (%s) could not be recorded, and is unknown to "
                "the next call: %s",
                *(self._call.send.name, self._key_hash[:8], outcome.outcome, error),
            )
            return None


def _is_as_before(request: ChunkRecord, before: ChunkRecord) -> bool:
    """Return whether a request is still unknown and unchanged."""
    return request.state is State.UNKNOWN and request.attempt == before.attempt


def _has_another(claimed: ChunkRecord, kept: KeyRecord | None) -> bool:
    """Return whether another request of a key may be accepted, although the claim's was not.

    Args:
        claimed: the claim, whose request was rejected or not sent.
        kept: the key after that was recorded; None if it could not be.
    """
    return claimed.resent if kept is None else not kept.is_free


def _failure_of(kept: KeyRecord) -> SMSWorksError:
    """Return the error of the other call, for which this one waited."""
    error = unpack_error(pack_error(kept.request.error))  # a separate exception for each caller
    return error or NotSent("the other call with this idempotency_key sent nothing")
