"""The token of every request: passed by the caller, fetched, or obtained by logging in."""

from __future__ import annotations

import asyncio
import inspect
from typing import Final

from smsworks_async._credentials import TokenFunction, parse_token
from smsworks_async._http import transport
from smsworks_async._redaction import where
from smsworks_async.errors import APIError, ConfigurationError, NotSent, SMSWorksError
from smsworks_async.rates import RateRaised


_NOT_ASYNC: Final = object()
#: The seconds after which the next call replaces a fetch that has not ended: otherwise, a
#: connection that hangs would fail all later calls.
LONGEST_FETCH: Final = 60.0


class Tokens:
    """The current token and the function that fetches the next. Concurrent calls share a fetch."""

    def __init__(self, current: str | None, fetch: TokenFunction | None) -> None:
        self.current = current
        self._fetch = fetch
        self._fetching: asyncio.Task[str] | None = None
        self._begun = 0.0  # by the clock of the fetch's loop

    async def get(self) -> str:
        """Return the token; fetch it if there is none yet.

        Raises:
            NotSent: no token could be obtained, for a temporary reason.
            NotAuthenticated: the key and secret are not valid.
            ConfigurationError: the fetched value is not a token.
        """
        return self.current if self.current is not None else await self._shared_fetch()

    async def renew(self, refused: str) -> str | None:
        """Return a token other than the refused one; None if there is no other."""
        if self._fetch is None:
            return None
        if self.current is not None and self.current != refused:
            return self.current
        return await self._shared_fetch()

    async def _shared_fetch(self) -> str:
        loop, fetching = asyncio.get_running_loop(), self._fetching
        if fetching is not None and fetching.get_loop() is loop and not fetching.done():
            if loop.time() - self._begun >= LONGEST_FETCH:
                fetching.cancel()
                fetching = None
        else:
            fetching = None
        if fetching is None:
            self._begun = loop.time()
            fetching = self._fetching = loop.create_task(self._fetch_once())
            # Retrieved even if every caller was cancelled, so that asyncio does not warn.
            fetching.add_done_callback(lambda done: done.cancelled() or done.exception())
        while True:
            try:
                # Shielded, so that cancelling one caller does not cancel the fetch for others.
                return await asyncio.shield(fetching)
            except asyncio.CancelledError as error:
                if not fetching.cancelled() or transport.being_cancelled():
                    raise
                if self._fetching is None or self._fetching is fetching:
                    raise NotSent(
                        "the request was not sent: the client was closed while it waited for a "
                        "token"
                    ) from error
                fetching = self._fetching  # it was replaced
            except (APIError, ConfigurationError):
                raise
            except SMSWorksError as error:
                raise NotSent(
                    f"the request was not sent: no token could be obtained: {error}"
                ) from error

    async def _fetch_once(self) -> str:
        if self._fetch is None:  # pragma: no cover - a client has a token or a way to one
            raise ConfigurationError("no token")
        try:
            fetching: object = self._fetch()
            fetched: object = await fetching if inspect.isawaitable(fetching) else _NOT_ASYNC
        except (SMSWorksError, RateRaised, asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:
            # SystemExit and KeyboardInterrupt too: they would stop the loop, and with it all calls.
            raise NotSent(
                f"the request was not sent: token() raised {type(error).__name__}{where(error)}"
            ) from error
        if fetched is _NOT_ASYNC:
            raise ConfigurationError("token() must be an async function")
        self.current = parse_token(fetched)
        return self.current

    def close(self) -> None:
        """Cancel a fetch that no call waits for any more."""
        fetching, self._fetching = self._fetching, None
        if fetching is not None and not fetching.get_loop().is_closed():
            fetching.cancel()
