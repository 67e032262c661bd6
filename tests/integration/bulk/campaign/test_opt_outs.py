"""Bulk leaves out opted-out recipients: at the claim, before the request, and in reports."""

from __future__ import annotations

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    ConfigurationError,
    JournalError,
    NotAuthenticated,
    OptOuts,
    Outcome,
    ValidationError,
)
from smsworks_async.journals import MemoryJournal, SQLiteJournal, State
from smsworks_async.sandbox import Fault, ManualClock, Sandbox
from support.clock import FakeClock, SandboxClock, use_clock
from support.messages import TEXT, TEXT_TO_MANY, drama
from support.sandboxes import AT_ONCE


def wire_number(n):
    return f"447700900{n:03d}"


@pytest.fixture
async def opt_outs(journal):
    return OptOuts(journal)


def texted(box):
    counts = box.accepted_by_destination()
    assert set(counts.values()) <= {1}
    return set(counts)


async def test_send_leaves_out_who_has_opted_out(sms, box, kept, journal, opt_outs):
    for n in (3, 17):
        await opt_outs.add(wire_number(n))
    report = await sms.bulk.send(**kept, destinations=drama(20))
    assert (report.accepted, report.opted_out, report.adds_up) == (18, 2, True)
    assert report.all_accepted
    assert texted(box) == {wire_number(n) for n in range(20)} - {wire_number(3), wire_number(17)}
    left = [batch for batch in report.batches if batch.outcome is Outcome.OPTED_OUT]
    assert [(one.number, one.destinations) for one in left] == [
        (0, (wire_number(3),)),
        (1, (wire_number(17),)),
    ]
    rows = [row async for row in sms.bulk.outcomes("x", journal=journal)]
    assert {row.position for row in rows if row.outcome == "opted out"} == {3, 17}
    assert all(row.batch_id is None for row in rows if row.outcome == "opted out")
    status = await sms.bulk.status("x", journal=journal)
    assert (status.accepted, status.opted_out, status.state) == (18, 2, "done")
    assert report.credits == 18


async def test_send_skips_a_chunk_of_which_nobody_is_left(sms, box, kept, journal, opt_outs):
    for n in range(10, 20):
        await opt_outs.add(wire_number(n))
    report = await sms.bulk.send(**kept, destinations=drama(30))
    assert (report.accepted, report.opted_out) == (20, 10)
    assert [chunk.state for chunk in await journal.chunks("x")] == [
        State.ACCEPTED,
        State.SKIPPED,
        State.ACCEPTED,
    ]
    assert box.accepted() == 20


async def test_send_to_nobody_but_opted_out_people_makes_no_request(sms, box, kept, opt_outs):
    for n in range(3):
        await opt_outs.add(wire_number(n))
    report = await sms.bulk.send(**kept, destinations=drama(3))
    assert (report.read, report.opted_out, report.all_accepted) == (3, 3, True)
    assert not [r for r in box.requests if r.path.endswith("/batch/send")]


async def test_send_looks_once_more_just_before_the_request(sms, box, kept, journal, opt_outs):
    claim = journal.claim_next
    late = iter([wire_number(5)])

    async def claim_then_stop(*args, **kwargs):
        claimed = await claim(*args, **kwargs)
        if (number := next(late, None)) is not None:
            await opt_outs.add(number)
        return claimed

    journal.claim_next = claim_then_stop
    report = await sms.bulk.send(**{**kept, "concurrency": 1}, destinations=drama(10))
    assert (report.accepted, report.opted_out) == (9, 1)
    assert wire_number(5) not in texted(box)
    events = [event.what for event in await journal.events("x")]
    assert events == ["planned", "started", "not sent", "started", "accepted"]


async def test_an_opt_in_before_the_claim_brings_a_recipient_back(sms, box, kept, opt_outs):
    await opt_outs.add(wire_number(1))
    await opt_outs.remove(wire_number(1))
    report = await sms.bulk.send(**kept, destinations=drama(3))
    assert (report.accepted, report.opted_out) == (3, 0)


async def test_send_each_filters_texts_and_positions_together(sms, box, journal, opt_outs):
    await opt_outs.add(wire_number(1))
    rows = [{"destination": d, "name": f"N{n}"} for n, d in enumerate(drama(4))]
    report = await sms.bulk.send_each(
        template="Hi {name}", sender="AcmeCorp", rows=rows, journal=journal, campaign="x"
    )
    assert (report.accepted, report.opted_out) == (3, 1)
    sent = {m.destination: (m.content, m.metadata) for m in box.messages}
    assert set(sent) == {wire_number(n) for n in (0, 2, 3)}
    assert sent[wire_number(3)][0] == "Hi N3"
    marks = {str(pair) for _, metadata in sent.values() for pair in metadata}
    assert not any("'1'" in mark or '"1"' in mark for mark in marks)


