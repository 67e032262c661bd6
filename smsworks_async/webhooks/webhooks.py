"""`Webhooks`: the processor, mounted in web frameworks by their adapters."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING

from smsworks_async._client_journal import ClientJournal
from smsworks_async.blocking.client import SMSWorks
from smsworks_async.client import AsyncSMSWorks
from smsworks_async.errors import ConfigurationError
from smsworks_async.webhooks.asgi import asgi_application
from smsworks_async.webhooks.callbacks import check_callback
from smsworks_async.webhooks.guard import Guard
from smsworks_async.webhooks.processor import OnIncoming, OnReport, Processor
from smsworks_async.webhooks.seen import Seen, open_seen
from smsworks_async.webhooks.wsgi import wsgi_application


if TYPE_CHECKING:
    from aiohttp import web

    from smsworks_async.journals import Journal
    from smsworks_async.optouts import OptOuts
    from smsworks_async.webhooks.asgi import ASGIApplication
    from smsworks_async.webhooks.django import DjangoView
    from smsworks_async.webhooks.wsgi import WSGIApplication


class Webhooks:
    """Receives what the provider posts, and calls functions of yours, once for each new report.

    Mount it in the framework that you use: `routes` for aiohttp, `asgi` for FastAPI, Starlette and
    the like, `wsgi` for Flask, `django` for Django. One object may be mounted more than once.

    A repeat (the same message and status) does not reach your functions, nor does a report that
    comes after a final one. If a function raises, the answer is a 500 and the report counts as not
    handled, so that it reaches the function again when the provider repeats it.

    A report is claimed before the function runs, for 60 seconds, and again every 20 seconds while
    it runs. Copies that come at the same time, also to other processes that share `seen`, wait up
    to 30 seconds for it to end. A report is remembered only after the function has returned: each
    is handled **at least** once. It is handled twice only if the process dies or stands still in
    between (the first copy after its claim has ended is handed on, and the log warns of it), if
    the clock is set forward meanwhile, or if the store (`seen`) has lost it. What has begun is
    brought to its end even if the request is cancelled.

    If the store fails before the function runs, the answer is 503, and the function is not called.
    If it fails afterwards the answer is 200: this process remembers the report, and tries to record
    it every 20 seconds.

    Args:
        on_report, on_incoming: called with each `DeliveryReport` and each `IncomingMessage`; async
            functions, or plain ones, which run in a thread on `routes` and `asgi`, and directly on
            the request's own thread on `wsgi` and `django`. Generators are refused, and a function
            that returns something that is yet to be run (a generator, a function) has failed.
        secrets: one secret or several, old and new, of at least 32 bytes, which the URL that you
            give to the provider holds as the end of its path or as its password; None takes them
            from ``SMSWORKS_WEBHOOK_SECRET``, separated by commas.
        networks: the networks that posts may come from, such as ``"192.0.2.0/24"``.
        trusted_proxies: the networks of your own proxies, ``"unix"`` for a UNIX socket. Only their
            ``X-Forwarded-For`` is believed.
        client: passes each report to its `messages.wait`, which then returns at once; required for
            `confirm`. Its `journal` is the default of `seen`, and its list that of `opt_outs`.
        confirm: take a post only as a hint: get the message from the API through the client, and
            hand on what the API says.
        seen: the store of what was handled; by default one in the memory of this process, of the
            100,000 messages that were last used. The path of a journal, or a journal of
            `smsworks_async.journals`, is shared by processes and outlives them; a `Seen` is a store
            of your own.
        opt_outs: the list in which incoming messages that ask to opt out or in are recorded before
            `on_incoming` is called: an `OptOuts`, a journal, or the path of one; by default the
            client's, if it has one. Such a message is answered with 200 without `on_incoming`, too.
        receive_timeout: seconds within which the whole body must arrive.
        insecure: accept posts without secrets and networks, from anybody.

    Answers: 200 handled, or nothing new; 400 neither a report nor an incoming message; 404 no
    secret, the wrong one or the wrong network, all three alike, so that a stranger does not learn
    that the address exists; or there is no `on_incoming` for an incoming message; 405 not a POST;
    408 too slow; 413 too large (64 KiB); 422 the API has no such message (`confirm`); 500 your
    function failed; 503 the API cannot say, a copy is still being handled, or the store (`seen`) or
    the list of opt-outs failed.

    Raises:
        ConfigurationError: there is no guard, nothing to call, or an argument cannot work.
    """

    def __init__(
        self,
        *,
        on_report: OnReport | None = None,
        on_incoming: OnIncoming | None = None,
        secrets: str | Iterable[str] | None = None,
        networks: Iterable[str] = (),
        trusted_proxies: Iterable[str] = (),
        client: AsyncSMSWorks | SMSWorks | None = None,
        confirm: bool = False,
        seen: Seen | Journal | str | PathLike[str] | None = None,
        opt_outs: OptOuts | Journal | str | PathLike[str] | None = None,
        receive_timeout: float = 10.0,
        insecure: bool = False,
    ) -> None:
        check_callback(on_report, "on_report")
        check_callback(on_incoming, "on_incoming")
        if not isinstance(client, AsyncSMSWorks | SMSWorks | None):
            raise ConfigurationError("client must be an AsyncSMSWorks or a SMSWorks")
        if on_report is None and on_incoming is None and client is None and opt_outs is None:
            raise ConfigurationError("there is nobody to tell: give on_report or on_incoming")
        if confirm and client is None:
            raise ConfigurationError("confirm asks the API, for which it needs a client")
        if not 0 < receive_timeout < float("inf"):
            raise ConfigurationError("receive_timeout must be more than 0 seconds")
        core = client._client if isinstance(client, SMSWorks) else client  # noqa: SLF001 - our own
        given = ClientJournal(None, opt_outs)
        theirs = ClientJournal(None, None) if core is None else core._journal  # noqa: SLF001
        self._processor = Processor(
            Guard(secrets, networks, trusted_proxies, insecure=insecure),
            open_seen(theirs.journal() if seen is None else seen),
            on_report,
            on_incoming,
            notify=None if core is None else core._poller.notify,  # noqa: SLF001
            opt_outs=given.opt_outs() or theirs.opt_outs(),
            get_message=client.messages.get if confirm and client is not None else None,
            receive_timeout=receive_timeout,
        )

    def routes(self, path: str = "/") -> list[web.RouteDef]:
        """Return routes for `aiohttp.web`: ``app.add_routes(hooks.routes("/sms"))``."""
        from smsworks_async.webhooks.aiohttp import aiohttp_routes

        return aiohttp_routes(self._processor, path)

    def asgi(self) -> ASGIApplication:
        """Return a bare ASGI application: ``app.mount("/sms", hooks.asgi())``."""
        return asgi_application(self._processor)

    def wsgi(self) -> WSGIApplication:
        """Return a bare WSGI application, for a dispatcher beside your own."""
        return wsgi_application(self._processor)

    def django(self) -> DjangoView:
        """Return a Django view: ``re_path("^sms/", hooks.django())`` in the URL configuration.

        Unlike `wsgi` it runs within Django's request cycle, which closes database connections that
        have gone stale.
        """
        from smsworks_async.webhooks.django import django_view

        return django_view(self._processor)

    def __repr__(self) -> str:
        return f"<Webhooks, {self._processor.guard!r}>"
