"""Many concurrent callers of the same calls with idempotency keys."""

from __future__ import annotations

import asyncio
import threading
from typing import Any


#: Distinct enough to search for in a file.
SENDER, TEXT, KEY = "AcmeCorp", "Café Zoë: your table is ready", "table-by-the-window"


class Crowd:
    """The callers of one process, and the results of their calls.

    Args:
        count: the number of keys, each with its own phone number.

    Attributes:
        answers: a list of (key, id of the message or name of the exception, replayed).
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self.answers: list[tuple[int, str, bool | None]] = []

    async def call_in_tasks(self, sms: Any, tasks: int) -> None:
        """Make each call once, in a number of tasks."""

        async def call(first: int) -> None:
            for number in range(first, self._count, tasks):
                try:
                    self._note(number, await sms.messages.send(**call_of(number)))
                except Exception as error:
                    self.answers.append((number, repr(error), None))

        await asyncio.gather(*map(call, range(tasks)))

    def call_in_threads(self, clients: list[Any], threads: int, barrier: threading.Barrier) -> None:
        """Make each call once, in a number of threads that share blocking clients."""

        def call(first: int) -> None:
            barrier.wait()
            for number in range(first, self._count, threads):
                try:
                    answer = clients[first % len(clients)].messages.send(**call_of(number))
                    self._note(number, answer)
                except Exception as error:
                    self.answers.append((number, repr(error), None))

        running = [threading.Thread(target=call, args=(first,)) for first in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    def _note(self, number: int, answer: Any) -> None:
        self.answers.append((number, answer.message_id, answer.replayed))


def call_of(number: int) -> dict[str, Any]:
    """Return the arguments of the call for one number."""
    return {
        "sender": SENDER,
        "destination": f"07700 900{number:03d}",
        "content": TEXT,
        "idempotency_key": f"{KEY}-{number}",
    }
