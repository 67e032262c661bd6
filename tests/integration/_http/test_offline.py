"""SMSWORKS_OFFLINE refuses exactly the connections to other machines."""

from __future__ import annotations

import aiohttp
import pytest
from aioresponses import aioresponses

from smsworks_async import AsyncSMSWorks, ConfigurationError, NotSent, RetryPolicy, SMSWorks
from smsworks_async.journals import MemoryJournal
from support.canned import canned
from support.messages import TEXT_TO_MANY, drama
from support.sandboxes import client


TEXT = {"sender": "AcmeCorp", "destination": "07700 900123", "content": "Hello"}
FAR = "https://sms.example/v1"
ANSWER = {"messageid": "1", "status": "SENT", "credits": 1, "creditsUsed": 1}


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("SMSWORKS_OFFLINE", "1")


@pytest.fixture
def resolved(monkeypatch):
    """The hosts that were looked up; none is found."""
    asked = []

    async def resolve(self, host, *_, **__):
        asked.append(host)
        raise OSError("no such host")

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)
    return asked


async def test_a_connection_elsewhere_is_refused_before_its_name_is_looked_up(resolved):
    async with AsyncSMSWorks("eyJ", base_url=FAR) as sms:
        for call in (sms.messages.send(**TEXT), sms.credits.balance()):
            with pytest.raises(ConfigurationError, match="SMSWORKS_OFFLINE") as caught:
                await call
            assert caught.value.safe_to_repeat
    assert resolved == []


def test_so_it_is_from_blocking_code(resolved):
    with SMSWorks("eyJ", base_url=FAR) as sms, pytest.raises(ConfigurationError, match="OFFLINE"):
        sms.messages.send(**TEXT)
    assert resolved == []


async def test_this_machine_is_reached(box):
    async with client(box) as sms:
        assert (await sms.messages.send(**TEXT)).message_id


@pytest.mark.parametrize("value", ["", "0", "off", "other.example sms.example", "SMS.example,x"])
async def test_hosts_may_be_allowed(monkeypatch, resolved, value):
    monkeypatch.setenv("SMSWORKS_OFFLINE", value)
    async with AsyncSMSWorks("eyJ", base_url=FAR, retry=RetryPolicy(attempts=1)) as sms:
        with pytest.raises(NotSent):
            await sms.messages.send(**TEXT)
    assert resolved == ["sms.example"]


async def test_a_proxy_elsewhere_is_refused_as_well(box, resolved):
    async with client(box, proxy="http://proxy.example:3128") as sms:
        with pytest.raises(ConfigurationError, match=r"proxy\.example"):
            await sms.messages.send(**TEXT)
    assert resolved == []


async def test_tests_that_mock_the_wire_go_on_working():
    with aioresponses() as wire:
        wire.post(f"{FAR}/message/send", payload=ANSWER, status=201, response_class=canned())
        async with AsyncSMSWorks("eyJ", base_url=FAR) as sms:
            assert (await sms.messages.send(**TEXT)).message_id == "1"


async def test_a_given_session_serves_its_owner_everywhere(box, resolved):
    async with aiohttp.ClientSession() as session:
        async with AsyncSMSWorks("eyJ", base_url=FAR, session=session) as sms:
            with pytest.raises(ConfigurationError, match="OFFLINE"):
                await sms.messages.send(**TEXT)
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get("https://elsewhere.example/")
    assert resolved == ["elsewhere.example"]


async def test_a_campaign_that_was_refused_is_sent_when_it_may_be(box, monkeypatch, resolved):
    kept = {"journal": MemoryJournal(), "campaign": "x"}
    async with AsyncSMSWorks("eyJ", base_url=FAR) as sms:
        report = await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(10), **kept)
        assert (report.accepted, report.unknown, report.not_sent) == (0, 0, 10)
        assert isinstance(report.stopped, ConfigurationError)
    async with client(box) as sms:
        assert (await sms.bulk.send(**TEXT_TO_MANY, **kept)).accepted == 10
