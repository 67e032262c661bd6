"""Shared parts of the campaign commands: clients, questions, and checks of files."""

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


def run_coroutine(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to completion, and return its result."""
    import asyncio

    return asyncio.run(work)


@contextmanager
def local_client(*, international: bool = False) -> Iterator[SMSWorks]:
    """Yield a client for calls that use only a journal and make no request."""
    from smsworks_async import SMSWorks

    with SMSWorks("none", international=international) as sms:
        yield sms


@contextmanager
def sending_client(
    app: App, journal: str, rate: AccountRate | None, /, **settings: Any
) -> Iterator[SMSWorks]:
    """Yield the account's client, with which a campaign can be sent.

    `App.has_begun` is set when a batch is about to be sent.

    Args:
        app: the run of the command.
        journal: the path or URL of the journal, in whose database `rate` is stored.
        rate: the rate that all processes of the account share; None for none.
        settings: further arguments of `SMSWorks`.

    Raises:
        ValidationError: a rate is given, and the journal is a file. Nothing was sent.
    """
    settings["trace_configs"] = [trace_batches(app)]
    if rate is None:
        with app.client(**settings) as sms:
            yield sms
        return
    from smsworks_async.errors import ValidationError
    from smsworks_async.rates import PostgresRate

    if "://" not in journal:
        raise ValidationError(
            "--account-rate needs a journal in PostgreSQL: set its postgresql:// URL with "
            "--journal or SMSWORKS_JOURNAL",
            field="account_rate",
        )
    shared = PostgresRate(journal, account=rate.account, per_second=rate.per_second)
    with app.client(**settings, max_rate=shared) as sms:
        try:
            yield sms
        finally:
            # A connection can be closed only on the event loop that opened it.
            sms._portal.run(lambda _: shared.close())  # noqa: SLF001


@contextmanager
def client(app: App, journal: str, rate: AccountRate | None = None) -> Iterator[SMSWorks]:
    """Yield the client of `sending_client`; show its warnings as notices."""
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


def trace_batches(app: App) -> TraceConfig:
    """Return a trace config that sets `App.has_begun` when a batch is about to be sent.

    After that, an error does not imply that nothing was sent.
    """
    from aiohttp import TraceConfig

    async def note(_session: object, _context: object, request: TraceRequestStartParams) -> None:
        if request.method == "POST" and "/batch/" in request.url.path:
            app.has_begun = True

    config = TraceConfig()
    config.on_request_start.append(note)
    return config


def is_missing(app: App, given: str | None) -> bool:
    """Return whether no journal was given and the default one does not exist yet."""
    if given or os.environ.get("SMSWORKS_JOURNAL"):
        return False
    return not os.path.lexists(app.journal())


def confirm_change(app: App, question: str, *, yes: bool) -> bool:
    """Return whether to continue: by ``--yes``, or by the answer to a question."""
    if yes or app.out.confirm(question):
        return True
    app.out.notice("nothing was changed")
    return False


def check_new(path: str, journal: str, *, force: bool) -> None:
    """Check that a file may be written: its folder exists, and it does not, or ``force`` is true.

    Args:
        path: the path of the file.
        journal: the path or URL of the journal, which is never replaced.
        force: whether another file may be replaced.

    Raises:
        UsageError: the file exists, its folder does not, or the path stands for standard output.
    """
    from pathlib import Path

    from smsworks_async._csv_files import is_same_file

    if path == "-":
        raise click.UsageError("- is not a file; for standard output, use --json")
    folder = Path(path).parent
    if not folder.is_dir():
        raise click.UsageError(f"the folder {folder} does not exist; create it, or choose another")
    if not os.path.lexists(path):
        return
    if not force:
        raise click.UsageError(f"{path} exists; choose another file, or add --force to replace it")
    if is_same_file(path, journal):
        raise click.UsageError(f"{path} is the journal; choose another file")
