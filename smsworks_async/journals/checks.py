"""Checks that a campaign keeps its text and its recipients: pure functions."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Final

from smsworks_async._redaction import redact
from smsworks_async.errors import ValidationError
from smsworks_async.journals.records import Campaign, PlannedChunk, Totals, unpack_positions
from smsworks_async.models.window import SendWindow, describe


_BEGUN: Final = {
    "send": "bulk.send",
    "send_each": "bulk.send_each with messages",
    "template": "bulk.send_each with a template",
}
#: The arguments whose name on the wire differs.
_ARGUMENTS: Final = {"deliveryreporturl": "delivery_report_url"}
#: The arguments whose values an error may show. Texts, tags and addresses it may not.
_SHOWN: Final = {"chunk_size", "deduplicate", "at", "sender", "ttl", "validity", "ai"}


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
    name = kept.difference(given)
    if name is not None:
        field, words = _changed(kept, given, name)
        raise ValidationError(
            f"campaign {kept.id!r} was begun {words}; continue it with the same arguments, or use "
            "a new campaign name",
            field=field,
        )
    check_window(kept.id, kept.window, given.window)


def check_window(campaign: str, kept: SendWindow | None, given: SendWindow | None) -> None:
    """Raise `ValidationError` if a call has another sending window than its campaign."""
    if given is not None and given != kept:
        has = "no sending window" if kept is None else f"the sending window ({describe(kept)})"
        raise ValidationError(
            f"campaign {campaign!r} has {has}, but this call has the window ({describe(given)}); "
            "pass no window to continue with it, or change it with bulk.resume",
            field="window",
        )


def _changed(kept: Campaign, given: Campaign, name: str) -> tuple[str, str]:
    """Return the argument that differs, and how, without texts, numbers and addresses."""
    if name == "kind":
        return name, f"by {_BEGUN[kept.kind]}, and this call is {_BEGUN[given.kind]}"
    field = _ARGUMENTS.get(name, name)
    before, now = (_value(campaign, name) for campaign in (kept, given))
    if name == "content":
        pairs = enumerate(zip_longest(str(before), str(now)), 1)
        place = next(number for number, (one, other) in pairs if one != other)
        argument = "template" if kept.kind == "template" else field
        return argument, f"with another {argument}, which differs from character {place}"
    if name not in _SHOWN:
        return field, f"with another {field}"
    shown = [f"{field}={_shown(name, value)}" for value in (before, now)]
    return field, f"with {shown[0]}, and this call has {shown[1]}"


def _value(campaign: Campaign, name: str) -> Any:
    return campaign.message.get(name) if name in campaign.message else getattr(campaign, name, None)


def _shown(name: str, value: Any) -> str:
    if name == "at" and value is not None:
        return datetime.fromtimestamp(value, UTC).isoformat()
    return redact(value) if isinstance(value, str) else str(value)


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
