"""Search for single messages by reference."""

from __future__ import annotations

import pytest

from smsworks_async import (
    OutcomeUnknown,
    ValidationError,
)
from smsworks_async.sandbox import Fault
from support.messages import TEXT_TO_MANY as TEXT


async def test_find_returns_a_message_by_its_reference(box, sms):
    sent = await sms.messages.send(**TEXT, destination="07700 900001", reference="order-1")
    await sms.messages.send(**TEXT, destination="07700 900001", metadata={"reference": "order-2"})
    found = await sms.messages.find(reference="order-1")
    assert found is not None
    assert found.message_id == sent.message_id
    assert await sms.messages.find(reference="order-1", destination="07700 900002") is None
    assert await sms.messages.find(reference="order-3") is None


async def test_find_returns_a_message_whose_answer_was_lost(box, sms):
    box.add_fault(Fault(path="/message/send", when="after"))
    with pytest.raises(OutcomeUnknown):
        await sms.messages.send(**TEXT, destination="07700 900001", reference="order-1")
    assert (await sms.messages.find(reference="order-1")).content == "Hello"


async def test_find_returns_nothing_of_a_search_that_ignores_metadata(box, sms, monkeypatch):
    await sms.messages.send(**TEXT, destination="07700 900001")
    monkeypatch.setattr("smsworks_async.sandbox.archive._fits", lambda *_: True)
    assert await sms.messages.find(reference="order-1") is None


async def test_send_checks_a_reference_and_that_the_metadata_does_not_contradict_it(box, sms):
    for wrong in ("x" * 201, "a\nb", 5):
        with pytest.raises(ValidationError) as caught:
            await sms.messages.send(**TEXT, destination="07700 900001", reference=wrong)
        assert caught.value.field == "reference"
    with pytest.raises(ValidationError):
        await sms.messages.find(reference="")
    with pytest.raises(ValidationError):
        await sms.messages.send(
            **TEXT, destination="07700 900001", reference="a", metadata={"reference": "b"}
        )
    assert box.requests == []
