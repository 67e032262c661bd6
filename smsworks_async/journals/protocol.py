"""The protocols of a journal: one for each kind of data, and their union."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

from smsworks_async.journals.key_protocol import KeyJournal
from smsworks_async.journals.records import (
    Campaign,
    ChunkRecord,
    Command,
    Event,
    PlannedChunk,
    Refused,
    State,
    StoredChunk,
    Summary,
    Totals,
)
from smsworks_async.journals.store import LeaveOut
from smsworks_async.models.opt_outs import Change, OptOutChanges, OptOutEvent
from smsworks_async.models.report import BatchOutcome, Problem
from smsworks_async.models.window import SendWindow


class CampaignJournal(Protocol):
    """Storage of campaigns. Times are by the journal's clock.

    Each method is a complete transition that is durable when it returns. All except `begin` and
    `now` take the campaign's id as their first argument. Every method raises `JournalError` if the
    journal cannot be read or written, and `ValidationError` with the field ``campaign`` if the
    campaign does not exist.
    """

    async def begin(self, campaign: Campaign) -> Campaign:
        """Create a campaign unless it exists; return the stored campaign.

        Raises:
            ValidationError: a different campaign has this id; the field names the difference.
        """
        ...

    async def campaign_ids(self) -> Sequence[str]:
        """Return the ids of all campaigns, in order of creation."""
        ...

    async def plan(
        self, campaign: str, /, chunks: Sequence[PlannedChunk], problems: Sequence[Problem]
    ) -> None:
        """Store chunks and problems, which may already exist.

        Raises:
            ValidationError: different ones exist; the field is ``destinations``.
        """
        ...

    async def finish_planning(self, campaign: str, /, totals: Totals) -> None:
        """Record that the plan of a campaign is complete.

        Raises:
            ValidationError: different totals exist; the field is ``destinations``.
        """
        ...

    async def plan_round(
        self, campaign: str, /, round: int, chunks: Sequence[PlannedChunk]
    ) -> bool:
        """Store a round of chunks to send again; return whether it was stored.

        The chunks get the next numbers. Nothing is stored if the round exists, or if the previous
        round is not done.
        """
        ...

    async def claim_next(
        self,
        campaign: str,
        /,
        *,
        owner: str,
        lease: float,
        round: int,
        after: int,
        international: bool,
        server_time: float | None = None,
        leave_out: LeaveOut | None = None,
    ) -> StoredChunk | Refused | None:
        """Claim the next pending chunk durably for one owner; None if there is none.

        Chunks without remaining recipients are skipped. If no chunk may be claimed now, the reason
        is returned.

        Args:
            campaign: the campaign's id.
            owner: unique to this claim.
            lease: the seconds during which the request may be sent.
            round: the campaign's round.
            after: only chunks with a higher number are claimed.
            international: whether to include chunks with recipients outside the UK.
            server_time: the time by the provider's clock, if known.
            leave_out: determines the positions to leave out of the request; None to leave out none.
        """
        ...

    async def steer(
        self,
        campaign: str,
        /,
        command: Command,
        why: str = "",
        *,
        window: SendWindow | None = None,
    ) -> Campaign:
        """Change whether chunks may be claimed; return the updated campaign.

        A command that does not apply changes nothing. Cancelling closes all pending chunks.

        Args:
            campaign: the campaign's id.
            command: the command.
            why: the reason in words.
            window: the campaign's new window; None to keep the current one.
        """
        ...

    async def respect(self, campaign: str, /, opt_outs: str) -> Campaign:
        """Record which opt-out list a campaign respects, unless one is already recorded."""
        ...

    async def controls(self, campaign: str, /, round: int = 0) -> Refused | None:
        """Return why no chunk of a round may be claimed now; None if one may."""
        ...

    async def begin_recall(self, campaign: str, /, number: int, batch_id: str) -> bool:
        """Record that a scheduled batch will be cancelled, and its chunk scheduled again.

        Returns:
            Whether the chunk has that batch and its campaign is not cancelled.
        """
        ...

    async def confirm_cancelled(
        self, campaign: str, /, number: int, batch_id: str
    ) -> ChunkRecord | None:
        """Record that a scheduled batch was cancelled in time; return the updated chunk.

        The chunk becomes *cancelled* if its campaign is; otherwise it becomes pending, to be
        scheduled again. None is returned if the chunk no longer has that batch.
        """
        ...

    async def end_recall(self, campaign: str, /, number: int) -> bool:
        """Record that a scheduled batch was sent before it could be cancelled.

        The chunk stays accepted. The result tells whether a recall of it was in progress.
        """
        ...

    async def finish(
        self, campaign: str, /, claimed: ChunkRecord, outcome: BatchOutcome
    ) -> ChunkRecord:
        """Record the outcome of a request; return the updated chunk.

        Args:
            campaign: the campaign's id.
            claimed: the chunk as `claim_next` returned it.
            outcome: the outcome.
        """
        ...

    async def split(
        self, campaign: str, /, number: int, attempt: int, halves: Sequence[PlannedChunk]
    ) -> Sequence[int]:
        """Replace a rejected chunk by pending halves with the next numbers.

        Returns:
            Their numbers; empty if the chunk is no longer being sent under this attempt.
        """
        ...

    async def reopen(self, campaign: str, /, round: int) -> int:
        """Prepare a round for another run (`transitions.reopen`); return the number of changes."""
        ...

    async def suspect(self, campaign: str, /) -> int:
        """Mark chunks unknown that may have been sent after a copy was made; return their number.

        The campaign is marked as restored.
        """
        ...

    async def clear_doubt(self, campaign: str, /, number: int, attempt: int) -> bool:
        """Make a chunk pending that only `suspect` marked unknown; return whether it was."""
        ...

    async def expire_leases(self, campaign: str, /) -> int:
        """Mark chunks unknown whose lease has ended; return how many changed."""
        ...

    async def unknown_chunks(self, campaign: str, /) -> Sequence[ChunkRecord]:
        """Return the chunks whose outcome is unknown, by their numbers."""
        ...

    async def confirm_found(
        self, campaign: str, /, number: int, attempt: int, batch_id: str, *, others: int = 0
    ) -> bool:
        """Accept an unknown chunk whose batch was found; return whether it was accepted.

        It is not where another chunk has that batch, nor where more unknown chunks have the same
        text and recipients, and so may have the batch, than there are other batches for them.

        Args:
            campaign: the campaign's id.
            number: the chunk's number.
            attempt: the attempt that the caller knows of.
            batch_id: the batch.
            others: how many more identical batches were found that belong to no chunk.
        """
        ...

    async def has_batch(self, campaign: str, /, batch_id: str) -> bool:
        """Return whether this batch or message belongs to a chunk of any campaign or to a key."""
        ...

    async def resend(self, campaign: str, /, number: int, attempt: int, wait: float) -> bool:
        """Make an unknown chunk pending if its lease expired at least ``wait`` seconds ago.

        Returns:
            Whether it was made pending.
        """
        ...

    async def now(self) -> float:
        """Return the time by the journal's clock, in POSIX seconds."""
        ...

    async def summary(self, campaign: str, /) -> Summary:
        """Return the progress of a campaign."""
        ...

    async def chunks(
        self,
        campaign: str,
        /,
        after: int = -1,
        limit: int = 500,
        state: State | None = None,
    ) -> Sequence[ChunkRecord]:
        """Return chunks, ordered by number.

        Args:
            campaign: the campaign's id.
            after: only chunks with a higher number are returned.
            limit: the maximum number of chunks.
            state: only chunks in this state; None for any.
        """
        ...

    async def read_chunk(self, campaign: str, /, number: int) -> StoredChunk:
        """Return a chunk with its recipients, without claiming it."""
        ...

    async def read_chunks(self, campaign: str, /, first: int, last: int) -> Sequence[StoredChunk]:
        """Return chunks with their recipients, by their numbers, both ends included."""
        ...

    async def problems(
        self, campaign: str, /, after: int = -1, limit: int = 5000
    ) -> Sequence[Problem]:
        """Return up to `limit` problems after a position, ordered by position."""
        ...

    async def events(self, campaign: str, /, number: int | None = None) -> Sequence[Event]:
        """Return the events of one chunk, or of all chunks, in order."""
        ...


