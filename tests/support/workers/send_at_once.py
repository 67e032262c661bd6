"""`smsworks campaign send` in a process that waits for another one at given points, or is killed.

The arguments are a folder; a name, unique to the process; the points, separated by commas; the
seconds that a campaign waits for others; then the arguments of the command. ``looked`` is after the
first read of
the journal, and ``planned`` after the campaign is planned; at both, the process waits for the other
one. At ``killed`` it exits instead of the second read. At a number it exits at that step: an odd
one is before a change of the journal, an even one after it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from smsworks_async.cli import _campaign_send, _concurrent_sends, main
from smsworks_async.journals import PostgresJournal, SQLiteJournal
from support.waiting import PATIENCE


def meet(folder, name, moment):
    (folder / f"{moment}-{name}").touch()
    end = time.monotonic() + PATIENCE
    while len(list(folder.glob(f"{moment}-*"))) < 2:
        if time.monotonic() > end:
            raise TimeoutError(moment)
        time.sleep(0.005)


#: The methods that change a journal in the course of a campaign.
CHANGES = ("begin", "plan", "finish_planning", "steer", "claim_next", "finish")


def exit_at(number):
    """Exit from this process at a step; each change of a journal has two."""
    steps = [0]

    def step():
        steps[0] += 1
        if steps[0] == number:
            os._exit(9)

    def exiting(real):
        async def change(*args, **options):
            step()
            result = await real(*args, **options)
            step()
            return result

        return change

    for kind in (SQLiteJournal, PostgresJournal):
        for name in CHANGES:
            setattr(kind, name, exiting(getattr(kind, name)))


def run(folder, name, moments, patience, *words):
    looked, looks = _campaign_send.find_earlier, [0]
    _concurrent_sends.TIMEOUT = float(patience)

    for number in filter(str.isdigit, moments):
        exit_at(int(number))

    async def look(*args, **options):
        looks[0] += 1
        if looks[0] == 2 and "killed" in moments:
            (Path(folder) / f"planned-{name}").touch()
            os._exit(9)
        if looks[0] == 2 and "planned" in moments:
            meet(Path(folder), name, "planned")
        found = await looked(*args, **options)
        if looks[0] == 1 and "looked" in moments:
            meet(Path(folder), name, "looked")
        return found

    _campaign_send.find_earlier = look
    return main(words)


if __name__ == "__main__":
    folder, name, moments, patience, *words = sys.argv[1:]
    raise SystemExit(run(folder, name, moments.split(","), patience, *words))
