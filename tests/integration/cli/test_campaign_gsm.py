"""`campaign send --gsm` and `campaign plan --gsm`: texts without typographic characters."""

from __future__ import annotations

import pytest

from support.campaign_send import send


# 71 characters: two segments in Unicode, and one in GSM.
LONG = "Don\u2019t be late: we open at nine on Monday. Reply STOP to opt out, please"
FIELDS = f"Hi {{First name}}. {LONG}"


@pytest.fixture(params=[LONG, FIELDS], ids=["plain", "fields"])
def text(request):
    return request.param


def words(done):
    return " ".join(done.out.split())


def test_campaign_send_with_gsm_sends_the_cheaper_texts(smsworks, hosted, people, text):
    assert len(LONG) == 71
    done = smsworks(*send(people(), "--yes", "--gsm", text=text))
    assert done.code == 0, done.err
    contents = {message.content for message in hosted.box.messages}
    names = ("Ada", "Bob", "Cy") if text is FIELDS else ("",)
    plain = LONG.replace("\u2019", "'")
    assert contents == {f"Hi {name}. {plain}" if name else plain for name in names}
    assert "Credits 3 of 10,000 on the account; --gsm saves 3" in words(done)


def test_campaign_send_shows_what_gsm_would_save(smsworks, people, text):
    done = smsworks(*send(people(), "--dry-run", text=text))
    assert "Credits 6 of 10,000 on the account; --gsm would save 3" in words(done)
    record = smsworks(*send(people(), "--dry-run", "--json", text=text)).records[0]
    assert (record["credits"], record["gsm"], record["saved_by_gsm"]) == (6.0, False, 3.0)
    record = smsworks(*send(people(), "--dry-run", "--json", "--gsm", text=text)).records[0]
    assert (record["credits"], record["gsm"], record["saved_by_gsm"]) == (3.0, True, 3.0)


def test_campaign_send_does_not_mention_gsm_where_it_saves_nothing(smsworks, people):
    for options in ((), ("--gsm",)):
        assert "--gsm" not in smsworks(*send(people(), "--dry-run", *options)).out


def test_campaign_send_with_gsm_asks_about_those_who_got_the_other_text(
    smsworks, hosted, people, text
):
    assert smsworks(*send(people(), "--yes", text=text)).code == 0
    done = smsworks(*send(people(), "--yes", "--gsm", text=text))
    assert done.code == 3
    assert "3 recipients were in a campaign of the last 6 days" in done.error
    assert len(hosted.box.messages) == 3


def test_campaign_send_with_gsm_sends_the_same_texts_once(smsworks, hosted, people, text):
    for code in (0, 3):
        done = smsworks(*send(people(), "--yes", "--gsm", text=text))
        assert done.code == code
    assert "this text was sent to these recipients" in done.error
    assert len(hosted.box.messages) == 3


def test_campaign_send_reads_standard_input_with_gsm(smsworks, hosted):
    done = smsworks.run(*send("-", "--yes", "--gsm", text=LONG), stdin="07700900001\n")
    assert (done.code, [m.content for m in hosted.box.messages]) == (
        0,
        [LONG.replace("\u2019", "'")],
    )
    assert "--gsm saves 1" in words(done)


def test_campaign_plan_with_gsm_plans_the_cheaper_texts(smsworks, hosted, people, text):
    options = ("--campaign", "may", "--sender", "AcmeCorp", "--message", text, "--gsm")
    assert smsworks("campaign", "plan", people(), *options).code == 0
    assert smsworks("campaign", "work", "may").code == 0
    assert {"\u2019" in message.content for message in hosted.box.messages} == {False}
