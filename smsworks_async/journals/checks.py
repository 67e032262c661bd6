"""What must not be mixed up: one campaign is one text to one list of recipients."""

from __future__ import annotations

from typing import Final

from smsworks_async.errors import ValidationError
from smsworks_async.journals.records import Campaign, PlannedChunk, Totals, unpack_positions


_BEGUN: Final = {
    "send": "by bulk.send",
    "send_each": "by bulk.send_each with messages",
    "template": "by bulk.send_each with a template",
}


def no_such(campaign: str) -> ValidationError:
    """Say that a journal has no campaign of this name."""
    return ValidationError(
        f"the journal has no campaign {campaign!r}; check its name and the journal's path",
        field="campaign",
    )


def check_campaign(kept: Campaign, given: Campaign) -> None:
    """Refuse another campaign under a name that is taken."""
    field = kept.difference(given)
    if field is not None:
        begun = _BEGUN.get(kept.kind, "") if field == "kind" else f"with another {field}"
        raise ValidationError(
            f"campaign {kept.id!r} was begun {begun}; go on with what it was begun with, or give "
            "the new campaign a name of its own",
            field=field,
        )


def _others(where: str) -> ValidationError:
    return ValidationError(
        f"campaign: the recipients are not those in the journal: {where}; to go on with it, give "
        "the list that it was begun with, in its order, or leave the recipients out; to text "
        "others, give the new campaign a name of its own",
        field="destinations",
    )


def check_chunk(given: PlannedChunk, kept: PlannedChunk | None, totals: Totals | None) -> None:
    """Refuse a chunk that is not the one of its number, or that a whole plan does not have."""
    if totals is not None and given.number >= totals.chunks:
        raise _others("there are more of them")
    if kept is not None and (given.items, given.positions) != (kept.items, kept.positions):
        ours, theirs = unpack_positions(given.positions), unpack_positions(kept.positions)
        if len(ours) != len(theirs):
            raise _others(
                f"around position {min(ours[-1], theirs[-1]) + 1} there are more, or fewer"
            )
        raise _others(f"they differ somewhere among positions {ours[0]} to {ours[-1]}")


def check_totals(kept: Totals | None, given: Totals, *, chunks: int, set_aside: int) -> None:
    """Refuse recipients that come to something else than those that were planned.

    Args:
        kept: the totals of a plan that is whole, or None.
        given: those of what was read now.
        chunks: how many chunks were planned.
        set_aside: how many recipients were set aside.
    """
    if kept is not None and kept != given:
        raise _others(f"{given.read} were read, where {kept.read} had been planned")
    if kept is None and (chunks, set_aside) != (given.chunks, sum(given.set_aside.values())):
        raise _others("more had been planned before, when planning was interrupted")
