"""The async client: its settings, its session and its resources."""

from __future__ import annotations

import functools
import os
import ssl as _ssl
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import aiohttp

from smsworks_async._client_journal import ClientJournal
from smsworks_async._clock import Clock
from smsworks_async._credentials import TokenFunction, resolve_credentials
from smsworks_async._http.requester import Requester
from smsworks_async._http.session import Sessions
from smsworks_async._settings import (
    BATCH_SIZE,
    MAX_CONNECTIONS,
    TIMEOUT,
    RetryPolicy,
    Settings,
    insecure_flag,
    resolve_base_url,
)
from smsworks_async.errors import ConfigurationError
from smsworks_async.resources._base import declare
from smsworks_async.resources._calls import KeyedSends
from smsworks_async.resources._poller import StatusPoller
from smsworks_async.resources._searching import MessageSearching
from smsworks_async.resources.auth import AsyncAuth
from smsworks_async.resources.batches import AsyncBatches
from smsworks_async.resources.credits import AsyncCredits
from smsworks_async.resources.messages import AsyncMessages
from smsworks_async.resources.opt_outs import AsyncOptOutList
from smsworks_async.resources.otp import AsyncOTP
from smsworks_async.resources.utils import AsyncUtils


if TYPE_CHECKING:
    from smsworks_async.bulk.resource import AsyncBulk
    from smsworks_async.journals import Journal
    from smsworks_async.optouts import OptOuts
    from smsworks_async.rates import Rate


