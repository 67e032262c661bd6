"""The check before a send that no recipient has opted out, for calls that ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from smsworks_async import phone
from smsworks_async.errors import OptedOut
from smsworks_async.models import values


if TYPE_CHECKING:
    from smsworks_async._client_journal import ClientJournal


async def check_opt_outs(
    kept: ClientJournal, destinations: Sequence[str], respect_opt_outs: object, field: str
) -> None:
    """Check that none of some destinations has opted out, where `respect_opt_outs` is true.

    Args:
        kept: has the client's list.
        destinations: normalised.
        respect_opt_outs: what the caller gave.
        field: ``"destination"`` for a single message, or the argument that has the recipients.

    Raises:
        OptedOut: one of them has.
        ConfigurationError: the client has no list.
        JournalError: the list cannot be read.
    """
    if respect_opt_outs is False or not values.boolean(respect_opt_outs, "respect_opt_outs"):
        return
    out = await kept.required_opt_outs().opted_out(destinations)
    positions = [i for i, destination in enumerate(destinations) if destination in out]
    if positions:
        shown = phone.mask(destinations[positions[0]])
        raise _one(shown) if field == "destination" else _several(shown, positions, field)


def _one(shown: str) -> OptedOut:
    return OptedOut(
        f"destination {shown}: this recipient has opted out; nothing was sent; a message that is "
        "no marketing may be sent without respect_opt_outs",
        field="destination",
    )


def _several(shown: str, positions: Sequence[int], field: str) -> OptedOut:
    return OptedOut(
        f"{field}: {len(positions)} of the recipients have opted out, the first at position "
        f"{positions[0]} ({shown}); nothing was sent; leave them out, see .positions",
        field=field,
        positions=positions,
    )
