"""From a request to its answer: who may post, what it is, whether it is news, who handles it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from smsworks_async._callables import is_async
from smsworks_async.blocking.client import SMSWorks
from smsworks_async.client import AsyncSMSWorks
from smsworks_async.errors import ConfigurationError, InvalidWebhook, NotFound, SMSWorksError
from smsworks_async.models.posted import DeliveryReport, IncomingMessage
from smsworks_async.webhooks.asgi import asgi_application
from smsworks_async.webhooks.callbacks import check_callback, check_ran
from smsworks_async.webhooks.claims import Claims, StoreFailed
from smsworks_async.webhooks.executors import World
from smsworks_async.webhooks.guard import Facts, Guard
from smsworks_async.webhooks.keyed_lock import Turns
from smsworks_async.webhooks.parsing import MAX_BODY, parse
from smsworks_async.webhooks.seen import INCOMING, Seen, is_news, memory_of
from smsworks_async.webhooks.wsgi import wsgi_application


if TYPE_CHECKING:
    from aiohttp import web

    from smsworks_async.journals import Journal
    from smsworks_async.webhooks.asgi import ASGIApplication
    from smsworks_async.webhooks.django import DjangoView
    from smsworks_async.webhooks.wsgi import WSGIApplication


Item: TypeAlias = DeliveryReport | IncomingMessage
OnReport: TypeAlias = Callable[[DeliveryReport], object | Awaitable[object]]
OnIncoming: TypeAlias = Callable[[IncomingMessage], object | Awaitable[object]]

#: Seconds that a copy waits for the one before it, which is with the handler; then it is sent away.
PATIENCE: Final = 30.0
#: Seconds between two looks at what another process has claimed: at first, and at most.
FIRST_PAUSE: Final = 0.05
LAST_PAUSE: Final = 1.0

_log: Final = logging.getLogger("smsworks_async.webhooks")


class Webhooks:
    """Takes what the provider posts, and hands each news of it to functions of yours, once.

    Mount it in what you have: `routes` for aiohttp, `asgi` for FastAPI, Starlette and the like,
    `wsgi` for Flask, `django` for Django. One object may be mounted more than once.

    A repeat (the same message and status) does not reach your functions, nor does a report that
    comes after a final one. If a function raises, the answer is a 500 and the report counts as not
    handled, so that it reaches the function again when the provider repeats it.

    A report is claimed before the function runs, for 60 seconds, and again every 20 seconds while
    it runs. Copies that come at the same time, also to other processes that share `seen`, wait up
    to 30 seconds for it to end. Only after the function has returned is a report remembered: each
    is handled **at least** once. It is handled twice only if the process dies or stands still in
    between (the first copy after its claim has ended is handed on, and the log warns of it), if
    the clock is set forward meanwhile, or if the memory (`seen`) has lost it. What has begun is
    brought to its end even if the request is cancelled.

    If the memory fails before the function runs, the answer is 503, and the function is not called.
    If it fails afterwards the answer is 200: this process remembers the report, and tries to record
    it every 20 seconds.

    Args:
        on_report, on_incoming: called with each `DeliveryReport` and each `IncomingMessage`; async
            functions, or plain ones, which run in a thread on `routes` and `asgi`, and directly on
            the request's own thread on `wsgi` and `django`. Generators are refused, and one that
            returns something that is yet to be run (a generator, a function) has failed.
        secrets: one secret or several, old and new, of at least 32 bytes, which the URL that you
            give to the provider holds as the end of its path or as its password; None takes them
            from ``SMSWORKS_WEBHOOK_SECRET``, set apart by commas.
        networks: the networks that posts may come from, such as ``"192.0.2.0/24"``.
        trusted_proxies: the networks of your own proxies, ``"unix"`` for a UNIX socket. Only what
            these say in ``X-Forwarded-For`` is believed.
        client: told of every report, so that its `messages.wait` returns at once; asked, with
            `confirm`.
        confirm: whether to take what is posted as a hint only, and to hand on what the API, asked
            through the client, says of that message.
        seen: the memory of what was handled; by default one of this process, of the 100,000
            messages last spoken of. The path of a journal, or a journal of
            `smsworks_async.journals`, is one that processes share and that outlives them;
            a `Seen` is one of your own.
        receive_timeout: seconds in which a whole body must have come.
        insecure: do without secrets and networks: anybody may post anything.

    Answers: 200 handled, or no news; 400 neither a report nor an incoming message; 404 no secret,
    the wrong one or the wrong network, all three alike, so that nobody learns whether there
    is a door; or nobody handles incoming messages; 405 not a POST; 408 too slow; 413 too large
    (64 KiB); 422 the API knows no such message (`confirm`); 500 your function failed; 503 the API
    cannot say, a copy is still being handled, or the memory (`seen`) failed.

    Raises:
        ConfigurationError: there is no guard, nobody to tell, or something cannot work.
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
        receive_timeout: float = 10.0,
        insecure: bool = False,
    ) -> None:
        check_callback(on_report, "on_report")
        check_callback(on_incoming, "on_incoming")
        if not isinstance(client, AsyncSMSWorks | SMSWorks | None):
            raise ConfigurationError("client must be an AsyncSMSWorks or a SMSWorks")
        if on_report is None and on_incoming is None and client is None:
            raise ConfigurationError("there is nobody to tell: give on_report or on_incoming")
        if confirm and client is None:
            raise ConfigurationError("confirm asks the API, for which it needs a client")
        if not 0 < receive_timeout < float("inf"):
            raise ConfigurationError("receive_timeout must be more than 0 seconds")
        self._guard = Guard(secrets, networks, trusted_proxies, insecure=insecure)
        self._functions: dict[type, Any] = {DeliveryReport: on_report, IncomingMessage: on_incoming}
        # Asked once, since finding out costs as much as handing over.
        self._is_async = {kind: is_async(function) for kind, function in self._functions.items()}
        self._client = client
        core = client._client if isinstance(client, SMSWorks) else client
        self._poller = None if core is None else core._poller
        self._confirm = confirm
        self._seen = memory_of(seen)
        self._claims = Claims(self._seen)
        self._turns = Turns()
        self.receive_timeout = receive_timeout

    def routes(self, path: str = "/") -> list[web.RouteDef]:
        """Give routes for `aiohttp.web`: ``app.add_routes(hooks.routes("/sms"))``."""
        from smsworks_async.webhooks.aiohttp import aiohttp_routes

        return aiohttp_routes(self, path)

    def asgi(self) -> ASGIApplication:
        """Give a bare ASGI application: ``app.mount("/sms", hooks.asgi())``."""
        return asgi_application(self)

    def wsgi(self) -> WSGIApplication:
        """Give a bare WSGI application, to be put beside yours by a dispatcher."""
        return wsgi_application(self)

    def django(self) -> DjangoView:
        """Return a Django view: ``re_path("^sms/", hooks.django())`` in the URL configuration.

        Unlike `wsgi` it runs within Django's request cycle, which closes database connections that
        have gone stale.
        """
        from smsworks_async.webhooks.django import django_view

        return django_view(self)

    # What they have in common

    def refusal(self, facts: Facts) -> int | None:
        """Give the status that turns a request away before its body is read, or None."""
        if not self._guard.admits(facts):
            return 404
        if facts.method != "POST":
            return 405
        return 413 if facts.length is not None and facts.length > MAX_BODY else None

    async def answer(self, body: bytes, world: World) -> int:
        """Return the status that answers a body, once what it says has been dealt with.

        A request that is cancelled meanwhile changes nothing: what has begun is brought to its end
        and remembered, so that the provider's repeat does not run it again.
        """
        try:
            item = parse(body)
        except InvalidWebhook:
            return 400
        if type(item) is IncomingMessage and self._functions[IncomingMessage] is None:
            _log.warning("an incoming message came, and there is no on_incoming to handle it")
            return 404
        return await world.complete(self._answer(item, world))

    async def _answer(self, item: Item, world: World) -> int:
        kind = "an incoming message" if isinstance(item, IncomingMessage) else "a report"
        try:
            return await self._in_turn(item, world)
        except StoreFailed as failed:
            _log.warning(
                "%s was answered with 503, since the memory of what was handled failed",
                kind,
                exc_info=failed.__cause__,
            )
            return 503
        except asyncio.CancelledError:
            if world.cancelled():
                raise
            # It is the function's own, which the request's end must not be taken for.
            _log.exception("%s could not be handled, and was answered with 500", kind)
            return 500
        except Exception:
            _log.exception("%s could not be handled, and was answered with 500", kind)
            return 500

    async def _in_turn(self, item: Item, world: World) -> int:
        """Deal with an item after those of the same message that this process is at work on."""
        until = time.monotonic() + PATIENCE
        while (ahead := self._turns.take(item.message_id)) is not None:
            if not await world.over(ahead, until - time.monotonic()):
                return 503
        try:
            return await self._under_claim(item, world, until)
        finally:
            self._turns.give_back(item.message_id)

    async def _under_claim(self, item: Item, world: World, until: float) -> int:
        """Deal with an item after those of the same message that other processes have claimed."""
        message_id, status = item.message_id, _status(item)
        pause = FIRST_PAUSE
        while is_news(status, await self._claims.handled(message_id, world)):
            claim = await self._claims.claim(message_id, status, world)
            if claim is not None:
                break
            left = until - time.monotonic()
            if left <= 0:
                return 503
            await world.sleep(min(pause, left))
            pause = min(2 * pause, LAST_PAUSE)
        else:
            return 200
        try:
            answer = await self._deal_with(item, world)
        except BaseException:
            await claim.release()
            raise
        if isinstance(answer, int):
            await claim.release()
            return answer
        await claim.record(_status(answer))
        return 200

    async def _deal_with(self, item: Item, world: World) -> Item | int:
        """Hand a claimed item on, and return what was handed on, or the status that answers it."""
        # Since the first look another process may have handled it and ended its claim.
        handled = await self._claims.handled(item.message_id, world)
        if not is_news(_status(item), handled):
            return 200
        if self._confirm:
            confirmed = await self._confirmed(item, world)
            if isinstance(confirmed, int):
                return confirmed
            item = confirmed
            if not is_news(_status(item), handled):
                return 200
        if self._poller is not None and isinstance(item, DeliveryReport):
            self._poller.notify(item)
        function = self._functions[type(item)]
        if self._is_async[type(item)]:
            check_ran(await world.begin(function, item))
        elif function is not None:
            check_ran(await world.call(function, item))
        return item

    async def _confirmed(self, hint: Item, world: World) -> Item | int:
        """Give what the API says of a message, or the status that turns the post away."""
        get: Any = self._client.messages.get if self._client is not None else None
        try:
            record = await world.call(get, hint.message_id)
        except NotFound:
            return 422
        except SMSWorksError as error:
            _log.warning("a post could not be confirmed, and was answered with 503: %s", error)
            return 503
        if isinstance(hint, IncomingMessage):
            if record.status != INCOMING:
                return 422
            return attrs.evolve(IncomingMessage.of(record), parts=hint.parts)
        if hint.is_final and not record.is_final:
            return 503  # the API has not caught up with itself, or somebody makes things up
        return DeliveryReport.of(record)

    def __repr__(self) -> str:
        return f"<Webhooks, {self._guard!r}>"


def _status(item: Item) -> str:
    return INCOMING if isinstance(item, IncomingMessage) else item.status