async def test_halves_are_filtered_at_their_own_claims(sms, box, kept, opt_outs, journal):
    await opt_outs.add(wire_number(0))
    box.add_fault(Fault(path="/batch/send", nth=1, error_code=4004))
    split = journal.split

    async def split_then_back(*args):
        numbers = await split(*args)
        await opt_outs.remove(wire_number(0))
        await opt_outs.add(wire_number(9))
        return numbers

    journal.split = split_then_back
    report = await sms.bulk.send(**{**kept, "concurrency": 1}, destinations=drama(10))
    assert report.adds_up
    assert texted(box) == {wire_number(n) for n in range(9)}
    assert (report.accepted, report.opted_out) == (9, 1)


async def test_a_lost_answer_is_found_by_who_was_really_sent_to(sms, box, kept, opt_outs):
    await opt_outs.add(wire_number(0))
    box.add_fault(Fault(path="/batch/send", when="after"))
    report = await sms.bulk.send(**kept, destinations=drama(10))
    assert (report.accepted, report.opted_out, report.unknown) == (9, 1, 0)
    assert texted(box) == {wire_number(n) for n in range(1, 10)}


async def test_who_was_in_a_lost_request_stays_unknown_and_is_not_opted_out(
    sms, box, kept, journal, opt_outs
):
    await opt_outs.add(wire_number(0))
    box.add_fault(Fault(path="/batch/send", when="before"))
    report = await sms.bulk.send(**kept, destinations=drama(10), settle=0)
    assert (report.unknown, report.opted_out) == (9, 1)
    await opt_outs.add(wire_number(1))
    report = await sms.bulk.send(**kept, on_unknown="resend")
    assert (report.accepted, report.unknown, report.opted_out) == (8, 1, 1)
    assert report.adds_up
    rows = {row.position: row.outcome async for row in sms.bulk.outcomes("x", journal=journal)}
    assert (rows[0], rows[1], rows[2]) == ("opted out", "unknown", "accepted")
    assert texted(box) == {wire_number(n) for n in range(2, 10)}
    status = await sms.bulk.status("x", journal=journal)
    assert (status.accepted, status.unknown, status.opted_out) == (8, 1, 1)


async def test_respect_opt_outs_false_texts_everybody_and_stays_with_the_campaign(
    sms, box, kept, opt_outs, journal
):
    await opt_outs.add(wire_number(0))
    await sms.bulk.plan(
        sender="AcmeCorp",
        content="Hello",
        destinations=drama(10),
        journal=journal,
        campaign="x",
        chunk_size=10,
        respect_opt_outs=False,
    )
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.send(**kept, respect_opt_outs=True)
    assert caught.value.field == "respect_opt_outs"
    assert box.accepted() == 0
    report = await sms.bulk.send(**kept)
    assert (report.accepted, report.opted_out) == (10, 0)


async def test_a_claim_with_another_list_is_refused(box, tmp_path):
    clock = FakeClock()
    kept = {**TEXT_TO_MANY, "journal": MemoryJournal(clock=clock), "campaign": "x"}
    first, second = (OptOuts(tmp_path / f"{name}.db") for name in "ab")
    for opt_outs, expected in ((first, 10), (second, None)):
        async with AsyncSMSWorks(
            box.token, base_url=box.base_url, retry=AT_ONCE, opt_outs=opt_outs
        ) as sms:
            use_clock(sms, clock)
            if expected is None:
                with pytest.raises(ConfigurationError, match="a different opt-out list"):
                    await sms.bulk.send(**kept)
            else:
                report = await sms.bulk.send(**kept, destinations=drama(10))
                assert report.accepted == expected
        await opt_outs.close()


async def test_a_run_without_a_journal_respects_the_clients_list(box, tmp_path):
    async with AsyncSMSWorks(
        box.token, base_url=box.base_url, retry=AT_ONCE, opt_outs=tmp_path / "opt-outs.db"
    ) as sms:
        for n in (0, *range(10, 20)):
            await sms.opt_outs.add(wire_number(n))
        report = await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(30), chunk_size=10)
        assert (report.read, report.accepted, report.opted_out) == (30, 19, 11)
        assert report.adds_up
        report = await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), respect_opt_outs=False)
        assert (report.accepted, report.opted_out) == (1, 0)


async def test_the_clients_journal_is_the_default(box, tmp_path):
    path = tmp_path / "journal.db"
    async with AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE, journal=path) as sms:
        await sms.opt_outs.add("07700 900001")
        report = await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(3), campaign="x")
        assert (report.accepted, report.opted_out) == (2, 1)
        assert (await sms.bulk.status("x")).state == "done"
        assert [one.campaign async for one in sms.bulk.campaigns()] == ["x"]
        assert await sms.bulk.export("x", to=tmp_path / "x.csv") == 3
        report = await sms.bulk.reconcile("x", settle=0)
        assert report.adds_up
    journal = SQLiteJournal(path)
    assert (await journal.summary("x")).campaign.opt_outs
    await journal.close()


