"""Journals, which preserve campaigns through crashes and share them between processes.

A journal implements one protocol for each kind of data (`protocol`): campaigns, their erasure,
handled delivery reports, opt-outs, and idempotency keys. `Journal` is their union.

The layers; each imports only the layers below it::

    memory, sqlite/, postgres/      the journals, which run the statements of the rules
    base                the methods of every journal: one rule each
    rules, finding, scheduled, erasure,
    handled, opt_outs, keys                what each method reads, decides and writes
    store               the statements used by the rules
    transitions, reconciliation, recalls,
    steering, leases, checks        the decisions: pure functions
    records             the stored records
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from smsworks_async.errors import ConfigurationError, JournalError
from smsworks_async.journals.key_protocol import KeyJournal
from smsworks_async.journals.key_records import KeyRecord
from smsworks_async.journals.protocol import (
    CampaignJournal,
    ErasureJournal,
    Journal,
    OptOutJournal,
    ReportJournal,
)
from smsworks_async.journals.records import (
    Campaign,
    ChunkRecord,
    Event,
    PlannedChunk,
    State,
    StoredChunk,
    Summary,
    Totals,
)


if TYPE_CHECKING:
    from smsworks_async.journals.memory import MemoryJournal
    from smsworks_async.journals.postgres import PostgresJournal
    from smsworks_async.journals.sqlite import SQLiteJournal


__all__ = [
    "Campaign",
    "CampaignJournal",
    "ChunkRecord",
    "ErasureJournal",
    "Event",
    "Journal",
    "KeyJournal",
    "KeyRecord",
    "MemoryJournal",
    "OptOutJournal",
    "PlannedChunk",
    "PostgresJournal",
    "ReportJournal",
    "SQLiteJournal",
    "State",
    "StoredChunk",
    "Summary",
    "Totals",
    "open_journal",
]


def open_journal(
    journal: Journal | str | os.PathLike[str], *, must_exist: bool = False
) -> tuple[Journal, bool]:
    """Return a journal, and whether it was opened here and must be closed.

    Args:
        journal: a journal, the path of one, or a ``postgresql://`` URL.
        must_exist: raise an error for a missing journal instead of creating it.

    Raises:
        ConfigurationError: it is none of these, or the URL is malformed.
        JournalError: the file does not exist.
    """
    if isinstance(journal, str | os.PathLike):
        if _is_url(journal):
            from smsworks_async.journals.postgres import PostgresJournal

            return PostgresJournal(str(journal), must_exist=must_exist), True
        if must_exist and not os.path.exists(journal):  # noqa: PTH110
            raise JournalError(
                f"there is no journal at this path: {os.path.basename(journal)}"  # noqa: PTH119
            )
        from smsworks_async.journals.sqlite import SQLiteJournal

        return SQLiteJournal(journal), True
    if isinstance(journal, Journal):
        return journal, False
    raise ConfigurationError(
        "journal must be the path of a file, a PostgreSQL URL, or a journal, not "
        f"{type(journal).__name__}"
    )


def _is_url(journal: str | os.PathLike[str]) -> bool:
    """Return whether a journal is a PostgreSQL URL, even a malformed one."""
    return str(journal).startswith(("postgresql:", "postgresql+", "postgres:", "postgres+"))


def __getattr__(name: str) -> Any:
    # Imported on first use: most programs send without SQLite.
    if name == "SQLiteJournal":
        from smsworks_async.journals.sqlite import SQLiteJournal

        return SQLiteJournal
    if name == "PostgresJournal":
        from smsworks_async.journals.postgres import PostgresJournal

        return PostgresJournal
    if name == "MemoryJournal":
        from smsworks_async.journals.memory import MemoryJournal

        return MemoryJournal
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
