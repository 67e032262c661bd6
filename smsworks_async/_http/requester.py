"""One call to the API: its deadline, its token, and its retries if they are safe."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import attrs
from yarl import URL

from smsworks_async._credentials import Credentials
from smsworks_async._failures import worth_repeating
from smsworks_async._http import retry, transport
from smsworks_async._http.deadlines import Deadlines
from smsworks_async._http.headers import RequestHeaders
from smsworks_async._http.operations import Operation, unknown
from smsworks_async._http.retry import parse_date
from smsworks_async._http.session import Sessions
from smsworks_async._http.tokens import Tokens
from smsworks_async._http.transport import Body
from smsworks_async._http.urls import URLs
from smsworks_async._redaction import redact, shown
from smsworks_async._settings import Settings
from smsworks_async.errors import (
    NotAuthenticated,
    NotFound,
    NotSent,
    OutcomeUnknown,
    ServiceError,
    SMSWorksError,
)
from smsworks_async.models.convert import Misshapen, from_wire, to_wire
from smsworks_async.models.fields import model_of, secret_strings
from smsworks_async.rates import RateRaised, acquire


T = TypeVar("T")

LOGIN: Final = Operation("POST", "/auth/token", repeatable=True, authenticated=False)

_dumps: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@attrs.define(eq=False, repr=False)
class _Call:
    """The state of one call and of its current request.

    Attributes:
        has_waited: whether the call has waited since `before_repeat` was last awaited.
        lost: whether the response to an earlier attempt never arrived.
    """

    operation: Operation
    url: URL
    content: bytes | None
    secrets: Callable[[], tuple[str, ...]]
    expired: Callable[[], bool] | None = None
    rate_acquired: bool = False
    on_retry: Callable[[SMSWorksError], None] | None = None
    before_repeat: Callable[[], Awaitable[None]] | None = None
    body: Body | None = None
    in_flight: bool = False
    has_waited: bool = False
    lost: bool = False


class Requester:
    """Makes requests for the resources, from validated models to models of the responses."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self.settings = settings
        self._sessions = sessions
        self._urls = URLs(settings.base_url)
        # The date of the last response, and its arrival by the monotonic clock. A list, so that
        # copies with another limit share it.
        self._last_date: list[tuple[str | None, float]] = [(None, 0.0)]
        self._limit: float | None = None
        self._headers = RequestHeaders()
        token, credentials = settings.token, settings.credentials
        if callable(token):
            self._tokens = Tokens(None, token)
        elif credentials is not None:
            self._tokens = Tokens(token, lambda: self.log_in(credentials))
        else:
            self._tokens = Tokens(token, None)

    async def log_in(self, credentials: Credentials) -> str:
        """Exchange a customer id, key and secret for a token."""
        # Built in the call expression, so that no frame has it as a local variable.
        login = await self.request(
            LOGIN,
            {
                "customerid": credentials.customer_id,
                "key": credentials.key,
                "secret": credentials.secret,
            },
            into=_Login,
            is_inner=True,
        )
        return login.token

    async def request(
        self,
        operation: Operation,
        document: object = None,
        *,
        query: object = None,
        into: type[T],
        identifier: str | None = None,
        expired: Callable[[], bool] | None = None,
        rate_acquired: bool = False,
        on_retry: Callable[[SMSWorksError], None] | None = None,
        before_repeat: Callable[[], Awaitable[None]] | None = None,
        limit: float | None = None,
        is_inner: bool = False,
    ) -> T:
        """Make a call, retries included, and return the model of its response.

        Args:
            operation: the operation.
            document: an outgoing model, a list of them, or JSON; None for no body.
            query: an outgoing model or a mapping for the query string, or None.
            into: the model of the response.
            identifier: the id in the operation's path.
            expired: returns True when no byte may be sent any more.
            rate_acquired: whether `acquire_rate` has been awaited for the first request.
            on_retry: called with each failure before a retry.
            before_repeat: awaited before a retry, and before a request that has waited for a token
                or the rate; an exception ends the call and is raised unchanged.
            limit: seconds for this call, retries included, if the client has no time-out
                (`timeout=None`); None for no limit. Otherwise the client's time-out applies.
            is_inner: whether an exception of the caller's rate is raised as `RateRaised` instead of
                unchanged.

        Raises:
            APIError: the API rejected the request.
            NotSent: nothing was sent.
            OutcomeUnknown: there was no usable response.
        """
        call = self._call(operation, document, identifier, query)
        call.expired, call.rate_acquired = expired, rate_acquired
        call.on_retry, call.before_repeat = on_retry, before_repeat
        # This frame and its locals are in an error's traceback.
        document = identifier = query = None
        try:
            deadlines = self._sessions.deadlines(self._limit if limit is None else limit)
            return _read(await self._within_time(call, deadlines), into, operation)
        except SMSWorksError as error:
            failed: Exception = shown(error, call.secrets, passcodes=operation.passcodes)
        except RateRaised as raised:
            failed = raised if is_inner else raised.error
        # Raised outside the handler: inside, the handled exception would become the context again.
        raise failed

    def _call(
        self, operation: Operation, document: object, identifier: str | None, query: object
    ) -> _Call:
        wire = to_wire(document)
        return _Call(
            operation,
            self._urls.of(operation, identifier, query),
            None if document is None else _dumps(wire).encode(),
            lambda: self._secrets(operation, wire, identifier, query),
        )

    async def _within_time(self, call: _Call, deadlines: Deadlines) -> Any:
        try:
            async with asyncio.timeout(None) as scope:
                deadline = deadlines.begin(scope)
                try:
                    return await self._attempts(call, deadline)
                finally:
                    deadlines.end(scope)
        except TimeoutError as error:
            late = _too_late(call, deadlines.seconds)
            if call.lost and isinstance(late, NotSent):
                late = unknown(call.operation, "the response was lost")
            raise late from error
        except NotSent as error:
            if call.lost:  # this request was not sent, but an earlier one was
                raise unknown(call.operation, "the response was lost") from error
            raise
        except NotFound as error:
            if call.lost:
                error.add_note("an earlier request, whose response was lost, may have done it")
            raise

    async def _attempts(self, call: _Call, deadline: float) -> Any:
        try:
            return await self._attempt(call)
        except SMSWorksError as error:
            if self.settings.retry.attempts == 1 or not worth_repeating(error):
                raise
            first = error
        clock = asyncio.get_running_loop().time
        return await retry.repeat(
            lambda: self._repeat(call),
            first,
            self.settings.retry,
            time_left=lambda: deadline - clock(),
            sleep=asyncio.sleep,
            on_retry=call.on_retry,
        )

    async def _repeat(self, call: _Call) -> Any:
        call.has_waited = True
        return await self._attempt(call)

    async def _attempt(self, call: _Call) -> Any:
        if not call.operation.authenticated:
            return await self._request(call, None)
        token = self._tokens.current
        if token is None:
            token = await self._tokens.get()
            call.has_waited = True
        try:
            return await self._request(call, token)
        except NotAuthenticated:
            fresh = await self._tokens.renew(token)
            if fresh is None:
                raise
        call.has_waited = True
        return await self._request(call, fresh)

    async def _request(self, call: _Call, token: str | None) -> Any:
        session = self._sessions.current()
        if self._sessions.rate is not None and not call.rate_acquired:
            await self.acquire_rate()
            call.has_waited = True
        call.rate_acquired = False
        if call.has_waited and call.before_repeat is not None:
            await call.before_repeat()
        call.has_waited = False
        call.body = None
        if call.content is not None:
            once = not call.operation.repeatable
            call.body = Body(
                call.content,
                once=once,
                expired=call.expired,
                watched=self._sessions.watched,
            )
        call.in_flight = True
        try:
            return await transport.request(
                session,
                call.operation,
                call.url,
                call.body,
                self._headers.of(token, has_body=call.body is not None and self._sessions.is_given),
                proxied=self._sessions.proxied,
                options=self._sessions.options,
                secrets=call.secrets,
                on_headers=self._note_date,
            )
        except Exception as error:
            # There is a response or an error; only the deadline leaves a request in flight.
            call.in_flight = False
            call.lost = call.lost or isinstance(error, OutcomeUnknown | ServiceError)
            raise

    def limited(self, seconds: float) -> Requester:
        """Return a requester with a time-out in seconds, which applies if the client has none."""
        limited = copy.copy(self)
        limited._limit = seconds  # noqa: SLF001 - of this class
        return limited

    def _note_date(self, headers: Mapping[str, str]) -> None:
        self._last_date[0] = headers.get("Date"), time.monotonic()

    def server_time(self) -> float | None:
        """Return the server's time in POSIX seconds, from the date of its last response.

        It is accurate to a second, and None if no response had a date.
        """
        date, at = self._last_date[0]
        moment = None if date is None else parse_date(date)
        return None if moment is None else moment + time.monotonic() - at

    def check_loop(self) -> None:
        """Check that calls can be made from the running loop.

        Raises:
            ConfigurationError: the client is closed, or belongs to another loop that still runs.
        """
        self._sessions.current()

    @property
    def is_paced(self) -> bool:
        """Return whether requests wait for a rate."""
        return self._sessions.rate is not None

    async def acquire_rate(self) -> None:
        """Wait until `max_rate`, if set, allows another request.

        Raises:
            RateRaised: it is the caller's object, and raised an exception.
        """
        self._sessions.current()
        if self._sessions.rate is not None:
            await acquire(self._sessions.rate)

    def _secrets(
        self, operation: Operation, wire: object, identifier: str | None, query: object
    ) -> tuple[str, ...]:
        """Return the strings that an error must not contain."""
        token = (self._tokens.current or "").removeprefix("JWT ")
        secrets = {token, identifier or "", *secret_strings(wire, operation.body)}
        if query is not None:
            secrets.update(secret_strings(to_wire(query), model_of(query)))
        return tuple(secrets - {""})

    def close(self) -> None:
        """Cancel a login that no call waits for."""
        self._tokens.close()


def _too_late(call: _Call, limit: float | None) -> SMSWorksError:
    seconds = "the time-out expired" if limit is None else f"the time-out of {limit:g} s expired"
    if call.in_flight and (call.body is None or call.body.left):
        return unknown(call.operation, f"{seconds} before a response arrived")
    return NotSent(f"{call.operation}: the request was not sent: {seconds} before it could be sent")


@attrs.frozen(eq=False, repr=False)
class _Login:
    token: str


def _read(answer: object, into: type[T], operation: Operation) -> T:
    try:
        return from_wire(answer, into)
    except Misshapen as error:
        why = redact(str(error), passcodes=operation.passcodes)
        raise unknown(operation, f"the response is malformed: {why}") from error
