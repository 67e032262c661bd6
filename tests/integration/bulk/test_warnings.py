"""Probable mistakes are sent unchanged, with a warning."""

from __future__ import annotations

import pytest

from smsworks_async import ValidationError
from smsworks_async.journals import MemoryJournal
from support.messages import drama


SENDER = {"sender": "AcmeCorp"}
WAY_OUT = " Text STOP to 60777 to opt out"


@pytest.mark.parametrize("content", ["Hi {name}", "Hi {{ first_name }}", "{größe} {b}"])
async def test_warnings_of_estimate_and_report_name_braces_that_are_sent(box, sms, content):
    content += WAY_OUT
    cost = await sms.bulk.estimate(content=content, destinations=drama(2))
    report = await sms.bulk.send(**SENDER, content=content, destinations=drama(2))
    assert report.all_accepted
    assert {message.content for message in box.messages} == {content}
    assert cost.warnings == report.warnings
    (warning,) = report.warnings
    assert "in braces" in warning
    assert content not in warning


@pytest.mark.parametrize("content", ["Hello", "{}", "{0}", "{a-b}", "{two words}", ":{ :} {", "}"])
async def test_warnings_ignore_other_braces(sms, content):
    content += WAY_OUT
    cost = await sms.bulk.estimate(content=content, destinations=drama(2), balance=False)
    assert cost.warnings == ()


async def test_warnings_of_a_campaign_are_in_every_report_on_it(sms):
    kept = {"journal": MemoryJournal(), "campaign": "x"}
    report = await sms.bulk.send(**SENDER, content="Hi {name}", destinations=drama(2), **kept)
    again = await sms.bulk.reconcile("x", journal=kept["journal"], settle=0)
    assert report.warnings == again.warnings != ()


async def test_warnings_ignore_a_template(sms):
    rows = [{"destination": number, "name": "{Ada}"} for number in drama(2)]
    each = await sms.bulk.send_each(template="Hi {name}", rows=rows, **SENDER)
    assert (each.accepted, each.warnings) == (2, ())
    cost = await sms.bulk.estimate(template=f"Hi {{name}} {{{{x}}}}{WAY_OUT}", rows=rows)
    assert cost.warnings == ()


async def hints(sms, content="Hi", **more):
    found = await sms.bulk.estimate(content=content, destinations=drama(2), balance=False, **more)
    return found.warnings


@pytest.mark.parametrize(
    "content",
    [
        "Sale! Reply STOP to opt out",
        "Sale! Txt stop to 60777",
        "To unsubscribe see acme.example/u",
        "Opt-out: acme.example/o",
        "Opting out? Text NO",
        "\uff33\uff34\uff2f\uff30 ends it",
        "Sale!\nOPTOUT to 60777",
    ],
)
async def test_estimate_finds_ways_to_opt_out(sms, content):
    assert await hints(sms, content) == ()


@pytest.mark.parametrize("content", ["Sale!", "We never stopped", "Nonstop", "Adopt outright"])
async def test_estimate_warns_of_a_text_that_names_no_way_to_opt_out(sms, content):
    (warning,) = await hints(sms, content)
    assert "the text names no way to opt out" in warning
    assert "marketing" in warning


async def test_estimate_counts_the_texts_that_name_no_way_to_opt_out(sms):
    rows = [
        {"destination": number, "end": "STOP" if n else "Bye"} for n, number in enumerate(drama(3))
    ]
    found = await sms.bulk.estimate(template="Hi. {end}", rows=rows, balance=False)
    (warning,) = found.warnings
    assert "1 of 3 texts name no way to opt out" in warning


@pytest.mark.parametrize("sender", ["ALERT", "info", "Ver1fy", "OTP", "N0Reply"])
async def test_estimate_warns_of_generic_senders(sms, sender):
    (warning,) = await hints(sms, WAY_OUT, sender=sender)
    assert f"sender {sender} is a generic name" in warning


@pytest.mark.parametrize("sender", ["12025550100", "59999", "4477009", "999"])
async def test_estimate_warns_of_numeric_senders_that_are_not_of_the_uk(sms, sender):
    (warning,) = await hints(sms, WAY_OUT, sender=sender)
    assert "neither a UK number nor a short code" in warning
    assert sender not in warning


@pytest.mark.parametrize("sender", ["AcmeCorp", "AcmeInfo", "447700900123", "07700900123", "60777"])
async def test_estimate_does_not_warn_of_other_senders(sms, sender):
    assert await hints(sms, WAY_OUT, sender=sender) == ()


@pytest.mark.parametrize("content", ["Sale! Reply STOP to end", "Sale! reply with 'Stop'"])
async def test_estimate_warns_of_a_reply_that_a_name_cannot_get(sms, content):
    (warning,) = await hints(sms, content, sender="AcmeCorp")
    assert "the text asks for a reply, but the sender is a name" in warning
    for sender in ("447700900123", "07700900123", "60777"):
        assert await hints(sms, content, sender=sender) == ()


@pytest.mark.parametrize("content", ["STOP? Text it to 60777", "No reply. To stop: acme.example"])
async def test_estimate_does_not_warn_of_other_ways_to_opt_out_of_a_name(sms, content):
    assert await hints(sms, content, sender="AcmeCorp") == ()


async def test_estimate_counts_the_texts_that_ask_for_a_reply_to_a_name(sms):
    messages = [
        {"sender": sender, "destination": number, "content": "Hi. Reply STOP to end"}
        for sender, number in zip(["AcmeCorp", "60777", "60777"], drama(3), strict=True)
    ]
    (warning,) = (await sms.bulk.estimate(messages=messages, balance=False)).warnings
    assert "1 of 3 texts ask for a reply" in warning


async def test_estimate_names_the_senders_of_messages_and_takes_no_other(sms):
    messages = [
        {"sender": sender, "destination": number, "content": WAY_OUT}
        for sender, number in zip(["AcmeCorp", "Alert", "Alert"], drama(3), strict=True)
    ]
    found = await sms.bulk.estimate(messages=messages, balance=False)
    (warning,) = found.warnings
    assert "sender Alert" in warning
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.estimate(messages=messages, sender="AcmeCorp")
    assert caught.value.field == "sender"
