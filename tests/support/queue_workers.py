"""Workers of task queues, each a group of processes, which can be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Self

from support.processes import WORKERS


COMMANDS = {
    "celery": ["celery", "-A", "celery_app", "worker", "--concurrency", "1", "-l", "ERROR"],
    "taskiq": ["taskiq", "worker", "taskiq_app:broker", "--workers", "1", "--log-level", "ERROR"],
}


class Workers:
    """Workers of one queue, in separate processes.

    Args:
        queue: "celery" or "taskiq".
        count: how many.
        variables: their environment.
    """

    def __init__(self, queue: str, count: int, variables: dict[str, str]) -> None:
        self.command = [sys.executable, "-m", *COMMANDS[queue]]
        self.variables = variables
        self.processes = [self.start() for _ in range(count)]

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command, cwd=WORKERS, env=self.variables, start_new_session=True
        )

    def end(self, process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def replace_the_oldest(self) -> None:
        """Kill the worker that was started first, and start another at once."""
        self.end(self.processes.pop(0))
        self.processes.append(self.start())

    def end_all(self) -> None:
        for process in self.processes:
            self.end(process)


class RegularKills:
    """Kills the oldest worker at fixed intervals, in a separate thread.

    It begins with the first progress. If a whole round, in which each worker was killed once,
    brought too little progress, it skips kills until there is more, so that a campaign also ends if
    workers need their whole lifetime to start.

    Args:
        workers: the workers.
        seconds: the interval.
        progress: returns the number of texts sent; called on the thread.
        least: the least progress in a round.

    Attributes:
        moments: when each worker was killed, by the monotonic clock.
        skipped: how many kills were skipped.
        error: what ended the thread, if anything did.
    """

    def __init__(
        self, workers: Workers, seconds: float, progress: Callable[[], int], least: int
    ) -> None:
        self.moments: list[float] = []
        self.skipped = 0
        self.error: BaseException | None = None
        self._workers = workers
        self._seconds = seconds
        self._progress = progress
        self._least = least
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            self._kill_until_over()
        except BaseException as error:
            self.error = error

    def _kill_until_over(self) -> None:
        while not self._progress():
            if self._over.wait(0.05):
                return
        last_round: deque[int] = deque(maxlen=len(self._workers.processes))
        due = time.monotonic() + self._seconds
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due += self._seconds
            progress = self._progress()
            if len(last_round) == last_round.maxlen and progress < last_round[0] + self._least:
                self.skipped += 1
                continue
            last_round.append(progress)
            self._workers.replace_the_oldest()
            self.moments.append(time.monotonic())
