"""Campaigns over a real socket: planning, repeated runs, progress, and reports."""

from __future__ import annotations

import csv
import json
import stat

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    BulkInterrupted,
    Outcome,
    Reason,
    SMSWorks,
    ValidationError,
)
from smsworks_async.journals import MemoryJournal
from smsworks_async.sandbox import Fault, Sandbox
from support.messages import TEXT_TO_MANY as TEXT
from support.messages import drama


async def test_campaign_that_is_run_again_sends_nothing_again(box, sms, kept):
    people = [*drama(25), "nobody", "07700900003"]
    first = await sms.bulk.send(**kept, destinations=people)
    assert (first.accepted, first.invalid, first.duplicates, first.read) == (25, 1, 1, 27)
    again = await sms.bulk.send(**kept, destinations=iter(people))
    without = await sms.bulk.send(**kept)
    assert first == again == without
    assert box.accepted() == 25
    assert len(box.requests) == 3
    assert first.adds_up


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"content": "Hi"}, "content"),
        ({"sender": "Other"}, "sender"),
        ({"tag": "t"}, "tag"),
        ({"chunk_size": 11}, "chunk_size"),
        ({"deduplicate": False}, "deduplicate"),
        ({"destinations": drama(24)}, "destinations"),
        ({"destinations": drama(26)}, "destinations"),
        ({"destinations": drama(25, start=1)}, "destinations"),
        ({"destinations": [*drama(24), "nobody"]}, "destinations"),
    ],
)
async def test_campaign_of_the_same_name_with_other_content_is_an_error_and_sends_nothing(
    box, sms, kept, change, field
):
    await sms.bulk.send(**kept, destinations=drama(25))
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.send(**{**kept, "destinations": drama(25), **change})
    assert caught.value.field == field
    assert box.accepted() == 25


async def test_campaign_sends_nothing_before_all_of_it_is_planned(box, sms, kept, journal):
    def people():
        yield from drama(1200 // 2)
        raise ZeroDivisionError

    with pytest.raises(BulkInterrupted) as caught:
        await sms.bulk.send(**kept, destinations=people())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.report.adds_up
    assert caught.value.report.read == caught.value.report.not_sent == 600
    assert box.requests == []
    assert len(await journal.chunks("x")) == 60
    with pytest.raises(ValidationError, match="not completely planned"):
        await sms.bulk.send(**kept)
    status = await sms.bulk.status("x", journal=journal)
    assert not status.planned
    assert not status.settled
    report = await sms.bulk.send(**kept, destinations=drama(700))
    assert report.accepted == box.accepted() == 700


async def test_campaign_sends_the_rest_when_credits_that_ran_out_are_bought(clock):
    async with Sandbox(credits=25) as box, AsyncSMSWorks(box.token, base_url=box.base_url) as sms:
        kept = {**TEXT, "journal": MemoryJournal(), "campaign": "x", "chunk_size": 10}
        first = await sms.bulk.send(**kept, destinations=drama(50), concurrency=1)
        assert (first.accepted, first.rejected, first.not_sent) == (20, 10, 20)
        assert first.stopped is not None
        assert all(b.error for b in first.batches if b.outcome is Outcome.NOT_SENT)
        box.credits = 100
        second = await sms.bulk.send(**kept)
        assert (second.accepted, second.stopped) == (50, None)
        assert set(box.accepted_by_destination().values()) == {1}


async def test_campaign_does_not_try_a_refused_text_again(box, sms, kept):
    box.add_fault(Fault(path="*", error_code=4006))
    first = await sms.bulk.send(**{**kept, "concurrency": 1}, destinations=drama(10))
    second = await sms.bulk.send(**kept)
    assert first.rejected == second.rejected == 10
    assert len(box.requests) == 1


async def test_campaign_leaves_out_only_international_numbers_where_they_are_not_enabled():
    async with (
        Sandbox(international=False) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, international=True) as sms,
    ):
        mixed = [n for pair in zip(drama(40), map("+331{:08d}".format, range(40)), strict=True)
                 for n in pair]  # fmt: skip
        report = await sms.bulk.send(
            **TEXT,
            destinations=mixed,
            chunk_size=10,
            concurrency=1,
            journal=MemoryJournal(),
            campaign="x",
        )
    assert (report.accepted, report.rejected, report.not_sent) == (40, 10, 30)
    assert {b.code for b in report.batches if b.outcome is not Outcome.ACCEPTED} == {4034}


