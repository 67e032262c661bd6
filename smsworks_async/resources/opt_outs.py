"""The client's opt-out list: numbers that must not be texted."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import TYPE_CHECKING

from smsworks_async.models.iterables import check_iterable


if TYPE_CHECKING:
    from smsworks_async._client_journal import ClientJournal
    from smsworks_async.models.opt_outs import OptOutEvent


class AsyncOptOutList:
    """The client's opt-out list, from `opt_outs` or else from `journal`.

    Nothing is deleted: `remove` records an opt-in, and the last event of a number counts.
    """

    def __init__(self, kept: ClientJournal) -> None:
        self._kept = kept

    async def add(
        self, number: str | int, *, source: str = "manual", word: str = "", message_id: str = ""
    ) -> bool:
        """Record that a number opts out; return whether this is a new event.

        It is not if the number has already opted out, or the message was already recorded.

        Args:
            number: the number, in any usual spelling, of any country.
            source: how the request was made, at most 200 printable characters.
            word: the keyword of the request, at most 200 printable characters.
            message_id: the id of the message with the request; each id is recorded once.

        Raises:
            ConfigurationError: the client has neither `opt_outs` nor `journal`.
            ValidationError: `number` cannot be a phone number, or another value is invalid.
            JournalError: the event could not be recorded.
        """
        opt_outs = self._kept.required_opt_outs()
        return await opt_outs.add(number, source=source, word=word, message_id=message_id)

    async def remove(
        self, number: str | int, *, source: str = "manual", word: str = "", message_id: str = ""
    ) -> bool:
        """Record that a number opts in again; return whether this is a new event.

        It is not if the number has not opted out, or the message was already recorded.

        Args:
            number: the number, in any usual spelling, of any country.
            source: how the request was made, at most 200 printable characters.
            word: the keyword of the request, at most 200 printable characters.
            message_id: the id of the message with the request; each id is recorded once.

        Raises:
            ConfigurationError: the client has neither `opt_outs` nor `journal`.
            ValidationError: `number` cannot be a phone number, or another value is invalid.
            JournalError: the event could not be recorded.
        """
        opt_outs = self._kept.required_opt_outs()
        return await opt_outs.remove(number, source=source, word=word, message_id=message_id)

    async def contains(self, number: str | int) -> bool:
        """Return whether a number has opted out.

        Args:
            number: the number, in any usual spelling, of any country.

        Raises:
            ConfigurationError: the client has neither `opt_outs` nor `journal`.
            ValidationError: `number` cannot be a phone number.
            JournalError: the list cannot be read.
        """
        return await self._kept.required_opt_outs().contains(number)

    async def among(self, *, numbers: Iterable[str | int]) -> list[str]:
        """Return the numbers that have opted out, without duplicates, in the given order.

        Args:
            numbers: the numbers, in any usual spelling, of any country.

        Raises:
            ConfigurationError: the client has neither `opt_outs` nor `journal`.
            ValidationError: one of them cannot be a phone number.
            JournalError: the list cannot be read.
        """
        check_iterable(numbers, "numbers", awaitable=False)
        return await self._kept.required_opt_outs().among(numbers)

    async def iterate(self) -> AsyncGenerator[OptOutEvent]:
        """Yield the last event of each number that has opted out, ordered by number.

        Raises:
            ConfigurationError: the client has neither `opt_outs` nor `journal`.
            JournalError: the list cannot be read.
        """
        async for event in self._kept.required_opt_outs().iterate():
            yield event

    async def history(self, number: str | int) -> list[OptOutEvent]:
        """Return all opt-outs and opt-ins of a number, the oldest first.

        Args:
            number: the number, in any usual spelling, of any country.

        Raises:
            ConfigurationError: the client has neither `opt_outs` nor `journal`.
            ValidationError: `number` cannot be a phone number.
            JournalError: the list cannot be read.
        """
        return await self._kept.required_opt_outs().history(number)
