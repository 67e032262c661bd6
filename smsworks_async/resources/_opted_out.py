"""The opt-out check before a send with `respect_opt_outs`."""

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
    """Raise `OptedOut` if a destination has opted out and `respect_opt_outs` is true.

    Args:
        kept: provides the client's opt-out list.
        destinations: normalised numbers.
        respect_opt_outs: the caller's argument.
        field: ``"destination"`` for a single message, or the name of the argument with recipients.

    Raises:
        OptedOut: one of them has opted out.
        ConfigurationError: the client has no opt-out list.
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
        f"destination {shown}: this recipient has opted out; nothing was sent; non-marketing "
        "messages may be sent without respect_opt_outs",
        field="destination",
    )


def _several(shown: str, positions: Sequence[int], field: str) -> OptedOut:
    return OptedOut(
        f"{field}: {len(positions)} of the recipients have opted out, the first at position "
        f"{positions[0]} ({shown}); nothing was sent; remove them (see .positions)",
        field=field,
        positions=positions,
    )
