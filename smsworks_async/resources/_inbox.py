"""A persistent cursor over incoming messages, which records how far they were handled.

Nothing is marked as read at the provider, so unhandled messages are found again by the same search.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from os import PathLike
from pathlib import Path
from typing import Any, Final, Protocol, Self

from smsworks_async._callables import call
from smsworks_async.errors import ConfigurationError, ValidationError
from smsworks_async.models import checks, readers, values
from smsworks_async.models.convert import format_date
from smsworks_async.models.incoming import MessageRecord


#: How far before the newest handled message a search starts, since messages can appear late.
OVERLAP: Final = timedelta(hours=1)
_EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)


class Bookmark(Protocol):
    """Storage for a cursor over incoming messages, such as a database row.

    Both methods may be async or plain functions. Plain functions are called in a thread.
    """

    def load(self) -> str | Awaitable[str | None] | None:
        """Return the last saved cursor, or None."""
        ...

    def save(self, place: str) -> Awaitable[None] | None:
        """Save a cursor, as JSON, durably."""
        ...


class FileBookmark:
    """A cursor in a file that is replaced atomically, with mode 0600.

    After a crash the file contains either the old cursor or the new one.

    Args:
        path: the file; its folder must exist, and be writable.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = Path(path)
        self._new = self._path.with_name(f"{self._path.name}.new")

    def load(self) -> str | None:
        """Return the last saved cursor, or None, after checking that the file can be written.

        Raises:
            ConfigurationError: the file cannot be read, written or replaced.
        """
        with self._explained():
            saved = self._path.read_text("utf-8") if self._path.exists() else None
            if saved is None:
                self._write("")
                self._new.unlink()
            else:
                self._write(saved)
                self._new.replace(self._path)
        return saved

    def save(self, place: str) -> None:
        """Save a cursor.

        Raises:
            ConfigurationError: the file cannot be written or replaced.
        """
        with self._explained():
            self._write(place)
            self._new.replace(self._path)

    def _write(self, place: str) -> None:
        descriptor = os.open(self._new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            file.write(place)
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"bookmark {self._path.name}: it cannot be saved ({type(error).__name__}); its "
                "folder must exist and be writable, since the file is replaced by renaming; in a "
                "container, mount the folder, not only the file"
            ) from error


class InboxCursor:
    """The position up to which incoming messages were handled: a time, and the ids near it.

    Attributes:
        since: when the newest handled message arrived, or None.
    """

    def __init__(
        self,
        bookmark: Bookmark | None,
        since: datetime | None,
        handled: dict[str, datetime | None],
        start: datetime | None,
    ) -> None:
        self._bookmark = bookmark
        self.since = since
        self._handled = handled
        self._start = start

    @classmethod
    async def open(
        cls, bookmark: str | PathLike[str] | Bookmark | None, since: datetime | None
    ) -> Self:
        """Load a cursor, or start at a given time.

        Raises:
            ConfigurationError: the saved value is not a cursor.
            ValidationError: the time has no time zone, or the bookmark is neither a path nor an
                object with `load` and `save`.
        """
        since = None if since is None else checks.aware_datetime(since, "since")
        if isinstance(bookmark, str | PathLike) or values.as_text(bookmark) is not None:
            bookmark = FileBookmark(values.path(bookmark, "bookmark"))
        elif bookmark is not None and not (
            callable(getattr(bookmark, "load", None)) and callable(getattr(bookmark, "save", None))
        ):
            raise ValidationError(
                "bookmark must be the path of a file, or an object with load and save",
                field="bookmark",
            )
        saved = None if bookmark is None else await call(bookmark.load)
        if not saved:
            return cls(bookmark, since, {}, since)
        try:
            document: Any = json.loads(saved)
            kept = {str(one): at and readers.date(at) for one, at in document["handled"].items()}
            since = document["since"] and readers.date(document["since"])
            start = document.get("start") and readers.date(document["start"])
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ConfigurationError(
                "the bookmark contains no valid position; remove it to start over"
            ) from error
        return cls(bookmark, since, kept, start)

    @property
    def search_from(self) -> datetime | None:
        """Return the time to search from."""
        return self.since and max(self.since, _EARLIEST) - OVERLAP

    def still_to_come(self, records: Iterable[MessageRecord]) -> list[MessageRecord]:
        """Return the unhandled records, in order of arrival."""
        fresh = {one.message_id: one for one in records if one.message_id not in self._handled}
        return sorted(fresh.values(), key=_came)

    def is_before_start(self, record: MessageRecord) -> bool:
        """Return whether a message arrived before the time at which the cursor started."""
        if self._start is None or record.created is None:
            return False
        return record.created < self._start

    async def move_past(self, record: MessageRecord, now: datetime | None = None) -> None:
        """Record that a message was handled, and save the cursor.

        Args:
            record: the message.
            now: the time by the provider's clock, if known. The next search does not start later,
                even if the message has a later date: it would not find the messages until then.
        """
        self._handled[record.message_id] = record.created
        created = record.created
        if created is not None and now is not None:
            created = min(created, now)
        if created is not None and (self.since is None or created > self.since):
            self.since = created
        earliest = self.search_from
        if earliest is not None:
            self._handled = {
                one: at for one, at in self._handled.items() if at is None or at >= earliest
            }
        if self._bookmark is not None:
            await call(self._bookmark.save, self._written())

    def _written(self) -> str:
        handled = {one: at and format_date(at) for one, at in self._handled.items()}
        place: dict[str, Any] = {
            "since": self.since and format_date(self.since),
            "handled": handled,
        }
        if self._start is not None:
            place["start"] = format_date(self._start)
        return json.dumps(place)


def _came(record: MessageRecord) -> tuple[float, str]:
    return (record.created.timestamp() if record.created else 0.0, record.message_id)
