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
    """The API's utilities."""

    test = blocking(AsyncUtils.test)
    error = blocking(AsyncUtils.error)


class Auth(Twin[AsyncAuth]):
    """Tokens."""

    token = blocking(AsyncAuth.token)


class OptOutList(Twin[AsyncOptOutList]):
    """The client's opt-out list."""

    add = blocking(AsyncOptOutList.add)
    remove = blocking(AsyncOptOutList.remove)
    contains = blocking(AsyncOptOutList.contains)
    among = blocking(AsyncOptOutList.among)
    iterate = iterating(AsyncOptOutList.iterate)
    history = blocking(AsyncOptOutList.history)


class SMSWorks:
    """The blocking client of The SMS Works, for Django, Flask, cron and notebooks.

    It has the methods of `AsyncSMSWorks`, with the same arguments. Use it as a context manager, or
    call `close`. The first call starts one background thread with one event loop, shared by all
    threads. A forked child must create its own client.

    Args:
        token: ``"JWT eyJ..."`` or the bare ``"eyJ..."``, or an async function that fetches one.
            Without it and without a key, ``SMSWORKS_TOKEN`` of the environment is used.
        customer_id: the account's customer id, or ``SMSWORKS_CUSTOMER_ID``. It is optional beside a
            key and secret.
        key: the API key to log in with instead of a token, or ``SMSWORKS_KEY``. The client logs in
            when a token is first needed, and again after the token is refused.
        secret: the API secret that belongs to the key, or ``SMSWORKS_SECRET``.
        base_url: the API's address, or ``SMSWORKS_BASE_URL``; the provider's own by default.
        timeout: the limit of a whole call in seconds, retries included, greater than 0; default 30.
            None for no limit.
        retry: the number of attempts of a call and the waits between them; see `RetryPolicy` for
            the defaults.
        max_connections: the most connections open at a time, at least 1; default 100.
        trace_configs: aiohttp trace configs, such as those of OpenTelemetry's instrumentation.
        proxy: the URL of an http or https proxy.
        ssl: an SSL context, or False to disable certificate checks.
        trust_env: use the proxies of the environment (default False).
        max_rate: requests a second; or an object with ``async def acquire()``, which is awaited
            before each request on the background loop (see `smsworks_async.rates.Rate`). Default:
            no
            limit.
        batch_size: the most recipients in a batch, 1 to 5000; default 500, as in the provider's
            guide.
        international: accept numbers outside the UK (default False): the account must be enabled
            for them, they typically cost double, and the extra ``international`` must be installed.
        journal: a path, a PostgreSQL URL, or a journal of `smsworks_async.journals`: the default
            journal of bulk, `opt_outs`, `Webhooks` and idempotency keys. It is opened on first use,
            and closed with the client if it was passed as a path or URL.
        opt_outs: the opt-out list, if it is not the one in `journal`: a path, a journal, or an
            `OptOuts`.
        insecure: allow plain http to other machines (default False).

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
        #: The clock for waits, which tests can replace.
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
        """Sends to any number of recipients. Imported on first use."""
        from smsworks_async.blocking.bulk import Bulk

        return Bulk(self._portal, self._client.bulk)

    def close(self) -> None:
        """Stop the background thread and close its connections; calling it again does nothing.

        Calls in progress in other threads raise `OutcomeUnknown`.
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
