"""A campaign that is controlled while its requests fail, for the fault matrix."""

from __future__ import annotations

import contextlib

import attrs

from smsworks_async import AsyncSMSWorks, Outcome
from smsworks_async.bulk.payloads import POSITION
from smsworks_async.journals import SQLiteJournal
from smsworks_async.sandbox import Fault, Sandbox
from support.fault_matrix import PEOPLE
from support.reports import named
from support.schedules import due_or_gone


CHUNK = 3
#: All positions of a fault, and whether the sandbox accepts the affected request.
MOMENTS = {
    "before": False,
    "after": True,
    "mid": True,
    "hold": True,
    "late": True,
    "hang": False,
}


class Interrupted(SQLiteJournal):
    """A journal with callbacks around one of its claims.

    Args:
        path, clock: as for `SQLiteJournal`.
        before, after: awaited with the journal just before, and just after, its n-th claim.
        nth: the number of the claim.
    """

    def __init__(self, path, *, clock, before=None, after=None, nth=3):
        super().__init__(path, clock=clock)
        self._before, self._after = before, after
        self._left = nth

    async def claim_next(self, *args, **kwargs):
        self._left -= 1
        now = self._left == 0
        if now and self._before is not None:
            await self._before(self)
        claim = await super().claim_next(*args, **kwargs)
        if now and self._after is not None:
            await self._after(self)
        return claim


@attrs.define
class ControlledCampaign:
    """A campaign in a file, whose reports are compared with the sandbox's messages.

    Attributes:
        box: the sandbox, with a manual clock.
        sms: its client.
        clock: the sandbox's clock, for clients.
        path: the journal's file.
        when: the position of its faults.
        method, fields: the method of `bulk`, and its arguments.
        out: the numbers that must not be texted.
    """

    box: Sandbox
    sms: AsyncSMSWorks
    clock: object
    path: object
    when: str
    method: str
    fields: dict
    out: set = attrs.field(factory=set)

    def fail(self, path, nth, method="POST"):
        """Let one request fail."""
        self.box.add_fault(Fault(path=path, method=method, nth=nth, when=self.when))

    @contextlib.asynccontextmanager
    async def _journal(self, **happenings):
        journal = Interrupted(self.path, clock=self.clock, **happenings)
        try:
            yield journal
        finally:
            await journal.close()

    async def send(self, *, before=None, after=None, **options):
        """Run the campaign with a new handle of its file.

        Args:
            before, after: see `Interrupted`.
            options: the options of the run.
        """
        async with self._journal(before=before, after=after) as journal:
            report = await getattr(self.sms.bulk, self.method)(
                **{**self.fields, **options},
                chunk_size=CHUNK,
                concurrency=1,
                journal=journal,
                campaign="x",
                settle=0,
            )
        self.check(report)
        return report

    async def call(self, method, **options):
        """Call a method of `bulk` for the campaign."""
        async with self._journal() as journal:
            return await getattr(self.sms.bulk, method)("x", journal=journal, **options)

    async def opt_out(self, *numbers):
        """Let recipients reply STOP."""
        async with self._journal() as journal:
            for number in numbers:
                await journal.record_opt_out(number, "out", source="test")

    async def settle_down(self):
        """Remove all faults, and reconcile: accepted recipients must not stay unknown."""
        self.box.clear_faults()
        await self.release()
        report = await self.call("reconcile", settle=0)
        self.check(report)
        doubted = set(named(report, Outcome.UNKNOWN))
        assert not doubted & self.texts().keys(), "accepted, and in doubt all the same"
        return report

    async def release(self):
        """Release the held requests, which may then be accepted."""
        self.box.release()
        # The sandbox responds in order, so the held requests are complete by then.
        await self.sms.credits.balance()

    def posts(self):
        """Return when each batch was posted, in POSIX seconds."""
        return [
            request.at.timestamp()
            for request in self.box.requests
            if request.method == "POST" and request.path.startswith("/batch/")
        ]

    def texts(self):
        """Count the texts of each recipient, sent or scheduled."""
        return due_or_gone(self.box)

    def check(self, report):
        """Compare a report with the sandbox: each texted at most once and reported correctly."""
        texts = self.texts()
        assert max(texts.values(), default=0) <= 1, "somebody was texted twice"
        assert not self.out & texts.keys(), "somebody was texted after opting out"
        for message in self.box.messages:
            marked = [pair["value"] for pair in message.metadata if pair["key"] == POSITION]
            assert {PEOPLE[int(position)] for position in marked} <= {message.destination}
        assert report.adds_up
        assert report.read == len(PEOPLE)
        assert report.accepted_twice == 0
        doubted = named(report, Outcome.UNKNOWN)
        spared = named(report, Outcome.REJECTED, Outcome.NOT_SENT)
        left_out = named(report, Outcome.OPTED_OUT)
        assert len(doubted) == report.unknown
        assert len(spared) == report.rejected + report.not_sent
        assert len(left_out) == report.opted_out
        others = [*doubted, *spared, *left_out]
        assert len(set(others)) == len(others), "somebody is named twice"
        assert not {*spared, *left_out} & texts.keys(), "somebody was texted, and is named"
        accepted = set(PEOPLE) - set(others)
        assert len(accepted) == report.accepted
        assert accepted <= texts.keys(), "somebody was not texted who was, by the report"
