"""One request rate for an account, shared by many machines: a row in PostgreSQL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Self

import attrs

from smsworks_async.errors import JournalError, ValidationError
from smsworks_async.journals.postgres.layout import check_layout, create, look_at
from smsworks_async.journals.postgres.running import check_installed
from smsworks_async.journals.postgres.statements import Connection
from smsworks_async.journals.postgres.url import parse
from smsworks_async.models import values


if TYPE_CHECKING:
    from types import TracebackType

    from smsworks_async.journals.postgres.connections import Connections


#: The bounds of `per_second`, and the longest name of an account.
SLOWEST, FASTEST, MAX_ACCOUNT = 1e-4, 1e6, 100

# `next` is the time of the next free slot; after an idle period it is now.
_TAKE: Final = """
UPDATE smsworks.rate
SET next = greatest(next, clock_timestamp()) + make_interval(secs => 1 / per_second)
WHERE account = $1
RETURNING extract(epoch FROM next - clock_timestamp())::float8 - 1 / per_second
"""
# A change of the rate scales the reserved slots: a very slow rate may have put the next one hours
# ahead.
_SET: Final = """
INSERT INTO smsworks.rate (account, per_second, next) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (account) DO UPDATE
SET next = clock_timestamp() + greatest(rate.next - clock_timestamp(), interval '0')
        * (rate.per_second / excluded.per_second),
    per_second = excluded.per_second
WHERE rate.per_second <> excluded.per_second
"""


@attrs.frozen(eq=False)
class _Here:
    """The state of a rate on one event loop of one process."""

    connections: Connections
    #: Only one request of this process waits for a slot at a time, so that a changed limit
    #: applies to the next one.
    turn: asyncio.Lock = attrs.field(factory=asyncio.Lock)


class PostgresRate:
    """A `Rate` that all processes of an account share, kept in a PostgreSQL database.

    Each request, retries included, reserves the account's next free slot and waits for it. There
    are no bursts after an idle period. The server's clock is used, so the machines' clocks need not
    agree.

    Pass it to clients as `max_rate`; several clients can share one. Close it with `close`, or use
    it as an async context manager.

    Args:
        url: ``postgresql://user:password@host/database``, as for a journal; the rate is stored
            beside the journal's tables, which are created if they do not exist.
        account: the name under which processes share the rate, 1 to 100 printable characters.
        per_second: requests a second, 0.0001 to 1,000,000. The process that started last sets the
            rate for all, with its first request.

    Raises:
        ConfigurationError: the URL is malformed or has an option that is not supported, or the
            extra ``postgres`` is not installed.
        ValidationError: the account name or the rate is invalid.
    """

    def __init__(self, url: str, *, account: str, per_second: float) -> None:
        check_installed()
        self._target = parse(values.text(url, "url"))
        self._account = _check_account(account)
        self._per_second = _check_per_second(per_second)
        self._sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
        self._here: dict[tuple[int, asyncio.AbstractEventLoop], _Here] = {}
        self._closed = False

    async def acquire(self) -> None:
        """Wait until the account may make another request.

        Raises:
            JournalError: the database could not be reached for 30 seconds, or the rate has been
                closed.
        """
        here = self._on_this_loop()
        async with here.turn:
            wait: float = await here.connections.do(self._take)
            if wait > 0:
                await self._sleep(wait)

    async def change(self, per_second: float) -> None:
        """Change the rate for all processes of the account, at once.

        Args:
            per_second: requests a second, 0.0001 to 1,000,000.

        Raises:
            ValidationError: `per_second` is out of range.
            JournalError: the database could not be reached for 30 seconds, or the rate has been
                closed.
        """
        rate = _check_per_second(per_second)

        async def change(connection: Connection, _: bool) -> None:
            await connection.execute(_SET, self._account, rate)

        await self._on_this_loop().connections.do(change)

    async def close(self) -> None:
        """Close the connections; calling it again does nothing."""
        self._closed = True
        here = self._here.pop((os.getpid(), asyncio.get_running_loop()), None)
        if here is not None:
            await here.connections.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<PostgresRate of {self._account!r} in {self._target.name}>"

    async def _take(self, connection: Connection, _: bool) -> float:
        wait: float = await connection.fetchval(_TAKE, self._account)
        return wait

    def _on_this_loop(self) -> _Here:
        if self._closed:
            raise JournalError("this rate is closed; create a new one")
        place = (os.getpid(), asyncio.get_running_loop())
        here = self._here.get(place)
        if here is None:
            from smsworks_async.journals.postgres.connections import Connections

            here = self._here[place] = _Here(Connections(self._target, self._prepare))
        return here

    async def _prepare(self, connection: Connection) -> None:
        if not (await look_at(connection)).is_laid_out:
            await create(connection)
        await check_layout(connection, self._target.name)
        # If a crash loses a reserved slot it is used again, which is harmless; so do not wait for
        # the disk.
        await connection.execute("SET synchronous_commit = off")
        if self._per_second is not None:
            await connection.execute(_SET, self._account, self._per_second)
            self._per_second = None  # set only once, so that reconnecting does not reset the rate


def _check_account(value: object) -> str:
    name = values.text(value, "account").strip()
    if not 1 <= len(name) <= MAX_ACCOUNT or not name.isprintable():
        raise ValidationError(
            f"account must be a name of 1 to {MAX_ACCOUNT} printable characters", field="account"
        )
    return name


def _check_per_second(value: object) -> float | None:
    rate = values.as_number(value)
    if rate is None or not SLOWEST <= rate <= FASTEST:
        raise ValidationError(
            f"per_second must be requests a second, {SLOWEST:g} to {FASTEST:g}", field="per_second"
        )
    return rate
