"""Conversion between records and database rows, for all SQL stores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from smsworks_async.journals.records import (
    Campaign,
    ChunkRecord,
    Control,
    Controls,
    Event,
    PlannedChunk,
    State,
    Sums,
    Totals,
    pack_error,
    storable,
    unpack_error,
)
from smsworks_async.journals.store import Tallies
from smsworks_async.models.report import Problem, Reason
from smsworks_async.models.window import SendWindow


#: The columns that `chunk` reads. They have the names of the record's fields.
CHUNK: Final = (
    *("number", "size", "international", "credits", "round", "state", "attempt", "owner"),
    *("began", "lease", "lease_seconds", "ahead", "batch_id", "error"),
    *("reopenable", "found", "resent", "restored", "doubles"),
    *("left_out", "opted_out", "excluded", "opted"),
)
#: The columns that `request` reads: a chunk without a campaign.
REQUEST: Final = (
    *("state", "attempt", "owner", "began", "lease", "lease_seconds", "ahead", "batch_id"),
    *("error", "reopenable", "found", "resent", "restored", "doubles"),
)
#: The columns that `campaign` reads.
CAMPAIGN: Final = (
    *("id", "kind", "message", "chunk_size", "deduplicate"),
    *("totals", "round", "created", "restored"),
    *("control", "why", "window", "opt_outs", "at", "forgotten"),
)

#: The columns of a campaign that can change.
CHANGING: Final = (
    *("totals", "round", "restored"),
    *("control", "why", "window", "opt_outs", "forgotten"),
)

_CONTROLS: Final = {control.value: control for control in Control}
_STATES: Final = {state.value: state for state in State}


def changed(fields: Mapping[str, Any]) -> list[Any]:
    """Return the values of a chunk's changed fields, in order."""
    return [
        value if value is None or name not in _PACKERS else _PACKERS[name](value)
        for name, value in fields.items()
    ]


def _pack_doubles(doubles: Sequence[str]) -> str | None:
    return json.dumps(doubles) if doubles else None


_PACKERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "state": lambda state: state.value,
    "error": pack_error,
    "doubles": _pack_doubles,
}


def chunk(row: Sequence[Any]) -> ChunkRecord:
    """Read a chunk from its columns; further columns are ignored."""
    return ChunkRecord(
        number=row[0],
        size=row[1],
        international=bool(row[2]),
        credits=row[3],
        round=row[4],
        state=_STATES[row[5]],
        attempt=row[6],
        owner=row[7],
        began=row[8],
        lease=row[9],
        lease_seconds=row[10],
        ahead=row[11],
        batch_id=row[12],
        error=unpack_error(row[13]),
        reopenable=bool(row[14]),
        found=bool(row[15]),
        resent=bool(row[16]),
        restored=bool(row[17]),
        doubles=() if row[18] is None else tuple(json.loads(row[18])),
        left_out=row[19],
        opted_out=row[20],
        excluded=row[21],
        opted=row[22],
    )


def request(row: Sequence[Any]) -> ChunkRecord:
    """Read the request of a key from its columns."""
    return chunk((0, 1, 0, 0.0, 0, *row, "", "", 0, 0))


def request_values(request: ChunkRecord) -> list[Any]:
    """Return the columns of a key's request, in the order of `REQUEST`."""
    return changed({name: getattr(request, name) for name in REQUEST})


def planned(chunk: PlannedChunk, round: int) -> tuple[Any, ...]:
    """Return the columns of a newly planned chunk, from ``number`` to ``round``."""
    return chunk.number, chunk.size, chunk.international, chunk.credits, round


def pack_totals(totals: Totals | None) -> str | None:
    """Return totals as JSON."""
    if totals is None:
        return None
    return json.dumps(
        {"read": totals.read, "set_aside": dict(totals.set_aside), "chunks": totals.chunks}
    )


def tallies(found: Iterable[Sequence[Any]]) -> Tallies:
    """Read the totals of a campaign's chunks: a row for each state, first round and later ones."""
    sums: tuple[dict[State, Sums], dict[State, Sums]] = ({}, {})
    leases: list[float] = []
    for later, state, chunks, recipients, credits, excluded, opted, lease in found:
        sums[later][State(state)] = Sums(
            chunks=chunks,
            recipients=recipients,
            credits=credits,
            excluded=excluded,
            opted=opted,
        )
        if state == State.SENDING and lease is not None:
            leases.append(lease)
    return Tallies(*sums, min(leases, default=None))


def campaign(row: Sequence[Any]) -> Campaign:
    """Read a campaign from its columns."""
    id_, kind, message, chunk_size, deduplicate, packed, round_, created, restored, *more = row
    control, why, window, opt_outs, at, forgotten = more
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
        control=Control(control),
        why=why or "",
        window=None if window is None else _window(window),
        opt_outs=opt_outs,
        at=at,
        forgotten=forgotten,
    )


@lru_cache(maxsize=16)
def _window(packed: str) -> SendWindow:
    return SendWindow.unpack(packed)


def controls(row: Sequence[Any]) -> Controls:
    """Read the controls of a campaign from its columns."""
    control, why, window, at = row
    opens = None if window is None else _window(window)
    return Controls(_CONTROLS[control], why or "", opens, at)


def campaign_values(campaign: Campaign) -> tuple[Any, ...]:
    """Return the changeable columns of a campaign, in the order of `CHANGING`."""
    return (
        pack_totals(campaign.totals),
        campaign.round,
        campaign.restored,
        campaign.control.value,
        campaign.why,
        None if campaign.window is None else campaign.window.pack(),
        campaign.opt_outs,
        campaign.forgotten,
    )


def problem_values(problem: Problem) -> tuple[Any, ...]:
    """Return a problem's columns."""
    try:
        value = json.dumps(problem.value, default=str)
    except (TypeError, ValueError, RecursionError):
        value = json.dumps(f"<{type(problem.value).__name__}>")  # not serialisable as JSON
    return (
        problem.position,
        value,
        problem.reason.value,
        storable(problem.message),
        storable(problem.field),
        problem.code,
    )


def problem(row: Sequence[Any]) -> Problem:
    """Read a problem from its columns."""
    position, value, reason, message, field, code = row
    return Problem(position, json.loads(value), Reason(reason), message, field, code)


def event(row: Sequence[Any]) -> Event:
    """Read an event from its columns."""
    number, at, attempt, owner, what, detail = row
    return Event(number=number, at=at, attempt=attempt, owner=owner, what=what, detail=detail)
