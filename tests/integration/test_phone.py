"""Destinations as applications pass them: each case once texted someone wrongly, or not at all."""

from __future__ import annotations

import pandas as pd
import pytest

from smsworks_async import AsyncSMSWorks, ConfigurationError, Message, SMSWorks, ValidationError
from smsworks_async.bulk.gateway import BulkGateway
from support.internals import requester_of
from support.messages import TEXT, TEXT_TO_MANY


# Destinations


COLUMN = ["07700 900001", "+1 202 555 0123", "1632 960001", "31/12/2031", "192.0.2.144"]


async def test_digits_in_a_column_of_uk_mobiles_are_nobody_abroad(box, sms):
    report = await sms.bulk.send(**TEXT_TO_MANY, destinations=COLUMN)
    assert (report.accepted, report.invalid) == (1, 4)
    assert all("international=True" in problem.message for problem in report.problems)
    messages = [{**TEXT, "destination": number} for number in COLUMN]
    assert (await sms.bulk.send_each(messages=messages)).invalid == 4
    estimate = await sms.bulk.estimate(content="Hello", destinations=COLUMN, balance=False)
    assert (estimate.recipients, estimate.credits) == (1, 1.0)


async def test_an_international_client_still_judges_what_has_no_plus(box):
    async with AsyncSMSWorks(box.token, base_url=box.base_url, international=True) as sms:
        report = await sms.bulk.send(**TEXT_TO_MANY, destinations=COLUMN)
        assert (report.accepted, report.invalid) == (2, 3)
        sent = await sms.messages.send(**{**TEXT, "destination": "33123456789"})
        assert (await sms.messages.get(sent.message_id)).destination == "33123456789"
        for number in ("+1 800 555 0123", "+1 900 555 0123", "+44 20 7946 0018", "07000 900123"):
            with pytest.raises(ValidationError):
                await sms.messages.send(**{**TEXT, "destination": number})


ABROAD = "+1 202 555 0123"


@pytest.mark.parametrize("given", [ABROAD, "0012025550123", "12025550123", 12025550123])
async def test_one_rule_judges_every_operation_of_a_client(box, wire, given):
    many = {"sender": "AcmeCorp", "content": "Hello"}
    text = {**many, "destination": given}
    at = pd.Timestamp("2050-01-31 09:00", tz="Europe/London")
    for international in (False, True):
        async with AsyncSMSWorks(
            box.token, base_url=box.base_url, international=international
        ) as client:
            calls = [
                lambda c: c.messages.send(**text),
                lambda c: c.messages.flash(**text),
                lambda c: c.messages.schedule(**text, at=at),
                lambda c: c.messages.search(destination=given),
                lambda c: c.messages.failed(destination=given),
                lambda c: c.messages.inbox(destination=given),
                lambda c: c.messages.find(reference="x", destination=given),
                lambda c: anext(c.messages.iterate(destination=given), None),
                lambda c: c.batches.send(**many, destinations=[given]),
                lambda c: c.batches.schedule(**many, destinations=[given], at=at),
                lambda c: c.batches.send_each(messages=[text]),
                lambda c: c.batches.send_each(messages=[Message(**text)]),
                lambda c: c.otp.send(sender="AcmeCorp", destination=given, passcode="123456"),
                lambda c: c.otp.verify(passcode="123456", destination=given),
            ]
            before = len(wire)
            for call in calls:
                if international:
                    await call(client)
                else:
                    with pytest.raises(ValidationError, match="international=True"):
                        await call(client)
            sent = wire[before:]
            assert len(sent) == (len(calls) if international else 0)
            for path, body in sent:
                assert "12025550123" in str(body) or path == "/otp/verify"
                assert "+" not in str(body)


async def test_a_message_of_ones_own_keeps_its_plus_until_a_client_judges_it(box, sms):
    message = Message(**{**TEXT, "destination": "0033 1 99 00 00 00"})
    assert message.destination == "+33199000000"
    assert (await sms.bulk.send_each(messages=[message])).invalid == 1
    async with AsyncSMSWorks(box.token, base_url=box.base_url, international=True) as client:
        assert (await client.bulk.send_each(messages=[message])).accepted == 1
    assert box.messages[0].destination == "33199000000"


def test_without_the_extra_an_international_client_cannot_be_made(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "phonenumbers", None)
    for client in (AsyncSMSWorks, SMSWorks):
        with pytest.raises(ConfigurationError, match="pip install phonenumbers"):
            client("eyJ", international=True)
        client("eyJ")


async def test_what_a_journal_has_is_searched_for_and_not_judged(box, sms, wire):
    search = BulkGateway(requester_of(sms)).iterate(destination="12025550123", sender="AcmeCorp")
    assert [record async for record in search] == []
    assert wire[-1][1]["destination"] == "12025550123"
