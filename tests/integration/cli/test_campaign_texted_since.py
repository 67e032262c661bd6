"""`campaign retry` and `campaign work` if other campaigns have texted the recipients since."""

from __future__ import annotations

import pytest

from smsworks_async.cli import campaign_retry
from support.campaign_commands import CAMPAIGN, plan, planned


REACHED, NOT_REACHED = "447700900100", "447700900506"
SHARED = "1 recipient was in a campaign of the last 6 days (other, "


@pytest.fixture
def other(smsworks, journal):
    """Return a function that sends another campaign."""

    def other(*numbers, name="other"):
        plan(journal, name, destinations=numbers)
        return smsworks("campaign", "work", name, "--journal", journal)

    return other


@pytest.fixture
def retry(smsworks, hosted, journal):
    """Return a function that retries a campaign with one recipient who was not reached."""
    planned(smsworks, journal, destinations=[REACHED, NOT_REACHED])
    smsworks("campaign", "work", CAMPAIGN)
    hosted.do(lambda box: box.deliver())
    with hosted.client() as sms:
        assert len(list(sms.bulk.follow(CAMPAIGN, journal=journal))) == 2

    def retry(*options, stdin=""):
        return smsworks("campaign", "retry", CAMPAIGN, "--pause", "0", *options, stdin=stdin)

    return retry


def times(hosted):
    return hosted.box.accepted_by_destination()[NOT_REACHED]


@pytest.mark.parametrize(("answer", "expected"), [("y\n", (0, 3)), ("n\n", (3, 2)), ("", (3, 2))])
def test_retry_asks_if_a_later_campaign_has_texted_a_recipient(
    retry, other, hosted, answer, expected
):
    other(REACHED, NOT_REACHED)
    done = retry(stdin=answer)
    assert (done.code, times(hosted)) == expected
    assert SHARED in done.err
    assert "Text them again? [y/N]" in done.err


def test_retry_with_yes_sends_nothing_unless_again_is_given(retry, other, hosted):
    other(NOT_REACHED)
    done = retry("--yes")
    assert (done.code, times(hosted)) == (3, 2)
    assert SHARED in done.error
    assert "add --again" in done.error
    assert (retry("--yes", "--again").code, times(hosted)) == (0, 3)


def test_retry_does_not_ask_about_recipients_who_were_reached(retry, other, hosted):
    other(REACHED)
    done = retry()
    assert (done.code, times(hosted), done.err) == (0, 2, "")


def test_retry_does_not_ask_about_campaigns_that_were_sent_before(smsworks, hosted, other, request):
    other(NOT_REACHED, name="before")
    done = request.getfixturevalue("retry")()
    assert (done.code, times(hosted)) == (0, 3), done.err


def test_retry_looks_again_after_the_question(retry, other, hosted, monkeypatch):
    other(NOT_REACHED)
    looked, looks = campaign_retry._shared, []

    async def looking(*args):
        looks.append(1)
        return await looked(*args)

    def answer(app, question):
        other(NOT_REACHED, name="another")
        return True

    monkeypatch.setattr(campaign_retry, "_shared", looking)
    monkeypatch.setattr("smsworks_async.cli._output.Output.confirm", answer)
    done = retry()
    assert (done.code, times(hosted), len(looks)) == (3, 3, 2)
    assert "after the question was asked; nothing was sent" in done.error


def test_work_warns_of_recipients_texted_since_the_campaign_was_planned(
    smsworks, hosted, journal, other
):
    planned(smsworks, journal, destinations=[REACHED, NOT_REACHED])
    other(NOT_REACHED)
    done = smsworks("campaign", "work", CAMPAIGN)
    assert (done.code, times(hosted)) == (0, 2)
    assert SHARED in done.err
    assert "since this one was planned, and is texted again" in done.err


@pytest.mark.parametrize("options", [("--supervised",), ("--seconds", "50"), ("--limit", "5")])
def test_work_of_a_service_or_timer_does_not_compare_campaigns(
    smsworks, hosted, journal, other, options
):
    planned(smsworks, journal, destinations=[NOT_REACHED])
    other(NOT_REACHED)
    done = smsworks("campaign", "work", CAMPAIGN, *options)
    assert (done.code, times(hosted), done.err) == (0, 2, "")


def test_work_does_not_warn_of_campaigns_that_were_sent_before(smsworks, journal, other):
    other(NOT_REACHED)
    planned(smsworks, journal, destinations=[NOT_REACHED])
    done = smsworks("campaign", "work", CAMPAIGN)
    assert (done.code, done.err) == (0, "")
