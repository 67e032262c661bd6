"""Looking for requests in doubt, several times, and waiting until none of them can be accepted.

Finding nothing proves nothing, since a search may lag behind: it is repeated, and nothing is sent
again before every search has found nothing at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

from smsworks_async.bulk.campaign.evidence import Finding
from smsworks_async.bulk.campaign.waits import LONGEST_WAIT, until_resend
from smsworks_async.bulk.progress import Reporter, log
from smsworks_async.bulk.timer import Timer
from smsworks_async.errors import SMSWorksError
from smsworks_async.journals import transitions
from smsworks_async.journals.records import ChunkRecord
from smsworks_async.models.report import Phase


#: When to look again, as parts of the time to settle: soon at first, since most lags are short.
LOOKS: Final = (0.0, 1 / 15, 3 / 15, 7 / 15, 1.0)
#: How often a wait is made up for that ended early.
_WAITS: Final = 3
#: How many requests are searched for at a time.
_AT_A_TIME: Final = 4


class Doubts(Protocol):
    """Requests that may be in doubt, in a journal, and how they are searched for."""

    async def unknown(self) -> Sequence[ChunkRecord]:
        """Return those that are in doubt now; a request whose lease has ended is."""
        ...

    async def prepare(self) -> None:
        """Read what several looks have in common.

        Raises:
            SMSWorksError: the provider could not be asked.
        """
        ...

    async def look(self, entry: ChunkRecord, /) -> Finding:
        """Search for one of them, once, and accept it where it is found.

        Raises:
            SMSWorksError: the provider could not be asked.
        """
        ...

    async def now(self) -> float:
        """Return the time by the journal's clock, in POSIX seconds."""
        ...

    @property
    def request_time(self) -> float:
        """The longest that a request of this process may take, in seconds."""
        ...

    def describe(self, entry: ChunkRecord, /) -> str:
        """Return what the log calls one of them."""
        ...


class Reconciler:
    """Searches for requests in doubt.

    Args:
        doubts: the requests.
        timer: how to wait.
        reporter: reports progress.
    """

    def __init__(self, doubts: Doubts, *, timer: Timer, reporter: Reporter) -> None:
        self._requests = doubts
        self._timer = timer
        self._reporter = reporter
        self._traced: set[tuple[int, int]] = set()
        # Since when this process has known each of them to be unknown.
        self._first_seen: dict[tuple[int, int], float] = {}

    async def settle(self, seconds: float) -> list[ChunkRecord]:
        """Search for all of them, several times within so many seconds.

        Returns:
            Those of which every look has shown nothing at all, and which may be sent again by
            somebody who takes that risk. Those with a trace, and those that could not be looked
            for, stay in doubt.
        """
        nothing: Counter[tuple[int, int]] = Counter()
        passed = 0.0
        looks = LOOKS if seconds else LOOKS[:1]
        for part in looks:
            if part:
                if not await self._doubts():
                    return []
                await self._reporter.sleep(
                    part * seconds - passed, Phase.RECONCILING, "the provider's search to catch up"
                )
                passed = part * seconds
            for entry, finding in await self._look_for(await self._doubts()):
                nothing[entry.number, entry.attempt] += finding is Finding.NOTHING
        left = await self._doubts()
        return [e for e in left if nothing[e.number, e.attempt] == len(looks)]

    async def rule_out(self, entries: Sequence[ChunkRecord], seconds: float) -> list[ChunkRecord]:
        """Wait until requests in doubt can no longer be accepted, and look a last time.

        Whoever claimed them may have written until the lease was over, and what was written is
        accepted within one request's time. Only then the last looks begin, and they take so many
        seconds again, since what was accepted last may show up as late as that.

        Args:
            entries: the requests.
            seconds: how long a search may lag behind.

        Returns:
            Those of which nothing at all was found. A lease of which a clock was far ahead is not
            waited for: its chunk is none of them.
        """
        if not entries:
            return []
        for _ in range(_WAITS):
            left = [await self._left(entry) for entry in entries]
            longest = max((wait for wait in left if wait <= LONGEST_WAIT), default=0.0)
            if not longest:
                break
            await self._reporter.sleep(
                longest,
                Phase.WAITING_TO_RESEND,
                "requests in doubt, which may still be accepted",
            )
        nothing = {(entry.number, entry.attempt) for entry in await self.settle(seconds)}
        return [
            entry
            for entry in entries
            if (entry.number, entry.attempt) in nothing and not await self._left(entry)
        ]

    async def _left(self, entry: ChunkRecord) -> float:
        key = (entry.number, entry.attempt)
        watched = self._timer.monotonic() - self._first_seen[key]
        now = await self._requests.now()
        own = self._requests.request_time
        return until_resend(entry, watched=watched, now=now, own=own)

    async def _doubts(self) -> Sequence[ChunkRecord]:
        doubts = await self._requests.unknown()
        now = self._timer.monotonic()
        for entry in doubts:
            key = (entry.number, entry.attempt)
            if key not in self._first_seen:
                self._first_seen[key] = now
                ended = ": its lease ended" if transitions.has_lapsed(entry) else ""
                log.warning("%s is in doubt%s", self._requests.describe(entry), ended)
        return doubts

    async def _look_for(self, doubts: Sequence[ChunkRecord]) -> list[tuple[ChunkRecord, Finding]]:
        findings: list[tuple[ChunkRecord, Finding]] = []
        if doubts:
            await self._reporter.enter(Phase.RECONCILING)
            try:
                await self._requests.prepare()
            except SMSWorksError:  # the provider cannot be asked
                return [(entry, Finding.TRACE) for entry in doubts]
        for start in range(0, len(doubts), _AT_A_TIME):
            some = doubts[start : start + _AT_A_TIME]
            found = await self._reporter.gather(map(self._requests.look, some))
            for entry, finding in zip(some, found, strict=True):
                if isinstance(finding, SMSWorksError):
                    findings.append((entry, Finding.TRACE))
                elif isinstance(finding, BaseException):
                    raise finding
                else:
                    findings.append((entry, finding))
                    self._log_trace(entry, finding)
            if any(isinstance(finding, SMSWorksError) for finding in found):
                # The provider cannot be asked: that is so for the others, too.
                findings.extend((entry, Finding.TRACE) for entry in doubts[start + _AT_A_TIME :])
                break
        return findings

    def _log_trace(self, entry: ChunkRecord, finding: Finding) -> None:
        key = (entry.number, entry.attempt)
        if finding is Finding.TRACE and key not in self._traced:
            self._traced.add(key)
            log.warning(
                "%s has left a trace, and stays unknown unless it is found",
                self._requests.describe(entry),
            )
