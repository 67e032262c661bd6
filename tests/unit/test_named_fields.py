"""Fields by name: those that type checkers know are those of the models, and others are refused."""

from __future__ import annotations

import typing

import attrs
import pytest

from smsworks_async import AsyncSMSWorks, Message, SMSWorks, ValidationError
from smsworks_async.models import outgoing
from smsworks_async.models.checks import made


TEXT = {"sender": "AcmeCorp", "destination": "07700 900123", "content": "Hello"}


@pytest.mark.parametrize(
    ("fields", "model"),
    [
        (outgoing.MessageFields, outgoing.Message),
        (outgoing.BatchFields, outgoing.BatchMessage),
        (outgoing.OTPFields, outgoing.OTPRequest),
        (outgoing.SearchFields, outgoing.Query),
    ],
)
def test_type_checkers_know_the_fields_that_the_models_have(fields, model):
    of_model = attrs.fields_dict(model)
    hints = typing.get_type_hints(fields, include_extras=True)
    assert set(hints) == set(of_model)
    required = {name for name, hint in hints.items() if typing.get_origin(hint) is typing.Required}
    assert required == {name for name, field in of_model.items() if field.default is attrs.NOTHING}


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"to": "07700 900123"}, "to", "there is no field to"),
        ({"destnation": "x"}, "destnation", "no field destnation; did you mean destination?"),
        ({"destinations": []}, "destinations", "did you mean destination?"),
        ({"07700 900123": 1}, "message", "no field of such a name"),
        ({7700900123: 1}, "message", "no field of such a name"),
        ({"a" * 50_000: 1}, "message", "no field of such a name"),
    ],
)
def test_a_name_that_no_field_has_is_refused(given, field, message):
    with pytest.raises(ValidationError) as refused:
        made(Message, {**TEXT, **given})
    assert refused.value.field == field
    assert message in str(refused.value)
    assert "900123" not in str(refused.value)
    assert isinstance(refused.value.__cause__, TypeError)


def test_what_is_missing_is_named():
    with pytest.raises(ValidationError, match=r"^sender and destination must be given$") as refused:
        made(Message, {"content": "Hello"})
    assert refused.value.field == "sender"


def test_an_error_of_another_kind_stays_what_it_is():
    @attrs.frozen
    class Odd:
        value: int = attrs.field(converter=lambda value: value + 1)

    with pytest.raises(TypeError, match="NoneType"):
        made(Odd, {"value": None})


@pytest.mark.parametrize(
    "call",
    [
        lambda sms: sms.messages.send(sender="AcmeCorp", content="Hello", to="07700 900123"),
        lambda sms: sms.messages.flash(sender="AcmeCorp", content="Hello", to="07700 900123"),
        lambda sms: sms.messages.search(to_="DELIVERED"),
        lambda sms: sms.messages.send(sender="AcmeCorp", content="Hello"),
        lambda sms: sms.batches.send(sender="AcmeCorp", content="Hello"),
        lambda sms: sms.batches.send_each([{**TEXT, "too": 1}]),
        lambda sms: sms.otp.send(sender="AcmeCorp"),
        lambda sms: sms.bulk.send(sender="AcmeCorp", contents="Hello", destinations=[]),
        lambda sms: sms.bulk.send_each([], template="{name}", sender="AcmeCorp", tags="x"),
    ],
)
async def test_every_operation_refuses_a_wrong_name_before_the_wire(call):
    async with AsyncSMSWorks("eyJ", base_url="http://127.0.0.1:9/v1") as sms:
        with pytest.raises(ValidationError):
            await call(sms)


def test_so_does_the_blocking_client():
    with (
        SMSWorks("eyJ", base_url="http://127.0.0.1:9/v1") as sms,
        pytest.raises(ValidationError, match="no field to"),
    ):
        sms.messages.send(sender="AcmeCorp", content="Hello", to="07700 900123")
