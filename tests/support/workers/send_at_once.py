"""`smsworks campaign send` in a process that meets another one at given moments, or is killed.

Its arguments: a folder; a name, unique to the process; the moments, with commas; the seconds that a
campaign waits for others; then the words of the command. At ``looked`` it has looked into the
journal, at ``planned`` it has planned its campaign. At both it waits for the other process. At
``killed`` it ends in place of its second look.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from smsworks_async.cli import _campaign_send, _right_of_way, main
from support.waiting import PATIENCE


def meet(folder, name, moment):
    (folder / f"{moment}-{name}").touch()
    end = time.monotonic() + PATIENCE
    while len(list(folder.glob(f"{moment}-*"))) < 2:
        if time.monotonic() > end:
            raise TimeoutError(moment)
        time.sleep(0.005)


def run(folder, name, moments, patience, *words):
    looked, looks = _campaign_send.look, [0]
    _right_of_way.PATIENCE = float(patience)

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

    _campaign_send.look = look
    return main(words)


if __name__ == "__main__":
    folder, name, moments, patience, *words = sys.argv[1:]
    raise SystemExit(run(folder, name, moments.split(","), patience, *words))
