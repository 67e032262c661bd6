"""Checks that a campaign stays one text to one list of recipients: pure functions."""

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
    """Return the error for a name that no campaign of the journal has."""
    return ValidationError(
        f"the journal has no campaign {campaign!r}; check its name and the journal's path",
        field="campaign",
    )


def check_not_forgotten(campaign: Campaign) -> None:
    """Raise `ValidationError` where the numbers and texts of a campaign were erased."""
    if campaign.is_forgotten:
        raise ValidationError(
            f"campaign {campaign.id!r} was forgotten: its numbers, texts and errors are erased, "
            "and bulk.status has its counts; to text people, give a new campaign a name of its own",
            field="campaign",
        )


def check_campaign(kept: Campaign, given: Campaign) -> None:
    """Raise `ValidationError` where another campaign has this name already."""
    check_not_forgotten(kept)
    field = kept.difference(given)
    if field is not None:
        begun = _BEGUN.get(kept.kind, "") if field == "kind" else f"with another {field}"
        raise ValidationError(
            f"campaign {kept.id!r} was begun {begun}; go on with what it was begun with, or give "
            "the new campaign a name of its own",
            field=field,
        )
    if given.window is not None and given.window != kept.window:
        raise ValidationError(
            f"campaign {kept.id!r} has another sending window ({kept.window or 'none'}); leave the "
            "window out to go on with that, or change it with bulk.resume",
            field="window",
        )


def _others(where: str) -> ValidationError:
    return ValidationError(
        f"campaign: the recipients are not those in the journal: {where}; to go on with it, give "
        "the list that it was begun with, in its order, or leave the recipients out; to text "
        "others, give the new campaign a name of its own",
        field="destinations",
    )


def check_chunk(given: PlannedChunk, kept: tuple[str, str] | None, totals: Totals | None) -> None:
    """Raise `ValidationError` for a chunk that is not the one of its number in the plan.

    Args:
        given: the chunk.
        kept: the items and positions of the chunk in the journal, or None if there is none.
        totals: those of a plan that is complete, or None.
    """
    if totals is not None and given.number >= totals.chunks:
        raise _others("there are more of them")
    if kept is not None and (given.items, given.positions) != kept:
        ours, theirs = unpack_positions(given.positions), unpack_positions(kept[1])
        if len(ours) != len(theirs):
            raise _others(
                f"around position {min(ours[-1], theirs[-1]) + 1} there are more, or fewer"
            )
        raise _others(f"they differ somewhere among positions {ours[0]} to {ours[-1]}")


def check_totals(kept: Totals | None, given: Totals, *, chunks: int, set_aside: int) -> None:
    """Raise `ValidationError` for totals that are not those of the plan in the journal.

    Args:
        kept: the totals of a plan that is complete, or None.
        given: those of the recipients that were read now.
        chunks: how many chunks were planned.
        set_aside: how many recipients were set aside.
    """
    if kept is not None and kept != given:
        raise _others(f"{given.read} were read, where {kept.read} had been planned")
    if kept is None and (chunks, set_aside) != (given.chunks, sum(given.set_aside.values())):
        raise _others("more had been planned before, when planning was interrupted")
