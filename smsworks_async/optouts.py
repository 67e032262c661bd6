"""Opt-outs: what a reply asks for, and the list of numbers that are not to be texted.

`classify` says whether a text asks to opt out (STOP) or in (START). `OptOuts` is the list: it
records every request, deletes nothing, and is kept in a journal, so that processes share it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import unicodedata
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias

import attrs

from smsworks_async import phone
from smsworks_async.errors import ValidationError
from smsworks_async.journals import Journal, open_journal
from smsworks_async.models import values
from smsworks_async.models.opt_outs import Change, OptOutEvent


if TYPE_CHECKING:
    from smsworks_async.models.posted import IncomingMessage


__all__ = ["DEFAULT_KEYWORDS", "Keywords", "OptOutEvent", "OptOuts", "Request", "classify"]

#: What a text asks for.
Request: TypeAlias = Literal["out", "in", "help"]

#: The longest `source` and `word`, and the longest `message_id`, in characters.
_LONGEST: Final = 200
# Numbers that are looked for in one statement.
_SLICE: Final = 5000


def _plain(text: str) -> str:
    """Return a text in the form that keywords are compared in."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    shown = "".join(c for c in folded if unicodedata.category(c) != "Cf")
    inner = re.sub(r"^[\W_]+|[\W_]+$", "", shown)
    return re.sub(r"\s+", " ", inner)


def _words(given: Any) -> tuple[str, ...]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise ValidationError("keywords must be lists of words", field="keywords")
    words = tuple(values.text(word, "keywords").strip() for word in given)
    if not all(map(_plain, words)):
        raise ValidationError("keywords must have letters or digits", field="keywords")
    return words


@cache
def _by_plain(words: tuple[str, ...]) -> Mapping[str, str]:
    return {_plain(word): word for word in words}


@attrs.frozen(kw_only=True)
class Keywords:
    """The words that ask to opt out or in, whatever their case and the punctuation around them.

    CANCEL and END may also answer a booking; leave them out of `out` where they do.

    Attributes:
        out: a text that is one of these asks to opt out.
        begins: so does a text that begins with one of these words.
        opt_in: a text that is one of these asks to opt in again.
        help: a text that is one of these asks for help, and changes nothing.
    """

    out: tuple[str, ...] = attrs.field(
        default=(
            *("STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE"),
            *("OPTOUT", "OPT-OUT", "OPT OUT", "REMOVE", "ARRET"),
        ),
        converter=_words,
    )
    begins: tuple[str, ...] = attrs.field(default=("STOP",), converter=_words)
    opt_in: tuple[str, ...] = attrs.field(default=("START", "UNSTOP"), converter=_words)
    help: tuple[str, ...] = attrs.field(default=("HELP", "INFO"), converter=_words)

    def match(self, text: str) -> tuple[Request, str] | None:
        """Return what a text asks for, and the keyword that says so; None where it is neither."""
        plain = _plain(text)
        if word := _by_plain(self.out).get(plain) or self._beginning(plain):
            return "out", word
        if word := _by_plain(self.opt_in).get(plain):
            return "in", word
        if word := _by_plain(self.help).get(plain):
            return "help", word
        return None

    def _beginning(self, plain: str) -> str | None:
        for start, word in _by_plain(self.begins).items():
            if re.match(re.escape(start) + r"(?!\w)", plain):
                return word
        return None


DEFAULT_KEYWORDS: Final = Keywords()


def classify(text: str, *, keywords: Keywords = DEFAULT_KEYWORDS) -> Request | None:
    """Return what a text asks for: ``"out"``, ``"in"`` or ``"help"``; None for any other text.

    Args:
        text: the text of an incoming message.
        keywords: the words to look for; `Keywords` has the defaults.

    Raises:
        ValidationError: it is no text.

    >>> classify(" Stop! "), classify("Stop texting me"), classify("Don't stop"), classify("start")
    ('out', 'out', None, 'in')
    """
    plain = values.as_text(text)
    if plain is None:
        raise ValidationError("text must be a string", field="text")
    found = keywords.match(plain)
    return None if found is None else found[0]


def _after_keyword(text: str, keyword: str | None) -> str:
    """Return a text without the keyword of a shared number that it begins with."""
    start = re.escape(_plain(keyword or ""))
    return re.sub(rf"^{start}(?!\w)", "", _plain(text)) if start else text


def _request(message: IncomingMessage, keywords: Keywords) -> tuple[Request, str] | None:
    """Return what an incoming message asks for. STOP counts even where it is the keyword itself."""
    rest = keywords.match(_after_keyword(message.content, message.keyword))
    if rest is not None and rest[0] == "out":
        return rest
    whole = keywords.match(message.content)
    return whole if whole is not None and whole[0] == "out" else rest or whole


