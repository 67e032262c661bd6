"""What the commands about campaigns share: clients, questions, and checks of files."""

from __future__ import annotations

import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from smsworks_async.cli._app import App


if TYPE_CHECKING:
    from aiohttp import TraceConfig, TraceRequestStartParams

    from smsworks_async import SMSWorks
    from smsworks_async.cli._options import AccountRate


T = TypeVar("T")


def awaited(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, and return what it returns."""
    import asyncio

    return asyncio.run(work)


@contextmanager
def local_client(*, international: bool = False) -> Iterator[SMSWorks]:
    """Yield a client for calls that read and write a journal alone: no request is made."""
    from smsworks_async import SMSWorks

    with SMSWorks("none", international=international) as sms:
        yield sms


@contextmanager
def sending_client(
    app: App, journal: str, rate: AccountRate | None, /, **settings: Any
) -> Iterator[SMSWorks]:
    """Yield the client of the account that is in use, for a campaign.

    It notes in `App.has_begun` that a batch leaves.

    Args:
        app: the run of the command.
        journal: a path or a URL, where `rate` is kept too.
        rate: the rate that all processes of the account share; None for none.
        settings: of the client.

    Raises:
        ValidationError: there is a rate, and the journal is a file.
    """
    settings["trace_configs"] = [noting_batches(app)]
    if rate is None:
        with app.client(**settings) as sms:
            yield sms
        return
    from smsworks_async.errors import ValidationError
    from smsworks_async.rates import PostgresRate

    if "://" not in journal:
        raise ValidationError(
            "--account-rate needs a journal in PostgreSQL, which processes share: name its "
            "postgresql:// URL with --journal or SMSWORKS_JOURNAL",
            field="account_rate",
        )
    shared = PostgresRate(journal, account=rate.account, per_second=rate.per_second)
    with app.client(**settings, max_rate=shared) as sms:
        try:
            yield sms
        finally:
            # On the loop that it was used on.
            sms._portal.run(lambda _: shared.close())  # noqa: SLF001


@contextmanager
def client(app: App, journal: str, rate: AccountRate | None = None) -> Iterator[SMSWorks]:
    """Yield the client of `sending_client`; what it warns of becomes notices."""
    import logging

    class Notices(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            app.out.notice(record.getMessage())

    handler = Notices(logging.WARNING)
    logger = logging.getLogger("smsworks_async")
    logger.addHandler(handler)
    try:
        with sending_client(app, journal, rate) as sms:
            yield sms
    finally:
        logger.removeHandler(handler)


def noting_batches(app: App) -> TraceConfig:
    """Return what has a client note in `App.has_begun` that a batch is about to leave.

    An error after that does not mean that nothing was sent.
    """
    from aiohttp import TraceConfig

    async def note(_session: object, _context: object, request: TraceRequestStartParams) -> None:
        if request.method == "POST" and "/batch/" in request.url.path:
            app.has_begun = True

    config = TraceConfig()
    config.on_request_start.append(note)
    return config


def is_missing(app: App, given: str | None) -> bool:
    """Return whether no journal was named, and the default one is not there yet."""
    if given or os.environ.get("SMSWORKS_JOURNAL"):
        return False
    return not os.path.lexists(app.journal())


def agreed(app: App, question: str, *, yes: bool) -> bool:
    """Return whether to go on: asked for with ``--yes``, or by the answer to a question."""
    if yes or app.out.confirm(question):
        return True
    app.out.notice("nothing was changed")
    return False


def check_new(path: str, *, force: bool) -> None:
    """Refuse to replace a file, unless that is asked for.

    Raises:
        UsageError: it is there already.
    """
    if not force and os.path.lexists(path):
        raise click.UsageError(f"{path} is there already; name another file, or say --force")
