"""What a journal does: a small protocol for each thing that it keeps, and their sum."""

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
    """Campaigns. Times are of the journal's clock.

    Each method is a whole transition, which is durable when it returns, and none is a part of
    another. All but `begin` and `now` take the campaign's id first. Every method raises
    `JournalError` where the journal cannot be read or written, and `ValidationError`, with the
    field ``campaign``, where it has no such campaign.
    """

    async def begin(self, campaign: Campaign) -> Campaign:
        """Record a campaign, unless it is there; return it as it is recorded.

        Raises:
            ValidationError: there is another campaign of this id; the field says what differs.
        """
        ...

    async def campaign_ids(self) -> Sequence[str]:
        """Return the ids of all campaigns, in the order in which they were begun."""
        ...

    async def plan(
        self, campaign: str, /, chunks: Sequence[PlannedChunk], problems: Sequence[Problem]
    ) -> None:
        """Record chunks and problems, which may be there already.

        Raises:
            ValidationError: others are there in their place; the field is ``destinations``.
        """
        ...

    async def finish_planning(self, campaign: str, /, totals: Totals) -> None:
        """Record that the plan of a campaign is complete.

        Raises:
            ValidationError: other totals are there; the field is ``destinations``.
        """
        ...

    async def plan_round(
        self, campaign: str, /, round: int, chunks: Sequence[PlannedChunk]
    ) -> bool:
        """Record a round of chunks to be sent again, numbered on; return whether it was recorded.

        It is not where that round is there already, nor while the round before it is not done.
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
        """Claim the next pending chunk, durably, for one owner alone; None if there is none.

        A chunk of which nobody is left is skipped. Where none may be claimed now, the reason is
        returned.

        Args:
            campaign: the campaign's id.
            owner: unique to this claim.
            lease: seconds for which its request may leave.
            round: which of the campaign's rounds it is of.
            after: the number that it must be above.
            international: whether it may be one with recipients outside the UK.
            server_time: the time by the provider's clock, where it is known.
            leave_out: returns the positions of a chunk that its request leaves out, packed; None
                where it leaves nobody out.
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
        """Change whether chunks may be claimed; return the campaign as it is then.

        A command that does not apply changes nothing; one that cancels closes all pending chunks.

        Args:
            campaign: the campaign's id.
            command: what to do.
            why: in words.
            window: the campaign's window from now on; None leaves it as it is.
        """
        ...

    async def respect(self, campaign: str, /, opt_outs: str) -> Campaign:
        """Record which opt-out list a campaign respects, unless that is recorded already."""
        ...

    async def controls(self, campaign: str, /, round: int = 0) -> Refused | None:
        """Return why no chunk of a round may be claimed now; None if one may."""
        ...

    async def begin_recall(self, campaign: str, /, number: int, batch_id: str) -> bool:
        """Record that a scheduled batch is to be cancelled, and its chunk to be scheduled again.

        Returns:
            Whether the chunk has that batch, and its campaign was not cancelled.
        """
        ...

    async def confirm_cancelled(
        self, campaign: str, /, number: int, batch_id: str
    ) -> ChunkRecord | None:
        """Record that a scheduled batch was cancelled in time; return the chunk as it is now.

        The chunk is *cancelled* where its campaign is; otherwise it is pending, to be scheduled
        again. None is returned where the chunk does not have that batch any more.
        """
        ...

    async def end_recall(self, campaign: str, /, number: int) -> bool:
        """Record that a scheduled batch went out before it was cancelled; return whether it had to.

        The chunk stays accepted.
        """
        ...

    async def finish(
        self, campaign: str, /, claimed: ChunkRecord, outcome: BatchOutcome
    ) -> ChunkRecord:
        """Record the outcome of a request; return the chunk as it is now.

        Args:
            campaign: the campaign's id.
            claimed: the chunk as `claim_next` returned it.
            outcome: the outcome.
        """
        ...

    async def split(
        self, campaign: str, /, number: int, attempt: int, halves: Sequence[PlannedChunk]
    ) -> Sequence[int]:
        """Record pending halves, numbered on, in the place of a refused chunk.

        Returns:
            Their numbers; none where the chunk is not being sent under this attempt any more.
        """
        ...

    async def reopen(self, campaign: str, /, round: int) -> int:
        """Prepare a round for another run (`transitions.reopen`); return how many changed."""
        ...

    async def suspect(self, campaign: str, /) -> int:
        """Mark all unknown that may have been sent after a copy was made; return how many changed.

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
            others: how many more batches were found that look the same, and that no chunk has.
        """
        ...

    async def has_batch(self, campaign: str, /, batch_id: str) -> bool:
        """Return whether a chunk of any campaign, or a key, has this batch or message."""
        ...

    async def resend(self, campaign: str, /, number: int, attempt: int, wait: float) -> bool:
        """Make an unknown chunk pending whose lease ended ``wait`` seconds ago or earlier.

        Returns:
            Whether it was.
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
        """Return chunks by their numbers.

        Args:
            campaign: the campaign's id.
            after: the number that theirs are above.
            limit: how many at most.
            state: the state that they have; None for any.
        """
        ...

    async def read_chunk(self, campaign: str, /, number: int) -> StoredChunk:
        """Return a chunk with its recipients, without claiming it."""
        ...

    async def problems(
        self, campaign: str, /, after: int = -1, limit: int = 5000
    ) -> Sequence[Problem]:
        """Return problems by their positions, above one of them, and at most so many."""
        ...

    async def events(self, campaign: str, /, number: int | None = None) -> Sequence[Event]:
        """Return the events of one chunk, or of all, in their order."""
        ...


class ErasureJournal(Protocol):
    """Erasing campaigns: numbers, texts and quotations go; counts, states, times and batches stay.

    Both methods raise `JournalError`, with "not erased yet", where what was erased may still be
    found in the journal's files. Nothing is lost then, and a later call finishes it.
    """

    async def forget(self, campaign: str, /) -> None:
        """Erase the numbers and texts of a campaign, for good. A second time changes nothing.

        Raises:
            ValidationError: something in it is open; the field is ``campaign``.
        """
        ...

    async def prune(self, before: float) -> Sequence[str]:
        """Forget each campaign that has nothing open, and had its last event before a moment.

        Args:
            before: the moment, in POSIX seconds of the journal's clock.

        Returns:
            The names of those that were forgotten now.
        """
        ...


class ReportJournal(Protocol):
    """Reports that were handled, for `webhooks.Seen`. Times are of the journal's clock.

    Every method raises `JournalError` where the journal cannot be read or written.
    """

    async def seen(self, message_id: str) -> Collection[str]:
        """Return the statuses of a message whose reports were handled."""
        ...

    async def claim_seen(self, message_id: str, status: str, owner: str, seconds: float) -> bool:
        """Claim a report before it is handled, durably, or renew the claim; return whether.

        Not while another owner has a claim on a report of that message, nor where this report was
        handled.
        """
        ...

    async def release_seen(self, message_id: str, owner: str) -> None:
        """Release an owner's claim on a message's report, if there is one."""
        ...

    async def add_seen(self, message_id: str, status: str, owner: str = "") -> None:
        """Record that a report was handled, and release the owner's claim on it."""
        ...


