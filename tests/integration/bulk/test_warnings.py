"""What is probably a mistake is sent as it was given, and warned of."""

from __future__ import annotations

import pytest

from smsworks_async.journals import MemoryJournal
from support.messages import drama


SENDER = {"sender": "AcmeCorp"}


@pytest.mark.parametrize("content", ["Hi {name}", "Hi {{ first_name }}", "{größe} {b}"])
async def test_warnings_of_estimate_and_report_name_braces_that_are_sent(box, sms, content):
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
    cost = await sms.bulk.estimate(template="Hi {name} {{x}}", rows=rows)
    assert cost.warnings == ()
