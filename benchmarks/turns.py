"""Run contenders in alternating turns, each in its own process, and summarise the results.

A machine's speed varies over time, and a process may be faster or slower for its whole life because
of its memory layout. So turns are short, each is compared with its neighbour (A B A B …), and every
round restarts all contenders. A ratio is the median over rounds of the median over turns.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from contenders import AGAINST, WORK


CONTENDERS = Path(__file__).with_name("contenders.py")


class Contender:
    """The process of one contender, which does its work when it is asked."""

    def __init__(self, work, name, url, count, official):
        self.name = f"{work}: {name}"
        command = [sys.executable, CONTENDERS, work, name, url, str(count)]
        self.process = subprocess.Popen(
            command + ([official] if official else []),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        self._read()  # wait until it is ready
        return self

    def __exit__(self, *_):
        self.process.communicate()

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} failed with exit code {self.process.wait()}")
        return json.loads(line)

    def turn(self):
        """Run the work once, and return its cost."""
        print("go", file=self.process.stdin, flush=True)
        return self._read()


def a_round(work, names, url, count, official):
    """Run one round, and return the turns of each contender."""
    turns = {name: [] for name in names}

    def started(stack, name):
        return stack.enter_context(Contender(work, name, url, count, official))

    if WORK[work].fresh:
        for _ in range(WORK[work].turns):
            for name in names:
                with ExitStack() as alone:
                    turns[name].append(started(alone, name).turn())
    else:
        with ExitStack() as together:
            contenders = {name: started(together, name) for name in names}
            for _ in range(WORK[work].turns):
                for name, contender in contenders.items():
                    turns[name].append(contender.turn())
    return turns


def in_turns(work, url, count, rounds, official):
    """Run all rounds, and return the turns of each contender, by round."""
    names = [name for name in WORK[work].contenders if name != "official" or official]
    taken = [a_round(work, names, url, count, official) for _ in range(rounds)]
    return {name: [turns[name] for turns in taken] for name in names}


def _over(rounds, key):
    """Return the median over rounds of the median over turns."""
    return statistics.median(statistics.median(turn[key] for turn in turns) for turns in rounds)


def summed_up(runs, count):
    """Return the cost of one repetition, and the ratios to each contender's baseline."""
    first = next(iter(runs))
    rows = {}
    for name, own in runs.items():
        against = AGAINST.get(name, first)
        row = {key: _over(own, key) / count for key in ("cpu", "wall", "sleeps")}
        row |= {"peak": _over(own, "peak"), "against": against}
        for key in ("cpu", "wall"):
            ratios = [
                statistics.median(
                    mine[key] / theirs[key] for mine, theirs in zip(*both, strict=True)
                )
                for both in zip(own, runs[against], strict=True)
            ]
            row[f"{key}_ratio"] = statistics.median(ratios)
            row[f"{key}_ratios"] = ratios
        rows[name] = row
    return rows
