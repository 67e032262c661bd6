"""Journals: what keeps a campaign through crashes, and shares it between processes.

A journal is asked for whole transitions, each of which is durable when it returns, and none of
which is a part of another. `states` decides what leads where; a journal only keeps it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from smsworks_async.errors import ConfigurationError, JournalError
from smsworks_async.journals.records import (
    Campaign,
    Claim,
    Entry,
    Event,
    PlannedChunk,
    State,
    Summary,
    Totals,
)
from smsworks_async.models.report import BatchOutcome, Problem


if TYPE_CHECKING:
    from smsworks_async.journals.memory import MemoryJournal
    from smsworks_async.journals.sqlite import SQLiteJournal


__all__ = [
    "Campaign",
    "Claim",
    "Entry",
    "Event",
    "Journal",
    "MemoryJournal",
    "PlannedChunk",
    "SQLiteJournal",
    "State",
    "Summary",
    "Totals",
    "open_journal",
]


@runtime_checkable
class Journal(Protocol):
    """Keeps campaigns, and which reports were handled. Times are of the journal's clock.

    All but the methods for reports take the campaign's id first. Every method raises
    `JournalError` where the journal cannot be read or written, and `ValidationError`, with the
    field ``campaign``, where it has no such campaign.
    """

    async def begin(self, campaign: Campaign) -> Campaign:
        """Keep a campaign, unless it is there; give it as it is kept.

        Raises:
            ValidationError: there is another campaign of this id; its field says what differs.
        """
        ...

    async def plan(
        self, campaign: str, chunks: Sequence[PlannedChunk], problems: Sequence[Problem]
    ) -> None:
        """Keep chunks and problems, which may be there already.

        Raises:
            ValidationError: others are there in their place; the field is ``destinations``.
        """
        ...

    async def planned(self, campaign: str, totals: Totals) -> None:
        """Keep that a campaign is planned whole.

        Raises:
            ValidationError: other totals are there; the field is ``destinations``.
        """
        ...

    async def plan_again(self, campaign: str, round: int, chunks: Sequence[PlannedChunk]) -> bool:
        """Keep a round of chunks to be sent again, numbered on.

        Not where that round is there already, nor while one that was sent again before is not done.
        """
        ...

    async def start(
        self,
        campaign: str,
        *,
        owner: str,
        lease: float,
        round: int,
        after: int,
        abroad: bool,
        there: float | None = None,
    ) -> Claim | None:
        """Start the next pending chunk, durably, and for nobody else.

        Args:
            campaign: the campaign's id.
            owner: who sends it.
            lease: seconds for which its request may leave.
            round: which of the campaign's rounds it is of.
            after: the number that it must be above.
            abroad: whether it may be one with recipients outside the UK.
            there: the time by the provider's clock, where it is known.
        """
        ...

    async def finish(
        self, campaign: str, number: int, attempt: int, outcome: BatchOutcome
    ) -> Entry:
        """Keep what came of a request, and give the chunk as it is now."""
        ...

    async def split(
        self, campaign: str, number: int, attempt: int, halves: Sequence[PlannedChunk]
    ) -> Sequence[int]:
        """Put pending halves, numbered on, in the place of a refused chunk; give their numbers."""
        ...

    async def reopen(self, campaign: str, round: int) -> int:
        """Prepare a round for another run, as `states.reopen` says; count what changed."""
        ...

    async def suspect(self, campaign: str) -> int:
        """Put all that may have been sent after a copy was made in doubt; count what changed."""
        ...

    async def clear(self, campaign: str, number: int, attempt: int) -> bool:
        """Make a chunk pending again that only `suspect` put in doubt; say whether."""
        ...

    async def stalled(self, campaign: str) -> Sequence[Entry]:
        """Give up what is being sent under a lease that has ended; give all that is unknown."""
        ...

    async def found(
        self, campaign: str, number: int, attempt: int, batch_id: str, others: int = 0
    ) -> bool:
        """Accept a chunk in doubt, whose batch was found.

        Not where another chunk has that batch, or where there are more chunks of the same text and
        recipients in doubt, whose it may be, than other batches that may be theirs.

        Args:
            campaign: the campaign's id.
            number: the chunk's number.
            attempt: its attempt that whoever asks knows of.
            batch_id: the batch.
            others: how many more batches were found that look the same, and that nobody has.
        """
        ...

    async def holds(self, campaign: str, batch_id: str) -> bool:
        """Say whether a chunk, of this campaign or another, was accepted with this batch id."""
        ...

    async def resend(self, campaign: str, number: int, attempt: int, wait: float) -> bool:
        """Make a chunk in doubt pending, if its lease ended so many seconds ago; say whether."""
        ...

    async def now(self) -> float:
        """Tell the time by the journal's clock, in POSIX seconds."""
        ...

    async def summary(self, campaign: str) -> Summary:
        """Sum a campaign up."""
        ...

    async def entries(self, campaign: str, after: int = -1, limit: int = 500) -> Sequence[Entry]:
        """Give chunks by their numbers, above one of them, and at most so many."""
        ...

    async def claim(self, campaign: str, number: int) -> Claim:
        """Give a chunk with its recipients, without starting it."""
        ...

    async def problems(
        self, campaign: str, after: int = -1, limit: int = 5000
    ) -> Sequence[Problem]:
        """Give problems by their positions, above one of them, and at most so many."""
        ...

    async def events(self, campaign: str, number: int | None = None) -> Sequence[Event]:
        """Give what happened to one chunk or to all, in that order."""
        ...

    async def seen(self, message_id: str) -> Sequence[str]:
        """Give the statuses of a message whose reports were handled; see `webhooks.Seen`."""
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

    async def close(self) -> None:
        """Let go of files and connections; a second time does nothing."""
        ...


def open_journal(
    journal: Journal | str | os.PathLike[str], *, must_exist: bool = False
) -> tuple[Journal, bool]:
    """Give a journal, and whether it was opened here and is to be closed.

    Args:
        journal: a journal, or the path of one.
        must_exist: whether a file that is not there is an error, and not made.

    Raises:
        ConfigurationError: it is no path and no journal.
        JournalError: it is not there.
    """
    if isinstance(journal, str | os.PathLike):
        if str(journal).startswith(("postgresql:", "postgres:")):
            raise ConfigurationError(
                "a PostgreSQL journal is not to be had in this version; give the path of a file"
            )
        if must_exist and not os.path.exists(journal):  # noqa: PTH110
            raise JournalError(
                f"there is no journal at this path: {os.path.basename(journal)}"  # noqa: PTH119
            )
        from smsworks_async.journals.sqlite import SQLiteJournal

        return SQLiteJournal(journal), True
    if isinstance(journal, Journal):
        return journal, False
    raise ConfigurationError(
        f"journal must be the path of a file, or a journal, not {type(journal).__name__}"
    )


def __getattr__(name: str) -> Any:
    # Imported when used: SQLite is not needed to send.
    if name == "SQLiteJournal":
        from smsworks_async.journals.sqlite import SQLiteJournal

        return SQLiteJournal
    if name == "MemoryJournal":
        from smsworks_async.journals.memory import MemoryJournal

        return MemoryJournal
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
