"""The processing of one request: check its head, parse its body, handle what is new."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final, TypeAlias

import attrs

from smsworks_async._callables import is_async
from smsworks_async.errors import InvalidWebhook, NotFound, SMSWorksError
from smsworks_async.models.posted import DeliveryReport, IncomingMessage
from smsworks_async.optouts import OptOuts
from smsworks_async.webhooks import opt_ins
from smsworks_async.webhooks.callbacks import check_result
from smsworks_async.webhooks.deduplication import (
    Deduplicator,
    StillHandled,
    StoreFailed,
    is_new,
)
from smsworks_async.webhooks.executors import Executor
from smsworks_async.webhooks.guard import Guard
from smsworks_async.webhooks.parsing import MAX_BODY, parse
from smsworks_async.webhooks.request import Rejected, RequestHead
from smsworks_async.webhooks.seen import INCOMING, Seen


Item: TypeAlias = DeliveryReport | IncomingMessage
OnReport: TypeAlias = Callable[[DeliveryReport], object | Awaitable[object]]
OnIncoming: TypeAlias = Callable[[IncomingMessage], object | Awaitable[object]]

_log: Final = logging.getLogger("smsworks_async.webhooks")


class Processor:
    """Processes requests: calls the caller's functions and returns HTTP statuses.

    Args:
        guard: decides which requests are admitted.
        seen: the store of handled reports.
        on_report, on_incoming: the handlers of reports and incoming messages, or None.
        notify: called with each new report before `on_report`, or None.
        opt_outs: the list in which opt-outs and opt-ins of incoming messages are recorded before
            `on_incoming`, or None.
        get_message: returns the API's record of a message id; a plain or an async function. None
            without a client.
        confirm: treat a post only as a hint, and handle the API's record.
        receive_timeout: seconds within which the whole body must arrive.
    """

    def __init__(
        self,
        guard: Guard,
        seen: Seen,
        on_report: OnReport | None,
        on_incoming: OnIncoming | None,
        *,
        notify: Callable[[DeliveryReport], object] | None,
        opt_outs: OptOuts | None,
        get_message: Callable[[str], Any] | None,
        confirm: bool,
        receive_timeout: float,
    ) -> None:
        self.guard = guard
        self.receive_timeout = receive_timeout
        self._functions: dict[type, Any] = {DeliveryReport: on_report, IncomingMessage: on_incoming}
        # Determined once, since it costs as much as a call.
        self._is_async = {kind: is_async(function) for kind, function in self._functions.items()}
        self._notify = notify
        self._opt_outs = opt_outs
        self._get_message = get_message
        self._confirms = confirm
        self._deduplicator = Deduplicator(seen)

    def check_head(self, head: RequestHead) -> None:
        """Check a request before its body is read.

        Raises:
            Rejected: with 404, 405 or 413.
        """
        if not self.guard.admits(head):
            raise Rejected(404)
        if head.method != "POST":
            raise Rejected(405)
        if head.length is not None and head.length > MAX_BODY:
            raise Rejected(413)

    async def process(self, body: bytes, executor: Executor) -> int:
        """Handle a body; return the HTTP status.

        If the request is cancelled, a started handler is completed and recorded, so that the
        provider's repeat does not run it again.
        """
        try:
            item = parse(body)
        except InvalidWebhook:
            return 400
        if type(item) is IncomingMessage and not self._concerns_anybody(item):
            _log.warning("an incoming message arrived, but there is no on_incoming to handle it")
            return 404
        return await executor.run_to_end(self._process(item, executor))

    def _concerns_anybody(self, message: IncomingMessage) -> bool:
        """Return whether a function or an opt-out list can use an incoming message."""
        if self._functions[IncomingMessage] is not None:
            return True
        return self._opt_outs is not None and self._opt_outs.concerns(message)

    async def _process(self, item: Item, executor: Executor) -> int:
        handle = functools.partial(self._handle, item, executor)
        try:
            await self._deduplicator.run_once(item.message_id, _status(item), executor, handle)
        except Rejected as rejected:
            return rejected.status
        except StillHandled:
            return 503
        except StoreFailed as failed:
            _log.warning(
                "%s was answered with 503, since the store of handled reports failed",
                _kind(item),
                exc_info=failed.__cause__,
            )
            return 503
        except asyncio.CancelledError:
            if executor.cancelled():
                raise
            # The function itself raised it; the request was not cancelled.
            _log.exception("%s could not be handled, and was answered with 500", _kind(item))
            return 500
        except Exception:
            _log.exception("%s could not be handled, and was answered with 500", _kind(item))
            return 500
        return 200

    async def _handle(self, item: Item, executor: Executor, handled: Collection[str]) -> str | None:
        """Call the function for an item; return the handled status, or None if it is not new."""
        if self._confirms and self._get_message is not None:
            item = await self._confirm(item, self._get_message, executor)
            if not is_new(_status(item), handled):
                return None
        if self._notify is not None and isinstance(item, DeliveryReport):
            self._notify(item)
        if self._opt_outs is not None and isinstance(item, IncomingMessage):
            await self._record(item, self._opt_outs, executor)
        function = self._functions[type(item)]
        if self._is_async[type(item)]:
            check_result(await executor.call_async(function, item))
        elif function is not None:
            check_result(await executor.call(function, item))
        return _status(item)

    async def _record(self, message: IncomingMessage, to: OptOuts, executor: Executor) -> None:
        """Record the opt-out or opt-in of a message, unless a later opt-out is recorded.

        Raises:
            Rejected: with 503, if it could not be recorded.
        """
        try:
            await opt_ins.record(message, to, self._get_message, executor)
        except Exception as error:
            _log.warning(
                "an incoming message was answered with 503, since the opt-out list failed",
                exc_info=True,
            )
            raise Rejected(503) from error

    async def _confirm(self, hint: Item, get: Callable[[str], Any], executor: Executor) -> Item:
        """Return the API's record of a posted message.

        Raises:
            Rejected: with 422, if the API has no such message; with 503, if it cannot tell.
        """
        try:
            record = await executor.call(get, hint.message_id)
        except NotFound:
            raise Rejected(422) from None
        except SMSWorksError as error:
            _log.warning("a post could not be confirmed, and was answered with 503: %s", error)
            raise Rejected(503) from error
        if isinstance(hint, IncomingMessage):
            if record.status != INCOMING:
                raise Rejected(422)
            return attrs.evolve(IncomingMessage.of(record), parts=hint.parts)
        if hint.is_final and not record.is_final:
            raise Rejected(503)  # the API's record is older than the post, or the post is forged
        return DeliveryReport.of(record)


def _status(item: Item) -> str:
    return INCOMING if isinstance(item, IncomingMessage) else item.status


def _kind(item: Item) -> str:
    return "an incoming message" if isinstance(item, IncomingMessage) else "a report"
