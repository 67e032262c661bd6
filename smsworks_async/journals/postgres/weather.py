"""What becomes of an error of PostgreSQL: tried again, or a `JournalError` that says what to do."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Sequence
from typing import Final, TypeAlias

import asyncpg

from smsworks_async.errors import JournalError


#: Seconds for which a lost connection is tried again, and those of the first and longest wait.
PATIENCE: Final = 30.0
FIRST_WAIT: Final = 0.05
LONGEST_WAIT: Final = 2.0


class Weather(enum.Enum):
    """What an error says about trying again."""

    #: The connection is gone, or the server takes none now: again, for a while, on another one.
    LOST = enum.auto()
    #: Another transaction was in the way: again, at once.
    CONFLICT = enum.auto()
    #: A pooler hands each transaction to another connection: again, without prepared statements.
    POOLED = enum.auto()
    #: It fails each time.
    LASTING = enum.auto()


_LOST: Final = (
    OSError,  # TimeoutError is one
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,  # class 08
    asyncpg.InternalClientError,  # what asyncpg raises where an answer was cut
    asyncpg.InterfaceError,  # the connection is closed, or another operation has it
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
# Of the classes above, but they fail each time.
_LASTING: Final = (
    ValueError,  # those of asyncpg's about its configuration, or about values, are of this class
    asyncpg.UnsupportedClientFeatureError,
    asyncpg.UnsupportedServerFeatureError,
    asyncpg.DatabaseDroppedError,
    asyncpg.QueryCanceledError,
)


def weather_of(error: BaseException) -> Weather:
    """Return what an error says about trying again."""
    if isinstance(error, _LASTING):
        return Weather.LASTING
    if isinstance(error, _CONFLICT):
        return Weather.CONFLICT
    if isinstance(error, _POOLED):
        return Weather.POOLED
    return Weather.LOST if isinstance(error, _LOST) else Weather.LASTING


#: One class of errors, or several.
Kinds: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]

#: What is wrong and what to do, by the class of the error; the first that fits counts.
_EXPLANATIONS: Final[Sequence[tuple[Kinds, str]]] = (
    (
        (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError),
        "the server refused the login; look at the user and the password, and at pg_hba.conf",
    ),
    (asyncpg.InvalidCatalogNameError, "there is no database of this name; create it first"),
    (
        asyncpg.InsufficientPrivilegeError,
        (
            "the role has no right to do this; create the journal's tables ahead as their owner, "
            "and grant this role the use of them (smsworks journal init)"
        ),
    ),
    (
        (asyncpg.TooManyConnectionsError,),
        "the server takes no more connections; raise max_connections, or use a pooler",
    ),
    (asyncpg.ReadOnlySQLTransactionError, "it is a standby; give the address of the primary"),
    (asyncpg.TargetServerAttributeNotMatched, "none of its hosts takes writes now"),
    (
        asyncpg.QueryCanceledError,
        "a statement was cancelled, by statement_timeout or by a person; run it again",
    ),
    (
        (asyncpg.DiskFullError, asyncpg.OutOfMemoryError),
        "the server's disk or memory is full; make room, and run it again",
    ),
    (
        (asyncpg.DataCorruptedError, asyncpg.IndexCorruptedError),
        (
            "it is damaged; get it back from a copy, and call bulk.reconcile with restored=True "
            "for each campaign before anything is sent: a copy does not know what was sent after "
            "it was made"
        ),
    ),
    (
        (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedColumnError),
        "its tables are not those of a journal; look at the schema smsworks",
    ),
)
_TEMPORARY: Final = (
    asyncpg.QueryCanceledError,
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.InsufficientResourcesError,
)


def journal_error(name: str, error: BaseException) -> JournalError:
    """Return the error that says what is wrong with a journal, and what to do.

    Args:
        name: the journal's, without a password.
        error: what has happened.
    """
    weather = weather_of(error)
    fallback = f"it cannot be used ({type(error).__name__})"
    if weather is Weather.LOST:
        fallback = f"the server cannot be reached ({type(error).__name__}); run it again later"
    elif weather is Weather.CONFLICT:
        fallback = "other transactions were in the way; run it again"
    why = next((text for kind, text in _EXPLANATIONS if isinstance(error, kind)), fallback)
    temporary = weather is not Weather.LASTING or isinstance(error, _TEMPORARY)
    made = JournalError(f"journal {name}: {why}", temporary)
    # Neither its words nor its frames: they quote values, which are numbers and texts.
    made.__cause__ = _without_values(error)
    return made


def _without_values(error: BaseException) -> BaseException | None:
    if isinstance(error, OSError) or not isinstance(error, asyncpg.PostgresError):
        return None
    return type(error)(f"SQLSTATE {error.sqlstate}")
