"""A profile of one async send, compared with bare aiohttp: own time by package.

The profiler adds a cost to each call, so only the shares and the numbers of calls are meaningful.
Run it in an environment with the package: `python benchmarks/profiles.py`.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
from collections import Counter
from pathlib import Path

from awaited import Bare, Ours, many
from common import WARM_UP
from server import server


COUNT = 5000
AT_A_TIME = 50
#: A part of a function's path, and the package that it belongs to; the first match is used.
WHOSE = {
    "<attrs": "attrs",
    "/attr/": "attrs",
    "<cattrs": "cattrs",
    "/cattrs/": "cattrs",
    "/smsworks_async/": "smsworks_async",
    "/aiohttp/": "aiohttp",
    "/asyncio/": "asyncio",
    "/json/": "json",
    "~": "C",
    "": "other",
}


def profile(opening, url):
    """Return the profile of `COUNT` sends."""
    profiler = cProfile.Profile()
    with asyncio.Runner() as runner:
        stack = opening(url)
        send = runner.run(stack.__aenter__())
        runner.run(many(send, WARM_UP, AT_A_TIME))
        profiler.enable()
        runner.run(many(send, COUNT, AT_A_TIME))
        profiler.disable()
        runner.run(stack.__aexit__(None, None, None))
    return pstats.Stats(profiler).stats


def by_package(stats):
    """Return, for each package, the own time in microseconds and the calls of one send."""
    seconds, calls = Counter(), Counter()
    for (file, _, name), (_, count, own, *_) in stats.items():
        whose = next(who for part, who in WHOSE.items() if part in f"{file}{name}")
        seconds[whose] += own
        calls[whose] += count
    return {who: (own / COUNT * 1e6, calls[who] / COUNT) for who, own in seconds.most_common()}


def main() -> None:
    with server() as url:
        for opening in (Bare, Ours):
            stats = profile(opening, url)
            packages = by_package(stats)
            total, calls = (sum(column) for column in zip(*packages.values(), strict=True))
            print(f"\n{opening.__name__}: {total:.0f} us, {calls:.0f} calls")
            for who, (own, count) in packages.items():
                print(f"  {who:16}{own:8.1f} us {count:7.1f} calls")
    print("\nours, by function:")
    dearest = sorted(stats.items(), key=lambda item: -item[1][2])
    for (file, line, name), (_, count, own, *_) in dearest[:30]:
        where = f"{Path(file).name}:{line}"
        print(f"  {own / COUNT * 1e6:6.1f} us {count / COUNT:5.1f} calls  {where} {name}")


if __name__ == "__main__":
    main()
