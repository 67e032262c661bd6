"""The blocking client: the same core, names and arguments, for callers without an event loop."""

from __future__ import annotations

import functools
import os
import ssl as _ssl
from collections.abc import (
    Sequence,
)
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Self,
)

import aiohttp

from smsworks_async._credentials import TokenFunction
from smsworks_async._settings import BATCH_SIZE, TIMEOUT, RetryPolicy
from smsworks_async.blocking.portal import Portal
from smsworks_async.blocking.twins import Twin, blocking, iterating
from smsworks_async.client import AsyncSMSWorks
from smsworks_async.resources._base import declare
from smsworks_async.resources.auth import AsyncAuth
from smsworks_async.resources.batches import AsyncBatches
from smsworks_async.resources.credits import AsyncCredits
from smsworks_async.resources.messages import AsyncMessages
from smsworks_async.resources.opt_outs import AsyncOptOutList
from smsworks_async.resources.otp import AsyncOTP
from smsworks_async.resources.utils import AsyncUtils


if TYPE_CHECKING:
    from smsworks_async.blocking.bulk import Bulk
    from smsworks_async.journals import Journal
    from smsworks_async.optouts import OptOuts
    from smsworks_async.rates import Rate


class Messages(Twin[AsyncMessages]):
    """Single messages."""

    send = blocking(AsyncMessages.send)
    send_binary = blocking(AsyncMessages.send_binary)
    flash = blocking(AsyncMessages.flash)
    schedule = blocking(AsyncMessages.schedule)
    scheduled = blocking(AsyncMessages.scheduled)
    cancel = blocking(AsyncMessages.cancel)
    get = blocking(AsyncMessages.get)
    delete = blocking(AsyncMessages.delete)
    search = blocking(AsyncMessages.search)
    volume = blocking(AsyncMessages.volume)
    failed = blocking(AsyncMessages.failed)
    find = blocking(AsyncMessages.find)
    inbox = blocking(AsyncMessages.inbox)
    iterate = iterating(AsyncMessages.iterate)
    wait = blocking(AsyncMessages.wait)
    incoming = iterating(AsyncMessages.incoming)


class Batches(Twin[AsyncBatches]):
    """Batches of at most 500 recipients."""

    send = blocking(AsyncBatches.send)
    send_each = blocking(AsyncBatches.send_each)
    schedule = blocking(AsyncBatches.schedule)
    get = blocking(AsyncBatches.get)
    cancel = blocking(AsyncBatches.cancel)


class OTP(Twin[AsyncOTP]):
    """One-time passwords."""

    send = blocking(AsyncOTP.send)
    verify = blocking(AsyncOTP.verify)
    get = blocking(AsyncOTP.get)


class Credits(Twin[AsyncCredits]):
    """The account's credits."""

    balance = blocking(AsyncCredits.balance)
    cost = blocking(AsyncCredits.cost)


class Utils(Twin[AsyncUtils]):
    """The API's own aids."""

    test = blocking(AsyncUtils.test)
    error = blocking(AsyncUtils.error)


class Auth(Twin[AsyncAuth]):
    """Tokens."""

    token = blocking(AsyncAuth.token)


class OptOutList(Twin[AsyncOptOutList]):
    """The list of opt-outs that the client was given."""

    add = blocking(AsyncOptOutList.add)
    remove = blocking(AsyncOptOutList.remove)
    contains = blocking(AsyncOptOutList.contains)
    among = blocking(AsyncOptOutList.among)
    iterate = iterating(AsyncOptOutList.iterate)
    history = blocking(AsyncOptOutList.history)


class SMSWorks:
    """The SMS Works, blocking: for Django, Flask, cron and notebooks.

    It has the methods of `AsyncSMSWorks`, with the same arguments. Use it as a context manager, or
    call `close`. The first call starts one background thread with one event loop, which all threads
    share; a forked child makes a client of its own.

    Args:
        token: ``"JWT eyJ..."`` or the bare ``"eyJ..."``, or an async function that fetches one.
            Without it, and without a key, ``SMSWORKS_TOKEN`` is taken from the environment.
        customer_id: the account's customer id, to log in with, together with `key` and `secret`,
            when a token is first needed and again after a refusal; or ``SMSWORKS_CUSTOMER_ID``.
        key: the API key; or ``SMSWORKS_KEY``.
        secret: the API secret; or ``SMSWORKS_SECRET``.
        base_url: the API's address, or ``SMSWORKS_BASE_URL``; the provider's own by default.
        timeout: seconds for one call in all, retries included, above 0; 30 by default. None waits
            for ever.
        retry: how often, and after which waits, a call is attempted; `RetryPolicy` has the
            defaults.
        max_connections: connections open at a time, 1 or more; 100 by default.
        trace_configs: aiohttp's, such as those of OpenTelemetry's instrumentation.
        proxy: a proxy's address, http or https.
        ssl: a context of your own, or False for no checks.
        trust_env: take proxies from the environment (default False).
        max_rate: requests a second; or a rate of your own, an object with ``async def acquire()``,
            which is awaited before each request, on the background loop (see
            `smsworks_async.rates.Rate`). No limit by default.
        batch_size: recipients that one batch may hold: 500 by default, which is the provider's
            documented limit, and at most 5000.
        international: accept numbers outside the UK (default False): the account must be enabled
            for them, they typically cost double, and the extra ``international`` must be installed.
        journal: a path, a PostgreSQL URL, or a journal of `smsworks_async.journals`: what bulk,
            `opt_outs` and `Webhooks` use unless they are given another. It is opened when it is
            first used, and closed with the client if it was given as a path.
        opt_outs: the opt-out list, where it is not the one in `journal`: a path, a journal, or an
            `OptOuts`.
        insecure: allow plain http beyond this machine (default False).

    Raises:
        ConfigurationError: an argument is missing, or cannot work.
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
        client = AsyncSMSWorks(
            token,
            customer_id=customer_id,
            key=key,
            secret=secret,
            base_url=base_url,
            timeout=timeout,
            retry=retry,
            max_connections=max_connections,
            trace_configs=trace_configs,
            proxy=proxy,
            ssl=ssl,
            trust_env=trust_env,
            max_rate=max_rate,
            batch_size=batch_size,
            international=international,
            journal=journal,
            opt_outs=opt_outs,
            insecure=insecure,
        )
        self._client = client
        #: The time by which it waits; a test may replace it.
        self.clock = client.clock
        self._portal = Portal(client.close)
        self.messages = Messages(self._portal, client.messages)
        self.batches = Batches(self._portal, client.batches)
        self.otp = OTP(self._portal, client.otp)
        self.credits = Credits(self._portal, client.credits)
        self.utils = Utils(self._portal, client.utils)
        self.auth = Auth(self._portal, client.auth)
        self.opt_outs = OptOutList(self._portal, client.opt_outs)

    @functools.cached_property
    def bulk(self) -> Bulk:
        """Any number of recipients; imported when it is used."""
        from smsworks_async.blocking.bulk import Bulk

        return Bulk(self._portal, self._client.bulk)

    def close(self) -> None:
        """End the background thread and its connections; calling it again does nothing.

        Calls that are under way in other threads end with `OutcomeUnknown`.
        """
        self._portal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._client).replace("AsyncSMSWorks", "SMSWorks", 1)


def _bulk() -> type[Bulk]:
    from smsworks_async.blocking.bulk import Bulk

    return Bulk


declare(
    SMSWorks,
    messages=Messages,
    batches=Batches,
    otp=OTP,
    credits=Credits,
    utils=Utils,
    auth=Auth,
    opt_outs=OptOutList,
    bulk=_bulk,
)
