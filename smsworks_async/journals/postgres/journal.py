"""A journal in a PostgreSQL database, for any number of machines."""

from __future__ import annotations

import time
from collections.abc import Sequence

from smsworks_async.journals import keys, opt_outs, rules
from smsworks_async.journals.base import typed
from smsworks_async.journals.key_records import KeyRecord
from smsworks_async.journals.postgres.claims import Wanted
from smsworks_async.journals.postgres.erasure import analyse, sweep
from smsworks_async.journals.postgres.layout import grant
from smsworks_async.journals.postgres.running import RunInPostgres
from smsworks_async.journals.postgres.statements import Connection
from smsworks_async.journals.postgres.store import PostgresStore
from smsworks_async.journals.records import ChunkRecord, Refused, State, StoredChunk, Totals
from smsworks_async.journals.store import LeaveOut, Store
from smsworks_async.models.report import BatchOutcome, Outcome


class PostgresJournal(RunInPostgres):
    """A journal in a PostgreSQL database, in its own schema ``smsworks``.

    It is opened on first use, and creates its tables if they do not exist; see `lay_out` for roles
    without that privilege. Each event loop that uses it has at most two connections, and a forked
    process has its own. Its clock is the server's.

    Data is on the server's disk when a method returns; a server that could lose it in a crash
    (``fsync`` or ``synchronous_commit`` off) is refused. A failover is safe only with synchronous
    replication: if a campaign was created on another timeline of the server, its chunks cannot be
    claimed until ``bulk.reconcile(restored=True)``.

    A lost connection is retried for 30 seconds.

    Args:
        url: ``postgresql://user:password@host/database``, with libpq's options.
        clock: returns POSIX seconds, instead of the server's clock; for tests.
        must_exist: raise an error if the database has no journal, instead of creating it.

    Raises:
        ConfigurationError: the URL is malformed or has an option that is not supported, or the
            extra ``postgres`` is not installed.
    """

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    @property
    def path(self) -> str:
        """The hosts and the database, without user and password."""
        return f"postgresql://{self._target.name}"

    # Methods that do more than run a rule

    @typed
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
                # The response to an earlier claim may be lost: look for a chunk that it claimed.
                claimed = await here.claims.own(connection, key, owner) if again else None
                return claimed or await here.claims.claim(connection, key, campaign, wanted)

            return await self._alone(here, connection, rule)

        return await here.connections.do(job, turn=here.claims.turn)

    @typed
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

            # A chunk that becomes pending again may have to be cancelled, in further statements.
            if outcome.outcome is not Outcome.NOT_SENT:
                record = await self._alone(here, connection, alone)
                if record is not None:
                    return record
            return await self._transaction(connection, whole)

        return await here.connections.do(job)

    @typed
    async def finish_planning(self, campaign: str, /, totals: Totals) -> None:
        await super().finish_planning(campaign, totals)
        await self._here().connections.do(lambda connection, _: analyse(connection))

    @typed
    async def suspect(self, campaign: str, /) -> int:
        async def rule(store: Store, key: int) -> int:
            changed = await rules.suspect(store, key)
            assert isinstance(store, PostgresStore)  # noqa: S101 - for the type
            await store.keep_timeline(key)
            return changed

        return await self._run_for(campaign, rule)

    @typed
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
                    # The response was lost, and it was claimed; or its lease has expired since.
                    return kept if kept.request.state is State.SENDING else None
                return await keys.resend_key(
                    store,
                    key_hash,
                    attempt,
                    wait,
                    owner=owner,
                    lease=lease,
                    server_time=server_time,
                )

            return await self._transaction(connection, rule)

        return await self._here().connections.do(job)

    @typed
    async def record_opt_outs(self, numbers: Sequence[str], *, source: str) -> int:
        async def rule(store: PostgresStore) -> int:
            await store.read_last_of(numbers)
            return await opt_outs.record_opt_outs(store, numbers, source=source)

        return await self._here().connections.do(
            lambda connection, _: self._transaction(connection, rule)
        )

    async def now(self) -> float:
        given = self._given_now()
        if given is not None:
            return given

        async def rule(store: Store) -> float:
            return await store.now()

        since = time.time()
        now = await self._read(rule)
        self._server_clock.set(now, since)
        return now

    async def lay_out(self, grant_to: str | None = None) -> None:
        """Create the tables if they do not exist; see the function `lay_out`."""
        await self.opt_out_list()
        if grant_to is not None:
            role = grant_to
            await self._here().connections.do(lambda connection, _: grant(connection, role))

    async def _sweep(self) -> None:
        name = self._target.name
        await self._here().connections.do(lambda connection, _: sweep(connection, name))


async def lay_out(url: str, *, grant_to: str | None = None) -> None:
    """Create the tables of a journal in advance, so that its users need no DDL privileges.

    Args:
        url: the database's URL, with a role that may create a schema.
        grant_to: a role that is granted access to the journal, or None.

    Raises:
        ConfigurationError: the URL is malformed, or the extra ``postgres`` is not installed.
        JournalError: the tables cannot be created.
    """
    journal = PostgresJournal(url)
    try:
        await journal.lay_out(grant_to)
    finally:
        await journal.close()