def _listed(number: Any) -> str:
    """Return a number that a person gives as the list keeps it: UK ones 447…, others in digits.

    Raises:
        ValidationError: it can be no number to text.
    """
    reduced = phone.canonical(number)
    if phone.is_uk(reduced) or importlib.util.find_spec("phonenumbers") is None:
        return reduced.removeprefix("+")
    return phone.normalise(reduced, international=True)


def _note(value: Any, field: str) -> str:
    if values.is_missing(value):
        return ""
    plain = values.text(value, field).strip()
    if len(plain) > _LONGEST or not plain.isprintable():
        raise ValidationError(
            f"{field} must be printable, at most {_LONGEST} characters", field=field
        )
    return plain


class OptOuts:
    """A list of opt-outs and opt-ins, in which the last request of each number counts.

    Nothing is deleted: `remove` records an opt-in. It is kept in a journal, beside campaigns or by
    itself. It is opened by the first call; use it as an async context manager, or call `close`.

    Args:
        journal: the path of an SQLite file, or a journal, which stays yours to close.
        keywords: the words that `record` looks for.

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
        """Record that a number opts out; return whether that was recorded now.

        Args:
            number: the number, in any usual spelling, of any country.
            source: how that was asked for, at most 200 characters.
            word: the word that asked for it, if there was one.
            message_id: the id of the message that asked for it; each is recorded once.

        Raises:
            ValidationError: it can be no number, or another value is not as described.
            JournalError: it could not be recorded.
        """
        return await self._record(_listed(number), "out", source, word, message_id)

    async def remove(
        self, number: str | int, *, source: str = "manual", word: str = "", message_id: str = ""
    ) -> bool:
        """Record that a number opts in again; return whether that was recorded now.

        Args:
            number: the number, in any usual spelling, of any country.
            source: how that was asked for, at most 200 characters.
            word: the word that asked for it, if there was one.
            message_id: the id of the message that asked for it; each is recorded once.

        Raises:
            ValidationError: it can be no number, or another value is not as described.
            JournalError: it could not be recorded.
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
        """Return a number as the list keeps it. One that the list has is not judged."""
        try:
            return _listed(number)
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
            ValidationError: it can be no number.
            JournalError: the list cannot be read.
        """
        return bool(await self._journal.opted_out([await self._known(number)]))

    async def among(self, numbers: Iterable[str | int]) -> list[str]:
        """Return those of some numbers that have opted out, each once, in their order.

        Args:
            numbers: the numbers, in any usual spelling, of any country.

        Raises:
            ValidationError: one of them can be no number.
            JournalError: the list cannot be read.
        """
        listed = [await self._known(number) for number in numbers]
        out = await self.opted_out(listed)
        return [number for number in dict.fromkeys(listed) if number in out]

    async def opted_out(self, destinations: Sequence[str]) -> set[str]:
        """Return those of some destinations that have opted out; they are not judged.

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
        """Yield the last event of each number that has opted out, by the numbers.

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
            ValidationError: it can be no number.
            JournalError: the list cannot be read.
        """
        return list(await self._journal.opt_out_events(await self._known(number)))

    def concerns(self, message: IncomingMessage) -> bool:
        """Return whether an incoming message asks to opt out or in."""
        found = _request(message, self.keywords)
        return found is not None and found[0] != "help"

    async def record(self, message: IncomingMessage) -> Request | None:
        """Record what an incoming message asks for, if anything, and return it.

        Its sender is recorded as the API names it. A message is recorded once, however often it
        comes.

        Args:
            message: the message.

        Raises:
            JournalError: it could not be recorded.
        """
        found = _request(message, self.keywords)
        number = phone.digits_of(message.sender) or message.sender.strip()
        if found is not None and found[0] != "help" and number:
            await self._journal.record_opt_out(
                number,
                found[0],
                source="message",
                word=found[1],
                message_id=message.message_id,
                sent=None if message.created is None else message.created.timestamp(),
            )
        return None if found is None else found[0]

    async def identity(self) -> str:
        """Return the id of this list, which tells it from all others."""
        return await self._journal.opt_out_list()

    async def changes(self, after: int) -> Sequence[tuple[int, str, bool]]:
        """Return key, number, and whether it is out, of all events above a key, in their order.

        Args:
            after: the key; 0 for all events.
        """
        return await self._journal.opt_out_changes(after)

    async def close(self) -> None:
        """Close the file, where the list was given a path. A second time does nothing."""
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
