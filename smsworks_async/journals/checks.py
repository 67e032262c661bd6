"""Checks that a campaign keeps its text and its recipients: pure functions."""

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
    """Return the error for a campaign that the journal does not have."""
    return ValidationError(
        f"the journal has no campaign {campaign!r}; check its name and the journal's path",
        field="campaign",
    )


def check_not_forgotten(campaign: Campaign) -> None:
    """Raise `ValidationError` if the numbers and texts of a campaign were erased."""
    if campaign.is_forgotten:
        raise ValidationError(
            f"campaign {campaign.id!r} was forgotten: its numbers, texts and errors are erased; "
            "bulk.status still has its counts; to send again, use a new campaign name",
            field="campaign",
        )


def check_campaign(kept: Campaign, given: Campaign) -> None:
    """Raise `ValidationError` if a different campaign has this name."""
    check_not_forgotten(kept)
    field = kept.difference(given)
    if field is not None:
        begun = _BEGUN.get(kept.kind, "") if field == "kind" else f"with another {field}"
        raise ValidationError(
            f"campaign {kept.id!r} was begun {begun}; continue it with the same arguments, or use "
            "a new "
            "campaign name",
            field=field,
        )
    if given.window is not None and given.window != kept.window:
        raise ValidationError(
            f"campaign {kept.id!r} has another sending window ({kept.window or 'none'}); pass no "
            "window to continue with it, or change it with bulk.resume",
            field="window",
        )


def _others(where: str) -> ValidationError:
    return ValidationError(
        f"campaign: the recipients are not those in the journal: {where}; to continue it, pass "
        "the original list in the original order, or no recipients; to text others, use a new "
        "campaign name",
        field="destinations",
    )


def check_chunk(given: PlannedChunk, kept: tuple[str, str] | None, totals: Totals | None) -> None:
    """Raise `ValidationError` if a chunk differs from the chunk with its number in the plan.

    Args:
        given: the chunk.
        kept: the items and positions of the chunk in the journal, or None if there is none.
        totals: the totals of a complete plan, or None.
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
    """Raise `ValidationError` if totals differ from the plan in the journal.

    Args:
        kept: the totals of a complete plan, or None.
        given: the totals of the recipients that were read now.
        chunks: the number of planned chunks.
        set_aside: the number of excluded recipients.
    """
    if kept is not None and kept != given:
        raise _others(f"{given.read} were read, but {kept.read} had been planned")
    if kept is None and (chunks, set_aside) != (given.chunks, sum(given.set_aside.values())):
        raise _others("more had been planned before planning was interrupted")