class OptOutJournal(Protocol):
    """Opt-outs and opt-ins of numbers, which are only added; the last event of a number counts.

    Numbers are recorded as they are given, and never judged. Every method raises `JournalError`
    where the journal cannot be read or written.
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
    ) -> bool:
        """Record an opt-out or an opt-in, durably; return whether it was recorded now.

        It is not where its message is recorded already; where it has no message, and the number is
        already out or in; and where an opt-in was sent before the number's last event.

        Args:
            number: the number, in digits.
            change: ``"out"`` or ``"in"``.
            source: how it was asked for.
            word: the word that asked for it.
            message_id: the id of the message that contained it.
            sent: when the message came, in POSIX seconds; None if it is not known.
        """
        ...

    async def record_opt_outs(self, numbers: Sequence[str], *, source: str) -> int:
        """Record, all or none, that numbers opt out; return how many were not out before."""
        ...

    async def opted_out(self, numbers: Sequence[str]) -> Collection[str]:
        """Return those of some numbers that have opted out."""
        ...

    async def opt_out_page(self, after: str = "", limit: int = 1000) -> Sequence[OptOutEvent]:
        """Return the last event of each number that has opted out, by the numbers.

        Args:
            after: the number that theirs are above, as strings.
            limit: how many at most.
        """
        ...

    async def opt_out_events(self, number: str) -> Sequence[OptOutEvent]:
        """Return the events of a number, in their order."""
        ...

    async def opt_out_changes(self, after: int) -> OptOutChanges:
        """Return what all events above a key come to."""
        ...

    async def opt_out_list(self) -> str:
        """Return the id of the list, which tells it from all others."""
        ...


@runtime_checkable
class Journal(CampaignJournal, ErasureJournal, ReportJournal, OptOutJournal, KeyJournal, Protocol):
    """A journal: all that it keeps, in one database."""

    async def close(self) -> None:
        """Close files and connections; calling it again does nothing."""
        ...
