"""For any recipients, chunk size, faults and restarts the report adds up and nobody is accepted
twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from smsworks_async.bulk.campaign.run import CampaignRun
from smsworks_async.bulk.options import Options
from smsworks_async.bulk.payloads import SharedText
from smsworks_async.bulk.timer import Timer
from smsworks_async.errors import APIError, JournalError, NotSent, OutcomeUnknown
from smsworks_async.journals import Campaign, MemoryJournal
from smsworks_async.models.incoming import MessageRecord
from smsworks_async.phone import destination_rule
from support.clock import FakeClock
from support.internals import sqlite_journal_in_memory


TEXT = {"sender": "AcmeCorp", "content": "Hello"}
LOST = OutcomeUnknown("lost", operation="POST /batch/send")

numbers = st.integers(0, 40).map(lambda n: f"07700 9000{n:02d}")
abroad = st.integers(0, 10).map(lambda n: f"+33 1 00 00 00 {n:02d}")
people = st.lists(numbers | abroad | st.sampled_from(["", "nobody", None, 5]), max_size=60)
#: The results of a request: accepted or not, with a response or not; or the process dies.
fates = st.sampled_from(
    [
        None,
        "accepted, answer lost",
        "lost on the way",
        "killed before it left",
        "killed when it was accepted",
        NotSent("no connection"),
        *(APIError("x", status=400, code=code) for code in (4004, 4021, 4034, 5002, 5020)),
    ]
)


class Killed(JournalError):
    """The process is dead: nothing is recorded any more."""


class Gateway:
    """The provider, as far as a campaign sees it."""

    timeout = 10.0

    def __init__(self, fates, clock):
        self.fates = iter(fates)
        self.clock = clock
        self.batches = []
        self.dead = False

    acquire_rate = None

    def server_time(self):
        return self.clock()

    async def now(self):
        return self.clock()

    def post(self, _, at=None):
        async def post(document, expired, on_retry, before_repeat):
            fate = next(self.fates, None)
            if isinstance(fate, Exception):
                raise fate
            if fate not in ("lost on the way", "killed before it left"):
                self.batches.append((tuple(document["destinations"]), self.clock()))
            if isinstance(fate, str) and fate.startswith("killed"):
                self.dead = True
            if fate is not None:
                raise LOST
            return str(len(self.batches) - 1)

        return post

    def _records(self, batch_id):
        destinations, at = self.batches[batch_id]
        created = datetime.fromtimestamp(at, UTC) + timedelta(seconds=1)
        for number in destinations:
            yield MessageRecord(
                str(batch_id),
                batch_id=str(batch_id),
                destination=number,
                content="Hello",
                created=created,
            )

    async def iterate(self, *, destination, **_):
        for batch_id in range(len(self.batches)):
            for record in self._records(batch_id):
                if record.destination == destination:
                    yield record

    async def get(self, batch_id):
        return list(self._records(int(batch_id)))


class Mortal:
    """A journal that records nothing after its process has died."""

    def __init__(self, journal, gateway):
        self._journal = journal
        self._gateway = gateway
        self.clock = journal.clock

    def __getattr__(self, name):
        method = getattr(self._journal, name)

        async def call(*args, **kwargs):
            if self._gateway.dead:
                raise Killed("dead")
            return await method(*args, **kwargs)

        return call


async def live(journal, gateway, values, clock, **options):
    """Run a campaign until it ends, however often its process dies."""
    for _ in range(100):
        gateway.dead = False
        chosen = Options(**options, journal=journal, campaign="x", settle=1)
        run = CampaignRun(
            Mortal(journal, gateway),
            Campaign(
                id="x",
                kind="send",
                message=TEXT,
                chunk_size=chosen.chunk_size,
                deduplicate=True,
            ),
            SharedText(TEXT, destination_rule(international=True)),
            gateway,
            chosen,
            Timer(clock.sleep, clock.monotonic),
        )
        try:
            return await run.plan(values) or await run.run()
        except JournalError:
            clock.advance(1.0)
    raise AssertionError("it never ends")


@settings(max_examples=150)
@given(
    people,
    st.fixed_dictionaries(
        {
            "chunk_size": st.integers(1, 12),
            "concurrency": st.integers(1, 4),
            "on_unknown": st.sampled_from(["report", "resend"]),
        }
    ),
    st.lists(fates, max_size=20),
    st.booleans(),
)
async def test_campaign_report_adds_up_and_no_accepted_destination_repeats(
    values, options, history, in_a_database
):
    clock = FakeClock(2e9)
    gateway = Gateway(history, clock)
    journal = sqlite_journal_in_memory(clock) if in_a_database else MemoryJournal(clock=clock)
    report = await live(journal, gateway, values, clock, **options)
    await journal.close()
    accepted = Counter(number for destinations, _ in gateway.batches for number in destinations)
    assert report.adds_up
    assert report.read == len(values)
    assert max(accepted.values(), default=1) == 1
    assert report.accepted == accepted.total(), "whatever was accepted is found"
    doubted = {n for b in report.batches if b.outcome == "unknown" for n in b.destinations}
    assert not doubted & accepted.keys()
