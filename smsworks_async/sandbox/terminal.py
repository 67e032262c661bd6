"""The lines for requests and callbacks that `smsworks sandbox` writes.

Phone numbers are masked to their last three digits; tokens, secrets and texts are left out.
"""

from __future__ import annotations

import json
import queue
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from . import dates, log
from .records import mask


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .outbox import PostRecord
    from .records import Message
    from .simulator import Simulator
    from .traffic import RequestRecord


#: The most lines that may be queued.
MOST_WAITING: Final = 1000
_LONGEST: Final = 160  # characters of a refusal's message


def request_fields(record: RequestRecord, messages: Iterable[Message]) -> dict[str, Any]:
    """Return the fields of a request's line; fields without a value are left out.

    Args:
        record: a request that has ended.
        messages: the kept messages that it made.
    """
    made = list(messages)
    fields = {
        "type": "request",
        "at": dates.iso(record.at.timestamp()),
        "method": record.method,
        "path": log.shown_path(record.path),
        "messages": len(record.messages) or None,
        "to": mask(made[0].destination) if len(record.messages) == 1 and made else None,
        "segments": sum(message.segments for message in made) or None,
        "status": record.status,
        "milliseconds": _rounded(record.milliseconds),
        "error": _refusal(record),
        "fault": None if record.fault is None else record.fault.when,
        "unknown_fields": [log.shown(name) for name in record.unknown_fields] or None,
    }
    kept = {"status", "milliseconds"}
    return {name: value for name, value in fields.items() if value is not None or name in kept}


def post_fields(record: PostRecord) -> dict[str, Any]:
    """Return the fields of the line of an attempt at a callback."""
    payload = record.post.payload
    incoming = payload.get("messagetype") == "incoming"
    fields = {
        "type": "webhook",
        "at": dates.iso(record.at),
        "kind": "incoming" if incoming else "report",
        "message": record.message_id,
        "about": mask(str(payload.get("from" if incoming else "destination", ""))),
        "message_status": payload.get("status"),
        "url": log.public_url(record.post.url),
        "attempt": record.post.attempt + 1,
        "status": record.status,
        "milliseconds": _rounded(record.milliseconds),
        "error": record.error or None,
    }
    kept = {"status", "milliseconds"}
    return {name: value for name, value in fields.items() if value is not None or name in kept}


def line(fields: dict[str, Any]) -> str:
    """Return the fields of a request or a callback as a line of text, in local time."""
    parts = _request(fields) if fields["type"] == "request" else _post(fields)
    at = datetime.fromtimestamp(dates.parse(fields["at"]), UTC).astimezone()
    words = " ".join([f"{at:%H:%M:%S}", *(part for part in parts if part)])
    return log.printable(words)


def _request(fields: dict[str, Any]) -> list[str]:
    messages = fields.get("messages", 0)
    segments = fields.get("segments", 0)
    return [
        fields["method"],
        fields["path"],
        fields.get("to", ""),
        f"{messages} messages" if messages > 1 else "",
        f"{segments} segment{'s' * (segments != 1)}" if segments else "",
        f"-> {fields['status'] or 'no response'}",
        _duration(fields),
        fields.get("error", ""),
        f"(fault: {fields['fault']})" if "fault" in fields else "",
        f"(unknown: {', '.join(fields['unknown_fields'])})" if "unknown_fields" in fields else "",
    ]


def _post(fields: dict[str, Any]) -> list[str]:
    incoming = fields["kind"] == "incoming"
    about = "text from" if incoming else f"{fields.get('message_status', 'report')} of"
    return [
        "webhook",
        f"{about} {fields['about']}",
        f"POST {fields['url']}",
        f"-> {fields['status'] or fields.get('error', 'no response')}",
        _duration(fields),
        f"(attempt {fields['attempt']})" if fields["attempt"] > 1 else "",
    ]


def _duration(fields: dict[str, Any]) -> str:
    taken = fields["milliseconds"]
    return "" if taken is None else f"{taken:.0f} ms" if taken >= 10 else f"{taken:.1f} ms"


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)


def _refusal(record: RequestRecord) -> str | None:
    """Return the code and the message of a refusal, with numbers masked; None if accepted."""
    if record.status is None or record.status < 400:
        return None
    try:
        answer = json.loads(record.answer)
        words = str(answer["message"])
        code = answer.get("errorCode")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    shown = log.shown(words)[:_LONGEST]
    return shown if code is None else f"{code} {shown}"


class TerminalLog:
    """Write a line for each request and each callback when it ends.

    Lines are written on a separate thread, so that a slow reader does not block the sandbox. While
    1000 lines are queued, further ones are left out, and a line gives their number.

    Args:
        simulator: the simulator.
        write: a function that writes a line, given without its line break; called on the thread. If
            it raises OSError or ValueError, nothing more is written.
        as_json: write lines of JSON instead of text (default False).
    """

    def __init__(
        self, simulator: Simulator, write: Callable[[str], object], *, as_json: bool = False
    ) -> None:
        self._simulator = simulator
        self._write = write
        self._as_json = as_json
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._left_out = 0
        self._thread = threading.Thread(target=self._run, name="smsworks-log", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._simulator.listeners.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._simulator.listeners.remove(self)
        self._lines.put(None)
        self._thread.join(timeout=1.0)

    def request_ended(self, record: RequestRecord) -> None:
        """Write a line for a request."""
        if self._has_room():
            archive = self._simulator.state.account.archive
            made = (archive.numbered(number) for number in record.messages)
            self._put(request_fields(record, [one for one in made if one is not None]))

    def attempt_ended(self, record: PostRecord) -> None:
        """Write a line for an attempt at a callback."""
        if self._has_room():
            self._put(post_fields(record))

    def _has_room(self) -> bool:
        room = self._lines.qsize() < MOST_WAITING and self._thread.is_alive()
        self._left_out += not room
        return room

    def _put(self, fields: dict[str, Any]) -> None:
        if self._left_out:
            self._lines.put({"type": "left_out", "lines": self._left_out})
            self._left_out = 0
        self._lines.put(fields)

    def _run(self) -> None:
        try:
            while (fields := self._lines.get()) is not None:
                self._write(self._text(fields))
        except (OSError, ValueError):  # the pipe or the file was closed
            return

    def _text(self, fields: dict[str, Any]) -> str:
        if self._as_json:
            return json.dumps(fields)
        if fields["type"] == "left_out":
            return f"({fields['lines']} lines were left out because they were not read in time)"
        return line(fields)
