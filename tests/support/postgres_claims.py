"""A campaign whose chunks are claimed by several journals of one PostgreSQL database."""

from __future__ import annotations

import attrs

from smsworks_async.journals import PlannedChunk
from support.journals import CAMPAIGN


def chunks(count):
    return [
        PlannedChunk(
            number=number,
            items=f"a{number},b{number}",
            positions=f"{2 * number}-{2 * number + 1}",
            size=2,
            international=False,
            credits=2.0,
        )
        for number in range(count)
    ]


async def plan(journal, count=3, name="x"):
    await journal.begin(attrs.evolve(CAMPAIGN, id=name))
    await journal.plan(name, chunks(count), [])


async def claim(journal, owner="me", *, after=-1, lease=60.0, name="x", **options):
    return await journal.claim_next(
        name, owner=owner, lease=lease, round=0, after=after, international=True, **options
    )
