"""For any input and failures the report adds up and no recipient is accepted twice."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from smsworks_async.bulk.costs import CostLimits
from smsworks_async.bulk.engine import Engine
from smsworks_async.bulk.options import Options
from smsworks_async.bulk.payloads import SharedText
from smsworks_async.bulk.recipients import Reader
from smsworks_async.bulk.stream_source import StreamSource
from smsworks_async.bulk.throttle import Throttle
from smsworks_async.errors import APIError, NotSent, OutcomeUnknown
from smsworks_async.models.incoming import CountryCost
from smsworks_async.phone import destination_rule


MESSAGE = {"sender": "AcmeCorp", "content": "Hello"}

numbers = st.integers(0, 40).map(lambda n: f"07700 9000{n:02d}")
abroad = st.integers(0, 10).map(lambda n: f"+33 1 00 00 00 {n:02d}")
recipients = st.lists(numbers | abroad | st.sampled_from(["", "nobody", None, 5]), max_size=80)
failures = st.sampled_from(
    [
        None,
        NotSent("x"),
        OutcomeUnknown("x", operation="POST /batch/send"),
        OutcomeUnknown("accepted all the same", operation="POST /batch/send"),
        *(APIError("x", status=400, code=code) for code in (4004, 4006, 4021, 4034, 5002, 5020)),
        ValueError("unforeseen"),
    ]
)


class Account:
    @staticmethod
    async def cost(*, country):
        return CountryCost(code=country, credits=2.0)


@given(
    recipients,
    st.integers(1, 12),
    st.integers(1, 5),
    st.lists(failures, max_size=30),
    st.none() | st.integers(1, 60),
)
async def test_engine_report_adds_up_and_no_accepted_destination_repeats(
    values, chunk_size, concurrency, faults, max_credits
):
    accepted = Counter()
    asked = iter(faults)

    async def post(document, expired, on_retry, before_repeat):
        fault = next(asked, None)
        if fault is None or "accepted" in str(fault):
            accepted.update(document["destinations"])
        if fault is not None:
            raise fault
        return str(len(accepted))

    payload = SharedText.of(destination_rule(international=True), **MESSAGE)
    reader = Reader(payload, chunk_size, deduplicate=True)
    limits = CostLimits(Options(chunk_size=chunk_size, max_credits=max_credits), Account)
    source = StreamSource(payload, values, reader, limits)
    engine = Engine(source, post, Throttle(concurrency), shared_text=True)
    await engine.run()
    report = await source.report(engine.halt)

    assert report.adds_up
    assert report.read == len(values)
    assert max(accepted.values(), default=1) == 1
    assert report.accepted <= accepted.total() <= report.accepted + report.unknown
    assert sum(outcome.size for outcome in report.batches) == report.read - len(report.problems)
    numbered = [outcome.number for outcome in report.batches]
    assert numbered == sorted(set(numbered))  # with gaps, where a chunk was split in two
    if not faults and max_credits is None:
        assert report.all_accepted is (report.invalid == 0)
        assert report.accepted == accepted.total() == report.read - len(report.problems)
    if max_credits is not None:
        assert report.credits <= max_credits
