"""Searches an account for new replies and final statuses, and posts them to a local URL."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import attrs

from smsworks_async import text
from smsworks_async._failures import worth_repeating
from smsworks_async._settings import is_loopback
from smsworks_async.cli._ledger import Ledger
from smsworks_async.cli._records import now
from smsworks_async.errors import ConfigurationError, SMSWorksError
from smsworks_async.models.convert import format_date


if TYPE_CHECKING:
    from smsworks_async import AsyncSMSWorks
    from smsworks_async.cli._app import App
    from smsworks_async.models.incoming import MessageRecord


#: How far behind the newest message a search looks: one may show up late.
OVERLAP: Final = timedelta(hours=1)
#: How long the final status of a message is waited for: networks try for 48 hours.
PATIENCE: Final = timedelta(hours=72)
#: Seconds that a post may take, and the longest pause after failures.
TIMEOUT: Final = 10.0
LONGEST_PAUSE: Final = 60.0
_INCOMING: Final = "INCOMING"


def check_target(url: str, secret: str) -> str:
    """Return the URL to post to: with the secret at the end of its path, unless it is there.

    Args:
        url: as it was given.
        secret: the secret that webhooks ask for, or an empty string.

    Raises:
        ConfigurationError: it is no http or https address, or plain http to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            "--forward-to is no web address, such as http://127.0.0.1:5000/sms"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigurationError(
            "--forward-to is plain http to another machine, and anybody in between could read the "
            "texts; post to this machine, or use https"
        )
    if secret and parts.password != secret and not parts.path.rstrip("/").endswith(f"/{secret}"):
        parts = parts._replace(path=f"{parts.path.rstrip('/')}/{secret}")
    return urlunsplit(parts)


def payload_of(record: MessageRecord) -> dict[str, Any]:
    """Return what the provider posts about a message: a reply, or a delivery report."""
    if record.status == _INCOMING:
        return {
            "messagetype": "incoming",
            "messageid": record.message_id,
            "from": record.sender or "",
            "to": record.destination or "",
            "content": record.content or "",
            "parts": text.measure(record.content or "").segments,
        }
    report: dict[str, Any] = {name: value for name, value in record.extra.items() if name != "id"}
    report |= {
        "messageid": record.message_id,
        "customerid": record.customer_id,
        "sender": record.sender,
        "destination": _number(record.destination),
        "content": record.content,
        "status": record.status,
        "credits": record.credits,
        "international": record.international,
        "tag": record.tag,
        "keyword": record.keyword,
        "batchid": record.batch_id,
    }
    for name in ("created", "modified", "schedule"):
        moment = getattr(record, name)
        report[name] = moment and format_date(moment)
    reason = record.failure_reason
    if reason is not None:
        report["failurereason"] = attrs.asdict(reason)
    return {name: value for name, value in report.items() if value is not None}


def _number(number: str | None) -> int | str | None:
    return int(number) if number and number.isascii() and number.isdigit() else number


@attrs.frozen
class _Answer:
    status: int | None
    words: str
    milliseconds: float

    @property
    def is_final(self) -> bool:
        """Whether the provider would not post it again."""
        return self.status is not None and self.status < 500


