"""A journal in a PostgreSQL database: for any number of machines."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

import attrs

from smsworks_async.errors import ConfigurationError, JournalError
from smsworks_async.journals import keys, opt_outs, rules
from smsworks_async.journals.base import BaseJournal
from smsworks_async.journals.key_records import KeyRecord
from smsworks_async.journals.postgres.claims import Claims, ServerClock, Wanted
from smsworks_async.journals.postgres.layout import (
    check_layout,
    check_server,
    create,
    grant,
    look_at,
)
from smsworks_async.journals.postgres.statements import Connection
from smsworks_async.journals.postgres.store import PostgresStore
from smsworks_async.journals.postgres.url import parse
from smsworks_async.journals.records import ChunkRecord, Refused, State, StoredChunk, Totals
from smsworks_async.journals.store import LeaveOut, Store
from smsworks_async.models.report import BatchOutcome, Outcome


T = TypeVar("T")

_WRITING: Final = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
#: The tables that have numbers and texts of campaigns, and those that planning fills.
_ERASED: Final = ("campaign", "chunk", "recipients", "problem", "event")
#: Seconds that the sweep of a table may take.
_SWEEP: Final = 3600.0

# What belongs to the process that this one was forked from. It is left alone, and kept, since to
# close a connection here would end a session of the other process.
_inherited: list[object] = []


@attrs.frozen(eq=False)
class _Here:
    """What a journal has on one event loop of one process."""

    connections: Any  # a `Connections`
    claims: Claims
    #: The keys of campaigns, by their names.
    keys: dict[str, int] = attrs.field(factory=dict)


class PostgresJournal(BaseJournal):
    """Keeps campaigns in a PostgreSQL database, in a schema of its own, ``smsworks``.

    It is opened when it is first used, and makes its tables if they are not there; see `lay_out`
    for roles that may not. Each event loop that uses it has at most two connections, and a process
    that was forked has connections of its own. Its clock is the server's.

    What was recorded is on the server's disk when a method returns; a server that would forget it
    in a crash (``fsync`` or ``synchronous_commit`` off) is refused. After a failover the promise
    that nobody is texted twice needs synchronous replication: where a campaign was begun on
    another timeline of the server, no chunk of it can be claimed until
    ``bulk.reconcile(restored=True)``.

    A lost connection is tried again for 30 seconds.

    Args:
        url: ``postgresql://user:password@host/database``, with libpq's options.
        clock: returns POSIX seconds, in the place of the server's clock; for tests.
        must_exist: whether a database without a journal is an error, and none is made.

    Raises:
        ConfigurationError: the URL is malformed or has an option that is not supported, or the
            extra ``postgres`` is not installed.
    """

    def __init__(
        self, url: str, *, clock: Callable[[], float] | None = None, must_exist: bool = False
    ) -> None:
        check_installed()
        self._target = parse(url)
        self._server_clock = ServerClock(clock)
        super().__init__(self._server_clock)
        self._must_exist = must_exist
        self._of_loops: dict[asyncio.AbstractEventLoop, _Here] = {}
        self._pid = os.getpid()
        self._closed = False
        #: Whether this journal has made its tables.
        self.made_it = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    @property
    def path(self) -> str:
        """Where it is, without user and password."""
        return f"postgresql://{self._target.name}"

    def _here(self) -> _Here:
        if self._closed:
            raise JournalError("this journal is closed; open it again")
        self._leave_inherited()
        loop = asyncio.get_running_loop()
        here = self._of_loops.get(loop)
        if here is None:
            for other in [one for one in self._of_loops if one.is_closed()]:
                self._of_loops.pop(other).connections.abandon()
            here = self._of_loops[loop] = self._open()
        return here

    def _leave_inherited(self) -> None:
        if self._pid != os.getpid():
            _inherited.append(self._of_loops)
            self._of_loops, self._pid = {}, os.getpid()

    def _open(self) -> _Here:
        from smsworks_async.journals.postgres.connections import Connections

        async def prepare(connection: Connection) -> None:
            await self._prepare(connection)
            # It may be another server by now, which was promoted or restored.
            here.keys.clear()
            here.claims.forget()

        here = _Here(Connections(self._target, prepare), Claims(self._server_clock))
        return here

    async def _prepare(self, connection: Connection) -> None:
        since = time.time()
        server = await look_at(connection)
        self._server_clock.set(server.now, since)
        check_server(server, self._target.name)
        if not server.is_laid_out:
            if self._must_exist:
                raise JournalError(f"there is no journal in this database: {self._target.name}")
            self.made_it = await create(connection)
        await check_layout(connection, self._target.name)

    # How a rule is run

    def _given_now(self) -> float | None:
        given = self._server_clock.given
        return None if given is None else given()

    async def _transaction(
        self,
        connection: Connection,
        rule: Callable[[PostgresStore], Awaitable[T]],
        begin: str = _WRITING,
    ) -> T:
        await connection.execute(begin)
        try:
            store = PostgresStore(connection, self._given_now(), locks=begin == _WRITING)
            result = await rule(store)
            await store.flush()
        except Exception:
            # A connection that is lost needs none; the first error is the one that counts.
            with contextlib.suppress(Exception):
                await connection.execute("ROLLBACK")
            raise
        await connection.execute("COMMIT")
        return result

    async def _alone(
        self,
        here: _Here,
        connection: Connection,
        rule: Callable[[PostgresStore], Awaitable[T]],
        begin: str = _WRITING,
    ) -> T:
        """Run a rule of one statement that counts, which needs no transaction of its own."""
        if here.connections.is_pooled:
            # Where a statement is prepared is another connection of the server than the next.
            return await self._transaction(connection, rule, begin)
        store = PostgresStore(connection, self._given_now(), locks=False)
        return await rule(store)

    async def _key(self, here: _Here, store: PostgresStore, campaign: str) -> int:
        key = here.keys.get(campaign)
        if key is None:
            key = here.keys[campaign] = await store.key_of(campaign)
        return key

    async def _run(self, rule: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        return await self._here().connections.do(
            lambda connection, _: self._transaction(connection, rule)
        )

    async def _run_for(
        self, campaign: str, rule: Callable[[Store, int], Coroutine[Any, Any, T]]
    ) -> T:
        here = self._here()

        async def with_key(store: PostgresStore) -> T:
            return await rule(store, await self._key(here, store, campaign))

        return await here.connections.do(
            lambda connection, _: self._transaction(connection, with_key)
        )

    async def _read(
        self, rule: Callable[[Store], Coroutine[Any, Any, T]], *, as_one: bool = False
    ) -> T:
        here = self._here()

        async def job(connection: Connection, _again: bool) -> T:
            if as_one:
                return await self._transaction(connection, rule, _READING)
            return await self._alone(here, connection, rule, _READING)

        return await here.connections.do(job)

    async def _read_for(
        self,
        campaign: str,
        rule: Callable[[Store, int], Coroutine[Any, Any, T]],
        *,
        as_one: bool = False,
    ) -> T:
        here = self._here()

        async def with_key(store: Store) -> T:
            return await rule(store, await self._key(here, store, campaign))

        return await self._read(with_key, as_one=as_one)

    # What is run otherwise than by the rule alone

    async def claim_next(
        self,
        campaign: str,
        /,
        *,
        owner: str,
        lease: float,
        round: int,
        after: int,
        international: bool,
        server_time: float | None = None,
        leave_out: LeaveOut | None = None,
    ) -> StoredChunk | Refused | None:
        here = self._here()
        wanted = Wanted(
            owner=owner,
            lease=lease,
            round=round,
            after=after,
            international=international,
            server_time=server_time,
            leave_out=leave_out,
        )

        async def job(connection: Connection, again: bool) -> StoredChunk | Refused | None:
            async def rule(store: PostgresStore) -> StoredChunk | Refused | None:
                key = await self._key(here, store, campaign)
                # The answer to a claim may be lost: then nobody would send what it has claimed.
                claimed = await here.claims.own(connection, key, owner) if again else None
                return claimed or await here.claims.claim(connection, key, campaign, wanted)

            return await self._alone(here, connection, rule)

        return await here.connections.do(job, turn=here.claims.turn)

    async def finish(
        self, campaign: str, /, claimed: ChunkRecord, outcome: BatchOutcome
    ) -> ChunkRecord:
        here = self._here()

        async def job(connection: Connection, _again: bool) -> ChunkRecord:
            async def alone(store: PostgresStore) -> ChunkRecord | None:
                key = await self._key(here, store, campaign)
                return await rules.finish_claimed(store, key, claimed, outcome)

            async def whole(store: PostgresStore) -> ChunkRecord:
                key = await self._key(here, store, campaign)
                return await rules.finish(store, key, claimed, outcome)

            # What becomes pending again may have to be cancelled: that takes more statements.
            if outcome.outcome is not Outcome.NOT_SENT:
                record = await self._alone(here, connection, alone)
                if record is not None:
                    return record
            return await self._transaction(connection, whole)

        return await here.connections.do(job)

    async def finish_planning(self, campaign: str, /, totals: Totals) -> None:
        await super().finish_planning(campaign, totals)
        # Until the server has counted, it takes the tables for empty ones, and reads them whole.
        await self._here().connections.do(
            lambda connection, _: connection.execute(f"ANALYZE {_names(_ERASED)}", timeout=_SWEEP)
        )

    async def suspect(self, campaign: str, /) -> int:
        async def rule(store: Store, key: int) -> int:
            changed = await rules.suspect(store, key)
            assert isinstance(store, PostgresStore)  # noqa: S101 - for the type
            await store.keep_timeline(key)
            return changed

        return await self._run_for(campaign, rule)

    async def resend_key(
        self,
        key_hash: str,
        attempt: int,
        wait: float,
        *,
        owner: str,
        lease: float,
        server_time: float | None = None,
    ) -> KeyRecord | None:
        async def job(connection: Connection, again: bool) -> KeyRecord | None:
            async def rule(store: PostgresStore) -> KeyRecord | None:
                kept = await store.key_record(key_hash) if again else None
                if kept is not None and kept.request.owner == owner:
                    # The answer was lost, and it was claimed; or its lease has ended since.
                    return kept if kept.request.state is State.SENDING else None
                how = {"owner": owner, "lease": lease, "server_time": server_time}
                return await keys.resend_key(store, key_hash, attempt, wait, **how)

            return await self._transaction(connection, rule)

        return await self._here().connections.do(job)

    async def record_opt_outs(self, numbers: Sequence[str], *, source: str) -> int:
        async def rule(store: PostgresStore) -> int:
            await store.read_last_of(numbers)
            return await opt_outs.record_opt_outs(store, numbers, source=source)

        return await self._here().connections.do(
            lambda connection, _: self._transaction(connection, rule)
        )

    async def now(self) -> float:
        if self._server_clock.given is not None:
            return self._server_clock()

        async def rule(store: PostgresStore) -> float:
            return await store.now()

        since = time.time()
        now = await self._read(rule)
        self._server_clock.set(now, since)
        return now

    async def _sweep(self) -> None:
        async def job(connection: Connection, _again: bool) -> None:
            may = "bool_and(pg_has_role(relowner, 'USAGE'))"
            is_owner = await connection.fetchval(
                f"SELECT {may} FROM pg_class WHERE oid = ANY ($1::text[]::regclass[])",
                [f"smsworks.{name}" for name in _ERASED],
            )
            if not is_owner:
                raise JournalError(
                    f"journal {self._target.name}: not erased yet: only the owner of its tables "
                    "may vacuum them; call it again as that role, or let autovacuum come by"
                )
            await connection.execute(f"VACUUM {_names(_ERASED)}", timeout=_SWEEP)

        await self._here().connections.do(job)

    async def close(self) -> None:
        """Let what is being done end, and close the connections; a second call does nothing."""
        self._closed = True
        self._leave_inherited()
        of_loops, self._of_loops = self._of_loops, {}
        here = of_loops.pop(asyncio.get_running_loop(), None)
        for loop, other in of_loops.items():
            with contextlib.suppress(RuntimeError):  # it is closed
                loop.call_soon_threadsafe(other.connections.abandon)
        if here is not None:
            await here.connections.close()


def _names(tables: Sequence[str]) -> str:
    return ", ".join(f"smsworks.{table}" for table in tables)


def check_installed() -> None:
    """Check that the extra is installed.

    Raises:
        ConfigurationError: it is not.
    """
    if importlib.util.find_spec("asyncpg") is None:
        raise ConfigurationError(
            "a PostgreSQL journal needs the extra postgres: "
            'pip install "smsworks-async[postgres]"'
        )


async def lay_out(url: str, *, grant_to: str | None = None) -> None:
    """Create the tables of a journal ahead, so that those who use it need no right to.

    Args:
        url: of the database, as a role that may create a schema.
        grant_to: a role that is given the right to use the journal; None for nobody.

    Raises:
        ConfigurationError: the URL is malformed, or the extra ``postgres`` is not installed.
        JournalError: they cannot be created.
    """
    journal = PostgresJournal(url)
    try:
        await journal.opt_out_list()
        if grant_to is not None:
            role = grant_to
            await journal._here().connections.do(lambda connection, _: grant(connection, role))
    finally:
        await journal.close()
