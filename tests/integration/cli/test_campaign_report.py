"""`smsworks campaign report`, from the journal and from the provider's records."""

from __future__ import annotations

import re

import pytest

from smsworks_async.cli._report.gather import BATCHES, TROUBLES
from smsworks_async.sandbox import Fault
from support.campaign_commands import CAMPAIGN, PEOPLE, plan, planned


#: Two numbers that the sandbox does not deliver to, and an invalid one.
FAILING = ["447700900501", "447700900506"]
INVALID = "nobody"


@pytest.fixture
def journal(tmp_path):
    return str(tmp_path / "campaigns.db")


@pytest.fixture
def shop(smsworks, journal):
    """The command, with a campaign that was sent and whose messages have final statuses."""
    return sent(planned(smsworks, journal, destinations=[*PEOPLE, *FAILING, INVALID]))


def sent(shop, campaign=CAMPAIGN):
    shop("campaign", "work", campaign)
    return shop


@pytest.fixture
def delivered(shop, hosted, journal):
    with hosted.client() as sms:
        list(sms.bulk.follow(CAMPAIGN, journal=journal))
    return shop


def test_report_record_has_deliveries_and_failures_by_reason(delivered):
    done = delivered("campaign", "report", CAMPAIGN, "--json")
    assert done.code == 0
    record = done.record
    assert {name: record["delivery"][name] for name in ("delivered", "failed", "waiting")} == {
        "delivered": 30,
        "failed": 2,
        "waiting": 0,
    }
    assert {(one["stage"], one["count"]) for one in record["failures"]} == {
        ("set aside", 1),
        ("not delivered", 1),
    }
    assert [one["number"] for one in record["not_reached"]] == ["…", "…501", "…506"]
    assert record["accepted_over_time"][-1]["count"] == 32
    assert record["delivery"]["over_time"][-1]["count"] == 30
    assert record["file"] is None


def test_report_shows_it_to_people(delivered):
    out = delivered("campaign", "report", CAMPAIGN).out
    assert out.startswith(f"{CAMPAIGN}: done, 33 recipients\n")
    assert "delivered                  30  90.9 %" in out
    assert "5006 The handset did not respond." in out
    assert re.search(r"^Place +Number +Outcome +Reason$", out, re.MULTILINE)
    # An invalid number is masked completely; only the position identifies the recipient.
    assert re.search(r"^ +33 +… +set aside +it contains letters$", out, re.MULTILINE)
    assert max(map(len, out.splitlines())) <= 80


def test_report_writes_a_page_that_only_its_owner_may_read(delivered, tmp_path):
    path = tmp_path / "report.html"
    done = delivered("campaign", "report", CAMPAIGN, "--html", str(path))
    assert (done.code, done.out) == (0, f"the report of {CAMPAIGN} is in {path}\n")
    assert path.stat().st_mode & 0o777 == 0o600
    page = path.read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "5001 Nobody has that number." in page
    assert "447700900501" not in page
    again = delivered("campaign", "report", CAMPAIGN, "--html", str(path))
    assert again.code == 2
    assert "exists; choose another file" in again.error
    words = ("--html", str(path), "--force", "--numbers")
    assert delivered("campaign", "report", CAMPAIGN, *words).code == 0
    assert "447700900501" in path.read_text("utf-8")


def test_report_that_is_offline_makes_no_request(shop, hosted):
    before = len(hosted.box.requests)
    record = shop("campaign", "report", CAMPAIGN, "--offline", "--json").record
    assert record["delivery"] is None
    assert record["accepted"] == 32
    assert len(hosted.box.requests) == before


def test_report_counts_a_recipient_once_over_several_rounds(delivered, hosted, journal):
    delivered("campaign", "retry", CAMPAIGN, "--pause", "0")
    with hosted.client() as sms:
        list(sms.bulk.follow(CAMPAIGN, journal=journal))
    record = delivered("campaign", "report", CAMPAIGN, "--json").record
    assert (record["rounds"], record["sent_again"]) == (1, 1)
    assert record["delivery"]["delivered"] + record["delivery"]["failed"] == 32
    assert len(record["not_reached"]) == 3


