"""Repeated searches for unknown requests, and the wait until they can no longer be accepted.

An empty result proves nothing, since a search may lag behind: it is repeated, and nothing is resent
unless every search was empty.
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


#: The times of the searches, as fractions of `settle`: early at first, since most lags are short.
LOOKS: Final = (0.0, 1 / 15, 3 / 15, 7 / 15, 1.0)
#: How often a wait that ended early is continued.
_WAITS: Final = 3
#: The number of concurrent searches.
_AT_A_TIME: Final = 4


class Doubts(Protocol):
    """Unknown requests in a journal, and the search for them."""

    async def unknown(self) -> Sequence[ChunkRecord]:
        """Return the requests that are unknown now, including those with an expired lease."""
        ...

    async def prepare(self) -> None:
        """Read the data shared by several searches.

        Raises:
            SMSWorksError: the request to the provider failed.
        """
        ...

    async def look(self, entry: ChunkRecord, /) -> Finding:
        """Search once for one of them, and accept it if it is found.

        Raises:
            SMSWorksError: the request to the provider failed.
        """
        ...

    async def now(self) -> float:
        """Return the time by the journal's clock, in POSIX seconds."""
        ...

    @property
    def request_time(self) -> float:
        """The longest duration of a request of this process in seconds."""
        ...

    def describe(self, entry: ChunkRecord, /) -> str:
        """Return the name of one of them for the log."""
        ...


class Reconciler:
    """Searches for unknown requests.

    Args:
        doubts: the requests.
        timer: the run's timer.
        reporter: reports progress.
    """

    def __init__(self, doubts: Doubts, *, timer: Timer, reporter: Reporter) -> None:
        self._requests = doubts
        self._timer = timer
        self._reporter = reporter
        self._traced: set[tuple[int, int]] = set()
        # When this process first saw each of them as unknown.
        self._first_seen: dict[tuple[int, int], float] = {}

    async def settle(self, seconds: float) -> list[ChunkRecord]:
        """Search for all of them repeatedly for a number of seconds.

        Returns:
            The requests without a trace in any search, which may be resent if that risk is
            accepted. Requests with a trace, or with a failed search, stay unknown.
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
        """Wait until unknown requests can no longer be accepted, and search a last time.

        The process that claimed them may have written until the lease expired, and a written
        request can be accepted until its time-out. The last searches begin after that, and take
        the same number of seconds again, since a search may lag behind by as much.

        Args:
            entries: the requests.
            seconds: the longest lag of a search.

        Returns:
            The requests without a trace. Requests with an excessively long lease, because a clock
            was ahead, are not waited for and not included.
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
                "unknown requests, which may still be accepted",
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
                ended = ": its lease expired" if transitions.has_lapsed(entry) else ""
                log.warning("%s is unknown%s", self._requests.describe(entry), ended)
        return doubts

    async def _look_for(self, doubts: Sequence[ChunkRecord]) -> list[tuple[ChunkRecord, Finding]]:
        findings: list[tuple[ChunkRecord, Finding]] = []
        if doubts:
            await self._reporter.enter(Phase.RECONCILING)
            try:
                await self._requests.prepare()
            except SMSWorksError:  # the request to the provider failed
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
                # The provider cannot be reached, so skip the others, too.
                findings.extend((entry, Finding.TRACE) for entry in doubts[start + _AT_A_TIME :])
                break
        return findings

    def _log_trace(self, entry: ChunkRecord, finding: Finding) -> None:
        key = (entry.number, entry.attempt)
        if finding is Finding.TRACE and key not in self._traced:
            self._traced.add(key)
            log.warning(
                "%s has left a trace, so it stays unknown unless it is found",
                self._requests.describe(entry),
            )
