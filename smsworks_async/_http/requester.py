"""One call: a deadline around it, a token in it, and repetitions behind it where they are safe."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

import attrs
from multidict import CIMultiDict
from yarl import URL

from smsworks_async._http import retry, transport
from smsworks_async._http.deadlines import Deadlines
from smsworks_async._http.responses import Operation, unknown
from smsworks_async._http.retry import parse_date
from smsworks_async._http.session import USER_AGENT, RateRaised, Sessions, acquire
from smsworks_async._http.tokens import Tokens
from smsworks_async._http.transport import CONTENT_TYPE, Body
from smsworks_async._redaction import redact, shown
from smsworks_async._settings import Credentials, Settings
from smsworks_async.errors import (
    NotAuthenticated,
    NotFound,
    NotSent,
    OutcomeUnknown,
    ServiceError,
    SMSWorksError,
)
from smsworks_async.models.convert import Misshapen, from_wire, to_wire


T = TypeVar("T")

LOGIN: Final = Operation("POST", "/auth/token", repeatable=True, authenticated=False)

_dumps: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
# Of the type that aiohttp makes of headers, so that it need not.
_HEADERS: Final = CIMultiDict({"User-Agent": USER_AGENT, "Accept": "application/json"})
# Said outright where there is a body and a session of the caller's: its own default headers would
# go before the body's.
_HEADERS_OF_A_BODY: Final = CIMultiDict(_HEADERS, **{"Content-Type": CONTENT_TYPE})


@attrs.define(eq=False, repr=False)
class _Call:
    """What one call does, and how far its current request has got.

    ``lost`` says that the answer of an earlier request of it was.
    """

    operation: Operation
    url: URL
    content: bytes | None
    secrets: Callable[[], tuple[str, ...]]
    expired: Callable[[], bool] | None = None
    has_turn: bool = False
    told: Callable[[SMSWorksError], None] | None = None
    body: Body | None = None
    in_flight: bool = False
    lost: bool = False


class Calls:
    """Makes calls for the resources."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self.settings = settings
        self._sessions = sessions
        self._urls: dict[str, URL] = {}
        # The last answer's date, and when it was heard, by the monotonic clock.
        self._heard: list[tuple[str | None, float]] = [(None, 0.0)]
        self._limit: float | None = None
        # The last token, and the headers with it: without a body, and with one.
        self._headers: tuple[str | None, Mapping[str, str], Mapping[str, str]] = (
            None,
            _HEADERS,
            _HEADERS_OF_A_BODY,
        )
        token, credentials = settings.token, settings.credentials
        if callable(token):
            self._tokens = Tokens(None, token)
        elif credentials is not None:
            self._tokens = Tokens(token, lambda: self.log_in(credentials))
        else:
            self._tokens = Tokens(token, None)

    async def log_in(self, credentials: Credentials) -> str:
        """Exchange a customer id, key and secret for a token."""
        # Built in the call, so that no frame has a local that shows it.
        login = await self.make(
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

    async def make(
        self,
        operation: Operation,
        document: object = None,
        *,
        into: type[T],
        identifier: str | None = None,
        expired: Callable[[], bool] | None = None,
        has_turn: bool = False,
        told: Callable[[SMSWorksError], None] | None = None,
        limit: float | None = None,
        is_inner: bool = False,
    ) -> T:
        """Make a call, and answer with its model.

        Args:
            operation: what to do.
            document: an outgoing model, a list of them, or JSON; None for no body.
            into: the model of the answer.
            identifier: the id that the operation's path wants.
            expired: says whether no byte may leave any more.
            has_turn: whether the first request need not wait for its `turn`.
            told: called with each failure after which the request is made again.
            limit: seconds for this call in all, retries included, where the client has no time-out
                (`timeout=None`); None for no limit. Elsewhere the client's time-out holds.
            is_inner: whether what a rate of the caller's raises comes as `RateRaised`, and not as
                it is.

        Raises:
            APIError: the API refused.
            NotSent: nothing left.
            OutcomeUnknown: there was no usable answer.
        """
        call = self._call(operation, document, identifier)
        call.expired, call.has_turn, call.told = expired, has_turn, told
        document = identifier = None  # this frame is in an error's traceback, with its locals
        try:
            deadlines = self._sessions.deadlines(self._limit if limit is None else limit)
            return _read(await self._within_time(call, deadlines), into, operation)
        except SMSWorksError as error:
            failed: Exception = shown(error, call.secrets, passcodes=operation.passcodes)
        except RateRaised as raised:
            failed = raised if is_inner else raised.error
        # Not from within the handler: what is handled there would become the context again.
        raise failed

    def _call(self, operation: Operation, document: object, identifier: str | None) -> _Call:
        wire = to_wire(document)
        return _Call(
            operation,
            self._url(operation, identifier),
            None if document is None else _dumps(wire).encode(),
            lambda: self._secrets(wire, identifier),
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
            raise _too_late(call, deadlines.seconds) from error
        except NotSent as error:
            if call.lost:  # this request did not leave, but one before it did
                raise unknown(call.operation, "the answer was lost") from error
            raise
        except NotFound as error:
            if call.lost:
                error.add_note("an earlier request, whose answer was lost, may have done it")
            raise

    async def _attempts(self, call: _Call, deadline: float) -> Any:
        try:
            return await self._attempt(call)
        except SMSWorksError as error:
            if self.settings.retry.attempts == 1 or not retry.worth_repeating(error):
                raise
            first = error
        clock = asyncio.get_running_loop().time
        return await retry.repeat(
            lambda: self._attempt(call),
            first,
            self.settings.retry,
            time_left=lambda: deadline - clock(),
            sleep=asyncio.sleep,
            told=call.told,
        )

    async def _attempt(self, call: _Call) -> Any:
        if not call.operation.authenticated:
            return await self._request(call, None)
        token = self._tokens.current or await self._tokens.get()
        try:
            return await self._request(call, token)
        except NotAuthenticated:
            fresh = await self._tokens.renew(token)
            if fresh is None:
                raise
            return await self._request(call, fresh)

    async def _request(self, call: _Call, token: str | None) -> Any:
        session = self._sessions.current()
        if self._sessions.rate is not None and not call.has_turn:
            await self.turn()
        call.has_turn = False
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
                self._headers_with(
                    token, has_body=call.body is not None and self._sessions.is_given
                ),
                proxied=self._sessions.proxied,
                options=self._sessions.options,
                secrets=call.secrets,
                heard=self._hear,
            )
        except Exception as error:
            # An answer or a verdict is there; only the deadline leaves a request in flight.
            call.in_flight = False
            call.lost = call.lost or isinstance(error, OutcomeUnknown | ServiceError)
            raise

    def limited(self, seconds: float) -> Calls:
        """Return these calls with a limit for each where the client has no time-out, in seconds."""
        limited = copy.copy(self)
        limited._limit = seconds
        return limited

    def _hear(self, headers: Mapping[str, str]) -> None:
        self._heard[0] = headers.get("Date"), time.monotonic()

    def server_time(self) -> float | None:
        """Return the time by the server's clock, in POSIX seconds, as its last answer told it.

        That is to the second, and None where no answer has told it.
        """
        date, heard = self._heard[0]
        moment = None if date is None else parse_date(date)
        return None if moment is None else moment + time.monotonic() - heard

    def check_loop(self) -> None:
        """Check that calls can be made from the running loop.

        Raises:
            ConfigurationError: the client is closed, or belongs to another loop that still runs.
        """
        self._sessions.current()

    async def turn(self) -> None:
        """Wait until another request may leave, where there is a `max_rate`.

        Raises:
            RateRaised: it is an object of the caller's, and raised.
        """
        self._sessions.current()
        if self._sessions.rate is not None:
            await acquire(self._sessions.rate)

    def _secrets(self, wire: object, identifier: str | None) -> tuple[str, ...]:
        """Return the strings that an error must not repeat."""
        token = (self._tokens.current or "").removeprefix("JWT ")
        return tuple({token, identifier or "", *_texts(wire)} - {""})

    def _headers_with(self, token: str | None, *, has_body: bool) -> Mapping[str, str]:
        if token is None:
            return _HEADERS_OF_A_BODY if has_body else _HEADERS
        known, bare, of_a_body = self._headers
        if known != token:
            bare = CIMultiDict(_HEADERS, Authorization=token)
            of_a_body = CIMultiDict(_HEADERS_OF_A_BODY, Authorization=token)
            self._headers = (token, bare, of_a_body)
        return of_a_body if has_body else bare

    def _url(self, operation: Operation, identifier: str | None) -> URL:
        if identifier is not None:
            path = operation.path.format(quote(identifier, safe=""))
            return URL(self.settings.base_url + path, encoded=True)
        url = self._urls.get(operation.path)
        if url is None:
            url = self._urls[operation.path] = URL(self.settings.base_url + operation.path)
        return url

    def close(self) -> None:
        """Stop a log-in that nobody waits for."""
        self._tokens.close()


def _too_late(call: _Call, limit: float | None) -> SMSWorksError:
    seconds = "the time was over" if limit is None else f"the time of {limit:g} s was over"
    if call.in_flight and (call.body is None or call.body.left):
        return unknown(call.operation, f"{seconds} before an answer came")
    return NotSent(f"{call.operation}: the request was not sent: {seconds} before it could leave")


@attrs.frozen(eq=False, repr=False)
class _Login:
    token: str


#: The fields of a request that say nothing about a person, and may stand in an error.
_HARMLESS: Final = frozenset(
    {"sender", "status", "schedule", "from", "to", "tag", "key", "validity", "ttl", "length"}
)


def _texts(wire: object) -> Iterator[str]:
    """Yield the strings and numbers in a request, but for those of fields that are harmless."""
    if isinstance(wire, str):
        yield wire
    elif isinstance(wire, list):
        for item in wire:
            yield from _texts(item)
    elif isinstance(wire, dict):
        login = "secret" in wire
        for name, value in wire.items():
            if name not in _HARMLESS or (login and name == "key"):
                yield from _texts(value)


def _read(answer: object, into: type[T], operation: Operation) -> T:
    try:
        return from_wire(answer, into)
    except Misshapen as error:
        why = redact(str(error), passcodes=operation.passcodes)
        raise unknown(operation, f"the answer is not as it should be: {why}") from error
