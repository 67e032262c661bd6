"""Opt-outs, schedules, controls and windows, with a fault at every point: nobody is texted twice.

As in `test_fault_matrix.py`, reports are compared with the sandbox's count.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smsworks_async import AsyncSMSWorks, Outcome, SendWindow
from smsworks_async.sandbox import Fault, ManualClock, Sandbox
from support.clock import SandboxClock, use_clock
from support.controlled_faults import CHUNK, MOMENTS, ControlledCampaign
from support.fault_matrix import BULK, PEOPLE
from support.reports import named
from support.sandboxes import AT_ONCE
from support.schedules import statuses
from support.waiting import give_up_when_held


#: The machine's own clock is before that, which single calls go by.
NOON = datetime(2050, 7, 1, 12, tzinfo=UTC)
AT = NOON + timedelta(hours=1)
SCHEDULE, DELETE = "/batch/schedule", "/batches/schedule/*"
#: Closed from 12:03 to 12:05.
BREAK = SendWindow("12:05", "12:03", tz="UTC")
UNTIL_THE_BREAK = 200

every_moment = pytest.mark.parametrize("when", MOMENTS)
every_kind = pytest.mark.parametrize("kind", BULK)


@pytest.fixture
async def kept(tmp_path, when, kind):
    async with (
        Sandbox(clock=ManualClock(NOON)) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, timeout=30, retry=AT_ONCE) as sms,
    ):
        clock = SandboxClock(box)
        use_clock(sms, clock)
        give_up_when_held(box, sms)
        yield ControlledCampaign(box, sms, clock, tmp_path / "journal.db", when, *BULK[kind])


@pytest.fixture
def kind():
    """The default arguments."""
    return "bulk.send"


@every_kind
@every_moment
async def test_a_campaign_with_opt_outs_leaves_them_out_and_texts_nobody_twice(kept, when):
    """Of the chunks, the second is left out whole, and the last loses two around its claim."""
    gone = [PEOPLE[1], *PEOPLE[3:6], PEOPLE[7]]
    await kept.opt_out(*gone)
    kept.out.update(gone)
    kept.fail("/batch/*", nth=2)

    async def stop(number, journal):
        await journal.record_opt_out(number, "out", source="test")
        kept.out.add(number)

    report = await kept.send(
        before=lambda journal: stop(PEOPLE[10], journal),
        after=lambda journal: stop(PEOPLE[11], journal),
    )
    assert set(named(report, Outcome.OPTED_OUT)) == kept.out
    assert report.accepted + report.unknown == len(PEOPLE) - len(kept.out)
    # One of the two unknown recipients opts out, which does not settle it.
    await kept.opt_out(PEOPLE[6])
    await kept.settle_down()
    report = await kept.send(on_unknown="resend")
    assert set(named(report, Outcome.OPTED_OUT)) == kept.out
    doubted = [] if MOMENTS[when] else [PEOPLE[6]]
    assert named(report, Outcome.UNKNOWN) == doubted
    assert report.accepted == len(PEOPLE) - len(kept.out) - len(doubted)


@every_moment
async def test_a_scheduled_campaign_is_found_on_the_list_of_what_is_scheduled(kept, when):
    """No search shows its messages before they are due."""
    hidden = {"times": 0, "content_type": "application/json"}
    kept.fail(SCHEDULE, nth=2)
    hide = (
        Fault(path="/messages", status=200, body="[]", **hidden),
        Fault(path="/batch/*", method="GET", status=404, body='{"message": ""}', **hidden),
    )
    for fault in hide:
        kept.box.add_fault(fault)
    await kept.send(at=AT)
    await kept.release()
    report = await kept.call("reconcile", settle=0)
    kept.check(report)
    assert report.unknown == (0 if MOMENTS[when] else CHUNK)
    report = await kept.send(at=AT, on_unknown="resend")
    assert report.accepted == len(PEOPLE)
    await kept.box.advance(3700)
    assert set(kept.texts().values()) == {1}
    assert statuses(kept.box).keys() == {"DELIVERED"}


@every_moment
async def test_a_scheduled_campaign_is_cancelled_whichever_answer_is_lost(kept, when):
    """The outcome of a scheduling request is unknown when it is cancelled, and a DELETE fails,
    too."""
    kept.fail(SCHEDULE, nth=2)
    kept.box.add_fault(Fault(path="/messages*", status=503, times=0))
    report = await kept.send(at=AT)
    assert report.unknown == CHUNK
    kept.box.clear_faults()
    kept.fail(DELETE, nth=2, method="DELETE")
    report = await kept.call("cancel", settle=0)
    kept.check(report)
    assert report.too_late == ()
    found = MOMENTS[when] and when != "late"
    assert (report.not_sent, report.unknown) == (
        (len(PEOPLE), 0) if found else (len(PEOPLE) - CHUNK, CHUNK)
    )
    # Only now a late one is accepted; the process that finds it cancels it.
    report = await kept.settle_down()
    assert report.unknown == (0 if MOMENTS[when] else CHUNK)
    await kept.send(at=AT, on_unknown="resend")
    await kept.box.advance(3700)
    assert kept.texts() == {}


@every_moment
async def test_a_scheduled_campaign_is_scheduled_again_without_who_opted_out(kept, when):
    """The DELETE fails, and so does the request that schedules its chunk again."""
    await kept.send(at=AT)
    await kept.opt_out(PEOPLE[4])
    kept.fail(DELETE, nth=1, method="DELETE")
    kept.fail(SCHEDULE, nth=1)
    report = await kept.send(at=AT)
    assert report.too_late == ()
    kept.out.add(PEOPLE[4])
    await kept.settle_down()
    report = await kept.send(at=AT, on_unknown="resend")
    assert (report.accepted, report.opted_out) == (len(PEOPLE) - 1, 1)
    await kept.box.advance(3700)
    assert kept.texts() == dict.fromkeys(set(PEOPLE) - kept.out, 1)


@pytest.mark.parametrize("kind", ["bulk.send", "bulk.send_each"])
@every_moment
async def test_a_campaign_that_is_paused_in_the_middle_goes_on_when_it_is_resumed(kept, when):
    kept.fail("/batch/*", nth=2)
    report = await kept.send(before=lambda journal: kept.sms.bulk.pause("x", journal=journal))
    assert report.not_sent == 2 * CHUNK
    report = await kept.settle_down()
    assert (report.accepted, report.unknown) == ((6, 0) if MOMENTS[when] else (3, 3))
    posts = kept.posts()
    await kept.send(on_unknown="resend")
    assert kept.posts() == posts
    await kept.call("resume")
    report = await kept.send(on_unknown="resend")
    assert report.accepted == len(PEOPLE)


@pytest.mark.parametrize("kind", ["bulk.send", "bulk.send_each"])
@every_moment
async def test_a_campaign_that_is_cancelled_in_the_middle_sends_nothing_more(kept, when):
    kept.fail("/batch/*", nth=2)

    async def cancel(journal):
        kept.check(await kept.sms.bulk.cancel("x", settle=0, journal=journal))

    await kept.send(before=cancel)
    report = await kept.settle_down()
    counts = (report.accepted, report.unknown, report.not_sent)
    assert counts == ((6, 0, 6) if MOMENTS[when] else (3, 3, 6))
    posts = kept.posts()
    report = await kept.send(on_unknown="resend")
    assert counts == (report.accepted, report.unknown, report.not_sent)
    assert kept.posts() == posts


@every_moment
async def test_a_campaign_that_the_account_halts_goes_on_when_it_is_sent_again(kept, when):
    kept.fail("/batch/*", nth=2)
    kept.box.add_fault(Fault(path="/batch/*", method="POST", error_code=4021, nth=3))
    report = await kept.send()
    assert report.rejected + report.not_sent == 2 * CHUNK
    assert (await kept.call("status")).state == "halted"
    report = await kept.settle_down()
    assert report.rejected + report.not_sent == 2 * CHUNK
    report = await kept.send(on_unknown="resend")
    assert report.accepted == len(PEOPLE)


@pytest.mark.parametrize("outside", ["wait", "stop"])
@every_moment
async def test_a_campaign_whose_window_closes_in_between_sends_nothing_meanwhile(
    kept, when, outside
):
    window = SendWindow(BREAK.start, BREAK.end, tz="UTC", outside=outside)
    kept.fail("/batch/*", nth=2)
    report = await kept.send(
        before=lambda _: kept.box.advance(UNTIL_THE_BREAK), window=window, on_unknown="report"
    )
    assert report.not_sent == (2 * CHUNK if outside == "stop" else 0)
    await kept.settle_down()
    await kept.box.advance(UNTIL_THE_BREAK)
    report = await kept.send(on_unknown="resend")
    assert report.accepted == len(PEOPLE)
    assert all(map(window.is_open, kept.posts()))
    assert not window.is_open(NOON.timestamp() + UNTIL_THE_BREAK)
