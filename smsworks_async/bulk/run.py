"""Runs without a journal, which read recipients while sending."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Any, TypeVar

from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.costs import CostLimits
from smsworks_async.bulk.dispatcher import Dispatcher
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.opt_outs import OptOutList, OptOutView
from smsworks_async.bulk.options import Options
from smsworks_async.bulk.progress import Reporter
from smsworks_async.bulk.recipients import Reader
from smsworks_async.bulk.source import stopped_by, waits
from smsworks_async.bulk.stream_source import StreamSource
from smsworks_async.bulk.timer import Timer
from smsworks_async.errors import NotSent, SMSWorksError, ValidationError
from smsworks_async.models.iterables import is_container
from smsworks_async.models.report import BulkInterrupted, BulkReport, Phase


T = TypeVar("T")


async def send(
    payload: Payload[T],
    values: Iterable[Any] | AsyncIterable[Any],
    gateway: BulkGateway,
    options: Options,
    timer: Timer,
    *,
    opt_outs: OptOutList | None = None,
) -> BulkReport:
    """Send without a journal.

    Raises:
        ValidationError: a cost limit is exceeded, or `at` is past; nothing was sent.
        APIError: a price or the balance could not be read; nothing was sent.
        BulkInterrupted: the caller's code raised.
        CancelledError: the run was cancelled; its ``report`` has recipients in flight as unknown.
    """
    options.check_at(timer.clock())
    is_known = is_container(values)
    if options.require_balance and not is_known:
        raise ValidationError(
            "require_balance needs the number of recipients: pass a list, or a journal",
            field="require_balance",
        )
    reader = Reader(payload, options.chunk_size, deduplicate=options.deduplicate)
    limits = CostLimits(options, gateway) if options.limits_cost else None
    respected = opt_outs is not None and options.respect_opt_outs is not False
    source = StreamSource(
        payload,
        values,
        reader,
        limits,
        opt_outs=OptOutView(opt_outs) if opt_outs is not None and respected else None,
        window=options.window,
        at=options.due,
        clock=timer.clock,
    )
    if limits is not None and is_known:
        await source.check_cost(limits)
    reporter = Reporter(options.progress, timer)
    dispatcher = Dispatcher(payload, gateway, options, reporter, options.due)
    try:
        stopped = await _send(source, dispatcher, reporter, timer)
    except BulkInterrupted:
        raise
    except BaseException as error:
        # Without a journal the report of a cancelled run cannot be read later, so make it now.
        await source.abandon_rest(NotSent("the run was cancelled"), read_on=False)
        error.__dict__["report"] = await source.report(dispatcher.halt)
        raise
    return await source.report(stopped)


async def _send(
    source: StreamSource[T], dispatcher: Dispatcher[T], reporter: Reporter, timer: Timer
) -> SMSWorksError | None:
    """Send all chunks of a source within its window; return why it ended early, or None."""
    while True:
        halt = await dispatcher.send(source)
        refused = source.refused
        if halt is not None or refused is None:
            return halt
        if not waits(refused):
            stopped = stopped_by(refused, "")
            await source.abandon_rest(stopped, read_on=True)
            return stopped
        await reporter.sleep(
            max(0.0, (refused.opens or 0.0) - timer.clock()),
            Phase.WAITING_FOR_WINDOW,
            f"its sending window, {refused.window}",
        )
