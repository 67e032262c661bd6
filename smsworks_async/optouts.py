"""Opt-outs: classification of replies, and the list of numbers that must not be texted.

`classify` says whether a text asks to opt out (STOP) or in (START). `OptOuts` is the list: it
records every request, deletes nothing, and is stored in a journal, so that processes can share it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterable, Sequence
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, Self

from smsworks_async import phone
from smsworks_async._csv_files import is_same_file
from smsworks_async._opt_out_files import listed, read, write
from smsworks_async._opt_out_words import (
    DEFAULT_KEYWORDS,
    Keywords,
    Request,
    classify,
    request_in,
)
from smsworks_async.errors import ValidationError
from smsworks_async.journals import Journal, open_journal
from smsworks_async.models import values
from smsworks_async.models.opt_outs import Change, OptOutChanges, OptOutEvent


if TYPE_CHECKING:
    from smsworks_async.models.posted import IncomingMessage


__all__ = ["DEFAULT_KEYWORDS", "Keywords", "OptOutEvent", "OptOuts", "Request", "classify"]

#: The longest `source` and `word`, and the longest `message_id`, in characters.
_LONGEST: Final = 200
# The most numbers that are looked up, or recorded, in one transaction.
_SLICE: Final = 5000


def _note(value: Any, field: str) -> str:
    if values.is_missing(value):
        return ""
    plain = values.text(value, field).strip()
    if len(plain) > _LONGEST or not plain.isprintable():
        raise ValidationError(
            f"{field} must be printable, at most {_LONGEST} characters", field=field
        )
    return plain


def _number_of(message: IncomingMessage) -> str:
    """Return the sender of a message as the list stores it, which is not validated."""
    return phone.digits_of(message.sender) or message.sender.strip()


class OptOuts:
    """A list of opt-outs and opt-ins. The last request of each number counts.

    Nothing is deleted: `remove` records an opt-in. The list is stored in a journal, which may also
    hold campaigns. It is opened by the first call; use it as an async context manager, or call
    `close`.

    Args:
        journal: a path, a PostgreSQL URL, or a journal, which the list does not close.
        keywords: the keywords that `record` recognises.

    Raises:
        ConfigurationError: `journal` is neither.
    """

    def __init__(
        self,
        journal: Journal | str | os.PathLike[str],
        *,
        keywords: Keywords = DEFAULT_KEYWORDS,
    ) -> None:
        self.keywords = keywords
        self._journal, self._is_ours = open_journal(journal)

    async def add(
        self, number: str | int, *, source: str = "manual", word: str = "", message_id: str = ""
    ) -> bool:
        """Record that a number opts out; return whether this is a new event.

        Args:
            number: the number, in any usual spelling, of any country.
            source: how the request was made, at most 200 characters.
            word: the keyword of the request, if any.
            message_id: the id of the message with the request; each id is recorded once.

        Raises:
            ValidationError: `number` cannot be a phone number, or another value is invalid.
            JournalError: the event could not be recorded.
        """
        return await self._record(listed(number), "out", source, word, message_id)

    async def remove(
        self, number: str | int, *, source: str = "manual", word: str = "", message_id: str = ""
    ) -> bool:
        """Record that a number opts in again; return whether this is a new event.

        Args:
            number: the number, in any usual spelling, of any country.
            source: how the request was made, at most 200 characters.
            word: the keyword of the request, if any.
            message_id: the id of the message with the request; each id is recorded once.

        Raises:
            ValidationError: `number` cannot be a phone number, or another value is invalid.
            JournalError: the event could not be recorded.
        """
        return await self._record(await self._known(number), "in", source, word, message_id)

    async def _record(
        self, number: str, change: Change, source: str, word: str, message_id: str
    ) -> bool:
        return await self._journal.record_opt_out(
            number,
            change,
            source=_note(source, "source") or "manual",
            word=_note(word, "word"),
            message_id=_note(message_id, "message_id"),
        )

    async def _known(self, number: Any) -> str:
        """Return a number as the list stores it. A number in the list is not validated again."""
        try:
            return listed(number)
        except ValidationError:
            as_it_stands = values.as_text(number)
            if as_it_stands and await self._journal.opt_out_events(as_it_stands):
                return as_it_stands
            raise

    async def contains(self, number: str | int) -> bool:
        """Return whether a number has opted out.

        Args:
            number: the number, in any usual spelling, of any country.

        Raises:
            ValidationError: `number` cannot be a phone number.
            JournalError: the list cannot be read.
        """
        return bool(await self._journal.opted_out([await self._known(number)]))

    async def among(self, numbers: Iterable[str | int]) -> list[str]:
        """Return the numbers that have opted out, without duplicates, in the given order.

        Args:
            numbers: the numbers, in any usual spelling, of any country.

        Raises:
            ValidationError: one of them cannot be a phone number.
            JournalError: the list cannot be read.
        """
        listed = [await self._known(number) for number in numbers]
        out = await self.opted_out(listed)
        return [number for number in dict.fromkeys(listed) if number in out]

    async def opted_out(self, destinations: Sequence[str]) -> set[str]:
        """Return the destinations that have opted out, without validating them.

        Args:
            destinations: numbers as the API takes them, such as ``"447700900123"``.

        Raises:
            JournalError: the list cannot be read.
        """
        found: set[str] = set()
        for start in range(0, len(destinations), _SLICE):
            found |= {*await self._journal.opted_out(destinations[start : start + _SLICE])}
        return found

    async def iterate(self) -> AsyncGenerator[OptOutEvent]:
        """Yield the last event of each number that has opted out, ordered by number.

        Raises:
            JournalError: the list cannot be read.
        """
        after = ""
        while page := await self._journal.opt_out_page(after):
            for event in page:
                yield event
            after = page[-1].number

    async def history(self, number: str | int) -> list[OptOutEvent]:
        """Return all events of a number, the oldest first.

        Args:
            number: the number, in any usual spelling, of any country.

        Raises:
            ValidationError: `number` cannot be a phone number.
            JournalError: the list cannot be read.
        """
        return list(await self._journal.opt_out_events(await self._known(number)))

    def concerns(self, message: IncomingMessage) -> bool:
        """Return whether an incoming message asks to opt out or in."""
        found = request_in(message, self.keywords)
        return found is not None and found[0] != "help"

    async def record(self, message: IncomingMessage) -> Request | None:
        """Record the opt-out or opt-in of an incoming message, if any; return the kind of request.

        The sender is recorded as the API reports it. A message that arrives several times is
        recorded once.

        Args:
            message: the incoming message.

        Raises:
            JournalError: the event could not be recorded.
        """
        found = request_in(message, self.keywords)
        await self.record_after(message)
        return None if found is None else found[0]

    async def record_after(self, message: IncomingMessage, known: int | None = None) -> bool:
        """Record the opt-out or opt-in of a message as `record` does; return whether it is new.

        Args:
            message: the incoming message.
            known: how many events `events_of` has returned: if another one was added meanwhile,
                nothing is recorded. None for no condition.

        Raises:
            JournalError: the event could not be recorded.
        """
        found = request_in(message, self.keywords)
        number = _number_of(message)
        if found is None or found[0] == "help" or not number:
            return False
        return await self._journal.record_opt_out(
            number,
            found[0],
            source="message",
            word=found[1],
            message_id=message.message_id,
            sent=None if message.created is None else message.created.timestamp(),
            known=known,
        )

    async def events_of(self, message: IncomingMessage) -> list[OptOutEvent]:
        """Return all events of a message's sender, the oldest first.

        Raises:
            JournalError: the list cannot be read.
        """
        return list(await self._journal.opt_out_events(_number_of(message)))

    async def import_file(
        self,
        file: str | os.PathLike[str] | IO[str] | IO[bytes],
        *,
        source: str = "import",
        column: str | None = None,
        sheet: str | None = None,
        encoding: str | None = None,
    ) -> int:
        """Record that all numbers of a file opt out; return how many had not opted out.

        The file is read as `files.read_recipients` reads it: a spreadsheet (CSV, TSV, XLSX, ODS),
        JSON lines, or a number on each line. Rows without a number are left out.

        Args:
            file: the path of the file, ``"-"`` for standard input, or an open file.
            source: how the request was made, at most 200 characters.
            column: the column with the numbers: its heading, or its letters such as ``"B"``;
                default: the one whose heading says so, such as *Mobile* or *Number*.
            sheet: the sheet of a workbook; default: the first visible one.
            encoding: the encoding of a text file; default: found by its contents.

        Raises:
            ValidationError: the file is of a kind that is not read, it is not clear which column is
                meant, or some cells are not phone numbers; the message lists the rows of the first
                20. Nothing was recorded.
            ConfigurationError: a workbook needs the extra ``cli``, which is not installed.
            OSError: the file cannot be read.
            JournalError: not all events could be recorded; importing the file again records the
                rest.
        """
        found = read(file, column=column, sheet=sheet, encoding=encoding)
        return await self.add_all(found.numbers, source=source)

    #: The former name of `import_file`.
    import_csv = import_file

    async def add_all(self, numbers: Sequence[str], *, source: str) -> int:
        """Record that numbers opt out, without validating them; return how many are new events.

        Args:
            numbers: numbers as the list stores them, such as ``"447700900123"``.
            source: how the request was made, at most 200 characters.

        Raises:
            JournalError: not all events could be recorded.
        """
        note = _note(source, "source") or "import"
        count = 0
        for start in range(0, len(numbers), _SLICE):
            part = numbers[start : start + _SLICE]
            count += await self._journal.record_opt_outs(part, source=note)
        return count

    async def export_csv(self, to: str | os.PathLike[str]) -> int:
        """Write the last event of each number that has opted out to a CSV file; return the count.

        The file is written atomically, with mode 0600. `import_file` reads it.

        Args:
            to: the path of the file.

        Raises:
            ValidationError: it is the journal itself.
            OSError: the file cannot be written.
            JournalError: the list cannot be read.
        """
        path = values.path(to, "to")
        journal = getattr(self._journal, "path", None)
        if journal is not None and is_same_file(path, journal):
            raise ValidationError("to is the journal itself; pass another file", field="to")
        return await write(self.iterate(), path)

    async def identity(self) -> str:
        """Return the unique id of this list."""
        return await self._journal.opt_out_list()

    async def changes(self, after: int) -> OptOutChanges:
        """Return the net changes of all events after a key.

        Args:
            after: the key; 0 for all events.
        """
        return await self._journal.opt_out_changes(after)

    async def close(self) -> None:
        """Close the journal, if the list was given a path or a URL.

        Calling it again does nothing.
        """
        if self._is_ours:
            await self._journal.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
