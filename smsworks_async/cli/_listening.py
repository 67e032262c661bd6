"""Search an account for new replies and final statuses, and post them to a local URL."""

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


#: How far before the newest known message a search begins, since messages may appear late.
OVERLAP: Final = timedelta(hours=1)
#: How long to wait for a message's final status. Networks attempt delivery for 48 hours.
STATUS_TIMEOUT: Final = timedelta(hours=72)
#: The time limit of a post, and the longest pause after failures, in seconds.
TIMEOUT: Final = 10.0
LONGEST_PAUSE: Final = 60.0
_INCOMING: Final = "INCOMING"


def check_target(url: str, secret: str) -> str:
    """Return the URL to post to, with the secret at the end of its path.

    Args:
        url: the value of ``--forward-to``; it may have the secret already.
        secret: the webhook secret, or an empty string.

    Raises:
        ConfigurationError: it is not an http or https URL, or is plain http to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            "--forward-to is not a web address; use one such as http://127.0.0.1:5000/sms"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigurationError(
            "--forward-to is plain http to another machine, so the texts could be read on the way; "
            "use an address of this machine, or https"
        )
    if secret and parts.password != secret and not parts.path.rstrip("/").endswith(f"/{secret}"):
        parts = parts._replace(path=f"{parts.path.rstrip('/')}/{secret}")
    return urlunsplit(parts)


def payload_of(record: MessageRecord) -> dict[str, Any]:
    """Return the payload that the provider posts for a message: a reply, or a delivery report."""
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
        """Whether the provider would stop repeating the post."""
        return self.status is not None and self.status < 500


class Forwarder:
    """Post new replies and final statuses until cancelled.

    Args:
        app: the run of the command.
        ledger: the record of what was posted.
        target: the URL to post to.
        every: the time between two searches, in seconds.
    """

    def __init__(self, app: App, ledger: Ledger, target: str, every: float) -> None:
        self._app = app
        self._ledger = ledger
        self._target = target
        self._every = every
        self._failures = 0

    async def run(self, since: datetime | None) -> None:
        """Search and post until cancelled.

        Args:
            since: on the first run, also post messages created since this time; by default only
                those created from now on. Later runs continue where the previous one ended, and
                ignore it.
        """
        out = self._app.out
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with (
            self._app.async_client() as sms,
            aiohttp.ClientSession(timeout=timeout) as session,
        ):
            # A wrong account should fail at once, before the first search.
            await sms.credits.balance()
            if self._ledger.since is None:
                await self._begin(sms, since)
            out.notice("listening; press Ctrl-C to stop")
            while True:
                await self._poll(sms, session)
                pause = self._every * 2 ** min(self._failures, 10)
                await sms.clock.sleep(max(self._every, min(pause, LONGEST_PAUSE)))

    async def _begin(self, sms: AsyncSMSWorks, since: datetime | None) -> None:
        """Record existing messages, so that only later changes of them are posted."""
        begun = now()
        start = begun if since is None else min(since, begun)
        async with aclosing(sms.messages.iterate(from_=start - STATUS_TIMEOUT)) as records:
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
            self._app.out.notice(f"the search failed and will be repeated: {error}")
            return
        self._failures = 0
        found.sort(key=lambda record: (record.created or begun, record.message_id))
        for record in found:
            if not self._ledger.is_settled(record.message_id):
                await self._forward(session, record, record.created or begun)
        self._ledger.drop(start - OVERLAP, begun - STATUS_TIMEOUT)

    def _search_from(self, moment: datetime) -> datetime:
        """Return the start of a search: early enough for open messages and for late ones."""
        known = [self._ledger.since, self._ledger.newest()]
        # Not later than now, even if a message has a later date.
        latest = min(max(filter(None, known), default=moment), moment) - OVERLAP
        oldest = self._ledger.oldest_open()
        return max(min(filter(None, [latest, oldest])), moment - STATUS_TIMEOUT)

    async def _forward(
        self, session: aiohttp.ClientSession, record: MessageRecord, created: datetime
    ) -> None:
        """Post a reply or a final status; record a message without a final status as open."""
        answer = None
        if record.status == _INCOMING or record.is_final:
            answer = await self._post(session, payload_of(record))
            self._failures += not answer.is_final
        is_open = answer is None or not answer.is_final
        # Record it before writing a line: if that failed, the message would be posted again.
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
            words = f"no response within {TIMEOUT:g} s"
        except aiohttp.ClientConnectorError:
            words = "connection refused or failed"
        except aiohttp.ClientError as error:  # its message may contain the URL with the secret
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
        result = f"{answer.status}" if answer.status is not None else answer.words
        ending = "" if answer.is_final else ", will be repeated"
        self._app.out.line(
            f"{now().astimezone():%H:%M:%S}  {record.status:<13} "
            f"{'from' if is_reply else 'to'} {number}  {result}{ending}"
            f" ({answer.milliseconds:.0f} ms)"
        )
