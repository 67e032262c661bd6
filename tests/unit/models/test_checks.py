"""Validation of fields against the API's limits: the field, the code, and no request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smsworks_async import AsyncSMSWorks, Message, ValidationError
from smsworks_async.models.checks import schedule
from smsworks_async.models.outgoing import ScheduledOne


TEXT = {"sender": "AcmeCorp", "destination": "07700 900123", "content": "Hello"}
NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("sender", "", 4003),
        ("sender", "ab", 4003),
        ("sender", "abcdefghijkl", 4003),
        ("sender", "Acme Corp", 4003),
        ("sender", "Café", 4003),
        ("sender", "1" * 16, 4003),
        ("sender", "12", 4003),
        ("sender", "+447700900123", 4003),
        ("sender", "AcmeCorp\n", 4003),
        ("sender", "٣٣٣", 4003),
        ("sender", 447700900123, None),
        ("sender", None, None),
        ("content", "", 4001),
        ("content", "x" * 1281, 4002),
        ("content", "😀" * 641, 4002),
        ("content", "\ud83d", None),
        ("content", b"Hello", None),
        ("content", None, None),
        ("tag", "x" * 281, 4005),
        ("tag", 5, None),
        ("destination", "", 4004),
        ("destination", "0207 946 0018", 4004),
        ("destination", None, 4004),
        ("destination", True, 4004),
        ("validity", 0, None),
        ("validity", 2881, None),
        ("validity", 1.5, None),
        ("validity", True, None),
        ("validity", "60", None),
        ("ttl", 0, None),
        ("ttl", "1", None),
        ("ai", 1, None),
        ("delivery_report_url", "example.org/reports", None),
        ("delivery_report_url", "ftp://example.org", None),
        ("delivery_report_url", "https://[", None),
        ("delivery_report_url", "https://example.org/a b", None),
        ("metadata", "a=b", None),
        ("metadata", {"a": 1}, None),
        ("metadata", {1: "a"}, None),
        ("response_email", "me@example.org", None),
        ("response_email", ["nobody"], None),
        ("response_email", [5], None),
        ("at", datetime(2050, 1, 1), None),  # noqa: DTZ001 - a naive one is what is tested
        ("at", "2050-01-01", 4009),
    ],
)
def test_message_refuses_a_bad_field_with_its_name_and_code(field, value, code):
    with pytest.raises(ValidationError) as caught:
        (ScheduledOne if field == "at" else Message)(**{**TEXT, field: value})
    assert caught.value.field == field
    if code is not None:
        assert caught.value.code == code
    assert caught.value.safe_to_repeat
    assert "Hello" not in str(caught.value)
    assert "7700900123" not in str(caught.value)


@pytest.mark.parametrize(
    ("sender", "words"),
    [
        ("Zoë", "this one contains 'ë'"),
        ("Acme Corp", "this one contains a space"),
        ("A", "this one has 1 character"),
        ("AcmeCorporation", "this one has 15 characters"),
    ],
)
def test_message_says_what_is_wrong_with_a_sender(sender, words):
    with pytest.raises(ValidationError) as caught:
        Message(**{**TEXT, "sender": sender})
    assert str(caught.value).endswith(words)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sender", "abc"),
        ("sender", "ABCdefghi12"),
        ("sender", "1" * 15),
        ("sender", "123"),
        ("content", "x" * 1280),
        ("content", "😀" * 640),
        ("tag", ""),
        ("tag", "é" * 280),
        ("validity", 1),
        ("validity", 2880),
        ("ttl", 1),
        ("at", NOW + timedelta(days=365)),
        ("delivery_report_url", "http://example.org/reports?x=1"),
        ("response_email", ["me@example.org"]),
        ("metadata", {}),
    ],
)
def test_message_takes_what_is_just_within_bounds(field, value):
    (ScheduledOne if field == "at" else Message)(**{**TEXT, field: value})


def test_schedule_may_lie_a_minute_in_the_past_since_clocks_differ():
    at = NOW - timedelta(seconds=60)
    assert schedule(at, now=NOW) == at
    with pytest.raises(ValidationError, match="past") as caught:
        schedule(at, now=NOW + timedelta(milliseconds=1))
    assert (caught.value.field, caught.value.code) == ("at", 4009)


def test_schedule_refuses_a_naive_datetime_and_says_how_to_make_it_aware():
    with pytest.raises(ValidationError, match="time zone"):
        ScheduledOne(**TEXT, at=datetime(2050, 1, 1))  # noqa: DTZ001


async def test_client_sends_nothing_when_a_field_is_wrong(box, sms: AsyncSMSWorks):
    bad = {**TEXT, "content": ""}
    many = {"sender": "AcmeCorp", "content": "Hello"}
    calls = [
        lambda: sms.messages.send(**bad),
        lambda: sms.messages.flash(**bad),
        lambda: sms.messages.schedule(**TEXT, at=NOW - timedelta(days=1)),
        lambda: sms.messages.cancel(""),
        lambda: sms.messages.get("../credits/balance"),
        lambda: sms.messages.get(".."),
        lambda: sms.messages.delete("a b"),
        lambda: sms.messages.get(None),
        lambda: sms.messages.search(limit=1001),
        lambda: sms.messages.search(limit=0),
        lambda: sms.messages.search(skip=-1),
        lambda: sms.messages.search(credits="1"),
        lambda: sms.messages.search(unread="yes"),
        lambda: sms.messages.search(from_=datetime(2030, 1, 1)),  # noqa: DTZ001
        lambda: anext(sms.messages.iterate(limit=1001)),
        lambda: sms.batches.send(**many, destinations=[]),
        lambda: sms.batches.send(**many, destinations=["07700 900123"] * 501),
        lambda: sms.batches.send(**many, destinations="07700 900123"),
        lambda: sms.batches.send(**many, destinations=5),
        lambda: sms.batches.schedule(**many, destinations=[], at=NOW + timedelta(hours=1)),
        lambda: sms.batches.send_each(messages=[]),
        lambda: sms.batches.send_each(messages=TEXT),
        lambda: sms.batches.send_each(messages=[TEXT] * 501),
        lambda: sms.batches.send_each(messages=[5]),
        lambda: sms.otp.send(sender="AcmeCorp", destination="x"),
        lambda: sms.otp.send(sender="AcmeCorp", destination="07700 900123", length=0),
        lambda: sms.otp.send(sender="AcmeCorp", destination="07700 900123", validity=0),
        lambda: sms.otp.send(sender="AcmeCorp", destination="07700 900123", template="no place"),
        lambda: sms.otp.send(sender="AcmeCorp", destination="07700 900123", passcode=" "),
        lambda: sms.otp.send(
            sender="AcmeCorp", destination="07700 900123", metadata={"x": "y" * 1024}
        ),
        lambda: sms.otp.send(sender="AcmeCorp", destination="07700 900123", metadata={"x": {1}}),
        lambda: sms.otp.send(sender="AcmeCorp", destination="07700 900123", metadata=[1]),
        lambda: sms.otp.verify(passcode="", destination="07700 900123"),
        lambda: sms.otp.verify(passcode="1234", destination="x"),
        lambda: sms.utils.error("4021"),
    ]
    for call in calls:
        with pytest.raises(ValidationError):
            await call()
    assert box.requests == []


async def test_send_each_names_the_position_of_a_bad_message(sms):
    with pytest.raises(ValidationError) as caught:
        await sms.batches.send_each(messages=[TEXT, {**TEXT, "content": ""}])
    assert caught.value.field == "messages[1].content"
    assert caught.value.code == 4001
    with pytest.raises(ValidationError, match="colour"):
        await sms.batches.send_each(messages=[{**TEXT, "colour": "red"}])


async def test_client_takes_the_batch_size_from_its_settings(box):
    many = {"sender": "AcmeCorp", "content": "Hello"}
    async with AsyncSMSWorks(box.token, base_url=box.base_url, batch_size=2) as sms:
        with pytest.raises(ValidationError, match="1 to 2"):
            await sms.batches.send(**many, destinations=["07700 900001"] * 3)