class AsyncSMSWorks:
    """The async client of The SMS Works.

    Use it as an async context manager, or call `close`. A client belongs to one event loop, and any
    number of tasks can share it. Connections are opened by the first call.

    Args:
        token: ``"JWT eyJ..."`` or the bare ``"eyJ..."``, or an async function that fetches one.
            Without it and without a key, ``SMSWORKS_TOKEN`` of the environment is used.
        customer_id: the account's customer id, or ``SMSWORKS_CUSTOMER_ID``. It is optional beside a
            key and secret.
        key: the API key to log in with instead of a token, or ``SMSWORKS_KEY``. The client logs in
            when a token is first needed, and again after the token is refused.
        secret: the API secret that belongs to the key, or ``SMSWORKS_SECRET``.
        base_url: the API's address, or ``SMSWORKS_BASE_URL``; the provider's own by default.
        timeout: the limit of a whole call in seconds, retries included; None for no limit.
        retry: the number of attempts of a call and the waits between them.
        max_connections: the most connections open at a time, default 100.
        session: an existing aiohttp session; the client does not close it.
        trace_configs: aiohttp trace configs, such as those of OpenTelemetry's instrumentation.
        proxy: the URL of a proxy.
        ssl: an SSL context, or False to disable certificate checks.
        trust_env: use the proxies of the environment.
        max_rate: requests a second; or an object with ``async def acquire()``, which is awaited
            before each request (see `smsworks_async.rates.Rate`).
        batch_size: the most recipients in a batch, 1 to 5000; default 500, as in the provider's
            guide.
        international: accept numbers outside the UK (default False): the account must be enabled
            for them, they typically cost double, and the extra ``international`` must be installed.
        journal: a path, a PostgreSQL URL, or a journal of `smsworks_async.journals`: the default
            journal of bulk, `opt_outs`, `Webhooks` and idempotency keys. It is opened on first use,
            and closed with the client if it was passed as a path or URL.
        opt_outs: the opt-out list, if it is not the one in `journal`: a path, a journal, or an
            `OptOuts`.
        insecure: allow plain http to other machines.

    Raises:
        ConfigurationError: an argument is invalid, or a token or an extra is missing.
    """

    def __init__(
        self,
        token: str | TokenFunction | None = None,
        *,
        customer_id: str | None = None,
        key: str | None = None,
        secret: str | None = None,
        base_url: str | None = None,
        timeout: float | None = TIMEOUT,
        retry: RetryPolicy | None = None,
        max_connections: int | None = None,
        session: aiohttp.ClientSession | None = None,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
        proxy: str | None = None,
        ssl: _ssl.SSLContext | bool | None = None,
        trust_env: bool = False,
        max_rate: float | Rate | None = None,
        batch_size: int = BATCH_SIZE,
        international: bool = False,
        journal: Journal | str | os.PathLike[str] | None = None,
        opt_outs: OptOuts | Journal | str | os.PathLike[str] | None = None,
        insecure: bool = False,
    ) -> None:
        if session is not None and (max_connections is not None or trace_configs or trust_env):
            raise ConfigurationError(
                "max_connections, trace_configs and trust_env belong to the session; "
                "set them on the session that you pass"
            )
        _check_types(session, trace_configs)
        self._journal = ClientJournal(journal, opt_outs)
        given, credentials = resolve_credentials(token, customer_id, key, secret)
        settings = Settings(
            base_url=resolve_base_url(base_url, insecure=insecure_flag(insecure)),
            token=given,
            credentials=credentials,
            timeout=timeout,
            retry=RetryPolicy() if retry is None else retry,
            max_connections=MAX_CONNECTIONS if max_connections is None else max_connections,
            max_rate=max_rate,
            batch_size=batch_size,
            international=international,
            proxy=proxy,
            ssl=ssl,
            trust_env=trust_env,
        )
        self._sessions = Sessions(settings, session, trace_configs)
        self._requester = Requester(settings, self._sessions)
        #: The clock for waits, which tests can replace.
        self.clock = Clock()
        self._poller = StatusPoller(
            MessageSearching(self._requester),
            clock=self.clock.monotonic,
            sleep=self.clock.sleep,
        )
        keyed = functools.cache(
            functools.partial(_keyed, self._requester, self._journal, self.clock)
        )
        self.messages = AsyncMessages(
            self._requester, self._poller, self._journal, keyed, sleep=self.clock.sleep
        )
        self.batches = AsyncBatches(self._requester, self._journal, keyed)
        self.otp = AsyncOTP(self._requester, self._journal, keyed)
        self.credits = AsyncCredits(self._requester)
        self.utils = AsyncUtils(self._requester)
        self.auth = AsyncAuth(self._requester)
        self.opt_outs = AsyncOptOutList(self._journal)

    @functools.cached_property
    def bulk(self) -> AsyncBulk:
        """Sends to any number of recipients. Imported on first use."""
        from smsworks_async.bulk.resource import AsyncBulk

        return AsyncBulk(self._requester, self._poller, self._journal, self.clock)

    async def close(self) -> None:
        """Close the connections; calls after this raise `ConfigurationError`.

        Calling it again does nothing.
        """
        self._requester.close()
        self._poller.close()
        try:
            await self._sessions.close()
        finally:
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

    def __repr__(self) -> str:
        return f"<AsyncSMSWorks {self._requester.settings.base_url}>"


def _keyed(requester: Requester, kept: ClientJournal, clock: Clock) -> KeyedSends:
    """Return the object that makes calls with an idempotency key; imported on first use."""
    from smsworks_async._idempotency.sends import JournaledSends

    return JournaledSends(requester, kept, clock)


def _bulk() -> type[AsyncBulk]:
    from smsworks_async.bulk.resource import AsyncBulk

    return AsyncBulk


declare(
    AsyncSMSWorks,
    messages=AsyncMessages,
    batches=AsyncBatches,
    otp=AsyncOTP,
    credits=AsyncCredits,
    utils=AsyncUtils,
    auth=AsyncAuth,
    opt_outs=AsyncOptOutList,
    bulk=_bulk,
)


def _check_types(session: object, trace_configs: object) -> None:
    if not isinstance(session, aiohttp.ClientSession | None):
        raise ConfigurationError("session must be an aiohttp.ClientSession")
    if not isinstance(trace_configs, Sequence) or not all(
        isinstance(trace, aiohttp.TraceConfig) for trace in trace_configs
    ):
        raise ConfigurationError("trace_configs must be a list of aiohttp.TraceConfig")
