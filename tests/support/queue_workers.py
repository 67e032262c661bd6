"""Workers of task queues, each a group of processes, which can be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from support.processes import WORKERS


COMMANDS = {
    "celery": ["celery", "-A", "celery_app", "worker", "--concurrency", "1", "-l", "ERROR"],
    "taskiq": ["taskiq", "worker", "taskiq_app:broker", "--workers", "1", "--log-level", "ERROR"],
}


class Workers:
    """Workers of one queue, in processes of their own.

    Args:
        queue: "celery" or "taskiq".
        count: how many.
        variables: their environment.

    Attributes:
        kills: how many were killed.
    """

    def __init__(self, queue: str, count: int, variables: dict[str, str]) -> None:
        self.command = [sys.executable, "-m", *COMMANDS[queue]]
        self.variables = variables
        self.processes = [self.start() for _ in range(count)]
        self.kills = 0

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command, cwd=WORKERS, env=self.variables, start_new_session=True
        )

    def end(self, process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def kill_the_oldest(self) -> None:
        self.end(self.processes.pop(0))
        self.kills += 1
        self.processes.append(self.start())

    def end_all(self) -> None:
        for process in self.processes:
            self.end(process)
