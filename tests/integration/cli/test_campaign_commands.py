"""The commands for a stored campaign: their effects, records and exit codes."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest

from smsworks_async import JournalError, SendWindow, SMSWorks
from smsworks_async.journals import SQLiteJournal
from smsworks_async.sandbox import Fault
from support.campaign_commands import CAMPAIGN, CHUNK, CHUNKS, PEOPLE, plan, planned


COUNTS = [
    *("read", "accepted", "rejected", "unknown", "not_sent", "invalid", "duplicates", "opted_out"),
]
STATUS = [
    *("campaign", "state", "why", "settled", *COUNTS, "in_flight", "lease", "scheduled", "credits"),
    *("rounds", "sent_again", "open_again", "window", "at", "forgotten"),
]
REPORT = [
    *("campaign", *COUNTS, "credits", "accepted_twice", "all_accepted", "stopped", "batches"),
    *("too_late", "warnings"),
]


@pytest.fixture
def journal(tmp_path):
    return str(tmp_path / "campaigns.db")


@pytest.fixture
def shop(smsworks, journal):
    """The command, with a planned campaign of six chunks in its journal."""
    return planned(smsworks, journal)


def counts(record):
    return {name: record[name] for name in COUNTS if record[name]}


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


def _journal(shop):
    return shop("journal", "init", "--json").record["journal"]


def _tomorrow():
    return datetime.now(UTC) + timedelta(days=1)


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


def test_export_writes_every_recipient_to_a_file(shop, tmp_path):
    shop("campaign", "work", CAMPAIGN, "--limit", "1")
    to = tmp_path / "out.csv"
    done = shop("campaign", "export", CAMPAIGN, "--to", str(to), "--json")
    assert done.code == 0
    assert done.record == {"campaign": CAMPAIGN, "file": str(to), "recipients": 30}
    rows = list(csv.DictReader(to.read_text(encoding="utf-8").splitlines()))
    assert [row["destination"] for row in rows] == PEOPLE
    assert [row["outcome"] for row in rows] == ["accepted"] * 5 + ["not sent"] * 25
    refused = shop("campaign", "export", CAMPAIGN, "--to", str(to))
    assert refused.code == 2
    assert "exists; choose another file" in refused.error
    assert shop("campaign", "export", CAMPAIGN, "--to", str(to), "--force").code == 0


def test_export_without_a_file_writes_json_lines(shop):
    records = shop("campaign", "export", CAMPAIGN, "--json").records
    assert [record["destination"] for record in records] == PEOPLE
    assert shop("campaign", "export", CAMPAIGN).code == 2


def test_forget_asks_and_erases(shop, journal):
    assert shop("campaign", "forget", CAMPAIGN, "--yes").code == 2  # a chunk is still open
    shop("campaign", "work", CAMPAIGN)
    assert shop("campaign", "forget", CAMPAIGN, stdin="no\n").code == 1
    done = shop("campaign", "forget", CAMPAIGN, "--json", stdin="y\n")
    assert (done.code, done.record) == (0, {"forgotten": [CAMPAIGN]})
    record = shop("campaign", "status", CAMPAIGN, "--json").record
    assert record["forgotten"] is not None
    assert counts(record) == {"read": 30, "accepted": 30}
    done = shop("campaign", "export", CAMPAIGN, "--json")
    assert done.code == 2
    assert "was forgotten" in json.loads(done.err)["message"]


@pytest.mark.parametrize(
    ("before", "gone"), [("0h", [CAMPAIGN]), ("1d", []), ("2w", []), ("2000-01-01", [])]
)
def test_prune_erases_what_ended_before_a_moment(shop, before, gone):
    shop("campaign", "work", CAMPAIGN)
    assert shop("campaign", "prune", "--before", before, stdin="\n").code == 1
    done = shop("campaign", "prune", "--before", before, "--yes", "--json")
    assert (done.code, done.record) == (0, {"forgotten": gone})


@pytest.mark.parametrize("before", ["90", "d", "yesterday", "2031-02-30", "-1d", ""])
def test_prune_refuses_what_is_neither_an_age_nor_a_date(shop, before):
    done = shop("campaign", "prune", "--before", before, "--yes")
    assert done.code == 2
    assert "is not a time" in done.error


def test_prune_says_that_nothing_was_old_enough(shop):
    done = shop("campaign", "prune", "--before", "1d", "--yes")
    assert done.out == "no campaign ended before that time\n"


def test_completion_of_a_campaign_names_those_of_the_journal(shop, journal):
    from smsworks_async.cli._known_names import names_in

    plan(journal, "later")
    assert names_in(journal) == ["later", CAMPAIGN]
    with SMSWorks("none") as sms:
        assert [s.campaign for s in sms.bulk.campaigns(journal=journal)] == [CAMPAIGN, "later"]
    done = shop.run(
        variables={
            "_SMSWORKS_COMPLETE": "bash_complete",
            "COMP_WORDS": "smsworks campaign pause 2031",
            "COMP_CWORD": "3",
        }
    )
    assert done.out == f"plain,{CAMPAIGN}\n"


@pytest.mark.parametrize("name", ["a b.db", "50%25.db", "what?.db", "#1.db", "Zoë.db"])
def test_completion_of_a_campaign_reads_a_file_of_any_name(name, tmp_path, monkeypatch):
    from smsworks_async.cli._known_names import names_in

    plan(str(tmp_path / name))
    assert names_in(str(tmp_path / name)) == [CAMPAIGN]
    monkeypatch.chdir(tmp_path)
    assert names_in(name) == [CAMPAIGN]
    assert {path.name.removesuffix("-wal").removesuffix("-shm") for path in tmp_path.iterdir()} == {
        name
    }


@pytest.mark.parametrize("journal", ["no file.db", "postgresql://127.0.0.1:1/none"])
def test_completion_where_there_is_no_journal_is_silent(smsworks, journal):
    from smsworks_async.cli._known_names import names_in

    assert names_in(journal) == []


def plan_file(smsworks, tmp_path, text, *options, message="Hi"):
    path = tmp_path / "people.csv"
    path.write_text(text, encoding="utf-8")
    words = ("--campaign", CAMPAIGN, "--sender", "AcmeCorp", "--message", message)
    return smsworks("campaign", "plan", str(path), *words, *options)


def test_plan_makes_a_campaign_of_a_file_that_work_sends(smsworks, hosted, tmp_path):
    rows = "Name,Mobile\nAda,07700 900123\nBob,7700900124\nAda,+447700900123\n"
    done = plan_file(smsworks, tmp_path, rows, "--json", "--window", "00:00-23:59")
    assert done.code == 0
    assert list(done.record) == [*STATUS, "set_aside"]
    assert counts(done.record) == {"read": 3, "not_sent": 2, "duplicates": 1}
    assert hosted.box.accepted() == 0
    assert plan_file(smsworks, tmp_path, rows).out.startswith(f"{CAMPAIGN} is planned, with 2")
    assert smsworks("campaign", "work", CAMPAIGN).code == 0
    assert hosted.box.accepted_by_destination() == {"447700900123": 1, "447700900124": 1}


def test_plan_fills_fields_of_the_message(smsworks, hosted, tmp_path):
    rows = "First name,Mobile\nAda,07700 900123\nBob,07700900124\n"
    assert plan_file(smsworks, tmp_path, rows, message="Hi {First name}").code == 0
    assert smsworks("campaign", "work", CAMPAIGN).code == 0
    assert {message.content for message in hosted.box.messages} == {"Hi Ada", "Hi Bob"}


def test_plan_writes_rows_that_cannot_be_texted_beside_the_file(smsworks, tmp_path):
    done = plan_file(smsworks, tmp_path, "Mobile\n07700 900123\n020 7946 0000\n")
    assert done.code == 1
    assert "1 row cannot be texted; correct them in the copy" in done.out
    assert len(list(tmp_path.glob("people*"))) == 2


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ("Mobile\n020 7946 0000\n", (), "no recipient that can be texted"),
        ("Mobile\n07700 900123\n", ("--column", "Phone"), "Phone"),
        ("Mobile\n07700 900123\n", ("--at", "2001-01-01"), "past"),
        ("Mobile\n07700 900123\n", ("--at", "soon"), "is not a time"),
    ],
)
def test_plan_refuses_what_cannot_be_planned(smsworks, tmp_path, rows, options, words):
    done = plan_file(smsworks, tmp_path, rows, *options)
    assert done.code == 2
    assert words in done.error
    assert smsworks("campaign", "list", "--json").records == []


def test_plan_with_fields_cannot_be_scheduled(smsworks, tmp_path):
    rows = "Name,Mobile\nAda,07700 900123\n"
    done = plan_file(smsworks, tmp_path, rows, "--at", "2099-01-01", message="Hi {Name}")
    assert done.code == 2
    assert "--at cannot be used with fields" in done.error


def test_plan_reads_standard_input(smsworks):
    words = ("-", "--campaign", CAMPAIGN, "--sender", "AcmeCorp", "--message", "Hi")
    done = smsworks.run("campaign", "plan", *words, stdin="07700 900123\nnobody\n")
    assert done.code == 1
    assert "1 row cannot be texted\n" in done.out


def test_plan_of_a_file_that_is_not_there_is_told_in_a_line(smsworks, tmp_path):
    words = ("--campaign", CAMPAIGN, "--sender", "AcmeCorp", "--message", "Hi")
    done = smsworks("campaign", "plan", str(tmp_path / "none.csv"), *words)
    assert done.code != 0
    assert "none.csv" in done.error


def test_campaign_with_an_apostrophe_is_suggested_like_any_other(shop, journal):
    plan(journal, "anna's")
    assert "did you mean anna's?" in shop("campaign", "status", "annas's").error


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://anna:secret@127.0.0.1:1/sms", True),
        ("postgresql://127.0.0.1:1/sms?user=anna&password=secret", True),
        ("postgresql://anna@127.0.0.1:1/sms", False),
        ("folder/a:b@c.db", False),
    ],
)
def test_journal_whose_url_shows_a_password_is_warned_of(smsworks, url, told):
    # The file is missing, so no journal is opened.
    words = (
        "campaign",
        "plan",
        "none.csv",
        "--campaign",
        "x",
        "--sender",
        "Acme",
        "--message",
        "x",
    )
    done = smsworks(*words, "--journal", url)
    assert ("the password in --journal is visible in the process list" in done.err) == told
    assert "secret" not in done.err


def test_report_without_an_account_names_the_option_for_it(command_line, journal):
    done = planned(command_line, journal)("campaign", "report", CAMPAIGN)
    assert done.code == 2
    assert "--offline" in done.error


@pytest.mark.parametrize(
    "words",
    [
        ("send", "--to", "nobody", "--sender", "Acme", "x"),
        ("otp", "send", "--to", "nobody", "--sender", "Acme"),
        ("inbox", "--follow", "--unread"),
    ],
)
def test_journal_of_any_command_is_warned_of(smsworks, words):
    done = smsworks(*words, "--journal", "postgresql://anna:secret@127.0.0.1:1/sms")
    assert done.code == 2
    assert "the password in --journal is visible in the process list" in done.err
