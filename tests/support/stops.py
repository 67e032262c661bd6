"""When chunks were claimed, for tests of what keeps numbers out of claims."""

from __future__ import annotations


async def claims_of(journal, campaign="x"):
    """Return when each batch was claimed, by its id, and all claims in their order."""
    claims, started = {}, {}
    for event in await journal.events(campaign):
        if event.what == "started":
            started[event.number] = event.at
        elif event.what.startswith(("accepted", "found")):
            claims[event.detail] = started[event.number]
    return claims, sorted(started.values())