class Forwarder:
    """Posts what is new, until it is cancelled.

    Args:
        app: the run of the command.
        ledger: what was posted.
        target: where to post.
        every: seconds between two searches.
    """

    def __init__(self, app: App, ledger: Ledger, target: str, every: float) -> None:
        self._app = app
        self._ledger = ledger
        self._target = target
        self._every = every
        self._failures = 0

    async def run(self, since: datetime | None) -> None:
        """Search and post without end.

        Args:
            since: where the first run begins; now by default. A later one goes on where the one
                before it ended.
        """
        out = self._app.out
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with (
            self._app.async_client() as sms,
            aiohttp.ClientSession(timeout=timeout) as session,
        ):
            # Before the first search, so that what is wrong with the account ends it at once.
            await sms.credits.balance()
            if self._ledger.since is None:
                await self._begin(sms, since)
            out.notice("listening; Ctrl-C ends it")
            while True:
                await self._poll(sms, session)
                pause = self._every * 2 ** min(self._failures, 10)
                await sms.clock.sleep(max(self._every, min(pause, LONGEST_PAUSE)))

    async def _begin(self, sms: AsyncSMSWorks, since: datetime | None) -> None:
        """Record what is there before the first run: of that, only what changes is posted."""
        begun = now()
        start = begun if since is None else min(since, begun)
        async with aclosing(sms.messages.iterate(from_=start - PATIENCE)) as records:
            async for record in records:
                created = record.created or begun
                is_over = record.status == _INCOMING or record.is_final
                if created < start:
                    self._ledger.record(record.message_id, created, is_open=not is_over)
        self._ledger.begin(start)

    async def _poll(self, sms: AsyncSMSWorks, session: aiohttp.ClientSession) -> None:
        begun = now()
        start = self._search_from(begun)
        try:
            async with aclosing(sms.messages.iterate(from_=start)) as records:
                found = [record async for record in records]
        except SMSWorksError as error:
            if not worth_repeating(error):
                raise
            self._failures += 1
            self._app.out.notice(f"the search failed, and is repeated: {error}")
            return
        self._failures = 0
        found.sort(key=lambda record: (record.created or begun, record.message_id))
        for record in found:
            if not self._ledger.is_settled(record.message_id):
                await self._take(session, record, record.created or begun)
        self._ledger.drop(start - OVERLAP, begun - PATIENCE)

    def _search_from(self, moment: datetime) -> datetime:
        """Return where a search begins: where something may still be open, or have come late."""
        known = [self._ledger.since, self._ledger.newest()]
        latest = max(filter(None, known), default=moment) - OVERLAP
        oldest = self._ledger.oldest_open()
        return max(min(filter(None, [latest, oldest])), moment - PATIENCE)

    async def _take(
        self, session: aiohttp.ClientSession, record: MessageRecord, created: datetime
    ) -> None:
        """Post a reply or a final status; keep a message open whose status may still change."""
        answer = None
        if record.status == _INCOMING or record.is_final:
            answer = await self._post(session, payload_of(record))
            self._failures += not answer.is_final
        is_open = answer is None or not answer.is_final
        # Before a line is written, which may fail: it would be posted again.
        self._ledger.record(record.message_id, created, is_open=is_open)
        if answer is not None:
            self._show(record, answer)

    async def _post(self, session: aiohttp.ClientSession, payload: Mapping[str, Any]) -> _Answer:
        started = time.monotonic()
        status, words = None, ""
        try:
            async with session.post(self._target, json=payload, allow_redirects=False) as response:
                status = response.status
        except TimeoutError:
            words = f"no answer within {TIMEOUT:g} s"
        except aiohttp.ClientConnectorError:
            words = "nothing listens there"
        except aiohttp.ClientError as error:  # whose words may hold the URL, and the secret in it
            words = type(error).__name__
        return _Answer(status, words, (time.monotonic() - started) * 1000)

    def _show(self, record: MessageRecord, answer: _Answer) -> None:
        is_reply = record.status == _INCOMING
        self._app.out.record(
            {
                "kind": "reply" if is_reply else "report",
                "message_id": record.message_id,
                "status": record.status,
                "number": record.sender if is_reply else record.destination,
                "answer": answer.status,
                "error": answer.words or None,
                "milliseconds": round(answer.milliseconds, 1),
            }
        )
        number = record.sender if is_reply else record.destination
        told = f"{answer.status}" if answer.status is not None else answer.words
        ending = "" if answer.is_final else ", to be repeated"
        self._app.out.line(
            f"{now().astimezone():%H:%M:%S}  {record.status:<13} "
            f"{'from' if is_reply else 'to'} {number}  {told}{ending}"
            f" ({answer.milliseconds:.0f} ms)"
        )