async def test_campaign_progress_holds_what_is_planned_and_how_long_it_takes(box, sms, kept):
    told = []
    await sms.bulk.send(**kept, destinations=[*drama(45), "nobody"], progress=told.append)
    last = told[-1]
    assert (last.planned, last.accepted, last.in_flight, last.invalid) == (45, 45, 0, 1)
    assert last.seconds_left == 0.0
    assert last.per_second > 0
    assert [p.accepted for p in told] == sorted(p.accepted for p in told)
    told.clear()
    box.add_fault(Fault(path="*", error_code=4021))
    await sms.bulk.send(**{**kept, "campaign": "y"}, destinations=drama(45))
    await sms.bulk.send(**{**kept, "campaign": "y"}, progress=told.append)
    assert told[-1].done == told[-1].planned == 45


async def test_campaign_is_watched_from_elsewhere_and_exported(box, sms, tmp_path):
    path = tmp_path / "journal.db"
    people = [*drama(25), "nobody", "07700900003", 5, {"odd": 1}]
    box.add_fault(Fault(path="/batch/send", nth=2, error_code=4004, times=100))
    await sms.bulk.send(
        **TEXT, destinations=people, journal=path, campaign="x", chunk_size=10, concurrency=1
    )
    status = await sms.bulk.status("x", journal=path)
    assert (status.read, status.accepted, status.rejected) == (29, 10, 15)
    assert (status.invalid, status.duplicates, status.settled) == (3, 1, True)
    assert status.credits == 10.0
    for name in ("out.csv", "out.jsonl"):
        assert await sms.bulk.export("x", journal=path, to=tmp_path / name) == 29
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["destination"] for row in rows] == [line["destination"] for line in lines]
    assert sorted(int(row["position"]) for row in rows) == list(range(29))
    outcomes = {row["destination"]: row["outcome"] for row in rows}
    assert outcomes["447700900000"] == "accepted"
    assert outcomes["447700900024"] == "rejected"
    assert outcomes["nobody"] == "invalid"
    assert outcomes["07700900003"] == Reason.DUPLICATE
    assert rows[0]["batch_id"]
    assert lines[24]["code"] == 4004
    with pytest.raises(ValidationError):
        await sms.bulk.export("x", journal=path, to=tmp_path / "out.txt")
    with pytest.raises(ValidationError):
        await sms.bulk.export("nowhere", journal=path, to=tmp_path / "other.csv")
    assert sorted(p.name for p in tmp_path.iterdir() if "db" not in p.name) == [
        "out.csv",
        "out.jsonl",
    ]


def test_campaign_is_blocking_too(hosted, tmp_path):
    path = tmp_path / "journal.db"
    with hosted.client() as sms:
        assert isinstance(sms, SMSWorks)
        told = []
        kept = {"journal": path, "campaign": "x", "chunk_size": 10}
        report = sms.bulk.send(
            **TEXT, **kept, destinations=(n for n in drama(30)), progress=told.append
        )
        assert report.accepted == 30
        assert told[-1].planned == 30
        assert sms.bulk.send(**TEXT, **kept) == report
        assert sms.bulk.status("x", journal=path).settled
        assert len(list(sms.bulk.outcomes("x", journal=path))) == 30
        assert sms.bulk.export("x", journal=path, to=tmp_path / "out.csv") == 30
        assert sms.bulk.reconcile("x", journal=path, settle=0) == report
        assert sms.bulk.retry_undelivered("x", journal=path).read == 0
        rows = ({"destination": n, "name": "Ada"} for n in drama(3))
        found = sms.bulk.estimate(template="Hi {name}", rows=rows)
        assert found.recipients == 3
        rows = ({"destination": n, "name": "Ada"} for n in drama(3))
        sent = sms.bulk.send_each(template="Hi {name}", rows=rows, sender="AcmeCorp")
        assert sent.accepted == 3
    assert hosted.do(lambda box: box.accepted()) == 33


async def test_campaign_name_that_is_misspelt_begins_nothing(box, sms, kept, journal):
    await sms.bulk.send(**kept, destinations=drama(10))
    with pytest.raises(ValidationError, match="no campaign 'z'"):
        await sms.bulk.send(**{**kept, "campaign": "z"})
    with pytest.raises(ValidationError, match="no campaign 'z'"):
        await sms.bulk.status("z", journal=journal)
    assert box.accepted() == 10