class ErasureJournal(Protocol):
    """Erasure of campaigns: numbers and texts are removed; counts, states, times and batches stay.

    Both methods raise `JournalError` with "not erased yet" if erased data may still be in the
    journal's files. A later call completes the erasure.
    """

    async def forget(self, campaign: str, /) -> None:
        """Erase the numbers and texts of a campaign permanently. The method is idempotent.

        Raises:
            ValidationError: the campaign is not finished; the field is ``campaign``.
        """
        ...

    async def prune(self, before: float) -> Sequence[str]:
        """Forget each finished campaign whose last event was before a given time.

        Args:
            before: the time, in POSIX seconds of the journal's clock.

        Returns:
            The names of the campaigns forgotten by this call.
        """
        ...


class ReportJournal(Protocol):
    """Storage of handled reports, for `webhooks.Seen`. Times are by the journal's clock.

    Every method raises `JournalError` if the journal cannot be read or written.
    """

    async def seen(self, message_id: str) -> Collection[str]:
        """Return the statuses of a message whose reports were handled."""
        ...

    async def claim_seen(self, message_id: str, status: str, owner: str, seconds: float) -> bool:
        """Claim a report durably before it is handled, or renew the claim; return whether it was.

        It fails if another owner has a claim on a report of that message, or if this report has
        been handled.
        """
        ...

    async def release_seen(self, message_id: str, owner: str) -> None:
        """Release an owner's claim on a message's report, if there is one."""
        ...

    async def add_seen(self, message_id: str, status: str, owner: str = "") -> None:
        """Record that a report was handled, and release the owner's claim on it."""
        ...


