"""The sandbox's lookups and assertions for tests, and their failure messages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from smsworks_async import SMSWorks
from smsworks_async.sandbox import Fault, ManualClock, RunningClock, Sandbox
from support.sandboxes import AT_ONCE


ADA, BOB = "07700 900123", "07700 900124"


@pytest.fixture
def box():
    with Sandbox(clock=ManualClock()) as sandbox:
        yield sandbox


@pytest.fixture
def sms(box):
    with SMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as client:
        yield client


def text(sms, content="Hello", to=ADA, sender="447700900000"):
    return sms.messages.send(sender=sender, destination=to, content=content)


def failure(call, *arguments, **more):
    with pytest.raises(AssertionError) as raised:
        call(*arguments, **more)
    return str(raised.value)


def test_messages_read_well_and_show_no_whole_number(box, sms):
    text(sms, "It's for 07700 900555, code 123456\u202e")
    text(sms, "\u2713" * 71, to=BOB)
    text(sms, to="07700900506")
    sms.messages.send_binary(sender="AcmeCorp", destination=BOB, data=b"x" * 141)
    box.advance(2)
    box.receive(sender=ADA, to="60777", content="Yes")
    first, second, third, fourth = box.messages
    assert repr(first) == ('<DELIVERED to …123 "It\'s for …555, code 123456\\u202e" 1 segment>')
    assert repr(second).endswith("✓' 2 segments>")
    assert repr(third) == "<UNDELIVERED (5006) to …506 'Hello' 1 segment>"
    assert (fourth.binary, fourth.segments) == (True, 2)
    assert first.describe(numbers=True).startswith("DELIVERED to 447700900123 \"It's for 07700 9")
    [reply] = [m for m in box._simulator.state.account.archive.messages if m.status == "INCOMING"]
    assert repr(reply) == "<INCOMING from …123 'Yes' 1 segment>"
    assert re.fullmatch(r"<BlockingSandbox, http://127\.0\.0\.1:\d+, 4 messages>", repr(box))
    assert "not listening" in repr(Sandbox())


def test_last_to_is_the_latest_text_in_any_spelling(box, sms):
    text(sms, "one")
    text(sms, "two")
    text(sms, "three", to=BOB)
    assert box.last_to("+44 7700 900123").content == "two"
    with pytest.raises(ValueError, match="not a valid destination"):
        box.last_to("nobody")


def test_last_to_says_what_was_sent_instead(box, sms):
    assert failure(box.last_to, ADA) == "…123 was not texted; there were no requests"
    box.add_fault(Fault(path="/message/send", status=402))
    with pytest.raises(Exception, match="402"):
        text(sms)
    assert failure(box.last_to, ADA).endswith("the requests were: POST /message/send 402")
    for number in range(12):
        text(sms, to=f"07700 900{number:03d}")
    lines = failure(box.last_to, ADA).splitlines()
    assert lines[0] == "…123 was not texted; messages of other numbers:"
    assert lines[1] == "  (2 earlier ones)"
    assert lines[-1] == "  SENT to …011 'Hello' 1 segment"
    assert len(lines) == 12


def test_passcode_of_is_that_of_the_api_or_the_only_number_in_a_text(box, sms):
    text(sms, "Your code is 90210. It costs £1000, or 12.50 a year")
    assert box.passcode_of(ADA) == "90210"
    sms.otp.send(
        sender="AcmeCorp",
        destination=ADA,
        passcode="001234",
        template="{{passcode}} is for order 4711",
    )
    text(sms, "Thank you")
    assert box.passcode_of(ADA) == "001234"
    text(sms, "Hello", to=BOB)
    assert failure(box.passcode_of, BOB).startswith("no text to …124 has a passcode:\n  SENT to")
    text(sms, "Code 1234 or 5678", to=BOB)
    assert failure(box.passcode_of, BOB).startswith("several numbers may be the passcode: 1234, 5")
    assert failure(box.passcode_of, "07700 900125").startswith("…125 was not texted")


def test_assert_texted_counts_and_returns_the_texts_that_fit(box, sms):
    text(sms, "Your order 1 is ready")
    text(sms, "Your order 2 is ready")
    assert [m.content[:12] for m in box.assert_texted(ADA, times=2)] == [
        "Your order 1",
        "Your order 2",
    ]
    assert len(box.assert_texted(ADA, match=r"order \d", times=None)) == 2
    assert len(box.assert_texted(ADA, re.compile("ORDER 2", re.IGNORECASE))) == 1
    assert box.assert_texted(BOB, times=0) == []


def test_assert_texted_fails_with_what_was_sent(box, sms):
    text(sms, "Your order is ready")
    assert failure(box.assert_texted, ADA, match="lost") == (
        "…123 was not texted with a text that matches 'lost', expected once; texts to …123:\n"
        "  SENT to …123 'Your order is ready' 1 segment"
    )
    assert "…123 was texted once, expected never" in failure(box.assert_texted, ADA, times=0)
    assert "expected 3 times; texts" in failure(box.assert_texted, ADA, times=3)
    assert "…124 was not texted, expected at least once; messages of other numbers:" in failure(
        box.assert_texted, BOB, times=None
    )


def test_assert_texted_does_not_count_what_is_only_planned_or_has_failed():
    at = datetime.now(UTC) + timedelta(hours=1)
    later = {"sender": "Acme", "destination": ADA, "content": "Later", "at": at}
    with (
        Sandbox(clock=RunningClock()) as box,
        SMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        sms.messages.cancel(sms.messages.schedule(**later).message_id)
        sms.messages.schedule(**later)
        assert failure(box.assert_texted, ADA).splitlines() == [
            "…123 was not texted, expected once; messages to it that were not sent:",
            "  CANCELLED to …123 'Later' 1 segment",
            "  SCHEDULED to …123 'Later' 1 segment",
        ]
        box.advance(2 * 3600)
        box.assert_texted(ADA, match="Later")


def test_reply_goes_to_the_sender_of_the_latest_text(box, sms):
    text(sms, sender="447700900001")
    text(sms, sender="447700900002")
    text(sms, sender="447700900003", to=BOB)
    message_id = box.reply("+44 7700 900123", "STOP")
    [reply] = sms.messages.inbox()
    assert (reply.message_id, reply.content) == (message_id, "STOP")
    assert (reply.sender, reply.destination) == ("447700900123", "447700900002")


def test_reply_is_refused_where_a_phone_could_not_reply(box, sms):
    with pytest.raises(ValueError, match="no text was sent to …123 to reply to"):
        box.reply(ADA, "STOP")
    text(sms, sender="AcmeCorp")
    with pytest.raises(ValueError, match="cannot reply to the sender 'AcmeCorp'"):
        box.reply(ADA, "STOP")
    box.reply(ADA, "STOP", to="60777")
    assert sms.messages.inbox()[0].destination == "60777"


def test_describe_masks_numbers_and_leaves_secrets_out(box, sms):
    secret = "s" * 40

    def busy(environ, start_response):
        start_response("503 Busy", [])
        return [b""]

    box.deliver_to(busy, f"/sms/{secret}")
    with SMSWorks(
        customer_id=box.customer_id, key=box.key, secret=box.secret, base_url=box.base_url
    ) as other:
        other.credits.balance()
    box.add_fault(Fault(path="/batch/send", when="after"))
    with pytest.raises(Exception, match="may have been accepted"):
        sms.batches.send(sender="Acme", destinations=[ADA], content="Call 07700 900555 \u202e!")
    text(sms)
    box.reply(ADA, "\ud800 yes", to="60777")
    box.advance(60)
    shown = box.describe()
    for hidden in ("900123", "900555", secret, box.token[4:], box.secret, box.key, box.customer_id):
        assert hidden not in shown
    assert '-> 200 {"token": "…"}' in shown
    assert 'POST /batch/send {"sender": "Acme", "content": "Call …555 \\u202e!"' in shown
    assert "-> no response" in shown
    assert "(by a fault: after)" in shown
    assert "POST http://testserver/sms/… " in shown
    assert "-> 503 (attempt 2)" in shown
    assert shown.replace("\n", "").isprintable()
    assert "447700900123" in box.describe(numbers=True)


def test_describe_keeps_to_the_latest_and_to_bounds(box, sms):
    for number in range(60):
        text(sms, "x" * 1000, to=f"07700 900{number:03d}")
    assert "requests, the last 10 of 60:" in box.describe()
    assert max(map(len, box.describe().splitlines())) < 400
