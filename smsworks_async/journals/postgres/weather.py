"""Classification of PostgreSQL errors: retry, or raise a `JournalError` with advice."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Sequence
from typing import Final, TypeAlias

import asyncpg

from smsworks_async.errors import JournalError


#: The seconds during which a lost connection is retried, and the first and the longest wait.
PATIENCE: Final = 30.0
FIRST_WAIT: Final = 0.05
LONGEST_WAIT: Final = 2.0


class Weather(enum.Enum):
    """How an error is retried."""

    #: The connection is lost, or the server accepts none: retry for a while on a new connection.
    LOST = enum.auto()
    #: A conflict with another transaction: retry at once.
    CONFLICT = enum.auto()
    #: A pooler uses a different connection for each transaction: retry without prepared statements.
    POOLED = enum.auto()
    #: A permanent error: do not retry.
    LASTING = enum.auto()


_LOST: Final = (
    OSError,  # TimeoutError is one
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,  # class 08
    asyncpg.InternalClientError,  # raised by asyncpg for a truncated response
    asyncpg.InterfaceError,  # the connection is closed or in use
    asyncpg.OperatorInterventionError,  # class 57: shutdown, crash, starting up
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, until it is promoted
    asyncpg.IdleSessionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
_CONFLICT: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
)
_POOLED: Final = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)
# Subclasses of the above that are permanent.
_LASTING: Final = (
    ValueError,  # asyncpg's errors about configuration or values
    asyncpg.UnsupportedClientFeatureError,
    asyncpg.UnsupportedServerFeatureError,
    asyncpg.DatabaseDroppedError,
    asyncpg.QueryCanceledError,
)


def weather_of(error: BaseException) -> Weather:
    """Return how an error is retried."""
    if isinstance(error, _LASTING):
        return Weather.LASTING
    if isinstance(error, _CONFLICT):
        return Weather.CONFLICT
    if isinstance(error, _POOLED):
        return Weather.POOLED
    return Weather.LOST if isinstance(error, _LOST) else Weather.LASTING


#: One exception class, or several.
Kinds: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]

#: The problem and the advice by exception class; the first match is used.
_EXPLANATIONS: Final[Sequence[tuple[Kinds, str]]] = (
    (
        (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError),
        "the server refused the login; check the user, the password, and pg_hba.conf",
    ),
    (asyncpg.InvalidCatalogNameError, "the database does not exist; create it first"),
    (
        asyncpg.InsufficientPrivilegeError,
        (
            "the role lacks the privilege; create the journal's tables in advance as their owner, "
            "and grant this role access to them (smsworks journal init)"
        ),
    ),
    (
        (asyncpg.TooManyConnectionsError,),
        "the server accepts no more connections; raise max_connections, or use a pooler",
    ),
    (asyncpg.ReadOnlySQLTransactionError, "it is a standby; use the address of the primary"),
    (asyncpg.TargetServerAttributeNotMatched, "none of its hosts accepts writes now"),
    (
        asyncpg.QueryCanceledError,
        "a statement was cancelled, by statement_timeout or by an administrator; run it again",
    ),
    (
        (asyncpg.DiskFullError, asyncpg.OutOfMemoryError),
        "the server's disk or memory is full; free some space, and run it again",
    ),
    (
        (asyncpg.DataCorruptedError, asyncpg.IndexCorruptedError),
        (
            "it is damaged; restore it from a copy, and call bulk.reconcile with restored=True "
            "for each campaign before anything is sent: a copy does not contain what was sent "
            "after it was made"
        ),
    ),
    (
        (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedColumnError),
        "its tables are not those of a journal; check the schema smsworks",
    ),
)
_TEMPORARY: Final = (
    asyncpg.QueryCanceledError,
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.InsufficientResourcesError,
)


def journal_error(name: str, error: BaseException) -> JournalError:
    """Return the error to raise, with the problem of the journal and advice.

    Args:
        name: the journal's name, without a password.
        error: the original error.
    """
    weather = weather_of(error)
    fallback = f"it cannot be used ({type(error).__name__})"
    if weather is Weather.LOST:
        fallback = f"the server cannot be reached ({type(error).__name__}); run it again later"
    elif weather is Weather.CONFLICT:
        fallback = "there were conflicts with other transactions; run it again"
    why = next((text for kind, text in _EXPLANATIONS if isinstance(error, kind)), fallback)
    temporary = weather is not Weather.LASTING or isinstance(error, _TEMPORARY)
    made = JournalError(f"journal {name}: {why}", temporary)
    # Without its message and frames, which contain values: numbers and texts.
    made.__cause__ = _without_values(error)
    return made


def _without_values(error: BaseException) -> BaseException | None:
    if isinstance(error, OSError) or not isinstance(error, asyncpg.PostgresError):
        return None
    return type(error)(f"SQLSTATE {error.sqlstate}")
