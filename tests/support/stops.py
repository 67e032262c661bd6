"""The times of claims, for tests of opt-outs."""

from __future__ import annotations


async def claims_of(journal, campaign="x"):
    """Return when each batch was claimed, by id, and all claims in order."""
    claims, started = {}, {}
    for event in await journal.events(campaign):
        if event.what == "started":
            started[event.number] = event.at
        elif event.what.startswith(("accepted", "found")):
            claims[event.detail] = started[event.number]
    return claims, sorted(started.values())