def test_report_counts_who_opted_out_since(delivered):
    delivered("optouts", "add", PEOPLE[0], PEOPLE[1], "07700 900999")
    assert delivered("campaign", "report", CAMPAIGN, "--json").record["opted_out_since"] == 2


def test_report_leaves_out_who_opted_out_before(smsworks, journal):
    smsworks.set(JOURNAL=journal)
    smsworks("optouts", "add", PEOPLE[0])
    plan(journal)
    sent(smsworks)
    record = smsworks("campaign", "report", CAMPAIGN, "--json").record
    assert (record["opted_out"], record["opted_out_since"]) == (1, 0)


def test_report_does_not_count_who_opted_out_before_and_was_sent_to(smsworks, journal):
    smsworks.set(JOURNAL=journal)
    smsworks("optouts", "add", PEOPLE[0])
    plan(journal, respect_opt_outs=False)
    sent(smsworks)
    smsworks("optouts", "add", PEOPLE[1])
    record = smsworks("campaign", "report", CAMPAIGN, "--json").record
    assert (record["accepted"], record["opted_out_since"]) == (30, 1)


def test_report_names_refusals(smsworks, hosted, journal):
    hosted.box.add_fault(Fault(path="/batch/send", error_code=4006, times=0))
    shop = sent(planned(smsworks, journal))
    record = shop("campaign", "report", CAMPAIGN, "--json").record
    (failure,) = record["failures"]
    assert (failure["stage"], failure["count"]) == ("rejected", record["rejected"])
    assert failure["reason"].startswith("4006 ")
    assert len(record["not_reached"]) == record["rejected"]


def test_report_warns_of_who_is_unknown(smsworks, hosted, journal):
    hosted.box.add_fault(Fault(path="/batch/send", when="after"))
    shop = sent(planned(smsworks, journal))
    done = shop("campaign", "report", CAMPAIGN)
    assert "unknown whether the text was sent to 5 recipients" in done.err
    assert "campaign reconcile" in done.err


def test_report_of_a_campaign_that_was_forgotten_has_its_counts(delivered, tmp_path):
    delivered("campaign", "forget", CAMPAIGN, "--yes")
    path = tmp_path / "report.html"
    assert delivered("campaign", "report", CAMPAIGN, "--html", str(path)).code == 0
    page = path.read_text("utf-8")
    assert "were erased on" in page
    assert "AcmeCorp" not in page
    record = delivered("campaign", "report", CAMPAIGN, "--json", "--numbers").record
    assert (record["delivery"]["delivered"], record["not_reached"]) == (30, [])


def test_report_of_records_that_have_vanished_says_so(delivered, hosted):
    hosted.box.add_fault(Fault(path="/batch/*", method="GET", status=404, body="{}", times=0))
    record = delivered("campaign", "report", CAMPAIGN, "--json").record
    assert record["delivery"]["delivered"] == 0
    assert record["accepted"] == 32


def test_report_of_another_campaign_writes_no_file(shop, tmp_path):
    path = tmp_path / "report.html"
    assert shop("campaign", "report", "nope", "--html", str(path)).code == 2
    assert not path.exists()


def test_report_lists_only_so_many_recipients(smsworks, journal):
    many = [f"07700 90{n}" for n in range(300)]  # too short to be phone numbers
    shop = sent(planned(smsworks, journal, destinations=[*PEOPLE, *many], chunk_size=1))
    record = shop("campaign", "report", CAMPAIGN, "--offline", "--json").record
    assert len(record["not_reached"]) == TROUBLES
    assert record["not_reached_left_out"] == 300 - TROUBLES
    assert BATCHES < 200