class OptOutJournal(Protocol):
    """Storage of opt-outs and opt-ins. Events are only added; the last one of a number counts.

    Numbers are stored without validation. Every method raises `JournalError` if the journal cannot
    be read or written.
    """

    async def record_opt_out(
        self,
        number: str,
        change: Change,
        *,
        source: str,
        word: str = "",
        message_id: str = "",
        sent: float | None = None,
        known: int | None = None,
    ) -> bool:
        """Record an opt-out or opt-in durably; return whether it is a new event.

        Nothing is recorded if its message already was; if it has no message and changes nothing; if
        it is an opt-in that was sent before the number's last event; or if the number does not have
        ``known`` events.

        Args:
            number: the number, in digits.
            change: ``"out"`` or ``"in"``.
            source: how the request was made.
            word: the keyword of the request.
            message_id: the id of the message with the request.
            sent: when the message arrived, in POSIX seconds; None if it is not known.
            known: how many events of the number the caller has read; None for no condition.
        """
        ...

    async def record_opt_outs(self, numbers: Sequence[str], *, source: str) -> int:
        """Record atomically that numbers opt out; return how many had not opted out."""
        ...

    async def opted_out(self, numbers: Sequence[str]) -> Collection[str]:
        """Return the numbers that have opted out."""
        ...

    async def opt_out_page(self, after: str = "", limit: int = 1000) -> Sequence[OptOutEvent]:
        """Return the last event of each number that has opted out, ordered by number.

        Args:
            after: only greater numbers, compared as strings, are returned.
            limit: the maximum number of events.
        """
        ...

    async def opt_out_events(self, number: str) -> Sequence[OptOutEvent]:
        """Return the events of a number, in order."""
        ...

    async def opt_out_changes(self, after: int) -> OptOutChanges:
        """Return the net changes of all events after a key."""
        ...

    async def opt_out_list(self) -> str:
        """Return the unique id of the list."""
        ...


@runtime_checkable
class Journal(CampaignJournal, ErasureJournal, ReportJournal, OptOutJournal, KeyJournal, Protocol):
    """A journal: all kinds of data in one database."""

    async def close(self) -> None:
        """Close files and connections; calling it again does nothing."""
        ...
