"""`Webhooks`: the processor and its adapters for web frameworks."""

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
    """Receives the provider's callbacks, and calls your functions once for each new report.

    Mount it in your web framework: `routes` for aiohttp, `asgi` for FastAPI, Starlette and similar,
    `wsgi` for Flask, `django` for Django. One object may be mounted more than once.

    Repeats (the same message and status) and reports after a final one do not reach your functions.
    If a function raises, the response is 500 and the report counts as not handled, so the function
    is called again when the provider repeats it.

    A report is claimed for 60 seconds before the function runs, and the claim is renewed every 20
    seconds meanwhile. Copies that arrive at the same time, also in other processes that share
    `seen`, wait up to 30 seconds for it. A report is recorded only after the function has returned,
    so each is handled **at least** once. It is handled twice only if the process dies or hangs in
    between (the first copy after its claim has expired is handled, and a warning is logged), if the
    clock is set forward meanwhile, or if the store (`seen`) has lost it. A started function is
    completed even if the request is cancelled.

    If the store fails before the function runs, the response is 503 and the function is not called.
    If it fails afterwards the response is 200: this process remembers the report, and retries to
    record it every 20 seconds.

    Args:
        on_report, on_incoming: called with each `DeliveryReport` and each `IncomingMessage`; async
            functions, or plain ones, which run in a thread on `routes` and `asgi`, and directly on
            the request's own thread on `wsgi` and `django`. Generator functions are refused, and a
            function that returns something that
            still has to be run (a generator, a function) counts as failed.
        secrets: one secret or several (old and new) of at least 32 bytes, which are the end of the
            path or the password in the URL that you register with the provider; None reads them
            from ``SMSWORKS_WEBHOOK_SECRET``, separated by commas.
        networks: the networks that may post, such as ``"192.0.2.0/24"``.
        trusted_proxies: the networks of your own proxies, ``"unix"`` for a UNIX socket. Only their
            ``X-Forwarded-For`` is trusted.
        client: passes each report to its `messages.wait`, which then returns at once; required for
            `confirm`. Its `journal` is the default of `seen`, and its list that of `opt_outs`. An
            opt-in is not recorded if the API's dates show that it was sent before the opt-out.
        confirm: treat a post only as a hint: read the message from the API through the client, and
            pass on the API's record.
        seen: the store of handled reports; default: the memory of this process, with the 100,000
            most recently used messages. The path of a journal, or a journal of
            `smsworks_async.journals`, is shared by processes and survives them; a `Seen` is your
            own store.
        opt_outs: the list in which opt-outs and opt-ins of incoming messages are recorded before
            `on_incoming` is called: an `OptOuts`, a journal, or the path of one; default: the
            client's, if it has one. Such a message is answered with 200 even without `on_incoming`.
        receive_timeout: seconds within which the whole body must arrive.
        insecure: accept posts from anybody, without secrets and networks.

    HTTP statuses: 200 handled, or nothing new; 400 neither a report nor an incoming message; 404
    no secret, a wrong one or a wrong network (not distinguished, so that strangers do not learn
    that the URL exists), or no `on_incoming` for an incoming message; 405 not a POST; 408 too slow;
    413 too large (64 KiB); 422 the API has no such message (`confirm`); 500 your function failed;
    503 the API cannot tell, a copy is still being handled, or the store (`seen`) or the opt-out
    list failed.

    Raises:
        ConfigurationError: there are neither secrets nor networks, there is nothing to call, or an
            argument is invalid.
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
            raise ConfigurationError("nothing to call: pass on_report= or on_incoming=")
        if confirm and client is None:
            raise ConfigurationError("confirm needs a client, since it reads from the API")
        if not 0 < receive_timeout < float("inf"):
            raise ConfigurationError("receive_timeout must be greater than 0 seconds")
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
            get_message=None if client is None else client.messages.get,
            confirm=confirm,
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
        """Return a bare WSGI application, to mount beside your own with a dispatcher."""
        return wsgi_application(self._processor)

    def django(self) -> DjangoView:
        """Return a Django view: ``re_path("^sms/", hooks.django())`` in the URL configuration.

        Unlike `wsgi` it runs within Django's request cycle, which closes stale database
        connections.
        """
        from smsworks_async.webhooks.django import django_view

        return django_view(self._processor)

    def __repr__(self) -> str:
        return f"<Webhooks, {self._processor.guard!r}>"