async def test_retry_undelivered_leaves_out_who_has_opted_out_since():
    async with (
        Sandbox(clock=ManualClock()) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        clock = SandboxClock(box)
        use_clock(sms, clock)
        journal = MemoryJournal(clock=clock)
        opt_outs = OptOuts(journal)
        people = ["07700 900506", "07700 900513", *drama(3)]
        await sms.bulk.send(**TEXT_TO_MANY, destinations=people, journal=journal, campaign="x")
        await box.advance(1000)
        await opt_outs.add(wire_number(506))
        report = await sms.bulk.retry_undelivered("x", journal=journal)
        assert (report.read, report.accepted, report.opted_out) == (2, 1, 1)
        assert box.accepted_by_destination()[wire_number(506)] == 1
        assert box.accepted_by_destination()[wire_number(513)] == 2


async def test_reconcile_reads_opt_outs_again_that_a_copy_has_forgotten(sms, box, kept, journal):
    box.add_fault(Fault(path="/batch/send", error_code=4021, times=0))
    await sms.bulk.send(**kept, destinations=drama(10))
    box.clear_faults()
    # The copy's list has no replies that arrived after it was made.
    await box.receive(sender=wire_number(1), to="60777", content="STOP")
    await box.receive(sender=wire_number(2), to="60777", content="STOP")
    await box.receive(sender=wire_number(2), to="60777", content="START")
    await sms.bulk.reconcile("x", journal=journal, restored=True)
    report = await sms.bulk.send(**kept)
    assert (report.accepted, report.opted_out) == (9, 1)
    assert wire_number(1) not in texted(box)


async def test_reconcile_of_a_copy_changes_nothing_where_messages_cannot_be_read(
    sms, box, kept, journal
):
    box.add_fault(Fault(path="/batch/send", error_code=4021, times=0))
    await sms.bulk.send(**kept, destinations=drama(10))
    before = await journal.chunks("x")
    box.clear_faults()
    box.add_fault(Fault(path="/messages", status=401, times=0))
    with pytest.raises(NotAuthenticated):
        await sms.bulk.reconcile("x", journal=journal, restored=True)
    assert await journal.chunks("x") == before


async def test_a_list_whose_file_vanishes_ends_the_run_before_the_next_request(box, tmp_path):
    """Another process records replies in a new file with the same name, unseen by this one."""
    path, listed = tmp_path / "journal.db", tmp_path / "opt-outs.db"

    def progress(event):
        if event.accepted >= 9:
            listed.unlink(missing_ok=True)

    async with AsyncSMSWorks(
        box.token, base_url=box.base_url, retry=AT_ONCE, journal=path, opt_outs=listed
    ) as sms:
        await sms.opt_outs.add("07700 900001")
        kept = {**TEXT_TO_MANY, "campaign": "x", "chunk_size": 10, "concurrency": 1}
        with pytest.raises(JournalError, match=r"opt-outs\.db"):
            await sms.bulk.send(**kept, destinations=drama(50), progress=progress)
        status = await sms.bulk.status("x")
        assert (status.accepted, status.opted_out, status.not_sent, status.in_flight) == (
            9,
            1,
            40,
            0,
        )
        with pytest.raises(JournalError, match=r"opt-outs\.db"):
            await sms.messages.send(**TEXT, respect_opt_outs=True)
    assert box.accepted() == 9


@pytest.mark.parametrize("kind", ["campaign", "stream"])
@pytest.mark.parametrize("fetch", ["first", "renewed"])
async def test_send_leaves_out_who_opts_out_while_a_token_is_fetched(box, tmp_path, kind, fetch):
    if fetch == "renewed":
        box.add_fault(Fault(path="/batch/send", error_code=4011))
    fetched = 0

    async def token():
        nonlocal fetched
        fetched += 1
        if fetched == (1 if fetch == "first" else 2):
            await sms.opt_outs.add(wire_number(5))
        return box.token

    campaign = {"campaign": "x"} if kind == "campaign" else {}
    async with AsyncSMSWorks(
        token, base_url=box.base_url, retry=AT_ONCE, journal=tmp_path / "journal.db"
    ) as sms:
        report = await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(10), **campaign)
    assert wire_number(5) not in texted(box)
    assert (report.accepted, report.opted_out) == (9, 1)
    assert report.adds_up


@pytest.mark.parametrize("campaign", [{"campaign": "x"}, {}])
async def test_send_leaves_out_who_opts_out_while_a_retry_waits_for_the_rate(
    box, tmp_path, campaign
):
    box.add_fault(Fault(path="/batch/send", status=429))

    class Rate:
        turns = 0

        async def acquire(self):
            self.turns += 1
            if self.turns == 2:
                await sms.opt_outs.add(wire_number(5))

    async with AsyncSMSWorks(
        box.token,
        base_url=box.base_url,
        retry=AT_ONCE,
        journal=tmp_path / "journal.db",
        max_rate=Rate(),
    ) as sms:
        report = await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(10), **campaign)
    assert wire_number(5) not in texted(box)
    assert (report.accepted, report.opted_out, report.adds_up) == (9, 1, True)
