"""A journal's records as rows of a database, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from smsworks_async.journals.records import (
    Campaign,
    Entry,
    State,
    Totals,
    pack_error,
    unpack_error,
)
from smsworks_async.models.report import Problem, Reason


_PLANNED: Final = ("number", "size", "abroad", "credits", "round")
_MOVING: Final = (
    *("state", "attempt", "owner", "began", "lease", "lease_seconds", "ahead"),
    *("batch_id", "error"),
    *("again", "found", "resent", "restored", "doubles"),
)
#: The columns that `entry` reads.
COLUMNS: Final = ", ".join((*_PLANNED, *_MOVING))
#: Takes what is `moving`, the campaign's key and the chunk's number.
UPDATE: Final = (
    f"UPDATE chunk SET {', '.join(f'{name} = ?' for name in _MOVING)} "  # noqa: S608
    "WHERE campaign = ? AND number = ?"
)
#: Takes the campaign's key, what was `planned` and what is `moving`.
INSERT: Final = (
    f"INSERT INTO chunk (campaign, {COLUMNS}) "  # noqa: S608
    f"VALUES (?, {', '.join('?' * len((*_PLANNED, *_MOVING)))})"
)


def planned(entry: Entry) -> tuple[Any, ...]:
    """Give the columns that stay as they were planned."""
    return entry.number, entry.size, entry.abroad, entry.credits, entry.round


def moving(entry: Entry) -> tuple[Any, ...]:
    """Give the columns that change."""
    return (
        entry.state.value,
        entry.attempt,
        entry.owner,
        entry.began,
        entry.lease,
        entry.lease_seconds,
        entry.ahead,
        entry.batch_id,
        pack_error(entry.error),
        entry.again,
        entry.found,
        entry.resent,
        entry.restored,
        json.dumps(entry.doubles) if entry.doubles else None,
    )


def entry(row: Sequence[Any]) -> Entry:
    """Read a chunk from its `COLUMNS`."""
    return Entry(
        number=row[0],
        size=row[1],
        abroad=bool(row[2]),
        credits=row[3],
        round=row[4],
        state=State(row[5]),
        attempt=row[6],
        owner=row[7],
        began=row[8],
        lease=row[9],
        lease_seconds=row[10],
        ahead=row[11],
        batch_id=row[12],
        error=unpack_error(row[13]),
        again=bool(row[14]),
        found=bool(row[15]),
        resent=bool(row[16]),
        restored=bool(row[17]),
        doubles=() if row[18] is None else tuple(json.loads(row[18])),
    )


def pack_totals(totals: Totals) -> str:
    """Write totals as JSON."""
    return json.dumps(
        {"read": totals.read, "set_aside": dict(totals.set_aside), "chunks": totals.chunks}
    )


def campaign(row: Sequence[Any]) -> Campaign:
    """Read a campaign."""
    id_, kind, message, chunk_size, deduplicate, packed, round_, created, restored = row
    totals = None
    if packed is not None:
        fields = json.loads(packed)
        set_aside = {Reason(reason): count for reason, count in fields["set_aside"].items()}
        totals = Totals(read=fields["read"], set_aside=set_aside, chunks=fields["chunks"])
    return Campaign(
        id=id_,
        kind=kind,
        message=json.loads(message),
        chunk_size=chunk_size,
        deduplicate=bool(deduplicate),
        totals=totals,
        round=round_,
        created=created,
        restored=bool(restored),
    )


def clean(words: str) -> str:
    """Make words fit for a database: half a surrogate pair is none of them."""
    return words.encode("utf-8", "backslashreplace").decode()


def problem_values(problem: Problem) -> tuple[Any, ...]:
    """Give a problem's columns."""
    try:
        value = json.dumps(problem.value, default=str)
    except (TypeError, ValueError, RecursionError):
        value = json.dumps(f"<{type(problem.value).__name__}>")  # nothing that can be written down
    return (
        problem.position,
        value,
        problem.reason.value,
        clean(problem.message),
        clean(problem.field),
        problem.code,
    )


def problem(row: Sequence[Any]) -> Problem:
    """Read a problem."""
    position, value, reason, message, field, code = row
    return Problem(position, json.loads(value), Reason(reason), message, field, code)
