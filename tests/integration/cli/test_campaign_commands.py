"""The commands for a stored campaign: their effects, records and exit codes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from smsworks_async import JournalError, SendWindow
from smsworks_async.journals import SQLiteJournal
from smsworks_async.sandbox import Fault
from support.campaign_commands import (
    CAMPAIGN,
    CHUNK,
    CHUNKS,
    PEOPLE,
    REPORT,
    STATUS,
    counts,
    plan,
    planned,
)


def test_status_shows_counts_for_people(shop):
    done = shop("campaign", "status", CAMPAIGN)
    assert done.code == 0
    lines = dict(line.split(maxsplit=1) for line in done.out.splitlines()[:4])
    assert lines == {"campaign": CAMPAIGN, "state": "running", "done": "0 of 30", "accepted": "0"}
    assert "to be sent  30" in done.out


def test_status_record_has_all_fields_of_the_status(shop):
    record = shop("campaign", "status", CAMPAIGN, "--json").record
    assert list(record) == STATUS
    assert counts(record) == {"read": 30, "not_sent": 30}
    assert (record["state"], record["settled"], record["window"]) == ("running", False, None)


@pytest.mark.parametrize(("fault", "code"), [((), 0), ((4006,), 3)])
def test_status_exit_code_is_that_of_a_command_that_sends(shop, hosted, fault, code):
    for error in fault:
        hosted.box.add_fault(Fault(path="/batch/send", error_code=error, times=0))
    assert shop("campaign", "status", CAMPAIGN, "--exit-code").code == 3
    assert shop("campaign", "status", CAMPAIGN).code == 0
    shop("campaign", "work", CAMPAIGN)
    assert shop("campaign", "status", CAMPAIGN, "--exit-code").code == code
    assert shop("campaign", "status", CAMPAIGN).code == 0


def test_status_of_a_campaign_on_its_way_is_no_success(shop, hosted):
    plan(_journal(shop), "later", at=_tomorrow())
    with hosted.client() as sms:
        sms.bulk.work("later", journal=_journal(shop))
    assert shop("campaign", "status", "later", "--exit-code").code == 1


def _tomorrow():
    return datetime.now(UTC) + timedelta(days=1)


def _journal(shop):
    return shop("journal", "init", "--json").record["journal"]


@pytest.mark.parametrize("command", ["status", "work", "pause", "resume", "cancel", "report"])
def test_campaign_of_another_name_is_answered_with_the_nearest_one(shop, command):
    done = shop("campaign", command, "2031-05-openning", *(["--yes"] * (command == "cancel")))
    assert done.code == 2
    assert f"did you mean {CAMPAIGN}?" in done.error


def test_journal_that_is_missing_is_not_made(smsworks, tmp_path):
    done = smsworks("campaign", "status", CAMPAIGN, "--journal", str(tmp_path / "none.db"))
    assert done.code == 1
    assert "there is no journal at this path: none.db" in done.error
    assert "--journal" in done.error
    assert list(tmp_path.glob("none*")) == []


def test_journal_is_the_platforms_file_by_default(smsworks, hosted):
    assert smsworks("campaign", "list").out == "There are no campaigns yet.\n"
    path = smsworks("journal", "init", "--json").record["journal"]
    assert path.startswith(str(smsworks.home))
    plan(path)
    assert smsworks("campaign", "list", "--json").record["campaign"] == CAMPAIGN


def test_list_has_every_campaign_in_order_or_those_of_a_state(shop, journal):
    plan(journal, "b")
    plan(journal, "a")
    shop("campaign", "pause", "b")
    assert [r["campaign"] for r in shop("campaign", "list", "--json").records] == [
        CAMPAIGN,
        "b",
        "a",
    ]
    assert shop("campaign", "list", "--state", "paused", "--json").record["campaign"] == "b"
    people = shop("campaign", "list").out.splitlines()
    heading = "Campaign State Read Accepted Unknown Not sent Credits"
    assert people[0].split() == heading.split()
    assert people[2].split() == ["b", "paused", "30", "0", "0", "30", "0"]


def test_work_sends_what_is_left_and_exits_with_0(shop, hosted):
    done = shop("campaign", "work", CAMPAIGN, "--json")
    assert done.code == 0
    assert list(done.record) == REPORT
    assert counts(done.record) == {"read": 30, "accepted": 30}
    assert len(done.record["batches"]) == CHUNKS
    assert set(hosted.box.accepted_by_destination().values()) == {1}
    assert shop("campaign", "work", CAMPAIGN).code == 0
    assert hosted.box.accepted() == len(PEOPLE)


def test_work_shows_counts_for_people(shop):
    assert shop("campaign", "work", CAMPAIGN).out.splitlines() == [
        f"{CAMPAIGN}: 30 recipients",
        "accepted  30",
        "credits   30 (estimated)",
    ]


def test_work_with_a_limit_says_that_some_were_not_sent(shop, hosted):
    done = shop("campaign", "work", CAMPAIGN, "--limit", "2")
    assert done.code == 1
    assert "not sent  20" in done.out
    assert "stopped early" in done.out
    assert hosted.box.accepted() == 2 * CHUNK


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ([Fault(path="/batch/send", error_code=4006, times=0)], 3),
        ([Fault(path="/batch/send", error_code=4003, nth=2)], 1),
        ([Fault(path="/batch/send", when="after", nth=2)], 4),
        (
            [
                Fault(path="/batch/send", when="after", nth=2),
                Fault(path="/batch/send", error_code=4003, nth=3),
            ],
            4,
        ),
    ],
    ids=["nothing", "some not", "unknown", "unknown comes before some not"],
)
def test_work_exits_with_the_first_code_that_fits(shop, hosted, faults, code):
    for fault in faults:
        hosted.box.add_fault(fault)
    assert shop("campaign", "work", CAMPAIGN, "--concurrency", "1").code == code


def test_work_that_is_supervised_exits_with_0_once_nothing_is_left(shop, hosted):
    hosted.box.add_fault(Fault(path="/batch/send", error_code=4003, nth=2))
    arguments = ("campaign", "work", CAMPAIGN, "--supervised")
    assert shop(*arguments, "--limit", "3").code == 1
    assert shop(*arguments).code == 0
    assert shop(*arguments[:-1]).code == 1


def test_work_says_that_texts_left_before_the_journal_failed(shop, hosted, monkeypatch):
    async def finish(*_args, **_options):
        raise JournalError("the disk is full")

    monkeypatch.setattr(SQLiteJournal, "finish", finish)
    done = shop("campaign", "work", CAMPAIGN, "--concurrency", "1")
    assert (done.code, hosted.box.accepted()) == (4, CHUNK)
    assert "the disk is full; texts may have been accepted" in done.err


def test_work_needs_an_account(command_line, journal):
    done = planned(command_line, journal)("campaign", "work", CAMPAIGN)
    assert done.code == 2
    assert "smsworks login" in done.error


def test_pause_ends_work_until_it_is_resumed(shop, hosted):
    done = shop("campaign", "pause", CAMPAIGN, "--why", "the price is wrong", "--json")
    assert (done.code, done.record["state"], done.record["why"]) == (
        0,
        "paused",
        "the price is wrong",
    )
    done = shop("campaign", "work", CAMPAIGN)
    assert done.code == 3
    assert "paused: the price is wrong; `smsworks campaign resume` lifts it" in done.out
    assert hosted.box.accepted() == 0
    done = shop("campaign", "resume", CAMPAIGN, "--window", "00:00-24:00", "--days", "mon-sun")
    assert done.code == 0
    assert done.out == f"{CAMPAIGN} is resumed, with 30 recipients not sent to\n"
    assert shop("campaign", "status", CAMPAIGN, "--json").record["window"] == json.loads(
        SendWindow("00:00", "24:00").pack()
    )


@pytest.mark.parametrize("outside", ["stop", "wait"])
def test_resume_keeps_what_a_run_does_outside_the_sending_hours(smsworks, journal, outside):
    shop = planned(smsworks, journal, window=SendWindow("09:00", "20:00", outside=outside))
    done = shop("campaign", "resume", CAMPAIGN, "--window", "07:00-22:00", "--json")
    assert done.code == 0
    assert done.record["window"] == json.loads(SendWindow("07:00", "22:00", outside=outside).pack())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--window", "9-20"), "--window must be two times such as 09:00-20:00"),
        (("--window", "9-5"), "--window must be two times such as 09:00-20:00"),
        (("--window", "09:00"), "--window must be two times such as 09:00-20:00"),
        (("--window", "09:00-09:00"), "for whole days, use 00:00-24:00"),
        (("--window", "09:00-20:00", "--days", "x"), "--days must be days such as"),
        (("--window", "09:00-20:00", "--tz", "x"), "--tz must be a time zone such as"),
        (("--tz", "Europe/London"), "--tz can only be used with --window"),
    ],
)
def test_resume_refuses_a_window_that_is_none(shop, options, words):
    done = shop("campaign", "resume", CAMPAIGN, *options)
    assert done.code == 2
    assert words in done.error


def test_cancel_asks_and_does_nothing_without_a_yes(shop):
    done = shop("campaign", "cancel", CAMPAIGN, stdin="n\n")
    assert done.code == 1
    assert "with 30 recipients not sent to?" in done.err
    assert "nothing was changed" in done.err
    assert shop("campaign", "status", CAMPAIGN, "--json").record["state"] == "running"


def test_cancel_is_for_good(shop, hosted):
    shop("campaign", "work", CAMPAIGN, "--limit", "1")
    done = shop("campaign", "cancel", CAMPAIGN, "--why", "rain", "--settle", "0", "--json", "--yes")
    assert done.code == 0
    assert list(done.record) == REPORT
    assert counts(done.record) == {"read": 30, "accepted": 5, "not_sent": 25}
    done = shop("campaign", "resume", CAMPAIGN)
    assert done.code == 2
    assert "was cancelled" in done.error
    assert shop("campaign", "work", CAMPAIGN).code == 1
    assert hosted.box.accepted() == CHUNK


def test_cancel_names_scheduled_batches_that_had_gone(smsworks, hosted, journal):
    shop = planned(smsworks, journal, at=_tomorrow())
    shop("campaign", "work", CAMPAIGN)
    hosted.box.add_fault(Fault(path="/batches/schedule/*", status=400, body="{}", times=0))
    done = shop("campaign", "cancel", CAMPAIGN, "--settle", "0", "--yes", "--json")
    assert done.code == 1
    assert {late["recipients"] for late in done.record["too_late"]} == {CHUNK}


def test_reconcile_finds_what_was_lost(shop, hosted):
    hosted.box.add_fault(Fault(path="/batch/send", when="after", nth=2))
    assert shop("campaign", "work", CAMPAIGN, "--concurrency", "1").code == 4
    done = shop("campaign", "reconcile", CAMPAIGN, "--settle", "0", "--json")
    assert done.code == 0
    assert list(done.record) == REPORT
    assert counts(done.record) == {"read": 30, "accepted": 30}


def test_reconcile_exits_with_4_while_some_are_unknown(shop, hosted):
    hosted.box.add_fault(Fault(path="/batch/send", when="before", nth=2))
    shop("campaign", "work", CAMPAIGN, "--concurrency", "1")
    done = shop("campaign", "reconcile", CAMPAIGN, "--settle", "0")
    assert done.code == 4
    assert "unknown   5" in done.out


def test_retry_sends_again_to_those_not_reached(smsworks, hosted, journal):
    people = ["447700900100", "447700900506", "447700900501"]
    shop = planned(smsworks, journal, destinations=people)
    shop("campaign", "work", CAMPAIGN)
    hosted.do(lambda box: box.deliver())
    _wait_for_delivery(hosted, shop)
    done = shop("campaign", "retry", CAMPAIGN, "--pause", "0", "--json")
    assert done.code == 0
    assert list(done.record) == REPORT
    assert counts(done.record) == {"read": 1, "accepted": 1}
    assert hosted.box.accepted_by_destination()["447700900506"] == 2
    assert (
        shop("campaign", "retry", CAMPAIGN).code == 0
    )  # no recipient is due, which is not a failure


def _wait_for_delivery(hosted, shop):
    with hosted.client() as sms:
        assert len(list(sms.bulk.follow(CAMPAIGN, journal=_journal(shop)))) == 3


def test_report_without_an_account_names_the_option_for_it(command_line, journal):
    done = planned(command_line, journal)("campaign", "report", CAMPAIGN)
    assert done.code == 2
    assert "--offline" in done.error
