"""A Celery broker in a folder, which redelivers unacknowledged messages.

Network brokers do that when a connection breaks; kombu's filesystem transport loses the messages
that a killed worker had taken.
"""

from __future__ import annotations

import time
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import virtual
from kombu.utils.json import dumps, loads


class Broker:
    """The messages of one queue, each in a file: those that are waiting, and those taken.

    Args:
        folder: the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._waiting, self._taken = folder / "waiting", folder / "taken"
        for sub in (self._waiting, self._taken):
            sub.mkdir(parents=True, exist_ok=True)

    def put(self, message: dict[str, Any]) -> None:
        tag = message["properties"]["delivery_tag"]
        name = f"{time.time_ns():020}.{tag}"
        new = self._taken.parent / name
        new.write_text(dumps(message))
        new.rename(self._waiting / name)  # atomically, so that no reader sees a partial file

    def take(self) -> dict[str, Any]:
        """Take the oldest message; raise Empty if there is none."""
        for file in sorted(self._waiting.iterdir()):
            taken = self._taken / file.name
            file.rename(taken)
            message: dict[str, Any] = loads(taken.read_text())
            return message
        raise Empty

    def acknowledge(self, tag: str) -> None:
        for file in self._taken.glob(f"*.{tag}"):
            file.unlink()

    def redeliver(self, tag: str = "*") -> int:
        """Return taken messages to the queue, one or all; return their number."""
        files = list(self._taken.glob(f"*.{tag}"))
        for file in files:
            file.rename(self._waiting / file.name)
        return len(files)

    def __len__(self) -> int:
        return sum(len(list(folder.iterdir())) for folder in (self._waiting, self._taken))


class Channel(virtual.Channel):
    """A channel to such a broker, in the folder `folder` of the transport's options."""

    do_restore = False  # the broker redelivers unacknowledged messages

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._broker = Broker(Path(self.connection.client.transport_options["folder"]))

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        self._broker.put(message)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        return self._broker.take()

    def _size(self, queue: str) -> int:
        return len(self._broker)

    def _purge(self, queue: str) -> int:
        return 0

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        super().basic_ack(delivery_tag, multiple)
        self._broker.acknowledge(delivery_tag)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        super().basic_reject(delivery_tag)
        if requeue:
            self._broker.redeliver(delivery_tag)
        else:
            self._broker.acknowledge(delivery_tag)


class Transport(virtual.Transport):
    Channel = Channel

    driver_type = driver_name = "folder"
    default_port = 0
